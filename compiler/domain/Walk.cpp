// Walk.cpp - evaluates the formulas of a sweep, and moves a cursor over the union of its intervals.
#include "compiler/domain/Walk.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace heed::domain {

int64_t evaluate(AffineExpr expr, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t left = evaluate(binary.getLHS(), dims, symbols), right = evaluate(binary.getRHS(), dims, symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return left + right;
  case AffineExprKind::Mul:
    return left * right;
  case AffineExprKind::Mod:
    return left - llvm::divideFloorSigned(left, right) * right;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(left, right);
  default:
    return llvm::divideCeilSigned(left, right);
  }
}

namespace {

struct Interval {
  int64_t begin, end;
  bool isEmpty() const { return begin >= end; }
};

int64_t extreme(AffineMap map, ArrayRef<int64_t> symbols, bool largest) {
  int64_t result = evaluate(map.getResult(0), {}, symbols);
  for (AffineExpr expr : map.getResults().drop_front()) {
    int64_t value = evaluate(expr, {}, symbols);
    result = largest ? std::max(result, value) : std::min(result, value);
  }
  return result;
}

Interval interval(KeyBounds const &bounds, SmallVector<int64_t> symbols) {
  for (Range const &local : bounds.locals) {
    int64_t low = extreme(local.lower, symbols, true), high = extreme(local.upper, symbols, false);
    symbols.append({low, high});
  }
  for (AffineExpr guard : bounds.guards)
    if (evaluate(guard, {}, symbols) < 0)
      return {0, 0};
  return {extreme(bounds.keys.lower, symbols, true), extreme(bounds.keys.upper, symbols, false) + 1};
}

} // namespace

void walk(Sweep const &sweep, WalkSizes const &sizes, llvm::function_ref<void(Tile const &)> visit) {
  int64_t stride = sweep.lattice.stride;
  for (int64_t rowOffset = 0; rowOffset < stride; ++rowOffset) {
    int64_t shift = evaluate(sweep.lattice.shift, {}, sizes.symbols) + rowOffset;
    int64_t keyOffset = shift - llvm::divideFloorSigned(shift, stride) * stride;
    int64_t rows = llvm::divideCeilSigned(sizes.rows - rowOffset, stride);
    int64_t keys = std::max<int64_t>(llvm::divideCeilSigned(sizes.keys - keyOffset, stride), 0);
    for (int64_t rowBegin = 0; rowBegin < rows; rowBegin += sizes.rowBlock) {
      int64_t rowEnd = std::min(rowBegin + sizes.rowBlock, rows);
      SmallVector<int64_t> symbols = {rowBegin, rowEnd, rowOffset, keyOffset, keys};
      symbols.append(sizes.symbols.begin(), sizes.symbols.end());
      SmallVector<Interval> visible;
      for (Part const &part : sweep.parts)
        visible.push_back(interval(part.visible, symbols));
      auto isFull = [&](int64_t begin, int64_t end) {
        return sweep.skipped.empty() && llvm::any_of(sweep.parts, [&](Part const &part) {
          return part.violations && llvm::none_of(*part.violations, [&](KeyBounds const &violation) {
            Interval keys = interval(violation, symbols);
            return !keys.isEmpty() && keys.begin < end && begin < keys.end;
          });
        });
      };
      for (int64_t position = 0;;) {
        int64_t begin = keys, end = 0;
        for (Interval const &keys : visible)
          if (!keys.isEmpty() && position < keys.end)
            begin = std::min(begin, std::max(position, keys.begin));
        if (begin >= keys)
          break;
        for (Interval const &keys : visible)
          if (keys.begin <= begin && begin < keys.end)
            end = std::max(end, keys.end);
        end = std::min(end, begin + sizes.keyBlock);
        visit({stride, rowOffset, keyOffset, rowBegin, rowEnd, begin, end, isFull(begin, end)});
        position = end;
      }
    }
  }
}

} // namespace heed::domain
