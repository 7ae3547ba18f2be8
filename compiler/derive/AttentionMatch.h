// AttentionMatch.h - finds weighted sums among definitions.
#pragma once

#include "compiler/derive/PairTerms.h"
#include "compiler/derive/Regions.h"

namespace heed::derive {

/// One factor of the score or the value as an operand: a product of values inside `owner`.
struct Factors {
  llvm::SmallVector<mlir::Value> values;
  mlir::Operation *owner = nullptr; // the definition they are computed in
  mlir::Operation *reduce = nullptr;
};

/// The definition of weights: a softmax, or any definition over pairs, whose weights are then plain.
class Weights {
public:
  Weights() = default;
  Weights(mlir::Operation *op) : op(op) {}
  explicit operator bool() const { return op != nullptr; }
  mlir::Operation *operator->() const { return op; }
  mlir::Operation *getOperation() const { return op; }

  heed::ir::SoftmaxOp getSoftmax() const { return mlir::dyn_cast_or_null<heed::ir::SoftmaxOp>(op); }
  bool isPlain() const { return !getSoftmax(); }
  mlir::RankedTensorType getType() const { return mlir::cast<mlir::RankedTensorType>(op->getResult(0).getType()); }
  /// As both operations have them.
  mlir::Region &getDomain() const { return op->getRegion(0); }
  mlir::Region &getValue() const { return op->getRegion(1); }
  bool hasDomain() const { return !getDomain().empty(); }
  mlir::Value getCondition() const { return getDomain().front().getTerminator()->getOperand(0); }
  llvm::SmallVector<mlir::OpFoldResult> getMixedSizes() const;

private:
  mlir::Operation *op = nullptr;
};

/// `out = sum_j weight * value`, the weight being softmax_j(score) or plain, with every index named by the argument of `out`
/// (or of its reduction) that it is.
struct AttentionMatch {
  heed::ir::DefineOp out;
  heed::ir::ReduceOp sum;
  Weights weights;

  llvm::SmallVector<mlir::Value> axes;  // by axis of the weights: an argument of `out`, or of `sum` at the softmax axis
  llvm::SmallVector<mlir::Value> batch; // arguments of `out`
  mlir::Value row;                      // an argument of `out`, or null: one row
  mlir::Value column;                   // the argument of `sum`
  mlir::Value feature;                  // an argument of `out`, or null: one feature
  Factors value;

  /// The sum over queries and keys, if the score has one: the definition of the dot products and its factors. If it `combines`,
  /// its terms are no products but made of one value of the query and one of the key, in some other way.
  heed::ir::DefineOp dots;
  heed::ir::ReduceOp dotSum;
  llvm::SmallVector<mlir::Value> dotAxes; // by axis of `dots`: as `axes`
  Factors query, key;
  bool combines = false;
  PairTerm term; ///< if it does
};

/// The definition of plain weights that `out` sums over, if it is one: it computes on dot products and nobody else reads it.
heed::ir::DefineOp plainWeights(heed::ir::DefineOp out);

/// A match at `out`, or nothing: of softmax weights, or of `plain` ones. `reason` is set if `out` sums such weights but cannot be
/// taken.
std::optional<AttentionMatch> matchAttention(heed::ir::DefineOp out, bool plain, std::string &reason);

} // namespace heed::derive
