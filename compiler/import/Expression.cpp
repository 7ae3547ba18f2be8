// Expression.cpp - scalar expressions: index arithmetic in affine form, real arithmetic in f32.
#include "compiler/import/Importer.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed {

/// Equal subtrees are shared in a program; each is computed once per region.
Value Importer::scalar(ExprPtr const &expr) {
  for (auto const &scope : llvm::reverse(computed))
    if (auto known = scope.find(expr.get()); known != scope.end())
      return known->second;
  Location outer = builder.getLoc();
  if (!expr->range.empty())
    builder.setLoc(locate(expr->range));
  Value value = expr->type == Scalar::Int ? integer(expr) : compute(*expr);
  builder.setLoc(outer);
  computed.back()[expr.get()] = value;
  return value;
}

Value Importer::conjunction(ArrayRef<ExprPtr> conditions) {
  Value result;
  for (ExprPtr const &condition : conditions) {
    Value value = scalar(condition);
    result = result ? arith::AndIOp::create(builder, result, value).getResult() : value;
  }
  return result ? result : arith::ConstantOp::create(builder, builder.getBoolAttr(true)).getResult();
}

Value Importer::integer(ExprPtr const &expr) {
  SmallVector<Value> operands;
  AffineExpr form = affine(expr, operands);
  SmallVector<OpFoldResult> mixed(operands.begin(), operands.end());
  return getValueOrCreateConstantIndexOp(builder, builder.getLoc(),
                                         affine::makeComposedFoldedAffineApply(builder, builder.getLoc(), form, mixed));
}

AffineExpr Importer::affine(ExprPtr const &expr, SmallVectorImpl<Value> &operands) {
  auto opaque = [&](Value value) {
    auto *known = llvm::find(operands, value);
    unsigned position = known - operands.begin();
    if (known == operands.end())
      operands.push_back(value);
    return builder.getAffineDimExpr(position);
  };
  if (auto *constant = std::get_if<Expr::IntConstant>(&expr->node))
    return builder.getAffineConstantExpr(constant->value);
  if (auto *index = std::get_if<Expr::IndexValue>(&expr->node))
    return opaque(indices.lookup(index->index));
  if (auto *size = std::get_if<Expr::SizeValue>(&expr->node)) {
    if (size->size.isConstant())
      return builder.getAffineConstantExpr(size->size.constant);
    return opaque(sizeOf(size->size, /*taken=*/true));
  }
  if (auto *unary = std::get_if<Expr::Unary>(&expr->node); unary && unary->op == UnaryOp::Negate)
    return -affine(unary->operand, operands);
  if (auto *binary = std::get_if<Expr::Binary>(&expr->node)) {
    auto constant = [](ExprPtr const &side) { return std::get_if<Expr::IntConstant>(&side->node); };
    bool positive = constant(binary->right) && constant(binary->right)->value > 0;
    bool linear = constant(binary->left) || constant(binary->right);
    BinaryOp op = binary->op;
    if (op == BinaryOp::Add || op == BinaryOp::Subtract || (op == BinaryOp::Multiply && linear) ||
        ((op == BinaryOp::Divide || op == BinaryOp::Remainder) && positive)) {
      AffineExpr left = affine(binary->left, operands), right = affine(binary->right, operands);
      return op == BinaryOp::Add        ? left + right
             : op == BinaryOp::Subtract ? left - right
             : op == BinaryOp::Multiply ? left * right
             : op == BinaryOp::Divide   ? left.floorDiv(right)
                                        : left % right;
    }
  }
  return opaque(compute(*expr));
}

Value Importer::compute(Expr const &expr) {
  return std::visit(
      [&](auto const &node) -> Value {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, Expr::RealConstant>)
          return arith::ConstantOp::create(builder, builder.getF32FloatAttr(static_cast<float>(node.value)));
        else if constexpr (std::is_same_v<Node, Expr::IntConstant>)
          return arith::ConstantOp::create(builder, builder.getIndexAttr(node.value));
        else if constexpr (std::is_same_v<Node, Expr::BoolConstant>)
          return arith::ConstantOp::create(builder, builder.getBoolAttr(node.value));
        else if constexpr (std::is_same_v<Node, Expr::IndexValue>)
          return indices.lookup(node.index);
        else if constexpr (std::is_same_v<Node, Expr::SizeValue>)
          return sizeOf(node.size, /*taken=*/true);
        else if constexpr (std::is_same_v<Node, Expr::Read>)
          return read(node);
        else if constexpr (std::is_same_v<Node, Expr::Unary>)
          return unary(node.op, node.operand->type, scalar(node.operand), *node.operand);
        else if constexpr (std::is_same_v<Node, Expr::Binary>) {
          Value left = scalar(node.left), right = scalar(node.right);
          return binary(node.op, *node.left, left, right, *node.right);
        } else if constexpr (std::is_same_v<Node, Expr::Select>) {
          // Reads are total, so both sides may be computed.
          Value condition = scalar(node.condition), ifTrue = scalar(node.ifTrue), ifFalse = scalar(node.ifFalse);
          return arith::SelectOp::create(builder, condition, ifTrue, ifFalse);
        } else
          return reduce(node, node.body->type);
      },
      expr.node);
}

Value Importer::reduce(Expr::Reduce const &reduce, Scalar type) {
  using ir::ReduceKind;
  static constexpr ReduceKind kinds[] = {ReduceKind::Sum,    ReduceKind::Product, ReduceKind::Max, ReduceKind::Min,
                                         ReduceKind::ArgMax, ReduceKind::ArgMin,  ReduceKind::Any, ReduceKind::All};
  ReduceKind kind = kinds[static_cast<size_t>(reduce.kind)];
  SmallVector<Value> sizes;
  for (IndexId index : reduce.indices)
    sizes.push_back(sizeOf(program.indices[index].size, /*taken=*/true));
  auto region = [&](ExprPtr const &expr) {
    return [this, &expr, &reduce](OpBuilder &inner, Location, ValueRange arguments) -> Value {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
      size_t outer = bound.size();
      for (auto [index, argument] : llvm::zip_equal(reduce.indices, arguments)) {
        indices[index] = argument;
        bound.push_back(index);
        argument.setLoc(NameLoc::get(builder.getStringAttr(program.indices[index].name)));
      }
      Value result = scoped([&] { return scalar(expr); });
      bound.truncate(outer);
      return result;
    };
  };
  auto domain = region(reduce.domain), value = region(reduce.body);
  ir::BodyBuilder where = nullptr;
  if (reduce.domain)
    where = domain;
  bool position = kind == ReduceKind::ArgMax || kind == ReduceKind::ArgMin;
  Type result = position || type == Scalar::Int ? Type(builder.getIndexType())
                : type == Scalar::Bool          ? Type(builder.getI1Type())
                                                : Type(builder.getF32Type());
  return ir::ReduceOp::create(builder, result, kind, sizes, where, value);
}

Value Importer::unary(UnaryOp op, Scalar from, Value x, Expr const &operand) {
  auto real = [&](double value) { return arith::ConstantOp::create(builder, builder.getF32FloatAttr(value)); };
  auto index = [&](int64_t value) { return arith::ConstantOp::create(builder, builder.getIndexAttr(value)); };
  switch (op) {
  case UnaryOp::Negate:
    if (from == Scalar::Int)
      return arith::SubIOp::create(builder, index(0), x);
    return arith::NegFOp::create(builder, x);
  case UnaryOp::Not:
    return arith::XOrIOp::create(builder, x, arith::ConstantOp::create(builder, builder.getBoolAttr(true)));
  case UnaryOp::Abs:
    if (from == Scalar::Int)
      return arith::MaxSIOp::create(builder, x, arith::SubIOp::create(builder, index(0), x));
    return math::AbsFOp::create(builder, x);
  case UnaryOp::Exp:
    return math::ExpOp::create(builder, x);
  case UnaryOp::Log:
    return math::LogOp::create(builder, x);
  case UnaryOp::Sqrt:
    return math::SqrtOp::create(builder, x);
  case UnaryOp::Rsqrt:
    return arith::DivFOp::create(builder, real(1), math::SqrtOp::create(builder, x));
  case UnaryOp::Sin:
    return math::SinOp::create(builder, x);
  case UnaryOp::Cos:
    return math::CosOp::create(builder, x);
  case UnaryOp::Tanh:
    return math::TanhOp::create(builder, x);
  case UnaryOp::Erf:
    return math::ErfOp::create(builder, x);
  case UnaryOp::Sigmoid: {
    Value exp = math::ExpOp::create(builder, arith::NegFOp::create(builder, x));
    return arith::DivFOp::create(builder, real(1), arith::AddFOp::create(builder, exp, real(1)));
  }
  case UnaryOp::Floor:
    return from == Scalar::Int ? x : math::FloorOp::create(builder, x).getResult();
  case UnaryOp::Ceil:
    return from == Scalar::Int ? x : math::CeilOp::create(builder, x).getResult();
  case UnaryOp::Round:
    return from == Scalar::Int ? x : math::RoundEvenOp::create(builder, x).getResult();
  case UnaryOp::ToReal: {
    if (from == Scalar::Real)
      return x;
    if (from == Scalar::Bool)
      return arith::UIToFPOp::create(builder, builder.getF32Type(), x);
    // 32 bits convert in vectors on every machine, 64 bits do not.
    Type width = fitsInto32Bits(operand) ? builder.getI32Type() : builder.getI64Type();
    if (auto cast = x.getDefiningOp<arith::IndexCastOp>())
      return arith::SIToFPOp::create(builder, builder.getF32Type(), cast.getIn());
    return arith::SIToFPOp::create(builder, builder.getF32Type(), arith::IndexCastOp::create(builder, width, x));
  }
  case UnaryOp::ToInt: {
    if (from == Scalar::Int)
      return x;
    if (from == Scalar::Bool)
      return arith::IndexCastUIOp::create(builder, builder.getIndexType(), x);
    // Out of range and NaN have no integer value; the conversion must still be defined.
    Value low = arith::MaximumFOp::create(builder, x, real(-0x1p31));
    Value inside = arith::MinimumFOp::create(builder, low, real(0x1.fffffep30));
    Value number = arith::CmpFOp::create(builder, arith::CmpFPredicate::ORD, x, x);
    Value safe = arith::SelectOp::create(builder, number, inside, real(0));
    Value value = arith::FPToSIOp::create(builder, builder.getI32Type(), safe);
    return arith::IndexCastOp::create(builder, builder.getIndexType(), value);
  }
  }
  llvm_unreachable("a unary operator without code");
}

static arith::CmpFPredicate realPredicate(BinaryOp op) {
  switch (op) {
  case BinaryOp::Equal:
    return arith::CmpFPredicate::OEQ;
  case BinaryOp::NotEqual:
    return arith::CmpFPredicate::UNE;
  case BinaryOp::Less:
    return arith::CmpFPredicate::OLT;
  case BinaryOp::LessEqual:
    return arith::CmpFPredicate::OLE;
  case BinaryOp::Greater:
    return arith::CmpFPredicate::OGT;
  default:
    return arith::CmpFPredicate::OGE;
  }
}

static arith::CmpIPredicate integerPredicate(BinaryOp op) {
  switch (op) {
  case BinaryOp::Equal:
    return arith::CmpIPredicate::eq;
  case BinaryOp::NotEqual:
    return arith::CmpIPredicate::ne;
  case BinaryOp::Less:
    return arith::CmpIPredicate::slt;
  case BinaryOp::LessEqual:
    return arith::CmpIPredicate::sle;
  case BinaryOp::Greater:
    return arith::CmpIPredicate::sgt;
  default:
    return arith::CmpIPredicate::sge;
  }
}

Value Importer::binary(BinaryOp op, Expr const &left, Value x, Value y, Expr const &right) {
  bool real = left.type == Scalar::Real;
  auto index = [&](int64_t value) { return arith::ConstantOp::create(builder, builder.getIndexAttr(value)); };
  // A zero divisor stands on a side that is not chosen, or after a failed check: it must not trap.
  auto divisor = [&]() -> Value {
    Value zero = arith::CmpIOp::create(builder, arith::CmpIPredicate::eq, y, index(0));
    return arith::SelectOp::create(builder, zero, index(1), y);
  };
  switch (op) {
  case BinaryOp::Add:
    return real ? arith::AddFOp::create(builder, x, y).getResult() : arith::AddIOp::create(builder, x, y);
  case BinaryOp::Subtract:
    return real ? arith::SubFOp::create(builder, x, y).getResult() : arith::SubIOp::create(builder, x, y);
  case BinaryOp::Multiply:
    return real ? arith::MulFOp::create(builder, x, y).getResult() : arith::MulIOp::create(builder, x, y);
  case BinaryOp::Divide:
    return real ? arith::DivFOp::create(builder, x, y).getResult()
                : arith::FloorDivSIOp::create(builder, x, divisor()).getResult();
  case BinaryOp::Remainder: {
    if (real) {
      Value floor = math::FloorOp::create(builder, arith::DivFOp::create(builder, x, y));
      return arith::SubFOp::create(builder, x, arith::MulFOp::create(builder, floor, y));
    }
    Value safe = divisor();
    Value quotient = arith::FloorDivSIOp::create(builder, x, safe);
    return arith::SubIOp::create(builder, x, arith::MulIOp::create(builder, quotient, safe));
  }
  case BinaryOp::Power: {
    auto *constant = std::get_if<Expr::RealConstant>(&right.node);
    if (real && constant && constant->value == 2)
      return arith::MulFOp::create(builder, x, x);
    if (real)
      return math::PowFOp::create(builder, x, y);
    Type wide = builder.getI64Type();
    Value power = math::IPowIOp::create(builder, arith::IndexCastOp::create(builder, wide, x),
                                        arith::IndexCastOp::create(builder, wide, y));
    return arith::IndexCastOp::create(builder, builder.getIndexType(), power);
  }
  case BinaryOp::Minimum:
    return real ? arith::MinimumFOp::create(builder, x, y).getResult()
                : arith::MinSIOp::create(builder, x, y).getResult();
  case BinaryOp::Maximum:
    return real ? arith::MaximumFOp::create(builder, x, y).getResult()
                : arith::MaxSIOp::create(builder, x, y).getResult();
  case BinaryOp::Equal:
  case BinaryOp::NotEqual:
  case BinaryOp::Less:
  case BinaryOp::LessEqual:
  case BinaryOp::Greater:
  case BinaryOp::GreaterEqual:
    if (real)
      return arith::CmpFOp::create(builder, realPredicate(op), x, y);
    return arith::CmpIOp::create(builder, integerPredicate(op), x, y);
  case BinaryOp::And:
    return arith::AndIOp::create(builder, x, y);
  case BinaryOp::Or:
    return arith::OrIOp::create(builder, x, y);
  }
  llvm_unreachable("a binary operator without code");
}

} // namespace heed
