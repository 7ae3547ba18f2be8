// Prover.h - proofs about indices and sizes: conditions that hold whenever some facts do.
//
// Integer arithmetic is linear over indices, run-time sizes and opaque terms; floor division and remainder by
// constants, min, max, abs and choices are described by what is known of them. A proof refutes the facts together with
// the negated condition by Fourier-Motzkin elimination with integer tightening. The answer "no" means: not proved.
#pragma once

#include "compiler/check/Build.h"

#include <functional>

namespace heed::elaborate {

/// Bounds of the values of an integer tensor, as far as they are known.
struct Interval {
  std::optional<Size> low, high;
};

class Prover {
public:
  /// `count`: what a read element is, if it is a number of positions that is computed for itself; or null.
  Prover(Program const &program, std::function<Interval(TensorId)> interval,
         std::function<ExprPtr(Expr::Read const &)> count)
      : program(program), interval(std::move(interval)), count(std::move(count)) {}

  bool holds(ExprPtr const &condition, std::vector<ExprPtr> const &facts) const;
  bool contradictory(std::vector<ExprPtr> const &facts) const;

private:
  friend class Query;
  Program const &program;
  std::function<Interval(TensorId)> interval;
  std::function<ExprPtr(Expr::Read const &)> count;
};

/// Values of indices and sizes at which `facts` hold and `condition` does not, as "i = 0, n = 4"; nothing if none is
/// found.
std::optional<std::string> findWitness(Program const &program, ExprPtr const &condition,
                                       std::vector<ExprPtr> const &facts, ExprPtr const &value = nullptr,
                                       int64_t *valueThere = nullptr);

} // namespace heed::elaborate
