// Bounds.cpp - what is provable about integer expressions from the ranges of indices and sizes alone.
#include "compiler/import/Importer.h"

#include "mlir/Analysis/FlatLinearValueConstraints.h"

using namespace mlir;
using presburger::BoundType;

namespace heed {
namespace {

/// An integer expression over (dims of the program, indices): dims first, then indices as they appear.
class AffineForm {
public:
  AffineForm(MLIRContext *context, Program const &program) : context(context), program(program) {}

  AffineExpr size(Size const &size) {
    AffineExpr expr = getAffineConstantExpr(size.constant, context);
    for (Size::Term const &term : size.terms)
      expr = expr + getAffineDimExpr(term.dim, context) * term.coefficient;
    return expr;
  }

  AffineExpr use(IndexId index) {
    auto *known = llvm::find(indices, index);
    unsigned position = program.dims.size() + (known - indices.begin());
    if (known == indices.end())
      indices.push_back(index);
    return getAffineDimExpr(position, context);
  }

  /// Null if the expression is not affine.
  AffineExpr convert(Expr const &expr) {
    if (auto *constant = std::get_if<Expr::IntConstant>(&expr.node))
      return getAffineConstantExpr(constant->value, context);
    if (auto *value = std::get_if<Expr::SizeValue>(&expr.node))
      return size(value->size);
    if (auto *value = std::get_if<Expr::IndexValue>(&expr.node))
      return use(value->index);
    if (auto *unary = std::get_if<Expr::Unary>(&expr.node))
      if (AffineExpr operand = unary->op == UnaryOp::Negate ? convert(*unary->operand) : AffineExpr())
        return -operand;
    auto *binary = std::get_if<Expr::Binary>(&expr.node);
    if (!binary || expr.type != Scalar::Int)
      return {};
    AffineExpr left = convert(*binary->left), right = left ? convert(*binary->right) : AffineExpr();
    if (!left || !right)
      return {};
    auto constant = dyn_cast<AffineConstantExpr>(right);
    bool positive = constant && constant.getValue() > 0;
    switch (binary->op) {
    case BinaryOp::Add:
      return left + right;
    case BinaryOp::Subtract:
      return left - right;
    case BinaryOp::Multiply:
      return constant || isa<AffineConstantExpr>(left) ? left * right : AffineExpr();
    case BinaryOp::Divide:
      return positive ? left.floorDiv(right) : AffineExpr();
    case BinaryOp::Remainder:
      return positive ? left % right : AffineExpr();
    default:
      return {};
    }
  }

  /// Whether no dims and indices in their ranges make all `nonNegative` >= 0.
  bool impossible(ArrayRef<AffineExpr> nonNegative) {
    // The sizes of indices add no further indices, so the space is complete here.
    unsigned count = program.dims.size() + indices.size();
    SmallVector<AffineExpr> all(nonNegative);
    for (auto const &[position, dim] : llvm::enumerate(program.dims)) {
      all.push_back(getAffineDimExpr(position, context) - std::max<int64_t>(dim.minimum, 0));
      if (dim.maximum >= 0)
        all.push_back(dim.maximum - getAffineDimExpr(position, context));
    }
    for (auto const &[position, index] : llvm::enumerate(indices)) {
      AffineExpr value = getAffineDimExpr(program.dims.size() + position, context);
      all.push_back(value);
      all.push_back(size(program.indices[index].size) - value - 1);
    }
    FlatLinearConstraints constraints(count);
    if (failed(constraints.composeMatchingMap(AffineMap::get(count, 0, all, context))))
      return false;
    for (size_t position = 0; position < all.size(); ++position)
      constraints.addBound(BoundType::LB, position, 0);
    return constraints.isEmpty();
  }

private:
  MLIRContext *context;
  Program const &program;
  SmallVector<IndexId> indices;
};

} // namespace

Importer::Range Importer::bounds(ExprPtr const &subscript, Size const &size) {
  if (auto *index = std::get_if<Expr::IndexValue>(&subscript->node))
    if (program.indices[index->index].size == size)
      return {false, false, false};
  AffineForm form(builder.getContext(), program);
  // Where code runs, every index around it has a value, so its range is not empty.
  // The step does not count: code that does not depend on it may run before the loop, also when there is no step.
  for (IndexId index : bound)
    if (index != step)
      form.use(index);
  AffineExpr length = form.size(size), position = form.convert(*subscript);
  Range range;
  range.emptyAxis = !form.impossible({-length});
  if (!position)
    return range;
  range.belowZero = !form.impossible({-position - 1});
  range.aboveSize = !form.impossible({position - length});
  return range;
}

bool Importer::fitsInto32Bits(Expr const &expr) {
  AffineForm form(builder.getContext(), program);
  AffineExpr value = form.convert(expr);
  return value && form.impossible({value - (int64_t(1) << 31)}) && form.impossible({-value - (int64_t(1) << 31) - 1});
}

} // namespace heed
