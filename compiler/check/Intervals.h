// Intervals.h - bounds of the values of integer tensors, for subscripts that depend on data.
#pragma once

#include "compiler/check/Prover.h"

namespace heed::elaborate {

class Intervals {
public:
  explicit Intervals(Program const &program);
  Interval of(TensorId tensor);

private:
  Program const &program;
  struct Source {
    std::vector<ExprPtr> values; // of the definition and of its starts
  };
  std::vector<Source> sources;
  std::vector<std::optional<Interval>> known;
  std::vector<bool> running;

  Interval of(ExprPtr const &expr);
  static std::optional<Size> smaller(std::optional<Size> const &a, std::optional<Size> const &b);
  static std::optional<Size> larger(std::optional<Size> const &a, std::optional<Size> const &b);
};

} // namespace heed::elaborate
