// WarpKeyFilter.h - scans of data by the lanes of a warp.
#pragma once

#include "compiler/gpu/Launch.h"
#include "compiler/lower/kernels/KeyFilter.h"

namespace heed::device {

/// The 32 lanes of a warp look at a row or key each. All warps of a block get the same answers without waiting for each other,
/// as the data does not change while a kernel runs. All lanes must ask together.
class WarpKeyFilter final : public kernels::KeyFilter {
public:
  WarpKeyFilter(Emit &emit, ir::AttentionOp op, kernels::QueryBlock const &queries, Value thread)
      : KeyFilter(emit, op, queries, /*lanes=*/1),
        lane(emit.createOrFold<mlir::arith::RemUIOp>(thread, emit.index(warpLanes))) {}

  Value anyKey(domain::Part const &part, Value begin, int64_t width) override;

private:
  static constexpr int64_t warpLanes = 32;

  int64_t workers() const override { return warpLanes; }
  Value worker() override { return lane; }
  Value anyOf(Value found) override;
  Value leastOf(Value value) override;
  Value largestOf(Value value) override;
  Value across(Value value, llvm::function_ref<Value(Value, Value)> combine);

  Value lane;
};

} // namespace heed::device
