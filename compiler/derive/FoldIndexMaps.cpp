// FoldIndexMaps.cpp - reads through definitions that only rearrange another tensor.
#include "compiler/derive/Regions.h"

#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace heed::ir;

namespace heed {
#define GEN_PASS_DEF_FOLDINDEXMAPS
#include "compiler/derive/Passes.h.inc"

namespace {

bool divides(AffineExpr expr) {
  return expr
      .walk([](AffineExpr part) {
        bool division = part.getKind() == AffineExprKind::FloorDiv || part.getKind() == AffineExprKind::CeilDiv ||
                        part.getKind() == AffineExprKind::Mod;
        return division ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

struct FoldIndexMaps : impl::FoldIndexMapsBase<FoldIndexMaps> {
  void runOnOperation() override {
    // In order, so that a chain of rearrangements folds into its first tensor.
    SmallVector<DefineOp> defines;
    getOperation().walk([&](DefineOp define) { defines.push_back(define); });
    for (DefineOp define : defines)
      fold(define);
  }

  void fold(DefineOp define) {
    auto read = define.getYielded().getDefiningOp<tensor::ExtractOp>();
    if (!read || read->getBlock() != define.getValueBlock())
      return;
    ValueRange indices = define.getValueBlock()->getArguments();
    SmallVector<AffineExpr> subscripts;
    SmallVector<Value> symbols;
    for (Value subscript : read.getIndices()) {
      AffineExpr form = derive::affineOf(subscript, indices, &symbols);
      if (!form)
        return;
      subscripts.push_back(form);
    }
    SmallVector<tensor::ExtractOp> readers;
    for (Operation *user : define->getUsers())
      if (auto reader = dyn_cast<tensor::ExtractOp>(user))
        readers.push_back(reader);
    if (readers.empty())
      return;
    auto remark = remark::RemarkOpts::name("FoldIndexMap").category("derive");
    if (llvm::any_of(subscripts, divides)) {
      remark::missed(define.getLoc(), remark) << "stored, because its subscripts divide";
      return;
    }
    for (tensor::ExtractOp reader : readers) {
      OpBuilder builder(reader);
      SmallVector<OpFoldResult> operands(reader.getIndices().begin(), reader.getIndices().end());
      llvm::append_range(operands, symbols);
      SmallVector<Value> composed;
      for (AffineExpr subscript : subscripts) {
        AffineMap map = AffineMap::get(indices.size(), symbols.size(), subscript);
        OpFoldResult folded = affine::makeComposedFoldedAffineApply(builder, reader.getLoc(), map, operands);
        composed.push_back(derive::sizeValues(builder, reader.getLoc(), folded).front());
      }
      Value value = tensor::ExtractOp::create(builder, reader.getLoc(), read.getTensor(), composed);
      reader.replaceAllUsesWith(value);
      reader.erase();
    }
    std::string form;
    llvm::raw_string_ostream(form) << AffineMap::get(indices.size(), symbols.size(), subscripts, &getContext());
    remark::passed(define.getLoc(), remark) << "read in place, at " << form;
    if (define->use_empty())
      define.erase();
  }
};

} // namespace
} // namespace heed
