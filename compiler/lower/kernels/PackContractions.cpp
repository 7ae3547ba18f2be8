// PackContractions.cpp - linalg contractions to heed.pack and heed.matmul.
#include "compiler/lower/kernels/Kernels.h"
#include "compiler/lower/kernels/ProductShapes.h"
#include "compiler/lower/kernels/RegisterTile.h"
#include "compiler/lower/kernels/Weights.h"
#include "dialect/HeedOps.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Remarks.h"

namespace heed {
#define GEN_PASS_DEF_PACKCONTRACTIONS
#include "compiler/lower/kernels/Passes.h.inc"

using namespace mlir;

namespace {

using kernels::ProductForm;
using kernels::staticSize;

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
    std::optional<ProductForm> product = kernels::productForm(op, reason);
    if (!product || !isWorthwhile(*product, reason))
      return {};
    return emit(*product, begin);
  }

private:
  bool isWorthwhile(ProductForm const &product, std::string &reason) {
    std::optional<int64_t> columns = staticSize(op, product.columns), rows = staticSize(op, product.rows);
    if (columns && *columns < kernels::fewestColumns)
      return reason = "it has only " + std::to_string(*columns) + " columns", false;
    auto function = op->getParentOfType<func::FuncOp>();
    llvm::SetVector<Operation *> slice;
    if (rows && *rows < kernels::fewestRows && !(function && kernels::Weights(function).feed(product.right, slice)))
      return reason = "with " + std::to_string(*rows) + " rows, packing in every run costs more than it saves", false;
    return true;
  }

  Value emit(ProductForm const &product, Value begin) {
    kernels::ProductShapes shapes(builder, op, product);
    bool transposed = product.isRightTransposed(), single = product.isSingleRow();
    bool leftTransposed = kernels::readsLeftTransposed(op, product);
    auto arrange = [&](Value value, AffineMap map, ArrayRef<unsigned> outside, bool turned) {
      ArrayRef<unsigned> depth = product.depth;
      return turned ? shapes.arrange(value, map, depth, outside) : shapes.arrange(value, map, outside, depth);
    };
    Value right = arrange(product.right, product.rightMap, product.columns, !transposed);
    Value left = single ? shapes.arrangeRow(product.left, product.leftMap)
                        : arrange(product.left, product.leftMap, product.rows, leftTransposed);

    SmallVector<OpFoldResult> outer;
    for (unsigned dim : product.batch)
      outer.push_back(shapes.sizeOf(dim));
    OpFoldResult depth = shapes.sizeOf(product.depth), columns = shapes.sizeOf(product.columns);
    SmallVector<OpFoldResult> packedShape(outer);
    AffineExpr d0 = builder.getAffineDimExpr(0);
    packedShape.push_back(
        affine::makeComposedFoldedAffineApply(builder, loc, d0.ceilDiv(width), ArrayRef<OpFoldResult>(columns)));
    packedShape.append({depth, builder.getIndexAttr(width)});
    Value packed = tensor::EmptyOp::create(builder, loc, packedShape, builder.getF32Type());
    packed = ir::PackOp::create(builder, loc, right, packed, transposed)->getResult(0);

    SmallVector<OpFoldResult> shape(outer);
    if (!single)
      shape.push_back(shapes.sizeOf(product.rows));
    shape.push_back(columns);
    bool sameShape = product.hasShapeOfResult();
    Value zeroed = zeroedInit();
    Value init =
        sameShape && zeroed ? zeroed : Value(tensor::EmptyOp::create(builder, loc, shape, builder.getF32Type()));
    bool accumulate = begin && sameShape && zeroed;
    if (accumulate)
      init = begin;
    Value result = ir::MatmulOp::create(builder, loc, left, packed, init, leftTransposed, accumulate)->getResult(0);
    if (!sameShape)
      result = shapes.spread(result);
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
