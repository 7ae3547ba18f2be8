// Models.cpp - the model itself: run-time sizes, inputs and outputs.

#include "compiler/check/Elaborator.h"

#include <fmt/format.h>

namespace heed::elaborate {

namespace {

constexpr int64_t maximumElements = int64_t(1) << 40;

std::optional<Element> elementNamed(std::string const &name) {
  static std::map<std::string, Element> const elements = {
      {"", Element::F32},      {"f32", Element::F32}, {"f64", Element::F64}, {"f16", Element::F16},
      {"bf16", Element::BF16}, {"i32", Element::I32}, {"i8", Element::I8},   {"bool", Element::Bool}};
  auto place = elements.find(name);
  return place == elements.end() ? std::nullopt : std::optional(place->second);
}

} // namespace

Element Elaborator::elementFrom(ast::Type const &type) {
  if (auto element = elementNamed(type.element))
    return *element;
  error(Code::H0208, type.range,
        fmt::format("unknown element type '{}'; expected f32, f64, f16, bf16, i32, i8 or bool", type.element));
  return Element::F32;
}

std::vector<Size> Elaborator::shapeFrom(ast::Type const &type) {
  std::vector<Size> shape;
  for (ast::Expr const &size : type.shape)
    shape.push_back(evaluateSize(size).value_or(sizes.unknown()));
  return shape;
}

bool Elaborator::checkShape(std::vector<Size> const &shape, ast::Range range) {
  if (shape.size() > 8) {
    error(Code::H0207, range, fmt::format("a tensor has at most 8 axes, found {}", shape.size()));
    return false;
  }
  int64_t elements = 1;
  for (Size const &unresolved : shape) {
    Size size = sizes.resolve(unresolved);
    if (!size.isConstant())
      continue;
    if (size.constant <= 0) {
      error(Code::H0207, range, fmt::format("sizes must be positive, found {}", sizes.print(shape)));
      return false;
    }
    if (__builtin_mul_overflow(elements, size.constant, &elements) || elements > maximumElements) {
      error(Code::H0207, range, fmt::format("{} has more than 2^40 elements", sizes.print(shape)));
      return false;
    }
  }
  return true;
}

TensorPtr Elaborator::wholeTensor(TensorId tensor, ast::Range range) {
  heed::Tensor const &stored = program.tensors[tensor];
  Scalar type = scalarOf(stored.element);
  auto value = std::make_shared<TensorValue>(
      *tensorValue(type, stored.shape, 1, range,
                   [tensor, type, range](Subscripts const &s) { return build::read(tensor, s, type, range); }));
  value->whole = true;
  value->name = stored.name;
  return value;
}

std::string Elaborator::uniqueName(std::string const &wanted) {
  std::string name = wanted;
  while (!usedNames.try_emplace(name, 1).second)
    name = fmt::format("{}_{}", wanted, ++usedNames[wanted]);
  return name;
}

void Elaborator::declareDims(std::vector<ast::Statement> const &statements, bool model) {
  for (ast::Statement const &statement : statements) {
    auto *dims = get<ast::Dims>(statement);
    if (!dims)
      continue;
    if (!model) {
      error(Code::H0602, dims->range,
            "'dim' stands in models only; the sizes of a function or layer are those of its arguments");
      continue;
    }
    for (ast::DimDeclaration const &declaration : dims->dims) {
      if (auto earlier = scope->names.find(declaration.name.text); earlier != scope->names.end()) {
        error(Code::H0302, declaration.name.range, fmt::format("'{}' is declared twice", declaration.name.text),
              Note{earlier->second.back().binding->range, "first declared here"});
        continue;
      }
      Dim dim;
      dim.name = declaration.name.text;
      dim.range = declaration.name.range;
      if (declaration.bound) {
        auto bound = evaluateSize(*declaration.bound);
        if (bound && !bound->isConstant()) {
          error(Code::H0210, ast::rangeOf(*declaration.bound), "the bound of a run-time size is a constant");
        } else if (bound && (bound->constant < 1 || bound->constant > maximumElements)) {
          error(Code::H0207, ast::rangeOf(*declaration.bound),
                fmt::format("the bound of a run-time size must be positive, found {}", bound->constant));
        } else if (bound) {
          dim.maximum = bound->constant;
        }
      }
      program.dims.push_back(dim);
      scope->bind(dim.name,
                  scalarValue(build::size(Size{0, {{DimId(program.dims.size() - 1), 1}}}, dim.range), dim.range),
                  dim.range);
      scope->names[dim.name].back().binding->dim = true;
    }
  }
}

void Elaborator::declareModelInputs() {
  ast::Callable const &model = *instance->callable;
  auto staticParameter = [&](ast::Parameter const &parameter) {
    if (!parameter.fallback) {
      error(Code::H0305, parameter.range,
            fmt::format("static parameter '{}' of a model needs a value: write '= ...'", parameter.name.text));
      scope->bind(parameter.name.text, {}, parameter.name.range);
      return;
    }
    scope->bind(parameter.name.text, evaluateStatic(parameter, *parameter.fallback), parameter.name.range);
  };
  auto reportUndeclared = [&](ast::Parameter const &parameter) {
    for (ast::Expr const &size : parameter.type.shape)
      forEachName(size, {}, [&](NameUse const &use) {
        if (scope->find(use.name) || findConstant(use.name, *instance->file))
          return;
        error(Code::H0609, use.range, fmt::format("the size '{}' is not declared", use.name),
              Note{model.name.range,
                   fmt::format("a run-time size of a model is declared in its body: dim {} <= 4096", use.name)});
        scope->bind(use.name, {}, use.range);
      });
  };
  for (ast::Parameter const &parameter : model.statics)
    staticParameter(parameter);
  for (ast::Parameter const &parameter : model.inputs) {
    if (scope->names.contains(parameter.name.text)) {
      error(Code::H0302, parameter.name.range, fmt::format("'{}' is declared twice", parameter.name.text));
      continue;
    }
    if (parameter.type.shape.empty() && (parameter.type.element == "int" || parameter.type.element == "float" ||
                                         parameter.type.element == "fn" || parameter.type.element == "list")) {
      staticParameter(parameter);
      continue;
    }
    reportUndeclared(parameter);
    heed::Tensor input;
    input.name = uniqueName(parameter.name.text);
    input.kind = TensorKind::Input;
    input.element = elementFrom(parameter.type);
    input.shape = shapeFrom(parameter.type);
    input.range = parameter.name.range;
    checkShape(input.shape, parameter.type.range);
    if (parameter.alphabet) {
      input.alphabet = parameter.alphabet->value;
      if ((input.element != Element::I32 && input.element != Element::I8) || input.shape.size() != 1)
        error(Code::H0209, parameter.range,
              fmt::format("text is a vector of i32 or i8, found {}{}", elementName(input.element),
                          sizes.print(input.shape)));
    }
    if (parameter.fallback)
      error(Code::H0305, parameter.range, "an input of a model has no default");
    program.tensors.push_back(std::move(input));
    TensorId id = TensorId(program.tensors.size() - 1);
    program.inputs.push_back(id);
    scope->bind(parameter.name.text, wholeTensor(id, parameter.name.range), parameter.name.range);
  }
  for (ast::Parameter const &result : model.results) {
    reportUndeclared(result);
    ResultShape declared;
    declared.shape = shapeFrom(result.type);
    declared.element = elementFrom(result.type);
    declared.range = result.range;
    checkShape(declared.shape, result.type.range);
    if (!instance->results.emplace(result.name.text, declared).second)
      error(Code::H0302, result.name.range, fmt::format("result '{}' is declared twice", result.name.text));
  }
}

void Elaborator::finishModel() {
  scope->position = SIZE_MAX;
  std::vector<TensorId> outputs;
  for (ast::Parameter const &result : instance->callable->results) {
    auto binding = scope->find(result.name.text);
    if (!binding || binding->dim) {
      std::set<std::string> names;
      for (auto &[name, versions] : scope->names)
        names.insert(name);
      std::string near = nearest(result.name.text, names);
      error(Code::H0309, result.name.range,
            fmt::format("result '{}' is never defined{}", result.name.text,
                        near.empty() ? "" : "; did you mean '" + near + "'?"));
      continue;
    }
    TensorPtr value = binding->value.tensor();
    if (!value) {
      if (!binding->value.poisoned())
        error(Code::H0306, result.name.range, fmt::format("result '{}' is not a tensor", result.name.text),
              Note{binding->range, "defined here"});
      continue;
    }
    ResultShape const &declared = instance->results.at(result.name.text);
    bool fits = value->rank() == declared.shape.size();
    if (!fits) {
      error(Code::H0202, binding->range,
            fmt::format("'{}' has {} axes, {}; its declaration has {}, {}", result.name.text, value->rank(),
                        sizes.print(value->shape), declared.shape.size(), sizes.print(declared.shape)),
            Note{declared.range, "declared here"});
      continue;
    }
    for (size_t axis = 0; fits && axis < declared.shape.size(); ++axis)
      fits = sizes.unify(declared.shape[axis], value->shape[axis]);
    if (!fits) {
      error(Code::H0203, binding->range,
            fmt::format("'{}' has shape {}, but is declared as {}", result.name.text, sizes.print(value->shape),
                        sizes.print(declared.shape)),
            Note{declared.range, "declared here"});
      continue;
    }
    Scalar type = scalarOf(*declared.element);
    if (value->type != type && !(value->type == Scalar::Int && type == Scalar::Real)) {
      error(Code::H0201, binding->range,
            fmt::format("'{}' is {}, but is declared as {}", result.name.text, typeName(value->type),
                        elementName(*declared.element)),
            Note{declared.range, "declared here"});
      continue;
    }
    // An output owns its storage: what is an input, a parameter or another output is copied.
    TensorId id = 0;
    auto *read = std::get_if<Expr::Read>(&value->sample()->node);
    bool owned = value->whole && read && program.tensors[read->tensor].shape.size() == declared.shape.size() &&
                 program.tensors[read->tensor].kind == TensorKind::Defined &&
                 program.tensors[read->tensor].element == *declared.element;
    for (TensorId other : outputs)
      owned = owned && read->tensor != other;
    if (!owned) {
      value = convert(value, type, result.range);
      if (!value)
        continue;
      std::map<IndexId, ExprPtr> renaming;
      value = emit({}, {}, value, result.name.text, *declared.element, nullptr, renaming);
      read = std::get_if<Expr::Read>(&value->sample()->node);
    }
    id = read->tensor;
    outputs.push_back(id);
    heed::Tensor &output = program.tensors[id];
    if (output.name != result.name.text) {
      for (heed::Tensor &other : program.tensors)
        if (other.name == result.name.text) {
          if (other.kind == TensorKind::Input)
            error(Code::H0302, result.name.range,
                  fmt::format("result '{}' of a model needs another name than its input", result.name.text));
          else
            other.name = uniqueName(other.name);
        }
      output.name = result.name.text;
      usedNames.try_emplace(output.name, 1);
    }
    output.range = result.name.range;
    if (result.alphabet) {
      output.alphabet = result.alphabet->value;
      if (type != Scalar::Int || output.shape.size() != 1)
        error(Code::H0209, result.range,
              fmt::format("text is a vector of i32 or i8, found {}{}", elementName(output.element),
                          sizes.print(output.shape)));
    }
  }
  program.outputs = std::move(outputs);
}

void Elaborator::run(ast::Callable const &model, FileScope const &file) {
  program.name = model.name.text;
  instances.emplace_back();
  instance = &instances.back();
  instance->callable = &model;
  instance->file = &file;
  instance->owner = instance;
  scope = &instance->body;
  scope->instance = instance;
  declareDims(model.body, true);
  declareModelInputs();
  if (model.results.empty())
    error(Code::H0309, model.name.range, fmt::format("model '{}' has no results", model.name.text));
  elaborateBody(model.body, instance->body);
  finishModel();
}

} // namespace heed::elaborate
