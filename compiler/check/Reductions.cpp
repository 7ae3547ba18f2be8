// Reductions.cpp - sum, mean, max, argmax, softmax ... over named indices or over the last axis.

#include "compiler/check/Elaborator.h"

#include <fmt/format.h>

namespace heed::elaborate {

namespace {

std::optional<ReduceKind> kindOf(std::string const &name) {
  static std::map<std::string, ReduceKind> const kinds = {
      {"sum", ReduceKind::Sum}, {"product", ReduceKind::Product}, {"max", ReduceKind::Max},
      {"min", ReduceKind::Min}, {"argmax", ReduceKind::ArgMax},   {"argmin", ReduceKind::ArgMin},
      {"any", ReduceKind::Any}, {"all", ReduceKind::All},         {"mean", ReduceKind::Sum}};
  auto place = kinds.find(name);
  return place == kinds.end() ? std::nullopt : std::optional(place->second);
}

} // namespace

TensorPtr Elaborator::reduceValue(std::string const &name, std::vector<IndexId> const &indices, ExprPtr domain,
                                  TensorPtr const &operand, ast::Range range) {
  ReduceKind kind = *kindOf(name);
  TensorPtr body = operand;
  bool mean = name == "mean";
  if (kind == ReduceKind::Any || kind == ReduceKind::All) {
    if (body->type != Scalar::Bool) {
      error(Code::H0201, body->range, fmt::format("'{}' asks for conditions, found {}", name, typeName(body->type)));
      return nullptr;
    }
  } else if (body->type == Scalar::Bool) {
    error(Code::H0201, body->range, fmt::format("'{}' asks for numbers, found conditions", name),
          Note{range, "int(c) is 1 where the condition c holds"});
    return nullptr;
  }
  if (mean && !(body = convert(body, Scalar::Real, range)))
    return nullptr;
  if ((kind == ReduceKind::ArgMax || kind == ReduceKind::ArgMin) && indices.size() != 1) {
    error(Code::H0304, range, fmt::format("'{}' is over one index", name));
    return nullptr;
  }
  Scalar type = kind == ReduceKind::ArgMax || kind == ReduceKind::ArgMin ? Scalar::Int : body->type;
  return tensorValue(type, body->shape, body->depth + (mean ? 4 : 1), range, [=](Subscripts const &s) {
    ExprPtr element = body->at(s);
    ExprPtr result = build::reduce(kind, indices, domain, element, range);
    if (!mean)
      return result;
    ExprPtr count = build::reduce(ReduceKind::Sum, indices, domain, build::integer(1, range), range, element);
    return build::select(build::binary(BinaryOp::Greater, count, build::integer(0), range),
                         build::binary(BinaryOp::Divide, result, build::unary(UnaryOp::ToReal, count, range), range),
                         build::real(0, range), range);
  });
}

TensorPtr Elaborator::reduceLastAxis(std::string const &name, TensorPtr body, ast::Range range) {
  if (body->rank() == 0) {
    error(Code::H0202, range,
          fmt::format("'{}' of a number; name the index to reduce over, as in {}[j](...)", name, name));
    return nullptr;
  }
  IndexId id = newIndex("c", body->shape.back());
  std::vector<Size> shape(body->shape.begin(), body->shape.end() - 1);
  TensorPtr inner = tensorValue(body->type, shape, body->depth, body->range, [body, id](Subscripts const &s) {
    Subscripts all = s;
    all.push_back(build::index(id));
    return body->at(all);
  });
  return reduceValue(name, {id}, nullptr, inner, range);
}

Value Elaborator::evaluateReduction(std::string const &name, ast::Call const &call) {
  if (call.arguments.size() != 1 || !call.statics.empty() || call.as) {
    error(Code::H0304, call.range,
          fmt::format("'{}' reduces one expression, found {} arguments", name,
                      call.arguments.size() + call.statics.size()));
    return {};
  }
  if (name == "softmax")
    return evaluateSoftmax(call);
  if (call.indices.empty()) {
    if (call.where) {
      error(Code::H0410, ast::rangeOf(*call.where),
            fmt::format("the condition needs an index: {}[j](... where ...)", name));
      return {};
    }
    Value value = evaluate(call.arguments.front());
    if (auto *list = value.list())
      return reduceList(name, *list, call.range);
    TensorPtr body = asTensor(value, ast::rangeOf(call.arguments.front()));
    TensorPtr result = body ? reduceLastAxis(name, body, call.range) : nullptr;
    return hoist(result, false);
  }
  IndexFrame own;
  std::vector<IndexId> ids;
  TensorPtr result;
  {
    Restore restore(*this);
    own.parent = frame;
    for (ast::Name const &index : call.indices) {
      for (auto &[other, id] : own.names)
        if (other == index.text) {
          error(Code::H0403, index.range, fmt::format("index '{}' stands twice", other));
          return {};
        }
      ids.push_back(newIndex(index.text, sizes.unknown()));
      own.names.emplace_back(index.text, ids.back());
    }
    frame = &own;
    bound.insert(bound.end(), ids.begin(), ids.end());
    size_t before = assumptions.size();
    if (call.where && !pushConditions(*call.where))
      return {};
    ExprPtr domain = joinConjunction({assumptions.begin() + long(before), assumptions.end()});
    TensorPtr body = tensor(call.arguments.front());
    if (!body)
      return {};
    // An index with a known range did occur: what it subscripted may have become a constant (a list of one element).
    for (size_t k = 0; k < ids.size(); ++k)
      if (!dependsOn(body->sample(), ids[k]) && !(domain && dependsOn(domain, ids[k])) &&
          !sizes.isKnown(program.indices[ids[k]].size)) {
        error(Code::H0403, call.indices[k].range,
              fmt::format("'{}' reduces over '{}', which does not occur in its expression", name, call.indices[k].text),
              Note{ast::rangeOf(call.arguments.front()),
                   fmt::format("nothing here depends on '{}'", call.indices[k].text)});
        return {};
      }
    result = reduceValue(name, ids, domain, body, call.range);
  }
  return hoist(result, false);
}

/// softmax[j](e) inside an expression: stored over the indices it depends on and j, and read at the j around it.
Value Elaborator::evaluateSoftmax(ast::Call const &call) {
  if (call.indices.empty()) {
    if (call.where) {
      error(Code::H0410, ast::rangeOf(*call.where), "the condition needs an index: softmax[j](... where ...)");
      return {};
    }
    TensorPtr body = tensor(call.arguments.front());
    if (!body || !(body = convert(body, Scalar::Real, call.range)))
      return {};
    if (body->rank() == 0) {
      error(Code::H0202, call.range, "softmax of a number; name the index to normalise over, as in softmax[j](...)");
      return {};
    }
    TensorPtr result = store(body, softmaxName(), call.range, assumptions.size(), true);
    noteSoftmax();
    return result;
  }
  if (call.indices.size() != 1) {
    error(Code::H0304, call.range, "softmax normalises over one index");
    return {};
  }
  ast::Name const &name = call.indices.front();
  IndexId around = findIndex(name.text);
  if (around == placeholderBase) {
    error(Code::H0404, name.range,
          fmt::format("softmax keeps the index '{}', which is bound by nothing here", name.text),
          Note{name.range, fmt::format("name it on the left side, or reduce over it around the softmax, as in "
                                       "sum[{0}](softmax[{0}](...) * v[{0}])",
                                       name.text)});
    return {};
  }
  IndexFrame own;
  IndexId id = newIndex(name.text, program.indices[around].size);
  TensorPtr stored;
  ExprPtr domain;
  TensorPtr body;
  {
    Restore restore(*this);
    own.parent = frame;
    own.names.emplace_back(name.text, id);
    frame = &own;
    bound.push_back(id);
    size_t before = assumptions.size();
    if (call.where && !pushConditions(*call.where))
      return {};
    domain = joinConjunction({assumptions.begin() + long(before), assumptions.end()});
    body = tensor(call.arguments.front());
    if (!body || !(body = convert(body, Scalar::Real, call.range)))
      return {};
    if (!dependsOn(body->sample(), id)) {
      error(Code::H0403, name.range,
            fmt::format("'softmax' normalises over '{}', which does not occur in its expression", name.text));
      return {};
    }
  }
  Emitted item;
  item.range = call.range;
  item.definition.domain = domain;
  std::map<IndexId, ExprPtr> renaming;
  stored = emit(std::move(item), {id}, body, softmaxName(), Element::F32, nullptr, renaming, assumptions.size());
  emitted.back().definition.softmaxAxis = int(emitted.back().definition.indices.size() - body->rank()) - 1;
  noteSoftmax();
  std::vector<Size> shape = body->shape;
  ExprPtr at = build::index(around);
  return tensorValue(Scalar::Real, shape, 2, call.range, [stored, at](Subscripts const &s) {
    Subscripts all = {at};
    all.insert(all.end(), s.begin(), s.end());
    return stored->at(all);
  });
}

} // namespace heed::elaborate
