// PartialSums.h - what blocks of several parts of the keys find for the same queries, and the kernel that combines it.
//
// With few queries, blocks of queries are few as well, and most of the device would wait. So the keys are cut into parts, each the
// work of a block. How many there are follows from the number of keys alone; the result for a query does not depend on what else
// is computed, and is the same every time.
#pragma once

#include "compiler/gpu/Launch.h"
#include "compiler/gpu/QueryRows.h"
#include "compiler/lower/kernels/Operand.h"

namespace heed::device {

/// Weighted sums of queries in memory, with the subscripts of the result. With a state: relative to the maxima, and not divided yet.
struct KeptSums {
  Value sums;
  kernels::SweepState state = {};
  bool isPart = false; ///< others are added later, and what the softmax has besides the keys as well
};

/// The score of what a softmax has besides the keys for `query`, the indices b.., i: times log2(e), and finite, as inf - inf
/// would be NaN.
Value scoreOfRest(Emit &emit, ir::AttentionOp op, ValueRange query);

class PartialSums {
public:
  /// nullopt: there are blocks enough, or too few keys.
  static std::optional<PartialSums> plan(Emit &emit, ir::AttentionOp op, QueryRows const &rows, int64_t sweeps);

  Value parts() const { return partCount; }
  /// Where part `number` of a sweep keeps what it finds; in a kernel.
  KeptSums of(Emit &emit, int64_t sweep, Value number) const;
  /// The launch that makes the result of all of them.
  void combine(Emit &emit) const;

private:
  PartialSums(ir::AttentionOp op, Value partCount, Value slots) : op(op), partCount(partCount), slots(slots) {}

  ir::AttentionOp op;
  Value partCount, slots; ///< a slot for each part of each sweep
  Value sums, maximum, total; ///< the subscripts are a slot and those of the result, or b.., i
};

} // namespace heed::device
