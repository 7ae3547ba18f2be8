// BlockProducts.cpp - products and what stands between them are computed for a few rows at a time.
#include "compiler/lower/Passes.h"
#include "compiler/lower/RowBlocks.h"

#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/IR/Remarks.h"

namespace heed {
#define GEN_PASS_DEF_BLOCKPRODUCTS
#include "compiler/lower/Passes.h.inc"

using namespace mlir;

namespace {

constexpr llvm::StringLiteral triedName = "heed.tried";
/// Matrices of this many bytes stay in the second-level cache, beside the rows of a block.
constexpr int64_t mostWhole = 1 << 18;
/// The widest tensor of a block has about this many bytes.
constexpr int64_t blockBytes = 3 << 14;
/// Rows of a block: fewer, and sums are stored too often; more, and they leave the first-level cache.
constexpr int64_t fewestRows = 24, mostRows = 96;
/// As many heads are tasks of their own.
constexpr int64_t manyHeads = 8;
/// Elements inside a chain that no cache holds.
constexpr double worthwhile = 1 << 18;

/// Whether the widest tensor is summed, or its maximum is taken. Otherwise all that stands between two products is one function of elements:
/// that pass over memory costs less than a product gains by many rows.
bool reducesWidest(RowChain const &chain) {
  double widest = 0;
  for (Operation *op : chain.operations())
    if (chain.axisOf(op->getResult(0)))
      widest = std::max(widest, RowChain::elements(op->getResult(0)));
  return llvm::any_of(chain.operations(), [&](Operation *op) {
    auto structured = cast<linalg::LinalgOp>(op);
    return structured.getNumReductionLoops() != 0 && !linalg::isaContractionOpInterface(structured) &&
           llvm::any_of(structured.getDpsInputs(),
                        [&](Value input) { return chain.axisOf(input) && RowChain::elements(input) == widest; });
  });
}

struct BlockProducts : impl::BlockProductsBase<BlockProducts> {
  using BlockProductsBase::BlockProductsBase;

  void runOnOperation() override {
    runOn(getOperation().getBody().front(), /*nested=*/false);
    getOperation().walk([](Operation *op) { op->removeAttr(triedName); });
  }

  void runOn(Block &block, bool nested) {
    auto next = [&]() -> linalg::LinalgOp {
      for (auto op : block.getOps<linalg::LinalgOp>())
        if (!op->hasAttr(triedName) && op.hasPureTensorSemantics() && linalg::isaContractionOpInterface(op))
          return op;
      return {};
    };
    while (linalg::LinalgOp product = next())
      if (!tryFrom(product, nested))
        product->setAttr(triedName, UnitAttr::get(&getContext()));
  }

  /// The rows of a product: of its result, or of an operand that it sums.
  bool tryFrom(linalg::LinalgOp product, bool nested) {
    SmallVector<Value> seeds{product->getResult(0)};
    llvm::append_range(seeds, product.getDpsInputs());
    std::string reason;
    for (Value seed : seeds) {
      auto type = cast<RankedTensorType>(seed.getType());
      Operation *maker = seed.getDefiningOp();
      if (!maker || maker->getBlock() != product->getBlock() || RowChain::longAxes(seed) != 1)
        continue;
      int64_t axis = llvm::find_if(type.getShape(), RowChain::isLong) - type.getShape().begin();
      if (runRows(seed, axis, product, nested, reason))
        return true;
    }
    return false;
  }

  bool runRows(Value seed, int64_t axis, Operation *product, bool nested, std::string &reason) {
    std::optional<RowChain> rows = RowChain::growAround(seed, axis, /*sums=*/true, mostWhole, reason);
    // What only the chain knows is neither written nor read again.
    if (!rows || !llvm::is_contained(rows->operations(), product) || rows->inside() < worthwhile ||
        2 * rows->inside() < rows->around() || !reducesWidest(*rows))
      return false;
    Location loc = product->getLoc();
    if (!nested)
      for (int64_t head = 0; head < axis; ++head)
        if (cast<RankedTensorType>(seed.getType()).getDimSize(head) >= manyHeads)
          if (auto heads = RowChain::growAround(seed, head, /*sums=*/false, mostWhole, reason)) {
            runOn(*runByBlocks(*heads, 1, tasks), /*nested=*/true);
            return true;
          }
    int64_t height = std::clamp<int64_t>(blockBytes / std::max(1.0, rows->rowBytes()), fewestRows, mostRows) / 12 * 12;
    remark::passed(loc, remark::RemarkOpts::name("BlockProducts").category("heed-memory"))
        << ("computed for " + std::to_string(height) + " rows at a time, with " +
            std::to_string(rows->operations().size() - 1) + " operations around it");
    runByBlocks(*rows, height, nested ? 1 : tasks);
    return true;
  }
};

} // namespace
} // namespace heed
