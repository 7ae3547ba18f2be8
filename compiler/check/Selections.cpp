// Selections.cpp - topk: the positions of the largest values, in order.

#include "compiler/check/Elaborator.h"

#include <fmt/format.h>

namespace heed::elaborate {

namespace {
constexpr int64_t maximumCount = 4096; // positions that one row keeps
}

/// The `count` of a selection, or nothing after an error.
std::optional<int64_t> Elaborator::selectionCount(ast::Call const &call) {
  ast::Expr const *given = call.arguments.size() == 2 ? &call.arguments[1] : nullptr;
  for (ast::NamedArgument const &argument : call.statics) {
    if (argument.name.text != "count") {
      error(Code::H0305, argument.name.range, fmt::format("'topk' has no parameter '{}'", argument.name.text),
            Note{argument.name.range, "it has 'count', the number of positions to choose"});
      return std::nullopt;
    }
    if (given) {
      error(Code::H0305, argument.range, "'count' is given twice");
      return std::nullopt;
    }
    given = &argument.value;
  }
  if (!given) {
    error(Code::H0305, call.range, "'topk' needs the static argument 'count'",
          Note{call.range, "write topk[j](...; count: 8)"});
    return std::nullopt;
  }
  ast::Range range = ast::rangeOf(*given);
  TensorPtr value = tensor(*given);
  if (!value)
    return std::nullopt;
  auto count = value->rank() == 0 ? constantInt(value->scalar) : std::nullopt;
  if (!count) {
    error(Code::H0210, range, "'count' is an integer that is known when the model is compiled",
          Note{range, "fewer positions are defined where there are fewer to choose from, so the largest count will do"});
    return std::nullopt;
  }
  if (*count < 1 || *count > maximumCount) {
    error(Code::H0207, range, fmt::format("'count' is from 1 to {}, found {}", maximumCount, *count));
    return std::nullopt;
  }
  return count;
}

/// Not stored yet: the last axis of the value is the place in the order.
TensorPtr Elaborator::selectionValue(ast::Call const &call) {
  if (call.arguments.empty() || call.arguments.size() > 2 || call.as) {
    error(Code::H0304, call.range,
          fmt::format("'topk' chooses from one expression, found {} arguments", call.arguments.size()));
    return nullptr;
  }
  auto count = selectionCount(call);
  if (!count)
    return nullptr;
  if (call.indices.size() > 1) {
    error(Code::H0304, call.range, "'topk' is over one index");
    return nullptr;
  }
  if (call.indices.empty() && call.where) {
    error(Code::H0410, ast::rangeOf(*call.where), "the condition needs an index: topk[j](... where ...)");
    return nullptr;
  }
  TensorPtr body;
  ExprPtr domain;
  IndexId id = 0;
  if (call.indices.empty()) {
    TensorPtr whole = tensor(call.arguments.front());
    if (!whole)
      return nullptr;
    if (whole->rank() == 0) {
      error(Code::H0202, call.range, "'topk' of a number; name the index to choose along, as in topk[j](...)");
      return nullptr;
    }
    id = newIndex("c", whole->shape.back());
    body = tensorValue(whole->type, {whole->shape.begin(), whole->shape.end() - 1}, whole->depth, whole->range,
                       [whole, id](Subscripts const &s) {
                         Subscripts all = s;
                         all.push_back(build::index(id));
                         return whole->at(all);
                       });
  } else {
    Restore restore(*this);
    ast::Name const &name = call.indices.front();
    id = newIndex(name.text, sizes.unknown());
    IndexFrame own;
    own.parent = frame;
    own.names.emplace_back(name.text, id);
    frame = &own;
    bound.push_back(id);
    size_t before = assumptions.size();
    if (call.where && !pushConditions(*call.where))
      return nullptr;
    domain = joinConjunction({assumptions.begin() + long(before), assumptions.end()});
    body = tensor(call.arguments.front());
    if (!body)
      return nullptr;
    if (!dependsOn(body->sample(), id)) {
      error(Code::H0403, name.range,
            fmt::format("'topk' chooses along '{}', which does not occur in its expression", name.text),
            Note{ast::rangeOf(call.arguments.front()), fmt::format("nothing here depends on '{}'", name.text)});
      return nullptr;
    }
  }
  if (body->type == Scalar::Bool) {
    error(Code::H0201, body->range, "'topk' asks for numbers, found conditions",
          Note{call.range, "int(c) is 1 where the condition c holds"});
    return nullptr;
  }
  std::vector<Size> shape = body->shape;
  shape.push_back(Size{*count, {}});
  return tensorValue(Scalar::Int, shape, body->depth + 1, call.range,
                     [body, domain, id, range = call.range](Subscripts const &s) {
                       return build::topk(id, domain, body->at({s.begin(), s.end() - 1}), s.back(), range);
                     });
}

Value Elaborator::evaluateSelection(ast::Call const &call) {
  TensorPtr value = selectionValue(call);
  if (!value)
    return {};
  return store(value, temporaryName(), call.range, assumptions.size());
}

} // namespace heed::elaborate
