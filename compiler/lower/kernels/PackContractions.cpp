// PackContractions.cpp - linalg contractions to heed.pack and heed.matmul.
#include "compiler/lower/kernels/Kernels.h"
#include "compiler/lower/kernels/RegisterTile.h"
#include "compiler/lower/kernels/Weights.h"
#include "dialect/HeedOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"

namespace heed {
#define GEN_PASS_DEF_PACKCONTRACTIONS
#include "compiler/lower/kernels/Passes.h.inc"

using namespace mlir;

namespace {

/// Below this many columns most of a panel would be padding.
constexpr int64_t fewestColumns = 4;
/// Packing costs about as much as this many rows; an operand that is packed in every run needs more.
constexpr int64_t fewestRows = 4;

/// Elements of an axis whose size is known at run time only.
constexpr int64_t typicalSize = 4096;
/// A left side of at most this many elements is read where it lies, rows or columns first; a larger one would be walked in
/// strides that no cache follows.
constexpr int64_t mostStrided = 1 << 14;

using Dims = SmallVector<unsigned>;

/// A contraction in the terms of heed.matmul: result[batch, rows, columns] = left[batch, rows, depth] * right[batch,
/// ...].
struct Product {
  Value left, right;
  AffineMap leftMap, rightMap, resultMap;
  Dims batch, rows, columns, depth;
};

class Packer {
public:
  Packer(OpBuilder &builder, linalg::LinalgOp op, int64_t width)
      : builder(builder), loc(op.getLoc()), op(op), width(width) {}

  /// The operation that adds a tensor of the same shape to the result, if nothing else happens to the result: the product then
  /// begins with that tensor. `builder` must stand at the addition.
  static linalg::GenericOp additionTo(linalg::LinalgOp op) {
    Value result = op->getResult(0);
    auto add = result.hasOneUse() ? dyn_cast<linalg::GenericOp>(*result.user_begin()) : linalg::GenericOp();
    if (!add || add->getBlock() != op->getBlock() || add.getNumDpsInputs() != 2 || add->getNumResults() != 1 ||
        add.getNumParallelLoops() != add.getNumLoops() || add->getResult(0).getType() != result.getType() ||
        !llvm::all_of(add.getIndexingMapsArray(), [](AffineMap map) { return map.isIdentity(); }))
      return {};
    Block *body = add.getBody();
    auto sum = body->getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
    if (!sum || body->getOperations().size() != 2 || sum.getLhs() == sum.getRhs() || !isa<BlockArgument>(sum.getLhs()) ||
        !isa<BlockArgument>(sum.getRhs()) || body->getArgument(2).hasNUsesOrMore(1))
      return {};
    Value other = otherOf(add, result);
    // A tensor that is needed afterwards would have to be copied first.
    auto state = dyn_cast<BlockArgument>(other);
    bool ours = state ? isa<scf::ForOp>(state.getOwner()->getParentOp()) : other.hasOneUse();
    return ours && other != result ? add : linalg::GenericOp();
  }
  static Value otherOf(linalg::GenericOp add, Value result) {
    return add.getDpsInputs()[add.getDpsInputs()[0] == result ? 1 : 0];
  }

  /// Null and a reason if the contraction stays as it is.
  Value run(std::string &reason, Value begin) {
    std::optional<Product> product = classify(reason);
    if (!product || !isWorthwhile(*product, reason))
      return {};
    return emit(*product, begin);
  }

private:
  std::optional<Product> classify(std::string &reason) {
    auto dims = linalg::inferContractionDims(op);
    if (failed(dims))
      return reason = "its dimensions are not those of a contraction", std::nullopt;
    // A loop that only one operand knows is a sum or a broadcast of its own, not part of a product.
    if (dims->batch.size() + dims->m.size() + dims->n.size() + dims->k.size() != op.getNumLoops())
      return reason = "some of its loops belong to no product", std::nullopt;
    for (Value operand : op->getOperands())
      if (!getElementTypeOrSelf(operand).isF32())
        return reason = "only f32 is packed", std::nullopt;
    SmallVector<AffineMap> maps = op.getIndexingMapsArray();
    auto list = [](ArrayRef<unsigned> dims) { return Dims(dims); };
    Product product{op->getOperand(0), op->getOperand(1), maps[0],       maps[1],      maps[2],
                    list(dims->batch), list(dims->m),     list(dims->n), list(dims->k)};
    if (product.columns.empty()) { // a matrix times a vector: the vector is the only row
      std::swap(product.left, product.right);
      std::swap(product.leftMap, product.rightMap);
      std::swap(product.rows, product.columns);
    }
    if (product.columns.empty())
      return reason = "it is a sum of products without rows and columns", std::nullopt;
    for (Dims *group : {&product.batch, &product.rows, &product.columns})
      orderAs(*group, product.resultMap);
    orderAs(product.depth, product.rightMap);
    Product other = product;
    std::swap(other.left, other.right);
    std::swap(other.leftMap, other.rightMap);
    std::swap(other.rows, other.columns);
    orderAs(other.depth, other.rightMap);
    if (!product.rows.empty() && staticSize(other.columns).value_or(typicalSize) >= fewestColumns &&
        staticSize(other.rows).value_or(typicalSize) >= fewestRows && moved(other) < moved(product))
      return other;
    return product;
  }

  /// How many elements are copied to bring a product into the form of the kernel: the right side is packed, and whatever has its
  /// axes in another order is transposed, which costs about twice as much.
  double moved(Product const &product) {
    auto size = [&](ArrayRef<unsigned> dims) {
      double result = 1;
      for (unsigned dim : dims)
        result *= staticSize(dim).value_or(typicalSize);
      return result;
    };
    auto joined = [&](std::initializer_list<ArrayRef<unsigned>> groups) {
      Dims all;
      for (ArrayRef<unsigned> group : groups)
        for (unsigned dim : group)
          all.push_back(dim);
      return all;
    };
    auto known = [&](AffineMap map, Dims dims) {
      llvm::erase_if(dims, [&](unsigned dim) { return !map.isFunctionOfDim(dim); });
      return dims;
    };
    Dims left = known(product.leftMap, joined({product.batch, product.rows, product.depth})),
         right = known(product.rightMap, joined({product.batch, product.depth, product.columns})),
         turned = known(product.rightMap, joined({product.batch, product.columns, product.depth})),
         result = joined({product.batch, product.rows, product.columns});
    double total = size(right);
    if (!isInOrder(product.leftMap, left))
      total += 2 * size(left);
    if (!isInOrder(product.rightMap, right) && !isInOrder(product.rightMap, turned))
      total += 2 * size(right);
    if (!isInOrder(product.resultMap, result))
      total += 2 * size(result);
    return total;
  }

  /// Dims of a group in the order in which a map has them.
  static void orderAs(Dims &dims, AffineMap map) {
    llvm::sort(dims, [&](unsigned a, unsigned b) { return positionOf(map, a) < positionOf(map, b); });
  }
  static unsigned positionOf(AffineMap map, unsigned dim) {
    return *map.getResultPosition(getAffineDimExpr(dim, map.getContext()));
  }

  bool isWorthwhile(Product const &product, std::string &reason) {
    std::optional<int64_t> columns = staticSize(product.columns), rows = staticSize(product.rows);
    if (columns && *columns < fewestColumns)
      return reason = "it has only " + std::to_string(*columns) + " columns", false;
    auto function = op->getParentOfType<func::FuncOp>();
    llvm::SetVector<Operation *> slice;
    if (rows && *rows < fewestRows && !(function && kernels::Weights(function).feed(product.right, slice)))
      return reason = "with " + std::to_string(*rows) + " rows, packing in every run costs more than it saves", false;
    return true;
  }

  std::optional<int64_t> staticSize(ArrayRef<unsigned> dims) {
    int64_t size = 1;
    SmallVector<int64_t> ranges = op.getStaticLoopRanges();
    for (unsigned dim : dims) {
      if (ShapedType::isDynamic(ranges[dim]))
        return std::nullopt;
      size *= ranges[dim];
    }
    return size;
  }

  bool readsLeftTransposed(Product const &product) {
    if (product.rows.empty() || product.depth.empty() ||
        positionOf(product.leftMap, product.rows.front()) < positionOf(product.leftMap, product.depth.front()))
      return false;
    std::optional<int64_t> rows = staticSize(product.rows), depth = staticSize(product.depth);
    return rows && depth && *rows * *depth <= mostStrided;
  }

  Value emit(Product const &product, Value begin) {
    bool transposed = positionOf(product.rightMap, product.columns.front()) <
                      (product.depth.empty() ? 0 : positionOf(product.rightMap, product.depth.front()));
    ArrayRef<unsigned> second = transposed ? product.columns : product.depth,
                       third = transposed ? product.depth : product.columns;
    Value right = arrange(product.right, product.rightMap, product.batch, second, third);
    bool single = product.batch.empty() && product.rows.empty(), leftTransposed = readsLeftTransposed(product);
    Value left = single ? arrangeRow(product.left, product.leftMap, product.depth)
                        : arrange(product.left, product.leftMap, product.batch, leftTransposed ? product.depth : product.rows,
                                  leftTransposed ? product.rows : product.depth);

    SmallVector<OpFoldResult> outer;
    for (unsigned dim : product.batch)
      outer.push_back(sizeOf(dim));
    OpFoldResult depth = sizeOf(product.depth), columns = sizeOf(product.columns);
    SmallVector<OpFoldResult> packedShape(outer);
    AffineExpr d0 = builder.getAffineDimExpr(0);
    packedShape.push_back(
        affine::makeComposedFoldedAffineApply(builder, loc, d0.ceilDiv(width), ArrayRef<OpFoldResult>(columns)));
    packedShape.append({depth, builder.getIndexAttr(width)});
    Value packed = tensor::EmptyOp::create(builder, loc, packedShape, builder.getF32Type());
    packed = ir::PackOp::create(builder, loc, right, packed, transposed)->getResult(0);

    SmallVector<OpFoldResult> shape(outer);
    if (!single)
      shape.push_back(sizeOf(product.rows));
    shape.push_back(columns);
    // The axes of the result as they come out of the product.
    Dims order(product.batch);
    order.append(product.rows);
    order.append(product.columns);
    bool sameShape =
        isInOrder(product.resultMap, order) && product.columns.size() == 1 && product.rows.size() == (single ? 0 : 1);
    Value zeroed = zeroedInit();
    Value init =
        sameShape && zeroed ? zeroed : Value(tensor::EmptyOp::create(builder, loc, shape, builder.getF32Type()));
    bool accumulate = begin && sameShape && zeroed;
    if (accumulate)
      init = begin;
    Value result = ir::MatmulOp::create(builder, loc, left, packed, init, leftTransposed, accumulate)->getResult(0);
    if (!sameShape)
      result = spread(result, product, single, order);
    if (!zeroed) {
      Value old = op.getDpsInits().front();
      result = linalg::AddOp::create(builder, loc, ValueRange{result, old}, ValueRange{old})->getResult(0);
    }
    return result;
  }

  /// What lies below the zeros that the contraction adds to; null if it adds to something else.
  Value zeroedInit() {
    auto fill = op.getDpsInits().front().getDefiningOp<linalg::FillOp>();
    if (!fill || !matchPattern(fill.getInputs().front(), m_AnyZeroFloat()))
      return {};
    return fill.getOutputs().front();
  }

  static bool isInOrder(AffineMap map, ArrayRef<unsigned> order) {
    for (auto [position, dim] : llvm::enumerate(order))
      if (map.getDimPosition(position) != dim)
        return false;
    return true;
  }

  OpFoldResult sizeOf(unsigned dim) {
    for (OpOperand &operand : op->getOpOperands()) {
      AffineMap map = op.getMatchingIndexingMap(&operand);
      if (auto position = map.getResultPosition(getAffineDimExpr(dim, map.getContext())))
        return tensor::getMixedSize(builder, loc, operand.get(), *position);
    }
    llvm_unreachable("every dimension of a contraction is an axis of an operand");
  }
  OpFoldResult sizeOf(ArrayRef<unsigned> dims) {
    OpFoldResult size = builder.getIndexAttr(1);
    AffineExpr product = builder.getAffineDimExpr(0) * builder.getAffineSymbolExpr(0);
    for (unsigned dim : dims)
      size = affine::makeComposedFoldedAffineApply(builder, loc, product, {size, sizeOf(dim)});
    return size;
  }

  Value transpose(Value value, ArrayRef<int64_t> permutation) {
    if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
      return value;
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value), permuted;
    for (int64_t axis : permutation)
      permuted.push_back(sizes[axis]);
    Value init = tensor::EmptyOp::create(builder, loc, permuted, getElementTypeOrSelf(value));
    return linalg::TransposeOp::create(builder, loc, value, init, permutation)->getResult(0);
  }

  /// An operand with an axis per batch dim, then one for `second` and one for `third`. A batch dim it does not have:
  /// none.
  Value arrange(Value value, AffineMap map, ArrayRef<unsigned> batch, ArrayRef<unsigned> second,
                ArrayRef<unsigned> third) {
    SmallVector<int64_t> permutation;
    SmallVector<ReassociationIndices> groups;
    auto append = [&](ArrayRef<unsigned> dims) {
      ReassociationIndices &group = groups.emplace_back();
      for (unsigned dim : dims) {
        group.push_back(permutation.size());
        permutation.push_back(positionOf(map, dim));
      }
    };
    for (unsigned dim : batch)
      append(dim);
    append(second);
    append(third);
    value = transpose(value, permutation);
    SmallVector<OpFoldResult> shape;
    for (unsigned dim : batch)
      shape.push_back(sizeOf(dim));
    shape.append({sizeOf(second), sizeOf(third)});
    return regroup(value, groups, shape);
  }
  Value arrangeRow(Value value, AffineMap map, ArrayRef<unsigned> depth) {
    SmallVector<int64_t> permutation;
    ReassociationIndices group;
    for (unsigned dim : depth) {
      group.push_back(permutation.size());
      permutation.push_back(positionOf(map, dim));
    }
    return regroup(transpose(value, permutation), {group}, {sizeOf(depth)});
  }

  /// Collapses groups of axes; a group without axes becomes an axis of size 1.
  Value regroup(Value value, ArrayRef<ReassociationIndices> groups, ArrayRef<OpFoldResult> shape) {
    SmallVector<ReassociationIndices> present;
    SmallVector<OpFoldResult> sizes;
    for (auto [group, size] : llvm::zip_equal(groups, shape))
      if (!group.empty()) {
        present.push_back(group);
        sizes.push_back(size);
      }
    if (static_cast<int64_t>(present.size()) != cast<ShapedType>(value.getType()).getRank())
      value = tensor::CollapseShapeOp::create(builder, loc, value, present);
    if (present.size() == groups.size())
      return value;
    // Unit axes go to the group of the axis in front of them, or behind them at the start.
    SmallVector<ReassociationIndices> expanded;
    ReassociationIndices pending;
    for (auto [axis, group] : llvm::enumerate(groups)) {
      if (group.empty() && !expanded.empty()) {
        expanded.back().push_back(axis);
        continue;
      }
      pending.push_back(axis);
      if (!group.empty())
        expanded.push_back(std::exchange(pending, {}));
    }
    return expand(value, expanded, shape);
  }

  Value expand(Value value, ArrayRef<ReassociationIndices> groups, ArrayRef<OpFoldResult> shape) {
    SmallVector<int64_t> sizes;
    SmallVector<Value> dynamic;
    dispatchIndexOpFoldResults(shape, dynamic, sizes);
    auto type = RankedTensorType::get(sizes, getElementTypeOrSelf(value));
    return tensor::ExpandShapeOp::create(builder, loc, type, value, groups, SmallVector<OpFoldResult>(shape));
  }

  /// [batch.., rows, columns] to one axis per dim, in the order of the result's map.
  Value spread(Value result, Product const &product, bool single, ArrayRef<unsigned> order) {
    SmallVector<ReassociationIndices> groups;
    SmallVector<OpFoldResult> shape;
    auto append = [&](ArrayRef<unsigned> dims) {
      ReassociationIndices &group = groups.emplace_back();
      for (unsigned dim : dims) {
        group.push_back(shape.size());
        shape.push_back(sizeOf(dim));
      }
    };
    for (unsigned dim : product.batch)
      append(dim);
    bool unitRow = !single && product.rows.empty();
    if (unitRow) { // one row per batch: the unit axis goes
      SmallVector<ReassociationIndices> axes;
      for (unsigned axis = 0; axis < product.batch.size(); ++axis)
        axes.push_back({axis});
      axes.back().push_back(product.batch.size());
      axes.push_back({static_cast<int64_t>(product.batch.size()) + 1});
      result = tensor::CollapseShapeOp::create(builder, loc, result, axes);
    } else if (!single) {
      append(product.rows);
    }
    append(product.columns);
    if (groups.size() != shape.size())
      result = expand(result, groups, shape);
    SmallVector<int64_t> permutation;
    for (AffineExpr expression : product.resultMap.getResults()) {
      unsigned dim = cast<AffineDimExpr>(expression).getPosition();
      permutation.push_back(llvm::find(order, dim) - order.begin());
    }
    return transpose(result, permutation);
  }

  OpBuilder &builder;
  Location loc;
  linalg::LinalgOp op;
  int64_t width;
};

struct PackContractions : impl::PackContractionsBase<PackContractions> {
  using PackContractionsBase::PackContractionsBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> contractions;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.hasPureTensorSemantics() && linalg::isaContractionOpInterface(op))
        contractions.push_back(op);
    });
    KernelTarget target{vectorBits, registers};
    int64_t width = kernels::TileShape::of(target).width();
    for (linalg::LinalgOp op : contractions) {
      linalg::GenericOp add = Packer::additionTo(op);
      OpBuilder builder(add ? add.getOperation() : op.getOperation());
      std::string reason;
      Value begin = add ? Packer::otherOf(add, op->getResult(0)) : Value();
      Value result = Packer(builder, op, width).run(reason, begin);
      auto options = remark::RemarkOpts::name("pack-contraction").category("heed-kernels");
      if (!result) {
        remark::missed(op.getLoc(), options) << ("contraction is not packed: " + reason);
        continue;
      }
      remark::passed(op.getLoc(), options) << "contraction is packed";
      auto matmul = result.getDefiningOp<ir::MatmulOp>();
      if (matmul && matmul.getAccumulate()) {
        add->getResult(0).replaceAllUsesWith(result);
        add.erase();
      } else {
        op->getResult(0).replaceAllUsesWith(result);
      }
      op.erase();
    }
  }
};

} // namespace
} // namespace heed
