"""linear.py HEED-RUN FILE: linear and low-rank attention beside formulas written from the papers, and the identities among them."""

import math
import sys

import numpy as np
from numeric import Check, Draw, wave


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v):
    return softmax(q @ k.T / math.sqrt(q.shape[1])) @ v


def rows(w, v):
    return w @ v / w.sum(1, keepdims=True)


def below(n, m):
    return np.tril(np.ones((n, m)), m - n)


def elu(x):
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def favor(x, w):
    x = x * x.shape[1] ** -0.25
    return np.exp(x @ w.T - (x**2).sum(1, keepdims=True) / 2) / math.sqrt(len(w))


def favor_hyperbolic(x, w):
    x = x * x.shape[1] ** -0.25
    half = (x**2).sum(1, keepdims=True) / 2
    return np.concatenate([np.exp(x @ w.T - half), np.exp(-x @ w.T - half)], 1) / math.sqrt(2 * len(w))


def fourier(x, w):
    u = x / np.linalg.norm(x, axis=1, keepdims=True) @ w.T
    return np.concatenate([np.sin(u), np.cos(u)], 1) / math.sqrt(len(w))


def clamped(w, v, floor=0.1):
    return w @ v / np.maximum(w.sum(1, keepdims=True), floor)


def chunked(f, g, v, chunk):
    """Katharopoulos et al. by chunks: a state between them, a triangle inside."""
    s, z, out = np.zeros((f.shape[1], v.shape[1])), np.zeros(f.shape[1]), []
    for c in range(0, len(f), chunk):
        a, b, u = f[c : c + chunk], g[c : c + chunk], v[c : c + chunk]
        t = np.tril(a @ b.T)
        out.append((a @ s + t @ u) / (a @ z + t.sum(1))[:, None])
        s, z = s + b.T @ u, z + b.sum(0)
    return np.concatenate(out)


def orthogonal(m, d, generator):
    blocks = []
    while len(blocks) * d < m:
        q, r = np.linalg.qr(generator.normal(size=(d, d)))
        blocks.append(q.T * np.sign(np.diag(r))[:, None])
    return np.concatenate(blocks)[:m] * np.linalg.norm(generator.normal(size=(m, d)), axis=1)[:, None]


def features(check, draw):
    n, m = 9, 14
    q, k, v, w = draw.normal(n, 6), draw.normal(m, 6), draw.normal(m, 5), draw.normal(7, 6)
    out = check.run("features", dict(q=q, k=k, v=v, w=w))
    check.near("linear", out["elu"], rows(elu(q) @ elu(k).T, v))
    check.near("causal linear", out["causal_elu"], rows(elu(q) @ elu(k).T * below(n, m), v))
    check.near("performer", out["favor"], rows(favor(q, w) @ favor(k, w).T, v))
    check.near("hyperbolic", out["favor_hyperbolic"], rows(favor_hyperbolic(q, w) @ favor_hyperbolic(k, w).T, v))
    check.near("causal performer", out["causal_favor"], rows(favor(q, w) @ favor(k, w).T * below(n, m), v))
    relu = lambda x: np.maximum(x * 6**-0.25 @ w.T, 0) + 1e-3
    check.near("performer relu", out["favor_relu"], rows(relu(q) @ relu(k).T, v))
    check.near("rfa", out["rfa"], clamped(fourier(q, w) @ fourier(k, w).T, v))
    check.near("causal rfa", out["causal_rfa"], clamped(fourier(q, w) @ fourier(k, w).T * below(n, m), v))
    i, j = np.arange(n)[:, None], np.arange(m)[None]
    check.near("cosformer", out["cosine"], clamped(np.maximum(q, 0) @ np.maximum(k, 0).T * np.cos(math.pi / 2 * (i - j) / max(n, m)), v))


def sequence(check, draw):
    n = 13
    q, k, v, w, gate = draw.normal(n, 6), draw.normal(n, 6), draw.normal(n, 5), draw.normal(7, 6), draw.normal(n)
    out = check.run("sequence", dict(q=q, k=k, v=v, w=w, gate=gate))
    parallel = check.run("features", dict(q=q, k=k, v=v, w=w))
    check.near("scan is the masked product", out["scan"], parallel["causal_elu"])
    check.near("scan is chunked", out["scan"], chunked(elu(q), elu(k), v, 5))
    check.near("performer: scan is the masked product", out["scan_favor"], parallel["causal_favor"])
    f, g, s, z, gated = fourier(q, w), fourier(k, w), np.zeros((14, 5)), np.zeros(14), []
    for t in range(n):
        a = 1 / (1 + math.exp(-gate[t]))
        s, z = a * s + (1 - a) * np.outer(g[t], v[t]), a * z + (1 - a) * g[t]
        gated.append(f[t] @ s / max(f[t] @ z, 0.1))
    check.near("gated rfa", out["gated"], gated)
    i, j = np.arange(n)[:, None], np.arange(n)[None]
    check.near("window and features", out["hybrid"],
               rows(np.where(abs(i - j) <= 3, np.exp(q @ k.T / math.sqrt(6)), favor(q, w) @ favor(k, w).T), v))
    cosine = np.maximum(q, 0) @ np.maximum(k, 0).T * np.cos(math.pi / 2 * (i - j) / n) * below(n, n)
    check.near("causal cosformer", out["causal_cosine"], clamped(cosine, v))
    # Prefixes: later positions change no earlier row.
    later = check.run("sequence", dict(q=q[:8], k=k[:8], v=v[:8], w=w, gate=gate[:8]))
    for name in ("scan", "scan_favor", "gated"):
        check.near("prefix of " + name, later[name], out[name][:8], 1e-12)


def projected(check, draw):
    n = 11
    x, q, k, v = draw.normal(n, 8), draw.normal(2, n, 4), draw.normal(2, n, 4), draw.normal(2, n, 4)
    weights = {"a": draw.normal(2, 32, 3), "b": draw.normal(2, 32, 3), "e.table": draw.normal(32, 3, scale=0.3), "f.table": draw.normal(32, 3)}
    layers = ["attention.%d" % i for i in range(2)]
    for layer in layers:
        weights.update({"%s.%s" % (layer, w): draw.normal(8, 8, scale=0.4) for w in ("wq", "wk", "wv", "wo")})
    out = check.run("projected", dict(x=x, q=q, k=k, v=v), weights)
    a, b, e, f = (weights[name][..., :n, :] for name in ("a", "b", "e.table", "f.table"))
    head = lambda h, a, b: attend(q[h], a.T @ k[h], b.T @ v[h])
    check.near("linformer by head", out["by_head"], [head(h, a[h], b[h]) for h in range(2)])
    check.near("linformer headwise", out["shared"], [head(h, e, f) for h in range(2)])
    check.near("linformer key-value", out["key_value"], [head(h, e, e) for h in range(2)])
    for layer in layers:
        wq, wk, wv, wo = (weights["%s.%s" % (layer, w)] for w in ("wq", "wk", "wv", "wo"))
        parts = [attend(x @ wq[:, c], e.T @ x @ wk[:, c], e.T @ x @ wv[:, c]) for c in (slice(0, 4), slice(4, 8))]
        x = x + np.concatenate(parts, 1) @ wo
    check.near("linformer layerwise", out["layerwise"], x)


def identity(check, draw):
    """As many projected keys as keys, and projections that change nothing: full attention."""
    q, k, v = draw.normal(2, 3, 4), draw.normal(2, 3, 4), draw.normal(2, 3, 4)
    weights = {"e.table": np.eye(32)[:, :3], "f.table": np.eye(32)[:, :3], "a": np.zeros((2, 32, 3)), "b": np.zeros((2, 32, 3))}
    weights.update({"attention.%d.%s" % (i, w): np.zeros((8, 8)) for i in range(2) for w in ("wq", "wk", "wv", "wo")})
    out = check.run("projected", dict(x=draw.normal(3, 8), q=q, k=k, v=v), weights)
    check.near("linformer with identities is attention", out["shared"], [attend(q[h], k[h], v[h]) for h in range(2)])


def estimated(check, draw):
    n, m = 9, 11
    q, k, v, uniform, noise = draw.normal(n, 4), draw.normal(m, 4), draw.normal(m, 3), draw.normal(n, 5), draw.normal(n, 5, 4)
    out = check.run("estimated", dict(q=q, k=k, v=v, uniform=uniform, noise=noise))
    uniform = 1 / (1 + np.exp(-uniform))
    qs, ks, ra = q * 4**-0.25, k * 4**-0.25, np.zeros((n, 3))
    for i in range(n):
        p = softmax(qs[i] @ ks.T)
        for s in range(5):
            drawn = min(np.searchsorted(np.cumsum(p), uniform[i, s], side="right"), m - 1)
            w = qs[i] + ks[drawn] + noise[i, s]
            ra[i] += softmax(w @ ks.T - (ks**2).sum(1) / 2) @ v / 5
    check.near("ra", out["ra"], ra)

    def runs(x, count):
        size, first, means = len(x) // count, 0, []
        for c in range(count):
            length = size if c < (size + 1) * count - len(x) else size + 1
            means.append(x[first : first + length].mean(0))
            first += length
        return np.array(means)

    scale = 4**-0.5
    feature = lambda x, w: scale * (w @ x.T) - scale * (x**2).sum(1)[None] / 2
    lse = lambda x: np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True)) + x.max(-1, keepdims=True)
    mean_q, mu = runs(q, 3), runs(q, 3) + runs(k, 3)
    own, keys, t = feature(mu, mu), feature(k, mu), softmax(scale * runs(q, 3) @ q.T)
    for kind in ("opt", "balanced", "biased"):
        if kind == "opt":
            proposal = np.diag(own)[:, None]
            alpha = np.log(np.maximum(np.exp(proposal - lse(own)) + t - t.mean(0, keepdims=True), 1e-8))
        else:
            proposal, alpha = lse(own), 0 if kind == "balanced" else scale * mu @ q.T
        weight = softmax((alpha + feature(q, mu) + lse(keys) - proposal).T)
        check.near("lara " + kind, out[kind], weight @ softmax(keys) @ v)


def samples(check, draw):
    """RA's mean over samples is softmax attention; more samples, more alike."""
    n, errors = 6, []
    q, k, v = draw.normal(n, 4, scale=0.7), draw.normal(n, 4, scale=0.7), draw.normal(n, 3)
    for count in (100, 1600):
        out = check.run("samples", dict(q=q, k=k, v=v, uniform=draw.uniform(n, count), noise=draw.normal(n, count, 4)))
        errors.append(np.abs(out["out"] - attend(q, k, v)).mean())
    check.that("RA is unbiased: errors %s" % errors, errors[1] < errors[0] / 2 and errors[1] < 0.03)


def convergence(check, draw):
    """Performer's error falls as one over the root of the number of features."""
    n, d, errors = 48, 8, []
    q, k, v = draw.normal(n, d, scale=0.5), draw.normal(n, d, scale=0.5), draw.normal(n, d)
    for m in (16, 64, 256):
        draws = []
        for seed in range(6):
            w = orthogonal(m, d, np.random.default_rng(seed)).astype(np.float32)
            draws.append(np.abs(check.run("performer_only", dict(q=q, k=k, v=v, w=w))["out"] - attend(q, k, v)).mean())
        errors.append(np.mean(draws))
    ratios = [errors[0] / errors[1], errors[1] / errors[2]]
    check.that("performer's error falls as 1 / sqrt(m): %s" % ratios, all(1.4 < ratio < 2.8 for ratio in ratios))


check, draw = Check(sys.argv[2], sys.argv[1].split()), Draw(1)
for test in (features, sequence, projected, identity, estimated, samples, convergence):
    test(check, draw)
check.done()
