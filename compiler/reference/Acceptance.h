// Acceptance.h - the rule by which a compiled result is right: how far it may be from the f64 result.
//
// A fixed tolerance is either loose enough to let a wrong mask cell pass or tight enough to fail correct code on
// another model. The rule instead asks how far plain f32 is from f64 on the same inputs: `samples` holds the plain f32
// result and results with random rounding (Precision::F32Random). Their errors show what rounding alone can do to each
// element. With eps = 2^-23, and `noise` the root mean square of the samples' errors:
//
//   (A1) NaN where f64 has NaN; infinities agree (a value beyond f32's range must be infinite);
//   (A2) integers and booleans are equal;
//   (A3) the largest error is at most 2 x the largest error of any sample, plus 2 ulp of the largest value;
//   (A4) every element: error <= 8 noise(row) + 2 noise(tensor) + 2 ulp(element). A row is the elements that differ in
//   the last
//        axis only. This stands for 8 eps (1 + sqrt(n)) sum p|V| of plain attention: like that bound it grows with the
//        magnitudes that were summed, not with the result, but it needs no knowledge of what the equation is;
//   (A5) where f64 and all samples agree exactly on 0 (a fully masked row), so must the result;
//   (A6) NMSE = sum error^2 / sum value^2 <= 1e-11, or 4 x that of the noise where f32 itself is worse than that;
//   (A7) the mean signed error is at most eps x the largest value + 4 noise / sqrt(number of elements): no systematic
//   shift.
#pragma once

#include "compiler/reference/Evaluate.h"

namespace heed::reference {

struct Verdict {
  bool accepted = false;
  std::string reason; // the broken rules, "A3: largest error 1.2e-3, allowed 4.1e-7; ..."; empty if accepted

  double largestError = 0, largestSampleError = 0; // finite elements
  double nmse = 0, bias = 0;

  /// The element that is furthest outside its bound (A4), or closest to it.
  struct Worst {
    std::vector<int64_t> index;
    double expected = 0, got = 0, plain = 0, bound = 0;
  } worst;

  int64_t elements = 0, mismatches = 0;              // elements outside (A1), (A2), (A4) or (A5)
  std::vector<std::vector<int64_t>> mismatchesAlong; // per axis and position, so that a wrong tile is visible at once

  /// Several lines for people.
  std::string report(std::string const &name) const;
};

/// `samples` must not be empty; the first is the plain f32 result.
Verdict accept(Element element, Array const &got, Array const &exact, std::vector<Array> const &samples);

/// Whether the samples agree with f64 well enough to judge anything: discrete values and NaNs equal. If not, the inputs
/// sit on a decision (a tie of an argmax, a threshold) and say nothing about the compiled code.
bool isDecisive(Element element, Array const &exact, std::vector<Array> const &samples);

} // namespace heed::reference
