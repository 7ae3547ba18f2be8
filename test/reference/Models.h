// Models.h - the hand-written programs of the reference tests.
#pragma once

#include "Build.h"

#include <cmath>

namespace heed::build {

enum class Mask { Full, Causal, Before };

/// Scaled dot-product attention over q, k: [n, d], v: [n, e]; `scale` multiplies the scores. Before: j < i, so row 0
/// has no keys.
inline Program attention(Mask mask, int64_t d, int64_t e, double scale) {
  Builder b;
  Size n = b.dim("n", 4096), width{d, {}}, valueWidth{e, {}};
  TensorId q = b.input("q", {n, width}), k = b.input("k", {n, width}), v = b.input("v", {n, valueWidth});
  IndexId i = b.index("i", n), j = b.index("j", n), c = b.index("c", width);
  TensorId score = b.tensor("score", {n, n}), weight = b.tensor("weight", {n, n}),
           out = b.tensor("out", {n, valueWidth});
  ExprPtr dot = sum(c, b.read(q, {at(i), at(c)}) * b.read(k, {at(j), at(c)}));
  ExprPtr domain;
  ExprPtr causal = lessEqual(at(j), at(i));
  if (mask == Mask::Causal)
    domain = causal;
  if (mask == Mask::Before)
    domain = less(at(j), at(i));
  b.add(b.define(score, {i, j}, dot * real(scale), domain));
  auto over = [&](IndexId row, IndexId column) { // the domain with other indices
    auto rename = [&](auto &&self, ExprPtr const &expr) -> ExprPtr {
      if (auto *node = std::get_if<Expr::IndexValue>(&expr->node))
        return at(node->index == i ? row : column);
      if (auto *node = std::get_if<Expr::Binary>(&expr->node))
        return binary(node->op, self(self, node->left), self(self, node->right));
      return expr;
    };
    return domain ? rename(rename, domain) : nullptr;
  };
  IndexId wi = b.index("i", n), wj = b.index("j", n);
  b.add(b.define(weight, {wi, wj}, b.read(score, {at(wi), at(wj)}), over(wi, wj), 1));
  IndexId oi = b.index("i", n), oj = b.index("j", n), oc = b.index("c", valueWidth);
  ExprPtr product = b.read(weight, {at(oi), at(oj)}) * b.read(v, {at(oj), at(oc)});
  b.add(b.define(out, {oi, oc}, sum(oj, product, over(oi, oj))));
  b.output(out);
  return b.program;
}

/// e[i, j] = sum_c va[c] * tanh(sum_p s[i, p] wa[p, c] + sum_p h[j, p] ua[p, c]): the inner sums depend on fewer
/// indices.
inline Program additive(int64_t width, int64_t hidden) {
  Builder b;
  Size n = b.dim("n"), m = b.dim("m"), p{width, {}}, h{hidden, {}};
  TensorId s = b.input("s", {n, p}), y = b.input("h", {m, p});
  TensorId wa = b.param("wa", {p, h}), ua = b.param("ua", {p, h}), va = b.param("va", {h});
  IndexId i = b.index("i", n), j = b.index("j", m), c = b.index("c", h), x = b.index("x", p), z = b.index("z", p);
  TensorId e = b.tensor("e", {n, m});
  ExprPtr left = sum(x, b.read(s, {at(i), at(x)}) * b.read(wa, {at(x), at(c)}));
  ExprPtr right = sum(z, b.read(y, {at(j), at(z)}) * b.read(ua, {at(z), at(c)}));
  b.add(b.define(e, {i, j}, sum(c, b.read(va, {at(c)}) * unary(UnaryOp::Tanh, left + right))));
  b.output(e);
  return b.program;
}

/// s[t] = 0.5 s[t - 1] + x[t], s[-1] = 1 (backward: from the other end), until s[t] > limit if there is a limit.
inline Program scan(bool backward, double limit = INFINITY) {
  Builder b;
  bool ends = std::isfinite(limit);
  Size n = b.dim("n"), t = ends ? b.dim("t", 5, true) : n;
  if (ends)
    b.program.dims[0].minimum = 5; // x is read at every step
  TensorId x = b.input("x", {n}), s = b.tensor("s", {t});
  IndexId step = b.index("t", t);
  Recurrence recurrence;
  recurrence.step = step;
  recurrence.length = t;
  recurrence.backward = backward;
  recurrence.starts.push_back({s, backward ? 0 : -1, {}, real(1)});
  ExprPtr earlier = b.read(s, {backward ? at(step) + integer(1) : at(step) - integer(1)});
  recurrence.members.push_back(b.define(s, {step}, real(0.5) * earlier + b.read(x, {at(step)}), nullptr, -1, 0));
  if (ends) {
    recurrence.until = binary(BinaryOp::Greater, b.read(s, {at(step)}), real(limit));
    recurrence.lengthDim = t.terms[0].dim;
  }
  b.add(std::move(recurrence));
  b.output(s);
  return b.program;
}

} // namespace heed::build
