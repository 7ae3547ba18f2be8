// Subscripts.cpp - x[i, j - 1], table[tokens], and the ranges that indices get from the axes they subscript.

#include "compiler/check/Elaborator.h"

#include <fmt/format.h>

namespace heed::elaborate {

IndexId Elaborator::findIndex(std::string const &name) const {
  for (IndexFrame const *f = frame; f; f = f->parent)
    for (auto &[other, id] : f->names)
      if (other == name)
        return id;
  return placeholderBase;
}

bool Elaborator::unifyIndex(IndexId index, Size const &size, ast::Range range, std::string const &axis) {
  Size current = program.indices[index].size;
  if (sizes.unify(current, size)) {
    indexUses.try_emplace(index, range, axis);
    return true;
  }
  auto use = indexUses.find(index);
  error(Code::H0402, range,
        fmt::format("index '{}' ranges over {} here ({}), but over {} elsewhere", program.indices[index].name,
                    sizes.print(size), axis, sizes.print(current)),
        use == indexUses.end()
            ? std::nullopt
            : std::optional(
                  Note{use->second.first, fmt::format("it has {} from {}", sizes.print(current), use->second.second)}));
  return false;
}

Value Elaborator::evaluateIndex(ast::Index const &index) {
  Value base = evaluate(index.base);
  if (base.poisoned())
    return {};
  if (auto *list = base.list())
    return indexList(*list, index);
  TensorPtr value = base.tensor();
  if (!value) {
    error(Code::H0306, ast::rangeOf(index.base),
          fmt::format("'{}' is a function and has no subscripts", base.function()->name()));
    return {};
  }
  return indexTensor(value, index);
}

Value Elaborator::indexList(ListValue const &list, ast::Index const &index) {
  if (index.subscripts.size() != 1) {
    error(Code::H0202, index.range, "a list has one subscript");
    return {};
  }
  TensorPtr at = tensor(index.subscripts.front());
  if (!at)
    return {};
  ast::Range range = ast::rangeOf(index.subscripts.front());
  if (at->type != Scalar::Int || at->rank() > 0) {
    error(Code::H0201, range, "expected an integer subscript");
    return {};
  }
  if (auto position = constantInt(at->scalar)) {
    if (*position < 0 || *position >= int64_t(list.items.size())) {
      error(Code::H0405, range, fmt::format("position {} of a list of {}", *position, list.items.size()));
      return {};
    }
    return list.items[size_t(*position)];
  }
  // A list of numbers at a position that is an index: a choice among them. Outside the list it is its last element.
  std::vector<TensorPtr> numbers;
  for (Value const &item : list.items) {
    if (!item.tensor() || item.tensor()->rank() > 0) {
      error(Code::H0210, range, "a list of functions is subscripted by what is known when the model is compiled");
      return {};
    }
    numbers.push_back(item.tensor());
  }
  if (numbers.empty() || numbers.size() > 64) {
    error(Code::H0405, range, fmt::format("a list of {} elements has no subscript that is an index", numbers.size()));
    return {};
  }
  if (auto *plain = std::get_if<Expr::IndexValue>(&at->scalar->node))
    if (!unifyIndex(plain->index, Size{int64_t(numbers.size()), {}}, range, "a list"))
      return {};
  if (!toCommonType(numbers, range, "equality"))
    return {};
  ExprPtr result = numbers.back()->scalar;
  for (size_t k = numbers.size() - 1; k-- > 0;)
    result = build::select(build::binary(BinaryOp::Equal, at->scalar, build::integer(int64_t(k)), range),
                           numbers[k]->scalar, result, range);
  return scalarValue(result, index.range);
}

Value Elaborator::indexTensor(TensorPtr const &base, ast::Index const &index) {
  if (index.subscripts.size() > base->rank()) {
    std::optional<Note> note;
    if (auto *name = get<ast::Name>(index.base))
      if (auto binding = scope->find(name->text))
        note = Note{binding->range, fmt::format("'{}' is {}", name->text,
                                                base->rank() ? "of shape " + sizes.print(base->shape) : "a number")};
    size_t count = index.subscripts.size();
    std::string found = base->rank() == 0 ? "a number"
                        : base->rank() == 1
                            ? "a tensor of 1 axis, " + sizes.print(base->shape)
                            : fmt::format("a tensor of {} axes, {}", base->rank(), sizes.print(base->shape));
    error(Code::H0202, index.range, fmt::format("{} subscript{} for {}", count, count == 1 ? "" : "s", found), note);
    return {};
  }
  std::string baseName = base->name.empty() ? "the tensor" : "'" + base->name + "'";
  if (auto *name = get<ast::Name>(index.base))
    baseName = "'" + name->text + "'";
  std::vector<TensorPtr> subscripts;
  std::vector<Size> shape;
  bool ok = true;
  for (size_t k = 0; k < index.subscripts.size(); ++k) {
    ast::Range range = ast::rangeOf(index.subscripts[k]);
    if (auto *name = get<ast::Name>(index.subscripts[k])) {
      if (IndexId id = findIndex(name->text); id != placeholderBase) {
        ok &= unifyIndex(id, base->shape[k], range, fmt::format("axis {} of {}", k, baseName));
      } else if (!scope->find(name->text) && !findConstant(name->text, *instance->file)) {
        error(Code::H0404, range, fmt::format("index '{}' is bound by nothing here", name->text),
              Note{range, fmt::format("reduce over it, as in sum[{}](...), or name it on the left side", name->text)});
        ok = false;
        continue;
      }
    }
    TensorPtr subscript = tensor(index.subscripts[k]);
    if (!subscript) {
      ok = false;
      continue;
    }
    if (subscript->type != Scalar::Int) {
      error(Code::H0201, range, fmt::format("expected an integer subscript, found {}", typeName(subscript->type)));
      ok = false;
      continue;
    }
    if (subscript->rank() > 0 && !isPlainRead(subscript))
      subscript = storeTemporary(subscript);
    shape.insert(shape.end(), subscript->shape.begin(), subscript->shape.end());
    subscripts.push_back(subscript);
  }
  if (!ok)
    return {};
  shape.insert(shape.end(), base->shape.begin() + long(subscripts.size()), base->shape.end());
  ast::Range range = index.range;
  unsigned depth = base->depth;
  for (TensorPtr const &subscript : subscripts)
    depth = std::max(depth, subscript->depth);
  return tensorValue(base->type, shape, depth + 1, range, [base, subscripts, range](Subscripts const &s) {
    Subscripts all;
    size_t used = 0;
    for (TensorPtr const &subscript : subscripts) {
      all.push_back(subscript->at(Subscripts(s.begin() + long(used), s.begin() + long(used + subscript->rank()))));
      used += subscript->rank();
    }
    all.insert(all.end(), s.begin() + long(used), s.end());
    ExprPtr element = base->at(all);
    auto *read = std::get_if<Expr::Read>(&element->node);
    return read ? build::read(read->tensor, read->subscripts, element->type, range) : element;
  });
}

} // namespace heed::elaborate
