// KeyRange.cpp - solves affine comparisons in the domain for j.
#include "compiler/lower/kernels/KeyRange.h"

using namespace mlir;

namespace heed::kernels {
namespace {

/// row * i + column * j + constant + sum of terms, the terms being values from outside the region.
struct Linear {
  int64_t row = 0, column = 0, constant = 0;
  SmallVector<std::pair<Value, int64_t>> terms;

  void addScaled(Linear const &other, int64_t factor) {
    row += factor * other.row, column += factor * other.column, constant += factor * other.constant;
    for (auto [value, coefficient] : other.terms)
      terms.emplace_back(value, factor * coefficient);
  }
};

class Solver {
public:
  Solver(Emit &emit, ir::AttentionOp op, Value rowBegin, Value rowEnd, KeyRange &range)
      : emit(emit), op(op), rowBegin(rowBegin), rowEnd(rowEnd), range(range) {}

  void conjunction(Value condition) {
    if (auto both = condition.getDefiningOp<arith::AndIOp>()) {
      conjunction(both.getLhs());
      conjunction(both.getRhs());
    } else if (auto compare = condition.getDefiningOp<arith::CmpIOp>()) {
      comparison(compare);
    }
  }

private:
  std::optional<Linear> linear(Value value, int depth = 0) {
    Block *block = &op.getDomain().front();
    Linear result;
    if (std::optional<int64_t> constant = constantOf(value)) {
      result.constant = *constant;
      return result;
    }
    if (auto argument = dyn_cast<BlockArgument>(value); argument && argument.getOwner() == block) {
      unsigned number = argument.getArgNumber();
      if (number < op.getBatchRank())
        return std::nullopt;
      (number == op.getRowDim() ? result.row : result.column) = 1;
      return result;
    }
    if (!op.getDomain().isAncestor(value.getParentRegion())) {
      result.terms.emplace_back(value, 1);
      return result;
    }
    Operation *definition = value.getDefiningOp();
    if (!definition || depth > 16 || !isa<arith::AddIOp, arith::SubIOp, arith::MulIOp>(definition))
      return std::nullopt;
    std::optional<Linear> a = linear(definition->getOperand(0), depth + 1),
                          b = linear(definition->getOperand(1), depth + 1);
    if (!a || !b)
      return std::nullopt;
    if (isa<arith::MulIOp>(definition)) {
      bool leftConstant = a->row == 0 && a->column == 0 && a->terms.empty();
      if (!leftConstant && (b->row || b->column || !b->terms.empty()))
        return std::nullopt;
      result.addScaled(leftConstant ? *b : *a, leftConstant ? a->constant : b->constant);
      return result;
    }
    result.addScaled(*a, 1);
    result.addScaled(*b, isa<arith::AddIOp>(definition) ? 1 : -1);
    return result;
  }

  void comparison(arith::CmpIOp compare) {
    using Predicate = arith::CmpIPredicate;
    if (!compare.getLhs().getType().isIndex())
      return;
    std::optional<Linear> a = linear(compare.getLhs()), b = linear(compare.getRhs());
    if (!a || !b)
      return;
    Linear difference = *a; // a - b
    difference.addScaled(*b, -1);
    Predicate predicate = compare.getPredicate();
    if (predicate == Predicate::sle || predicate == Predicate::slt || predicate == Predicate::eq)
      atMostZero(difference, predicate == Predicate::slt);
    if (predicate == Predicate::sge || predicate == Predicate::sgt || predicate == Predicate::eq) {
      Linear negated;
      negated.addScaled(difference, -1);
      atMostZero(negated, predicate == Predicate::sgt);
    }
  }

  /// row * i + column * j + rest <= 0 (strict: < 0) for some row of the block.
  void atMostZero(Linear form, bool strict) {
    if (form.column != 1 && form.column != -1)
      return;
    if (strict)
      form.constant += 1;
    // The least the part without j can be over the rows.
    Value rest = emit.index(form.constant);
    if (form.row) {
      Value row = form.row > 0 ? rowBegin : emit.sub(rowEnd, emit.index(1));
      rest = emit.add(rest, emit.mul(row, form.row));
    }
    for (auto [value, coefficient] : form.terms)
      rest = emit.add(rest, emit.mul(value, coefficient));
    if (form.column == 1) // j <= -rest
      range.end = emit.min(range.end, emit.sub(emit.index(1), rest));
    else // j >= rest
      range.begin = emit.max(range.begin, rest);
  }

  Emit &emit;
  ir::AttentionOp op;
  Value rowBegin, rowEnd;
  KeyRange &range;
};

} // namespace

KeyRange emitKeyRange(Emit &emit, ir::AttentionOp op, Value keys, Value rowBegin, Value rowEnd) {
  KeyRange range{emit.index(0), keys};
  if (op.hasDomain())
    Solver(emit, op, rowBegin, rowEnd, range).conjunction(op.getDomain().front().getTerminator()->getOperand(0));
  return range;
}

} // namespace heed::kernels
