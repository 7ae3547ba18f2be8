// RUN: %build/bin/heed-reference-test
// The interpreter alone, on programs written by hand: values, domains, recurrences, laziness, limits and what it must
// refuse.
#include "Models.h"

#include "compiler/reference/Evaluate.h"

#include <chrono>

using namespace heed;
using namespace heed::build;
using reference::Array;
using reference::evaluate;
using reference::Precision;
using reference::Result;

static Array wave(std::vector<int64_t> shape, double phase) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  Array result{std::move(shape), {}};
  for (int64_t t = 0; t < count; ++t)
    result.data.push_back(std::sin(0.7 * t + phase));
  return result;
}

static void expectValues(Result const &result, std::vector<double> const &expected, std::string const &what,
                         double tolerance = 1e-7) {
  expect(result.error.empty(), what + ": " + result.error);
  if (!result.error.empty())
    return;
  expect(result.outputs[0].data.size() == expected.size(), what + ": number of values");
  for (size_t index = 0; index < expected.size() && index < result.outputs[0].data.size(); ++index)
    if (double got = result.outputs[0].data[index];
        !(std::fabs(got - expected[index]) <= tolerance) && !(std::isnan(got) && std::isnan(expected[index])))
      expect(false, what + " [" + std::to_string(index) + "]: " + std::to_string(got));
}

static void expectError(Result const &result, std::string const &part, std::string const &what) {
  expect(result.error.find(part) != std::string::npos, what + ": \"" + result.error + "\"");
}

static void attentionGoldens() {
  std::vector<Array> inputs{wave({4, 2}, 0), wave({4, 2}, 1), wave({4, 2}, 2)};
  double scale = 1 / std::sqrt(2);
  expectValues(evaluate(attention(Mask::Full, 2, 2, scale), inputs, {}),
               {.112869842, -.031081745, .380891574, .010213961, -.146317974, -.196067642, -.486274615, -.187181664},
               "full");
  expectValues(evaluate(attention(Mask::Causal, 2, 2, scale), inputs, {}),
               {.909297427, .427379880, .521650186, .012837020, -.163803301, -.410251119, -.486274615, -.187181664},
               "causal");
  expectValues(evaluate(attention(Mask::Causal, 2, 2, scale), inputs, {}, Precision::F32),
               {.909297427, .427379880, .521650186, .012837020, -.163803301, -.410251119, -.486274615, -.187181664},
               "causal, f32", 1e-6);
  // A fully masked row is 0, and what is masked does not leak.
  inputs[2].data[6] = inputs[2].data[7] = NAN;
  Result masked = evaluate(attention(Mask::Causal, 2, 2, scale), inputs, {});
  expectValues(masked, {.909297427, .427379880, .521650186, .012837020, -.163803301, -.410251119, NAN, NAN},
               "NaN behind the mask");
  Result first = evaluate(attention(Mask::Before, 2, 2, scale),
                          {Array{{1, 2}, {1, 2}}, Array{{1, 2}, {3, 4}}, Array{{1, 2}, {5, 6}}}, {});
  expectValues(first, {0, 0}, "fully masked row", 0);
  expectValues(
      evaluate(attention(Mask::Causal, 2, 2, scale), {Array{{0, 2}, {}}, Array{{0, 2}, {}}, Array{{0, 2}, {}}}, {}), {},
      "no rows");
}

static void recurrences() {
  Array x{{4}, {1, 2, 3, 4}};
  expectValues(evaluate(scan(false), {x}, {}), {1.5, 2.75, 4.375, 6.1875}, "forward", 0);
  expectValues(evaluate(scan(true), {x}, {}), {3.3125, 4.625, 5.25, 4.5}, "backward", 0);
  expectValues(evaluate(scan(false), {Array{{0}, {}}}, {}), {}, "no steps");
  Result ended = evaluate(scan(false, 4), {Array{{9}, {1, 2, 3, 4, 5, 6, 7, 8, 9}}}, {});
  expectValues(ended, {1.5, 2.75, 4.375}, "until", 0);
  expect(ended.dims.size() == 2 && ended.dims[1].second == 3, "until sets its dim");
  Result full = evaluate(scan(false, 1e9), {Array{{9}, {1, 2, 3, 4, 5, 6, 7, 8, 9}}}, {});
  expect(full.error.empty() && full.outputs[0].shape[0] == 5, "until stops at the maximum");
}

/// table[token[i]]: the only reads that data can push out of bounds.
static void dataDependentSubscripts() {
  Builder b;
  Size n = b.dim("n");
  TensorId token = b.input("token", {n}, Element::I32), table = b.param("table", {Size{3, {}}, Size{2, {}}});
  TensorId out = b.tensor("out", {n, Size{2, {}}});
  IndexId i = b.index("i", n), c = b.index("c", Size{2, {}});
  b.add(b.define(out, {i, c}, b.read(table, {b.read(token, {at(i)}), at(c)}, true)));
  b.output(out);
  Array weights{{3, 2}, {0, 1, 10, 11, 20, 21}};
  expectValues(evaluate(b.program, {Array{{2}, {2, 0}}}, {weights}), {20, 21, 0, 1}, "gather", 0);
  expectError(evaluate(b.program, {Array{{2}, {2, 3}}}, {weights}),
              "index 3 is out of range for axis 0 of 'table', which has size 3, in 'out'[1, 0]", "gather out of range");
  expectError(evaluate(b.program, {Array{{1}, {-1}}}, {weights}), "index -1 is out of range", "gather below 0");
  expectError(evaluate(b.program, {Array{{1}, {0.5}}}, {weights}), "0.5 is not a possible value of 'token'",
              "not an integer");
  expectError(evaluate(b.program, {Array{{1}, {0}}}, {Array{{2, 2}, {0, 1, 2, 3}}}),
              "axis 0 of parameter 'table' is 2, expected 3", "shape of a parameter");
  expectError(evaluate(b.program, {Array{{3}, {0}}}, {weights}), "has 1 values, its shape needs 3", "missing values");
}

/// The promises of the checker are checked here too.
static void brokenPrograms() {
  Builder b;
  Size n = b.dim("n");
  TensorId x = b.input("x", {n}), y = b.tensor("y", {n}), z = b.tensor("z", {n});
  IndexId i = b.index("i", n), j = b.index("j", n);
  b.add(b.define(y, {i}, b.read(x, {at(i) - integer(1)}), lessEqual(integer(1), at(i))));
  b.add(b.define(z, {j}, b.read(y, {at(j)})));
  b.output(z);
  Array values{{2}, {5, 6}};
  expectError(evaluate(b.program, {values}, {}), "internal error: 'y' is read at element 0", "read outside the domain");
  Program output = b.program;
  output.steps.pop_back();
  output.outputs = {y};
  expectError(evaluate(output, {values}, {}), "internal error: output 'y' is not defined at element 0",
              "undefined output");
  Program outside = b.program;
  std::get<Definition>(outside.steps[0]).domain = nullptr;
  expectError(evaluate(outside, {values}, {}), "internal error: index -1 is out of range for axis 0 of 'x'",
              "read out of bounds");
  Program order = b.program;
  std::swap(order.steps[0], order.steps[1]);
  expectError(evaluate(order, {values}, {}), "'y' is read before it is defined", "definition order");

  // The other side of a select, and of `and`, is not evaluated.
  Builder lazy;
  Size m = lazy.dim("m");
  TensorId u = lazy.input("u", {m}), w = lazy.tensor("w", {m});
  IndexId k = lazy.index("k", m);
  ExprPtr earlier = lazy.read(u, {at(k) - integer(1)});
  lazy.add(lazy.define(w, {k}, select(lessEqual(integer(1), at(k)), earlier, real(7)) + real(1)));
  lazy.output(w);
  expectValues(evaluate(lazy.program, {values}, {}), {8, 6}, "lazy select", 0);
}

static void integerArithmetic() {
  Builder b;
  Size n = b.dim("n");
  TensorId x = b.input("x", {n}, Element::I32),
           out = b.tensor("out", {n, Size{5, {}}}, TensorKind::Defined, Element::I32);
  IndexId i = b.index("i", n), c = b.index("c", Size{5, {}});
  ExprPtr v = b.read(x, {at(i)});
  ExprPtr value = select(less(at(c), integer(1)), v / integer(4),
                         select(less(at(c), integer(2)), binary(BinaryOp::Remainder, v, integer(4)),
                                select(less(at(c), integer(3)), v / integer(-4),
                                       select(less(at(c), integer(4)), binary(BinaryOp::Remainder, v, integer(-4)),
                                              unary(UnaryOp::ToInt, unary(UnaryOp::ToReal, v) / real(4))))));
  b.add(b.define(out, {i, c}, value));
  b.output(out);
  expectValues(evaluate(b.program, {Array{{2}, {-7, 7}}}, {}), {-2, 1, 1, -3, -1, 1, 3, -2, -1, 1}, "floor division",
               0);
  Builder z;
  TensorId y = z.input("y", {}, Element::I32), q = z.tensor("q", {}, TensorKind::Defined, Element::I32);
  z.add(z.define(q, {}, integer(1) / z.read(y, {})));
  z.output(q);
  expectError(evaluate(z.program, {Array{{}, {0}}}, {}), "integer division by zero, in 'q'[]", "division by zero");
}

static void reductions() {
  auto over = [](ReduceKind kind, std::vector<double> values, bool positive) {
    Builder b;
    Size n = b.dim("n");
    bool place = kind == ReduceKind::ArgMax || kind == ReduceKind::ArgMin;
    TensorId x = b.input("x", {n});
    TensorId out = b.tensor("out", {}, TensorKind::Defined, place ? Element::I32 : Element::F32);
    IndexId i = b.index("i", n);
    ExprPtr body = b.read(x, {at(i)});
    b.add(b.define(out, {}, reduce(kind, {i}, body, positive ? less(real(0), body) : nullptr)));
    b.output(out);
    Array input{{static_cast<int64_t>(values.size())}, values};
    return evaluate(b.program, {input}, {});
  };
  std::vector<double> values{-3, 2, 5, 5, -8};
  expectValues(over(ReduceKind::Sum, values, true), {12}, "sum", 0);
  expectValues(over(ReduceKind::Product, values, false), {1200}, "product", 0);
  expectValues(over(ReduceKind::Max, values, false), {5}, "max", 0);
  expectValues(over(ReduceKind::Min, values, true), {2}, "min", 0);
  expectValues(over(ReduceKind::ArgMax, values, false), {2}, "argmax takes the first", 0);
  expectValues(over(ReduceKind::ArgMin, values, false), {4}, "argmin", 0);
  Result none = over(ReduceKind::Max, {-1}, true);
  expect(none.error.empty() && none.outputs[0].data[0] == -INFINITY, "max of nothing");
  expectValues(over(ReduceKind::Product, {}, false), {1}, "product of nothing", 0);
  expectValues(over(ReduceKind::ArgMax, {}, false), {0}, "argmax of nothing", 0);
  Result nan = over(ReduceKind::Max, {1, NAN, 3}, false);
  expect(nan.error.empty() && std::isnan(nan.outputs[0].data[0]), "max of a NaN");
}

/// `x + x + ... + x`: as deep as it is long. Shared subexpressions doubled 40 times: 2^40 terms written out.
static void largeExpressions() {
  Builder b;
  TensorId x = b.input("x", {}), out = b.tensor("out", {});
  std::vector<ExprPtr> alive; // so that the chain is not freed recursively
  ExprPtr chain = b.read(x, {});
  for (int term = 1; term < 100000; ++term)
    alive.push_back(chain = chain + b.read(x, {}));
  b.add(b.define(out, {}, chain));
  b.output(out);
  expectValues(evaluate(b.program, {Array{{}, {0.25}}}, {}), {25000}, "100,000 terms", 0);
  b.program.steps.clear();
  chain.reset();
  while (!alive.empty()) // the last one is the whole chain: free it from the outside in
    alive.pop_back();

  Builder s;
  TensorId y = s.input("y", {}), twice = s.tensor("twice", {});
  ExprPtr doubled = s.read(y, {});
  for (int level = 0; level < 40; ++level)
    doubled = doubled + doubled;
  s.add(s.define(twice, {}, doubled));
  s.output(twice);
  expectValues(evaluate(s.program, {Array{{}, {1}}}, {}), {0x1p40}, "shared subexpressions", 0);

  Builder d;
  TensorId z = d.input("z", {}), deep = d.tensor("deep", {});
  ExprPtr right = d.read(z, {});
  for (int level = 0; level < 5000; ++level)
    right = d.read(z, {}) + right;
  d.add(d.define(deep, {}, right));
  d.output(deep);
  expectError(evaluate(d.program, {Array{{}, {1}}}, {}), "nested too deeply", "right-deep expression");
}

static void nestedReductionsAreHoisted() {
  Program program = additive(64, 64);
  int64_t n = 128, m = 128; // 128 * 128 * 64 * 2 * 64 multiplications if nothing were hoisted: 134 million
  std::vector<Array> inputs{wave({n, 64}, 0), wave({m, 64}, 1)},
      params{wave({64, 64}, 2), wave({64, 64}, 3), wave({64}, 4)};
  auto begin = std::chrono::steady_clock::now();
  Result result = evaluate(program, inputs, params);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("additive attention, 128 x 128, hidden 64: %.3f s\n", seconds);
  expect(result.error.empty(), result.error);
  double direct = 0;
  for (int c = 0; c < 64; ++c) {
    double left = 0, right = 0;
    for (int p = 0; p < 64; ++p) {
      left += double(float(inputs[0].data[5 * 64 + p])) * float(params[0].data[p * 64 + c]);
      right += double(float(inputs[1].data[7 * 64 + p])) * float(params[1].data[p * 64 + c]);
    }
    direct += double(float(params[2].data[c])) * std::tanh(left + right);
  }
  expect(std::fabs(result.outputs[0].data[5 * m + 7] - direct) < 1e-12, "hoisted value");
}

static void rounding() {
  using reference::roundTo;
  expect(roundTo(Element::F16, 65519) == 65504 && std::isinf(roundTo(Element::F16, 65520)), "f16 range");
  expect(roundTo(Element::F16, 0x1p-24) == 0x1p-24 && roundTo(Element::F16, 0x1p-26) == 0, "f16 subnormals");
  expect(roundTo(Element::F16, 1 + 0x1p-11) == 1 && roundTo(Element::F16, 1 + 0x1.8p-11) == 1 + 0x1p-10,
         "f16 halves to even");
  expect(roundTo(Element::BF16, 1 + 0x1p-8) == 1 && roundTo(Element::BF16, 3.0e38) < 3.4e38, "bf16");
  // Exact operations stay exact under random rounding; inexact ones vary and are unbiased.
  Builder b;
  TensorId x = b.input("x", {}), out = b.tensor("out", {Size{2, {}}});
  IndexId c = b.index("c", Size{2, {}});
  b.add(b.define(out, {c}, select(less(at(c), integer(1)), b.read(x, {}) * real(2), b.read(x, {}) / real(3))));
  b.output(out);
  double mean = 0;
  bool varies = false;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Result result = evaluate(b.program, {Array{{}, {1}}}, {}, Precision::F32Random, nullptr, seed);
    expect(result.outputs[0].data[0] == 2, "exact product");
    mean += result.outputs[0].data[1] / 1000;
    varies |= result.outputs[0].data[1] != static_cast<double>(1.0f / 3.0f);
  }
  expect(varies && std::fabs(mean - 1.0 / 3) < 2e-9, "random rounding is unbiased");
}

static void probes() {
  std::map<std::string, Array> kept{{"score", {}}};
  std::vector<Array> inputs{wave({4, 2}, 0), wave({4, 2}, 1), wave({4, 2}, 2)};
  Result result = evaluate(attention(Mask::Causal, 2, 2, 1), inputs, {}, Precision::F64, &kept);
  Array const &score = kept["score"];
  expect(result.error.empty() && score.shape == std::vector<int64_t>{4, 4} && std::isnan(score.data[1]) &&
             !std::isnan(score.data[4]),
         "kept tensors show the domain");
  kept = {{"scores", {}}};
  expectError(evaluate(attention(Mask::Causal, 2, 2, 1), inputs, {}, Precision::F64, &kept), "has no tensor 'scores'",
              "unknown probe");
}

int main() {
  attentionGoldens();
  recurrences();
  dataDependentSubscripts();
  brokenPrograms();
  integerArithmetic();
  reductions();
  largeExpressions();
  nestedReductionsAreHoisted();
  rounding();
  probes();
  std::printf("%d failures\n", failures);
  return failures != 0;
}
