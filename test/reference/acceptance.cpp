// RUN: %build/bin/heed-acceptance-test
// Can the acceptance rule fail? A fused attention kernel in plain C++ f32 (tiles of keys, running maximum and sum)
// stands for compiled code: correct it is accepted, and with each of the injected bugs below it is rejected. Most fixed
// tolerances in use let some of them pass.
#include "Models.h"

#include "compiler/reference/Acceptance.h"
#include "compiler/reference/Random.h"

#include <algorithm>

using namespace heed;
using namespace heed::build;
using namespace heed::reference;

enum class Bug {
  None,
  OneMaskCell,    // one allowed pair of row n * 7 / 8 is left out
  LastKeyDropped, // of every row that sees the last key
  Scale,          // 1 / 8.1 instead of 1 / 8
  LastTileSkipped,
  OffByOne,        // j <= i + 1
  NoRescale,       // the sum is not rescaled when a tile raises the maximum
  LowPrecisionExp, // relative error of 2^-14, of one sign
  Truncation,      // results rounded toward zero at 2^-21: small, but always the same way
  MaskedRowNoise,  // a row without keys gets 1e-30 instead of 0
};

struct Kernel {
  int64_t n, d;
  Bug bug;
  bool shifted; // j < i instead of j <= i: row 0 is fully masked

  float exponential(float x) const {
    float value = std::exp(x);
    return bug == Bug::LowPrecisionExp ? value * (1 + 0x1p-14f) : value;
  }

  bool allowed(int64_t i, int64_t j) const {
    if (bug == Bug::OneMaskCell && i == n * 7 / 8 && j == 3)
      return false;
    if (bug == Bug::LastKeyDropped && j == n - 1)
      return false;
    if (bug == Bug::LastTileSkipped && j >= (n - 1) / 64 * 64)
      return false;
    return j <= i + (bug == Bug::OffByOne ? 1 : 0) - (shifted ? 1 : 0);
  }

  Array run(Array const &q, Array const &k, Array const &v) const {
    Array out{{n, d}, std::vector<double>(n * d)};
    float scale = bug == Bug::Scale ? 1 / 8.1f : 1 / 8.0f;
    for (int64_t i = 0; i < n; ++i) {
      float highest = -INFINITY, sum = 0;
      std::vector<float> row(d, 0.0f), scores(64);
      for (int64_t tile = 0; tile < n; tile += 64) {
        int64_t end = std::min(tile + 64, n);
        float before = highest;
        for (int64_t j = tile; j < end; ++j) {
          float lanes[8] = {};
          for (int64_t c = 0; c < d; ++c)
            lanes[c % 8] =
                std::fma(static_cast<float>(q.data[i * d + c]), static_cast<float>(k.data[j * d + c]), lanes[c % 8]);
          float dot = ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
          scores[j - tile] = allowed(i, j) ? dot * scale : -INFINITY;
          highest = std::max(highest, scores[j - tile]);
        }
        if (highest == -INFINITY)
          continue;
        float factor = before == -INFINITY ? 0 : exponential(before - highest);
        for (float &value : row)
          value *= factor;
        sum *= bug == Bug::NoRescale ? 1 : factor;
        for (int64_t j = tile; j < end; ++j)
          if (allowed(i, j)) {
            float weight = exponential(scores[j - tile] - highest);
            sum += weight;
            for (int64_t c = 0; c < d; ++c)
              row[c] = std::fma(weight, static_cast<float>(v.data[j * d + c]), row[c]);
          }
      }
      for (int64_t c = 0; c < d; ++c) {
        float value = sum == 0 ? (bug == Bug::MaskedRowNoise ? 1e-30f : 0) : row[c] / sum;
        out.data[i * d + c] = bug == Bug::Truncation ? std::trunc(value * 0x1p21) / 0x1p21 : value;
      }
    }
    return out;
  }
};

static std::vector<Array> samplesOf(Program const &program, Sample const &sample, int random) {
  std::vector<Array> samples{evaluate(program, sample.inputs, sample.params, Precision::F32).outputs.at(0)};
  for (int seed = 0; seed < random; ++seed)
    samples.push_back(
        evaluate(program, sample.inputs, sample.params, Precision::F32Random, nullptr, seed).outputs.at(0));
  return samples;
}

static void injectedBugs(int64_t n, Mask mask, std::vector<std::pair<Bug, char const *>> const &bugs) {
  Program program = attention(mask, 64, 64, 1.0 / 8);
  Sample sample = drawSample(program, {n}, 7);
  Array exact = evaluate(program, sample.inputs, sample.params).outputs.at(0);
  std::vector<Array> samples = samplesOf(program, sample, 2);
  expect(isDecisive(Element::F32, exact, samples), "decisive");
  for (auto [bug, name] : bugs) {
    Array got = Kernel{n, 64, bug, mask == Mask::Before}.run(sample.inputs[0], sample.inputs[1], sample.inputs[2]);
    Verdict verdict = accept(Element::F32, got, exact, samples);
    std::printf("n = %d %s", static_cast<int>(n), verdict.report(name).c_str());
    expect(verdict.accepted == (bug == Bug::None), std::string(name) + " at n = " + std::to_string(n));
  }
}

/// The report leads to the bug: one cell of the mask is one row.
static void reports() {
  Program program = attention(Mask::Causal, 64, 64, 1.0 / 8);
  Sample sample = drawSample(program, {64}, 1);
  Array exact = evaluate(program, sample.inputs, sample.params).outputs.at(0);
  std::vector<Array> samples = samplesOf(program, sample, 2);
  Array got = samples[1];
  got.data[56 * 64 + 9] += 1;
  Verdict verdict = accept(Element::F32, got, exact, samples);
  expect(verdict.mismatches == 1 && verdict.worst.index == std::vector<int64_t>{56, 9} &&
             verdict.mismatchesAlong[0][56] == 1 && verdict.mismatchesAlong[1][9] == 1,
         "the worst element");
  expect(verdict.report("out").find("mismatches along axis 0: 56: 1\n") != std::string::npos, "counts per axis");
  got.shape = {64, 32};
  expect(accept(Element::F32, got, exact, samples).reason == "the shape is [64, 32], expected [64, 64]",
         "another shape");
}

static void specialValues() {
  auto judge = [](Element element, std::vector<double> got, std::vector<double> exact) {
    auto array = [](std::vector<double> data) { return Array{{static_cast<int64_t>(data.size())}, data}; };
    std::vector<double> plain = exact;
    for (double &value : plain)
      value = roundTo(Element::F32, value);
    return accept(element, array(got), array(exact), {array(plain)}).accepted;
  };
  expect(judge(Element::F32, {NAN, 1}, {NAN, 1}), "NaN agrees");
  expect(!judge(Element::F32, {0, 1}, {NAN, 1}), "a number for NaN");
  expect(!judge(Element::F32, {NAN, 1}, {0.5, 1}), "NaN for a number");
  expect(judge(Element::F32, {-INFINITY, 1}, {-INFINITY, 1}) && !judge(Element::F32, {INFINITY, 1}, {-INFINITY, 1}),
         "infinities");
  expect(judge(Element::F32, {INFINITY}, {1e39}) && !judge(Element::F32, {3e38}, {1e39}), "beyond the range of f32");
  expect(judge(Element::I32, {3, 4}, {3, 4}) && !judge(Element::I32, {3, 5}, {3, 4}), "integers");
  expect(judge(Element::Bool, {0, 1}, {0, 1}) && !judge(Element::Bool, {1, 1}, {0, 1}), "booleans");
  expect(judge(Element::F32, {0}, {0}) && !judge(Element::F32, {1e-40}, {0}), "an exact zero");
  expect(judge(Element::F32, {}, {}), "empty");
}

/// Inputs that a subscript depends on, and weights, are drawn to be usable.
static void randomInputs() {
  Builder b;
  Size n = b.dim("n", 40), d{256, {}};
  TensorId token = b.input("token", {n}, Element::I32), table = b.param("table", {Size{11, {}}, d}),
           w = b.param("w", {d});
  TensorId next = b.tensor("next", {n}, TensorKind::Defined, Element::I32), out = b.tensor("out", {n});
  IndexId i = b.index("i", n), j = b.index("j", n), c = b.index("c", d);
  b.add(b.define(next, {i}, b.read(token, {at(i)}) + integer(2)));
  b.add(b.define(out, {j}, sum(c, b.read(table, {b.read(next, {at(j)}), at(c)}, true) * b.read(w, {at(c)}))));
  b.output(out);
  std::vector<std::vector<int64_t>> sizes = drawSizes(b.program, 30, 1);
  expect(sizes.size() > 6 && sizes.front() == std::vector<int64_t>{0}, "sizes from the smallest up");
  bool inside = true;
  for (std::vector<int64_t> const &size : sizes) {
    inside &= size[0] <= 40;
    Sample sample = drawSample(b.program, size, 3);
    for (double value : sample.inputs[0].data)
      inside &= value >= -2 && value < 9;
    Result result = evaluate(b.program, sample.inputs, sample.params);
    expect(result.error.empty(), result.error);
    for (double value : result.outputs[0].data)
      inside &= std::fabs(value) < 6;
  }
  expect(inside, "sizes, subscripts and values stay inside their ranges");
  expect(drawSample(b.program, {7}, 3).params[1].data == drawSample(b.program, {7}, 3).params[1].data &&
             drawSample(b.program, {7}, 3).params[1].data != drawSample(b.program, {7}, 4).params[1].data,
         "the seed decides");
}

int main() {
  injectedBugs(512, Mask::Causal,
               {{Bug::None, "correct"},
                {Bug::OneMaskCell, "one mask cell wrong"},
                {Bug::LastKeyDropped, "last key dropped"},
                {Bug::Scale, "scale 1/8.1"},
                {Bug::LastTileSkipped, "last tile skipped"},
                {Bug::OffByOne, "causal off by one"},
                {Bug::NoRescale, "sum not rescaled"},
                {Bug::LowPrecisionExp, "imprecise exp"},
                {Bug::Truncation, "truncated results"}});
  injectedBugs(
      65, Mask::Causal,
      {{Bug::None, "correct"}, {Bug::OneMaskCell, "one mask cell wrong"}, {Bug::LastTileSkipped, "lost tail"}});
  injectedBugs(31, Mask::Before, {{Bug::None, "correct"}, {Bug::MaskedRowNoise, "masked row not exactly 0"}});
  for (int64_t n : {1, 2, 3, 5, 7, 13, 64, 200})
    injectedBugs(n, Mask::Causal, {{Bug::None, "correct"}});
  reports();
  specialValues();
  randomInputs();
  std::printf("%d failures\n", failures);
  return failures != 0;
}
