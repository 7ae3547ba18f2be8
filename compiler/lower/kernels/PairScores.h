// PairScores.h - the score and domain regions of an attention, for one pair or for neighbouring pairs on lanes.
#pragma once

#include "compiler/domain/Sweeps.h"
#include "compiler/lower/kernels/LaneCode.h"
#include "compiler/lower/kernels/ScoreForm.h"

namespace heed::kernels {

constexpr float Log2E = 1.44269504088896341f;

/// A pair, or the first of those on lanes: values of the indices of `op`.
struct Pair {
  SmallVector<Value> batch;
  Value row, key;
};

/// Scores are divided by ln 2, so that weights are powers of two. Those of `plain` attention are the weights.
class PairScores {
public:
  enum class Axis { Queries, Keys };
  /// The pairs of one lane and the next differ by `stride` along `axis`.
  PairScores(Emit &emit, ir::AttentionOp op, Axis axis, int64_t stride, domain::Sweep const &sweep,
             ArrayRef<Value> domainSymbols);

  /// Whether scores are dot products of scaled queries, once `factor` has been multiplied into the queries.
  bool areProducts() const { return form && !form->hasRest; }
  /// Whether scores depend on their dot product only: any pairs of an example may then be lanes.
  bool dependOnDotOnly();
  /// What queries are to be multiplied by; null: nothing.
  Value factor(ArrayRef<Value> batch);
  /// What stands for a score outside the domain: such that the weight is 0.
  float none() { return op.getPlain() ? 0.0f : -std::numeric_limits<float>::infinity(); }

  /// The score of what a softmax has besides the keys, as a key that was seen before all others and whose value is 0.
  Value rest(ArrayRef<Value> batch, Value row);

  /// Whether the regions can run on lanes; with `masked` also that of the domain.
  bool onLanes(bool masked);
  /// Scores of pairs on `lanes` lanes; `dot` is the dot product of the factored query, if there is one. Lanes from `count` on
  /// (null: there are none) and, if `masked`, those outside the domain get `none`.
  Value score(int64_t lanes, Pair const &first, Value dot, Value count, bool masked);
  /// The score of one pair.
  Value scoreOne(Pair const &pair, Value dot, bool masked);
  /// Whether a pair is in the domain.
  Value isInside(Pair const &pair);

private:
  Value inside(int64_t lanes, Pair const &first, Value count);
  Value unmasked(int64_t lanes, Pair const &first, Value dot, Value mask);
  void bind(LaneCode &code, mlir::Region &region, Pair const &first);
  Value evaluate(mlir::Region &region, Pair const &pair, Value dot);
  float scale() { return op.getPlain() ? 1.0f : Log2E; }

  Emit &emit;
  ir::AttentionOp op;
  Axis axis;
  int64_t stride;
  domain::Sweep const &sweep;
  ArrayRef<Value> domainSymbols;
  std::optional<LaneAnalysis> scoreAnalysis, domainAnalysis;
  std::optional<ScoreForm> form;
};

} // namespace heed::kernels
