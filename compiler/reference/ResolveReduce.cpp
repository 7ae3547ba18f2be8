// ResolveReduce.cpp - reductions to loops, and to memos where fewer indices matter than stand around them.
#include "compiler/reference/Resolver.h"

#include <algorithm>
#include <limits>

namespace heed::reference {

/// 16 million values; a reduction over more index values than that is computed every time.
constexpr int64_t MaximumMemo = int64_t(1) << 24;

/// dot(va, tanh(s[i] @ wa + h[j] @ ua)): inside the loops over i and j, s[i] @ wa is wanted once for each i. The memo's
/// key is made of the indices around this point that the expression depends on; if that is all of them there is nothing
/// to save.
std::optional<uint32_t> Resolver::memoFor(Expr const &expr) {
  std::vector<IndexId> const &free = surroundings.dependence.of(expr);
  Memo memo;
  LinearForm key;
  int64_t entries = 1;
  bool saves = false;
  for (auto [index, place] : bound) {
    bool depends = std::binary_search(free.begin(), free.end(), index);
    if (place == code.step) {
      memo.perStep = depends;
      saves |= !depends;
      continue;
    }
    int64_t extent = extents.at(place);
    if (!depends) {
      saves |= extent > 1;
      continue;
    }
    if (__builtin_mul_overflow(entries, extent, &entries) || entries > MaximumMemo)
      return std::nullopt;
    for (auto &[other, coefficient] : key.terms)
      coefficient *= extent;
    key.terms[place] = 1;
  }
  if (!saves)
    return std::nullopt;
  memo.key = flatten(key);
  memo.values.resize(entries);
  memo.stamps.resize(entries);
  code.memos.push_back(std::move(memo));
  return code.memos.size() - 1;
}

Register Resolver::initialValue(Expr const &expr, ReduceKind kind) {
  bool isReal = expr.type == Scalar::Real;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (kind) {
  case ReduceKind::Product:
    return isReal ? real(1) : integer(1);
  case ReduceKind::All:
    return integer(1);
  case ReduceKind::Max:
    return isReal ? real(-infinity) : integer(std::numeric_limits<int32_t>::min());
  case ReduceKind::Min:
    return isReal ? real(infinity) : integer(std::numeric_limits<int32_t>::max());
  default:
    return isReal ? real(0) : integer(0);
  }
}

/// sum[c](q[i, c] * k[j, c]) with affine subscripts is most of the work of most models: one instruction. False if it is
/// not that.
bool Resolver::dot(Expr::Reduce const &node, Register result) {
  auto *product = std::get_if<Expr::Binary>(&node.body->node);
  if (node.kind != ReduceKind::Sum || node.indices.size() != 1 || node.domain || node.body->type != Scalar::Real ||
      !product || product->op != BinaryOp::Multiply)
    return false;
  auto *left = std::get_if<Expr::Read>(&product->left->node), *right = std::get_if<Expr::Read>(&product->right->node);
  if (!left || !right)
    return false;
  uint32_t mark = here();
  bool simple = false;
  scope([&] {
    uint32_t first = access(*left), second = access(*right);
    Access const &x = code.reads[first], &y = code.reads[second];
    simple = here() == mark && !x.defined && !y.defined; // nothing to compute or check inside the loop
    if (!simple)
      return;
    Register index = bound.at(node.indices[0]);
    auto split = [&](Linear position, Linear &rest) {
      LinearForm form{position.constant, {}};
      int64_t stride = 0;
      for (uint32_t term = position.first; term < position.last; ++term)
        if (code.terms[term].index == index)
          stride = code.terms[term].coefficient;
        else
          form.terms[code.terms[term].index] = code.terms[term].coefficient;
      rest = flatten(form);
      return stride;
    };
    Dot made{x.data, y.data, {}, {}, 0, 0, extents.at(index)};
    made.leftStride = split(x.position, made.leftPosition);
    made.rightStride = split(y.position, made.rightPosition);
    code.dots.push_back(made);
    emit(Op::Dot, result, code.dots.size() - 1);
  });
  if (!simple)
    code.instructions.resize(mark);
  return simple;
}

/// Puts all positions in order for every rank anew: literal, and shared with nothing.
Register Resolver::select(Expr::Reduce const &node) {
  if (node.indices.size() != 1 || !node.rank)
    fail("topk binds one index and has a rank");
  Register rank = compile(*node.rank), result = fresh();
  emit(Op::SelectBegin);
  scope([&] {
    bind(node.indices[0]);
    loop(node.indices, [&] {
      std::optional<uint32_t> outside;
      if (node.domain)
        outside = emit(Op::JumpIfFalse, 0, compile(*node.domain));
      Register value = compile(*node.body);
      emit(node.body->type == Scalar::Real ? Op::SelectReal : Op::SelectInt, 0, value, bound.at(node.indices[0]));
      if (outside)
        jumpHere(*outside);
    });
    unbind(node.indices[0]);
  });
  emit(Op::Selected, result, rank);
  return result;
}

Register Resolver::reduce(Expr const &expr, Expr::Reduce const &node) {
  if (node.kind == ReduceKind::TopK)
    return select(node);
  bool place = node.kind == ReduceKind::ArgMax || node.kind == ReduceKind::ArgMin;
  if (place && node.indices.size() != 1)
    fail("argmax and argmin bind one index");
  std::optional<uint32_t> memo = memoFor(expr);
  Register result = fresh();
  if (place)
    fresh(), fresh(); // best value, found
  uint32_t recall = 0;
  if (memo)
    recall = emit(Op::Recall, result, *memo);
  scope([&] {
    for (IndexId index : node.indices)
      bind(index);
    if (!dot(node, result)) {
      emit(Op::Move, result, initialValue(expr, node.kind));
      if (place)
        emit(Op::Move, result + 2, integer(0));
      loop(node.indices, [&] {
        std::optional<uint32_t> outside;
        if (node.domain)
          outside = emit(Op::JumpIfFalse, 0, compile(*node.domain));
        Register value = compile(*node.body);
        bool isReal = node.body->type == Scalar::Real;
        Op op = place ? (isReal ? Op::FoldPlaceReal : Op::FoldPlaceInt) : (isReal ? Op::FoldReal : Op::FoldInt);
        emit(op, result, value, place ? bound.at(node.indices[0]) : 0, static_cast<uint8_t>(node.kind));
        if (outside)
          jumpHere(*outside);
      });
    }
    for (IndexId index : node.indices)
      unbind(index);
  });
  if (memo) {
    emit(Op::Remember, result, *memo);
    jumpHere(recall);
  }
  return result;
}

} // namespace heed::reference
