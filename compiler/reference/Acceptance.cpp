// Acceptance.cpp - rules (A1) to (A7) of Acceptance.h.
#include "compiler/reference/Acceptance.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace heed::reference {

constexpr double Epsilon = 0x1p-23;

static bool isDiscrete(Element element) {
  return element == Element::I32 || element == Element::I8 || element == Element::Bool;
}

/// The distance between neighbours of `value` in the format of `element`.
static double ulp(Element element, double value) {
  int bits = element == Element::F16 ? 11 : element == Element::BF16 ? 8 : 24;
  int minimum = element == Element::F16 ? -14 : -126;
  if (!std::isfinite(value))
    return 0;
  int exponent = minimum;
  if (value != 0)
    exponent = std::max(std::ilogb(value), minimum);
  return std::ldexp(1.0, exponent - (bits - 1));
}

/// `exact` as f32 must show it: what is beyond the range of f32 is infinite.
static double representable(double exact) {
  return std::isfinite(static_cast<float>(exact)) ? exact : static_cast<float>(exact);
}

static bool agreesOutsideNumbers(double got, double expected) {
  if (std::isnan(expected) || std::isnan(got))
    return std::isnan(expected) && std::isnan(got);
  return got == expected;
}

namespace {

/// The errors of the samples, and sums of their squares by row and over the tensor.
struct Noise {
  Noise(Array const &exact, std::vector<Array> const &samples) {
    rowLength = exact.shape.empty() ? 1 : std::max<int64_t>(exact.shape.back(), 1);
    size_t count = exact.data.size();
    rows.assign((count + rowLength - 1) / rowLength, 0);
    std::vector<int64_t> counted(rows.size(), 0);
    alwaysZero.assign(count, true);
    int64_t total = 0;
    for (Array const &sample : samples)
      for (size_t index = 0; index < count; ++index) {
        alwaysZero[index] = alwaysZero[index] && exact.data[index] == 0 && sample.data[index] == 0;
        double error = sample.data[index] - representable(exact.data[index]);
        if (!std::isfinite(error))
          continue;
        largest = std::max(largest, std::fabs(error));
        rows[index / rowLength] += error * error;
        tensor += error * error;
        ++counted[index / rowLength], ++total;
      }
    for (size_t row = 0; row < rows.size(); ++row)
      rows[row] = counted[row] ? std::sqrt(rows[row] / counted[row]) : 0;
    tensor = total ? std::sqrt(tensor / total) : 0;
  }

  double ofRow(size_t index) const { return rows[index / rowLength]; }

  double tensor = 0, largest = 0;
  std::vector<bool> alwaysZero;

private:
  int64_t rowLength;
  std::vector<double> rows;
};

class Judge {
public:
  Judge(Element element, Array const &got, Array const &exact, std::vector<Array> const &samples)
      : element(element), got(got), exact(exact), samples(samples), noise(exact, samples) {}

  Verdict judge() {
    verdict.elements = exact.data.size();
    for (int64_t extent : exact.shape)
      verdict.mismatchesAlong.emplace_back(extent, 0);
    for (size_t index = 0; index < exact.data.size(); ++index)
      visit(index);
    if (verdict.mismatches)
      complain(fmt::format("{}: {} of {} elements are outside their bounds", firstRule, verdict.mismatches,
                           verdict.elements));
    if (!isDiscrete(element) && finite)
      judgeAll();
    verdict.accepted = verdict.reason.empty();
    return std::move(verdict);
  }

private:
  void complain(std::string const &text) { verdict.reason += (verdict.reason.empty() ? "" : "; ") + text; }

  void visit(size_t index) {
    double expected = representable(exact.data[index]), value = got.data[index];
    if (isDiscrete(element)) {
      consider(index, std::fabs(value - expected), 0, "A2");
    } else if (!std::isfinite(expected) || !std::isfinite(value)) {
      bool agrees = agreesOutsideNumbers(value, expected);
      consider(index, agrees ? 0 : std::numeric_limits<double>::infinity(), 0, "A1");
    } else {
      double error = value - expected, bound = 0;
      if (!noise.alwaysZero[index])
        bound = 8 * noise.ofRow(index) + 2 * noise.tensor + 2 * ulp(element, expected);
      consider(index, std::fabs(error), bound, noise.alwaysZero[index] ? "A5" : "A4");
      verdict.largestError = std::max(verdict.largestError, std::fabs(error));
      largestValue = std::max(largestValue, std::fabs(expected));
      squaredError += error * error, squaredValue += expected * expected, signedError += error;
      ++finite;
    }
  }

  /// Counts a mismatch, and keeps the worst element.
  void consider(size_t index, double error, double bound, char const *rule) {
    bool mismatch = !(error <= bound);
    double excess = mismatch ? (bound > 0 ? error / bound : std::numeric_limits<double>::infinity())
                             : (bound > 0 ? error / bound : 0);
    std::vector<int64_t> subscripts(exact.shape.size());
    if (mismatch || excess > worstExcess || index == 0)
      for (size_t axis = exact.shape.size(), rest = index; axis-- > 0; rest /= exact.shape[axis])
        subscripts[axis] = rest % exact.shape[axis];
    if (excess > worstExcess || index == 0) {
      worstExcess = excess;
      verdict.worst = {subscripts, exact.data[index], got.data[index], samples[0].data[index], bound};
    }
    if (!mismatch)
      return;
    if (!verdict.mismatches++)
      firstRule = rule;
    for (size_t axis = 0; axis < subscripts.size(); ++axis)
      ++verdict.mismatchesAlong[axis][subscripts[axis]];
  }

  void judgeAll() {
    verdict.largestSampleError = noise.largest;
    double allowed = 2 * noise.largest + 2 * ulp(element, largestValue);
    if (!(verdict.largestError <= allowed))
      complain(fmt::format("A3: largest error {:.3g}, allowed {:.3g}", verdict.largestError, allowed));

    double ownNoise = squaredValue > 0 ? noise.tensor * noise.tensor * finite / squaredValue : 0;
    verdict.nmse = squaredError == 0 ? 0 : squaredError / squaredValue;
    double resolution = ulp(element, 1) / Epsilon; // f16 and bf16 results cannot be better than their format
    double allowedNmse = std::max(1e-11 * resolution * resolution, 4 * ownNoise);
    if (!(verdict.nmse <= allowedNmse) && squaredValue > 0)
      complain(fmt::format("A6: NMSE {:.3g}, allowed {:.3g}", verdict.nmse, allowedNmse));

    verdict.bias = signedError / finite;
    double allowedBias = ulp(element, 1) * largestValue + 4 * noise.tensor / std::sqrt(static_cast<double>(finite)) +
                         2 * ulp(element, 0);
    if (!(std::fabs(verdict.bias) <= allowedBias))
      complain(fmt::format("A7: mean error {:.3g}, allowed {:.3g}", verdict.bias, allowedBias));
  }

  Element element;
  Array const &got, &exact;
  std::vector<Array> const &samples;
  Noise noise;
  Verdict verdict;
  char const *firstRule = "";
  double worstExcess = 0, largestValue = 0, squaredError = 0, squaredValue = 0, signedError = 0;
  int64_t finite = 0;
};

} // namespace

Verdict accept(Element element, Array const &got, Array const &exact, std::vector<Array> const &samples) {
  bool sameShape = got.shape == exact.shape && got.data.size() == exact.data.size();
  for (Array const &sample : samples)
    sameShape &= sample.data.size() == exact.data.size();
  if (!sameShape || samples.empty()) {
    Verdict verdict;
    verdict.reason =
        fmt::format("the shape is [{}], expected [{}]", fmt::join(got.shape, ", "), fmt::join(exact.shape, ", "));
    return verdict;
  }
  return Judge(element, got, exact, samples).judge();
}

bool isDecisive(Element element, Array const &exact, std::vector<Array> const &samples) {
  for (Array const &sample : samples) {
    if (sample.shape != exact.shape)
      return false;
    for (size_t index = 0; index < exact.data.size(); ++index) {
      double expected = representable(exact.data[index]), value = sample.data[index];
      bool same = isDiscrete(element) || !std::isfinite(expected) || !std::isfinite(value)
                      ? agreesOutsideNumbers(value, expected)
                      : true;
      if (!same)
        return false;
    }
  }
  return true;
}

std::string Verdict::report(std::string const &name) const {
  std::string text = fmt::format("{}: {}\n", name, accepted ? "accepted" : "rejected: " + reason);
  if (elements)
    text += fmt::format("  largest error {:.3g} (f32: {:.3g}), NMSE {:.3g}, mean error {:.3g}\n"
                        "  worst element [{}]: expected {:.9g}, got {:.9g}, plain f32 {:.9g}, allowed error {:.3g}\n",
                        largestError, largestSampleError, nmse, bias, fmt::join(worst.index, ", "), worst.expected,
                        worst.got, worst.plain, worst.bound);
  if (mismatches)
    for (size_t axis = 0; axis < mismatchesAlong.size(); ++axis) {
      text += fmt::format("  mismatches along axis {}:", axis);
      int shown = 0;
      for (size_t position = 0; position < mismatchesAlong[axis].size() && shown < 16; ++position)
        if (int64_t count = mismatchesAlong[axis][position])
          text += fmt::format(" {}: {}", position, count), ++shown;
      text += shown == 16 ? " ...\n" : "\n";
    }
  return text;
}

} // namespace heed::reference
