// Reads.cpp - reads that are in bounds whatever the domain, and the run-time checks in front of data-dependent ones.
#include "compiler/import/Importer.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace heed {

std::optional<int64_t> offsetFrom(IndexId step, Expr const &subscript) {
  if (auto *index = std::get_if<Expr::IndexValue>(&subscript.node))
    return index->index == step ? std::optional<int64_t>(0) : std::nullopt;
  auto *binary = std::get_if<Expr::Binary>(&subscript.node);
  if (!binary || (binary->op != BinaryOp::Add && binary->op != BinaryOp::Subtract))
    return std::nullopt;
  Expr const *base = binary->left.get(), *shift = binary->right.get();
  if (binary->op == BinaryOp::Add && std::holds_alternative<Expr::IntConstant>(base->node))
    std::swap(base, shift);
  auto *constant = std::get_if<Expr::IntConstant>(&shift->node);
  std::optional<int64_t> offset = constant ? offsetFrom(step, *base) : std::nullopt;
  if (!offset)
    return std::nullopt;
  return binary->op == BinaryOp::Add ? *offset + constant->value : *offset - constant->value;
}

/// The position in [0, size), moved into it where it could be outside.
Value Importer::clamp(Value position, ExprPtr const &subscript, Size const &size, bool &mayBeEmpty) {
  Range range = bounds(subscript, size);
  if (range.aboveSize) {
    Value one = arith::ConstantOp::create(builder, builder.getIndexAttr(1));
    Value last = size.isConstant()
                     ? arith::ConstantOp::create(builder, builder.getIndexAttr(size.constant - 1)).getResult()
                     : arith::SubIOp::create(builder, sizeOf(size, /*taken=*/false), one).getResult();
    position = arith::MinSIOp::create(builder, position, last);
  }
  if (range.belowZero)
    position = arith::MaxSIOp::create(builder, position,
                                      arith::ConstantOp::create(builder, builder.getIndexAttr(0)).getResult());
  mayBeEmpty |= range.emptyAxis;
  return position;
}

Value Importer::read(Expr::Read const &read) {
  Tensor const &tensor = program.tensors[read.tensor];
  Storage const &place = storage[read.tensor];
  SmallVector<Value> positions, emptySizes;
  Value source = place.value;
  bool running = place.timeAxis >= 0;
  for (auto const &[axis, subscript] : llvm::enumerate(read.subscripts)) {
    if (running && static_cast<int>(axis) == place.timeAxis) {
      std::optional<int64_t> offset = offsetFrom(*step, *subscript);
      if (offset == 0 && place.value)
        continue;
      source = place.state;
      Value row = scalar(subscript);
      if (place.ring == 1)
        row = arith::ConstantOp::create(builder, builder.getIndexAttr(0));
      else if (place.ring > 1 || place.offset != 0) {
        AffineExpr d0 = builder.getAffineDimExpr(0);
        AffineExpr form = place.ring > 1 ? d0 % place.ring : d0 + place.offset;
        row = affine::makeComposedAffineApply(builder, builder.getLoc(), form, {row});
      }
      positions.push_back(row);
      continue;
    }
    Size const &size = tensor.shape[axis];
    bool mayBeEmpty = false;
    positions.push_back(clamp(scalar(subscript), subscript, size, mayBeEmpty));
    if (mayBeEmpty)
      emptySizes.push_back(sizeOf(size, /*taken=*/false));
  }

  auto extract = [&]() -> Value {
    Value value = tensor::ExtractOp::create(builder, source, positions);
    Type from = value.getType();
    if (from.isInteger(1) || from.isF32())
      return value;
    if (isa<IntegerType>(from))
      return arith::IndexCastOp::create(builder, builder.getIndexType(), value);
    if (from.getIntOrFloatBitWidth() > 32)
      return arith::TruncFOp::create(builder, builder.getF32Type(), value);
    return arith::ExtFOp::create(builder, builder.getF32Type(), value);
  };
  if (emptySizes.empty())
    return extract();
  // An axis without elements has no position to move to.
  Value zero = arith::ConstantOp::create(builder, builder.getIndexAttr(0)), some;
  for (Value size : emptySizes) {
    Value positive = arith::CmpIOp::create(builder, arith::CmpIPredicate::sgt, size, zero);
    some = some ? arith::AndIOp::create(builder, some, positive).getResult() : positive;
  }
  Type type = tensor.element == Element::Bool                                   ? Type(builder.getI1Type())
              : tensor.element == Element::I32 || tensor.element == Element::I8 ? Type(builder.getIndexType())
                                                                                : Type(builder.getF32Type());
  auto choice = scf::IfOp::create(builder, TypeRange(type), some, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(choice.thenBlock());
  scf::YieldOp::create(builder, extract());
  builder.setInsertionPointToStart(choice.elseBlock());
  scf::YieldOp::create(builder, arith::ConstantOp::create(builder, builder.getZeroAttr(type)).getResult());
  return choice.getResult(0);
}

/// Whether the value of `expr` depends on the elements of a tensor.
static bool readsData(Expr const &expr) {
  return std::visit(
      [](auto const &node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, Expr::Read>)
          return true;
        else if constexpr (std::is_same_v<Node, Expr::Unary>)
          return readsData(*node.operand);
        else if constexpr (std::is_same_v<Node, Expr::Binary>)
          return readsData(*node.left) || readsData(*node.right);
        else if constexpr (std::is_same_v<Node, Expr::Select>)
          return readsData(*node.condition) || readsData(*node.ifTrue) || readsData(*node.ifFalse);
        else if constexpr (std::is_same_v<Node, Expr::Reduce>)
          return readsData(*node.body) || (node.domain && readsData(*node.domain));
        else
          return false;
      },
      expr.node);
}

void Importer::emitChecks(ArrayRef<IndexId> axes, ExprPtr const &domain, ExprPtr const &value) {
  SmallVector<ExprPtr> path;
  if (domain) {
    emitChecks(domain, SmallVector<IndexId>(axes), path);
    path.push_back(domain);
  }
  emitChecks(value, SmallVector<IndexId>(axes), path);
}

/// Checks for every data-dependent read in `expr`, innermost first. `path`: what holds where `expr` is evaluated.
void Importer::emitChecks(ExprPtr const &expr, SmallVector<IndexId> axes, SmallVector<ExprPtr> path) {
  if (checkless.contains(expr.get()))
    return;
  size_t before = checkCount;
  auto visit = [&](ExprPtr const &child, ExprPtr const &condition = nullptr) {
    SmallVector<ExprPtr> inner = path;
    if (condition)
      inner.push_back(condition);
    emitChecks(child, axes, inner);
  };
  if (auto *read = std::get_if<Expr::Read>(&expr->node)) {
    for (ExprPtr const &subscript : read->subscripts)
      visit(subscript);
    if (read->checked)
      emitCheck(*expr, axes, path);
  } else if (auto *unary = std::get_if<Expr::Unary>(&expr->node)) {
    visit(unary->operand);
  } else if (auto *binary = std::get_if<Expr::Binary>(&expr->node)) {
    visit(binary->left);
    auto negated = [&] {
      return std::make_shared<Expr const>(Expr{Scalar::Bool, expr->range, Expr::Unary{UnaryOp::Not, binary->left}});
    };
    visit(binary->right, binary->op == BinaryOp::And  ? binary->left
                         : binary->op == BinaryOp::Or ? ExprPtr(negated())
                                                      : nullptr);
  } else if (auto *select = std::get_if<Expr::Select>(&expr->node)) {
    visit(select->condition);
    visit(select->ifTrue, select->condition);
    visit(select->ifFalse,
          std::make_shared<Expr const>(Expr{Scalar::Bool, expr->range, Expr::Unary{UnaryOp::Not, select->condition}}));
  } else if (auto *reduce = std::get_if<Expr::Reduce>(&expr->node)) {
    llvm::append_range(axes, reduce->indices);
    if (reduce->domain)
      visit(reduce->domain);
    visit(reduce->body, reduce->domain);
  }
  if (checkCount == before)
    checkless.insert(expr.get());
}

/// The expression as the source has it, or the tensor's name.
std::string Importer::describe(Expr const &expr) {
  auto const &read = std::get<Expr::Read>(expr.node);
  std::string name = program.tensors[read.tensor].name;
  if (expr.range.empty())
    return name;
  std::string_view text = sources.textAt(expr.range.first);
  uint32_t base = sources.baseAt(expr.range.first);
  if (expr.range.first < base || expr.range.last > base + text.size() || expr.range.last - expr.range.first > 60)
    return name;
  return std::string(text.substr(expr.range.first - base, expr.range.last - expr.range.first));
}

void Importer::emitCheck(Expr const &expr, ArrayRef<IndexId> axes, ArrayRef<ExprPtr> path) {
  ++checkCount;
  auto const &read = std::get<Expr::Read>(expr.node);
  std::string text = "index out of range in " + describe(expr);
  auto known = llvm::find(checks, text);
  int64_t number = known - checks.begin();
  if (known == checks.end())
    checks.push_back(text);
  builder.setLoc(locate(expr.range));
  SmallVector<Value> sizes;
  for (IndexId index : axes)
    sizes.push_back(sizeOf(program.indices[index].size, /*taken=*/true));
  auto region = [&](llvm::function_ref<Value()> build) {
    return [this, build, axes](OpBuilder &inner, Location, ValueRange arguments) -> Value {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
      size_t outer = bound.size();
      llvm::append_range(bound, axes);
      for (auto [index, argument] : llvm::zip_equal(axes, arguments)) {
        indices[index] = argument;
        argument.setLoc(NameLoc::get(builder.getStringAttr(program.indices[index].name)));
      }
      Value result = scoped(build);
      bound.truncate(outer);
      return result;
    };
  };
  auto holds = [&]() -> Value { return conjunction(path); };
  auto inside = [&]() -> Value {
    Value all;
    for (auto const &[axis, subscript] : llvm::enumerate(read.subscripts)) {
      if (!readsData(*subscript))
        continue;
      // Unsigned comparison covers negative positions.
      Value size = sizeOf(program.tensors[read.tensor].shape[axis], /*taken=*/false);
      Value one = arith::CmpIOp::create(builder, arith::CmpIPredicate::ult, scalar(subscript), size);
      all = all ? arith::AndIOp::create(builder, all, one).getResult() : one;
    }
    return all ? all : arith::ConstantOp::create(builder, builder.getBoolAttr(true)).getResult();
  };
  auto domain = region(holds), value = region(inside);
  ir::BodyBuilder where = nullptr;
  if (!path.empty())
    where = domain;
  status = ir::CheckOp::create(builder, text, number, status, sizes, where, value);
}

} // namespace heed
