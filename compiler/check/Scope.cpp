// Scope.cpp - finding names, naming sizes, and reporting at the user's line.

#include "compiler/check/Elaborator.h"

#include <algorithm>
#include <fmt/format.h>

namespace heed::elaborate {

std::shared_ptr<Binding> Scope::find(std::string const &name) {
  auto place = names.find(name);
  if (place != names.end() && !place->second.empty()) {
    if (!rebound.contains(name))
      return place->second.back().binding;
    std::shared_ptr<Binding> latest;
    for (Version const &version : place->second)
      if (version.position < position ||
          (version.position == position && position % 2 == 1)) // odd: members of one recurrence
        latest = version.binding;
    if (latest)
      return latest;
  }
  if (auto outer = carried.find(name); outer != carried.end())
    return outer->second;
  return parent ? parent->find(name) : nullptr;
}

void Scope::bind(std::string const &name, Value value, ast::Range range) {
  auto binding = std::make_shared<Binding>();
  binding->value = std::move(value);
  binding->range = range;
  auto &versions = names[name];
  auto after = std::upper_bound(versions.begin(), versions.end(), position,
                                [](size_t p, Version const &v) { return p < v.position; });
  versions.insert(after, {position, std::move(binding)});
}

void Elaborator::error(Code code, ast::Range range, std::string text, std::optional<Note> note, Instance const *where) {
  auto inLibrary = [&](ast::Range r) { return r.first >= library.first && r.first < library.second; };
  if (where && inLibrary(range)) {
    Instance const *outer = where;
    while (outer->parent && inLibrary(outer->call))
      outer = outer->parent;
    if (!outer->call.empty() && !inLibrary(outer->call)) {
      note = Note{range, fmt::format("in '{}' of the library", where->callable->name.text)};
      range = outer->call;
    }
  } else if (where && !note && where->parent && !where->call.empty()) {
    note = Note{where->call, fmt::format("in this use of '{}'", where->callable->name.text)};
  }
  if ((code == Code::H0301 || code == Code::H0404) && !reportedNames.emplace(where, text).second)
    return;
  // A repeat or a second call meets the same mistake again.
  for (Diagnostic const &earlier : diagnostics.all())
    if (earlier.code == code && earlier.range.first == range.first && earlier.text == text)
      return;
  diagnostics.error(code, range, std::move(text), std::move(note));
}

std::string Elaborator::textOf(ast::Range range) const {
  if (range.empty() || range.last - range.first > 60)
    return "";
  std::string_view file = sources.textAt(range.first);
  size_t first = range.first - sources.baseAt(range.first), size = range.last - range.first;
  // Parentheses belong to no operand: one may be open at the end of the last.
  auto open = [&] {
    auto part = file.substr(first, size);
    return std::count(part.begin(), part.end(), '(') - std::count(part.begin(), part.end(), ')');
  };
  while (open() > 0 && first + size < file.size() && (file[first + size] == ' ' || file[first + size] == ')'))
    ++size;
  std::string text(file.substr(first, size));
  return text.find('\n') == std::string::npos ? text : "";
}

ast::Callable const *Elaborator::findCallable(std::string const &name, FileScope const &from,
                                              FileScope const *&where) const {
  if (auto place = from.callables.find(name); place != from.callables.end()) {
    where = &from;
    return place->second;
  }
  for (FileScope const *import : from.imports)
    if (auto place = import->callables.find(name); place != import->callables.end()) {
      where = import;
      return place->second;
    }
  return nullptr;
}

Value *Elaborator::findConstant(std::string const &name, FileScope const &from) {
  FileScope const *where = &from;
  auto place = from.constants.find(name);
  bool found = place != from.constants.end();
  for (size_t k = 0; !found && k < from.imports.size(); ++k) {
    where = from.imports[k];
    place = where->constants.find(name);
    found = place != where->constants.end();
  }
  if (!found)
    return nullptr;
  auto &constant = const_cast<FileScope::Constant &>(place->second);
  if (constant.state == FileScope::Constant::Waiting) {
    constant.state = FileScope::Constant::Running;
    Restore restore(*this);
    std::vector<IndexId> noIndices;
    std::vector<ExprPtr> noAssumptions;
    bound.swap(noIndices);
    assumptions.swap(noAssumptions);
    Instance top;
    top.file = where;
    top.callable = instance->callable;
    top.body.instance = &top;
    instance = &top;
    scope = &top.body;
    frame = nullptr;
    constant.value = foldStatic(evaluate(constant.item->value));
    if (TensorPtr value = constant.value.tensor(); value && (value->rank() > 0 || nodeOf(value->scalar).reads)) {
      error(Code::H0210, constant.item->range, fmt::format("'{}' is not a constant", name));
      constant.value = {};
    }
    bound.swap(noIndices);
    assumptions.swap(noAssumptions);
    constant.state = FileScope::Constant::Done;
  } else if (constant.state == FileScope::Constant::Running) {
    error(Code::H0501, constant.item->range, fmt::format("constant '{}' depends on itself", name));
    constant.state = FileScope::Constant::Done;
  }
  return &constant.value;
}

std::set<std::string> Elaborator::visibleNames() {
  std::set<std::string> names;
  for (IndexFrame const *f = frame; f; f = f->parent)
    for (auto &[name, id] : f->names)
      names.insert(name);
  for (Scope const *s = scope; s; s = s->parent)
    for (auto &[name, versions] : s->names)
      names.insert(name);
  auto addFile = [&](FileScope const &file) {
    for (auto &[name, callable] : file.callables)
      names.insert(name);
    for (auto &[name, constant] : file.constants)
      names.insert(name);
  };
  addFile(*instance->file);
  for (FileScope const *import : instance->file->imports)
    addFile(*import);
  for (char const *name :
       {"sum",     "product", "mean", "max",   "min",    "argmax", "argmin", "any", "all",    "softmax",
        "topk",    "exp",     "log",  "sqrt",  "rsqrt",  "abs",    "sin",    "cos", "tanh",   "erf",
        "sigmoid", "floor",   "ceil", "round", "select", "float",  "int",    "dot", "concat", "length"})
    names.insert(name);
  return names;
}

std::string Elaborator::unknownName(std::string const &name) {
  std::string near = nearest(name, visibleNames());
  return near.empty() ? fmt::format("unknown name '{}'", name)
                      : fmt::format("unknown name '{}'; did you mean '{}'?", name, near);
}

std::optional<Size> Elaborator::toSize(ExprPtr const &expr, ast::Range range) {
  if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node))
    return Size{constant->value, {}};
  if (auto *value = std::get_if<Expr::SizeValue>(&expr->node))
    return sizes.resolve(value->size);
  auto *binary = std::get_if<Expr::Binary>(&expr->node);
  if (binary && expr->type == Scalar::Int) {
    std::optional<Size> left = toSize(binary->left, range), right = left ? toSize(binary->right, range) : std::nullopt;
    if (!right)
      return std::nullopt;
    if (binary->op == BinaryOp::Add)
      return add(*left, *right);
    if (binary->op == BinaryOp::Subtract)
      return subtract(*left, *right);
    if (binary->op == BinaryOp::Multiply && (left->isConstant() || right->isConstant()))
      return left->isConstant() ? scale(*right, left->constant) : scale(*left, right->constant);
    if (binary->op == BinaryOp::Divide) {
      if (auto quotient = divideExactly(*left, *right))
        return quotient;
      std::string text = fmt::format("a size must be a whole number, but {} is not divisible by {}", sizes.print(*left),
                                     sizes.print(*right));
      if (!left->isConstant() && right->isConstant())
        text = fmt::format("a size must be a whole number, but the run-time size {} need not be divisible by {}",
                           sizes.print(*left), sizes.print(*right));
      error(Code::H0204, range, text);
      return std::nullopt;
    }
    if (auto value = constantInt(expr))
      return Size{*value, {}};
  }
  error(Code::H0206, range, "expected a size: a constant, a dimension, or sums and multiples of them");
  return std::nullopt;
}

std::optional<Size> Elaborator::evaluateSize(ast::Expr const &expr) {
  TensorPtr value = tensor(expr);
  if (!value)
    return std::nullopt;
  if (value->rank() > 0 || value->type != Scalar::Int) {
    error(Code::H0206, ast::rangeOf(expr),
          fmt::format("expected a size, found {}",
                      value->rank() > 0 ? "a tensor" : std::string("a ") + std::string(typeName(value->type))));
    return std::nullopt;
  }
  return toSize(value->scalar, ast::rangeOf(expr));
}

} // namespace heed::elaborate
