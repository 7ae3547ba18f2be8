// Selection.cpp - a TopK as two definitions, of the values and of where they count, and the operation that chooses.
#include "compiler/import/Importer.h"

using namespace mlir;

namespace heed {

namespace {

void collectConjuncts(ExprPtr const &expr, SmallVectorImpl<ExprPtr> &parts) {
  if (!expr)
    return;
  auto *binary = std::get_if<Expr::Binary>(&expr->node);
  if (!binary || binary->op != BinaryOp::And)
    return parts.push_back(expr);
  collectConjuncts(binary->left, parts);
  collectConjuncts(binary->right, parts);
}

bool mentions(Expr const &expr, IndexId index) {
  auto any = [&](ExprPtr const &child) { return child && mentions(*child, index); };
  if (auto *value = std::get_if<Expr::IndexValue>(&expr.node))
    return value->index == index;
  if (auto *read = std::get_if<Expr::Read>(&expr.node))
    return llvm::any_of(read->subscripts, any);
  if (auto *unary = std::get_if<Expr::Unary>(&expr.node))
    return any(unary->operand);
  if (auto *binary = std::get_if<Expr::Binary>(&expr.node))
    return any(binary->left) || any(binary->right);
  if (auto *select = std::get_if<Expr::Select>(&expr.node))
    return any(select->condition) || any(select->ifTrue) || any(select->ifFalse);
  if (auto *reduce = std::get_if<Expr::Reduce>(&expr.node))
    return any(reduce->domain) || any(reduce->body) || any(reduce->rank);
  return false;
}

} // namespace

Value Importer::select(TensorId id, ArrayRef<IndexId> axes, int withoutAxis, ExprPtr const &domain,
                       Expr::Reduce const &selection) {
  Tensor const &tensor = program.tensors[id];
  IndexId place = axes.back(), position = selection.indices.front();
  SmallVector<IndexId> row(axes.drop_back());
  row.push_back(position);
  RankedTensorType type = tensorType(tensor, withoutAxis);

  Size const &length = program.indices[position].size;
  SmallVector<int64_t> shape(type.getShape().drop_back());
  shape.push_back(length.isConstant() ? length.constant : ShapedType::kDynamic);
  SmallVector<Value> outer = dynamicSizes(tensor, withoutAxis), sizes = outer; // the number of places is constant
  if (!length.isConstant())
    sizes.push_back(sizeOf(length, /*taken=*/true));

  Type element = selection.body->type == Scalar::Real ? Type(builder.getF32Type()) : Type(builder.getIndexType());
  auto value = regionOver(row, [&] { return scalar(selection.body); });
  // Where the whole row is not wanted, nothing of it is computed.
  SmallVector<ExprPtr> conditions;
  collectConjuncts(domain, conditions);
  llvm::erase_if(conditions, [&](ExprPtr const &condition) { return mentions(*condition, place); });
  if (selection.domain)
    conditions.push_back(selection.domain);
  auto restricted = regionOver(row, [&] { return conjunction(conditions); });
  ir::BodyBuilder where = nullptr;
  if (!conditions.empty())
    where = restricted;
  Value values = ir::DefineOp::create(builder, RankedTensorType::get(shape, element), sizes, where, value);
  Value inside;
  if (selection.domain) {
    auto condition = regionOver(row, [&] { return scalar(selection.domain); });
    inside = ir::DefineOp::create(builder, RankedTensorType::get(shape, builder.getI1Type()), sizes, nullptr, condition);
  }
  Value init = tensor::EmptyOp::create(builder, type.getShape(), type.getElementType(), outer);
  return ir::TopKOp::create(builder, values, inside, init).getResult();
}

} // namespace heed
