// AttentionMatch.h - finds softmax-weighted sums among definitions.
#pragma once

#include "compiler/derive/Regions.h"

namespace heed::derive {

/// One factor of the score or the value as an operand: a product of values inside `owner`.
struct Factors {
  llvm::SmallVector<mlir::Value> values;
  mlir::Operation *owner = nullptr; // the definition they are computed in
  mlir::Operation *reduce = nullptr;
};

/// `out = sum_j softmax_j(score) * value`, with every index named by the argument of `out` (or of its reduction) that
/// it is.
struct AttentionMatch {
  heed::ir::DefineOp out;
  heed::ir::ReduceOp sum;
  heed::ir::SoftmaxOp weights;

  llvm::SmallVector<mlir::Value> axes;  // by axis of the weights: an argument of `out`, or of `sum` at the softmax axis
  llvm::SmallVector<mlir::Value> batch; // arguments of `out`
  mlir::Value row;                      // an argument of `out`, or null: one row
  mlir::Value column;                   // the argument of `sum`
  mlir::Value feature;                  // an argument of `out`, or null: one feature
  Factors value;

  /// The product of queries and keys, if the score has one: the definition of the dot products and its factors.
  heed::ir::DefineOp dots;
  heed::ir::ReduceOp dotSum;
  llvm::SmallVector<mlir::Value> dotAxes; // by axis of `dots`: as `axes`
  Factors query, key;
};

/// A match at `out`, or nothing. `reason` is set if `out` sums softmax weights but cannot be taken.
std::optional<AttentionMatch> matchAttention(heed::ir::DefineOp out, std::string &reason);

} // namespace heed::derive
