"""state.py HEED-RUN FILE: recurrences with a state beside loops and closed forms written from the papers."""

import math
import sys

import numpy as np
from numeric import Check, Draw, heads, normalised, rotary


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log1p(np.exp(x))


def silu(x):
    return x * sigmoid(x)


def convolution(x, w, b):
    width, padded = w.shape[1], np.concatenate([np.zeros((w.shape[1] - 1, x.shape[1])), x])
    return np.stack([(padded[t : t + width] * w.T).sum(0) + b for t in range(len(x))])


def selective(u, step, a, b, c, skip):
    """Gu and Dao's reference: the state of every channel, one position after another."""
    h, out = np.zeros(a.shape), []
    for t in range(len(u)):
        h = np.exp(step[t][:, None] * a) * h + (step[t] * u[t])[:, None] * b[t]
        out.append(h @ c[t] + skip * u[t])
    return np.array(out)


def decayed(q, k, v, keep):
    """s <- diag(keep) s + k v^T; keep is [n, d]."""
    s, out = np.zeros((k.shape[1], v.shape[1])), []
    for t in range(len(q)):
        s = keep[t][:, None] * s + np.outer(k[t], v[t])
        out.append(q[t] @ s)
    return np.array(out)


def chunked_retention(q, k, v, g, chunk):
    """Sun et al.: inside a chunk over pairs, between chunks by the state."""
    s, out = np.zeros((q.shape[1], v.shape[1])), []
    for first in range(0, len(q), chunk):
        a, b, u = q[first : first + chunk], k[first : first + chunk], v[first : first + chunk]
        i = np.arange(len(a))
        out.append((a @ b.T * np.tril(g ** np.abs(i[:, None] - i))) @ u + g ** (i[:, None] + 1.0) * (a @ s))
        s = g ** len(a) * s + (b * g ** (len(a) - 1.0 - i)[:, None]).T @ u
    return np.concatenate(out)


def delta(q, k, v, beta, keep=None):
    """The triangular form (Yang et al., 2024): what is written solves a system. With decays: keys and queries are scaled by them."""
    k = k / np.linalg.norm(k, axis=1, keepdims=True)
    total = np.cumsum(np.zeros(len(q)) if keep is None else np.log(keep))
    between = np.exp(np.tril(total[:, None] - total))
    system = np.eye(len(q)) + np.tril(beta[:, None] * (k @ k.T) * between, -1)
    written = np.linalg.solve(system, beta[:, None] * v)
    return np.tril(q @ k.T * between) @ written / math.sqrt(q.shape[1])


def scans(check, draw):
    n = 13
    sizes = dict(q=(n, 4), k=(n, 4), v=(n, 3), decay=(n,), channel=(n, 4), beta=(n,), x=(n, 5), w=(5, 3), bias=(5,), a=(5, 2), b=(n, 2), c=(n, 2))
    given = {name: draw.normal(*shape) for name, shape in sizes.items()}
    out = check.run("scans", given)
    q, k, v, decay, channel, beta, x, w, bias, a, b, c = given.values()
    conv = convolution(x, w, bias)
    check.near("convolution", out["conv"], conv)
    check.near("selective scan", out["selective"], selective(x, softplus(conv), -np.exp(a), b, c, bias))
    keep = np.exp(-softplus(decay))
    check.near("scalar decay", out["scalar"], decayed(q, k, v, np.repeat(keep[:, None], 4, 1)))
    check.near("retention by chunks", out["retained"], chunked_retention(q / 2, k, v, 0.875, 5))
    check.near("channel decay", out["gated"], decayed(q, k, v, np.exp(-softplus(channel))))
    check.near("delta rule", out["delta"], delta(q, k, v, sigmoid(beta)))
    check.near("gated delta rule", out["gated_delta"], delta(q, k, v, sigmoid(beta), keep))
    h, lru, r, i = np.zeros(5), [], sigmoid(conv), sigmoid(-conv)
    for t in range(n):
        kept = sigmoid(-bias) ** (8 * r[t])  # a = sigmoid(-a): the paper's parameter, log a = -softplus
        h = kept * h + np.sqrt(1 - kept**2) * i[t] * x[t]
        lru.append(h)
    check.near("rg-lru", out["lru"], lru)
    pairs = check.run("parallel", {name: given[name] for name in ("q", "k", "v", "decay", "channel")})
    for name in ("scalar", "retained", "gated"):
        check.near(name + " over pairs", pairs[name], out[name])
    # Constant steps, keys and queries: a causal convolution with the kernel c exp(step a t) step b.
    given.update(w=np.zeros((5, 3)), b=np.tile(b[:1], (n, 1)), c=np.tile(c[:1], (n, 1)))
    step, out = softplus(bias), check.run("scans", given)
    kernel = [(np.exp(-np.exp(a) * step[:, None] * t) * step[:, None] * b[0]) @ c[0] for t in range(n)]
    check.near("selective scan as convolution", out["selective"],
               [sum(kernel[t - s] * x[s] for s in range(t + 1)) + bias * x[t] for t in range(n)])
    # Nothing written: no output. All kept or replaced: the delta rule with orthogonal keys remembers exactly.
    given.update(beta=np.full(n, 40.0), k=np.tile(np.eye(4), (4, 1))[:n], q=np.tile(np.eye(4), (4, 1))[:n])
    check.near("delta rule overwrites", check.run("scans", given)["delta"] * 2, v, 1e-7)


def layers(check, draw):
    n = 11
    x = draw.normal(n, 8)
    shapes = {
        "ret.wq": (8, 8), "ret.wk": (8, 8), "ret.wv": (8, 16), "ret.wg": (8, 16), "ret.wo": (16, 8),
        "gla.wq": (8, 4), "gla.wk": (8, 4), "gla.wv": (8, 8), "gla.wg": (8, 8), "gla.wo": (8, 8), "gla.w1": (8, 3), "gla.w2": (3, 4), "gla.b": (4,),
        "gla.rms_norm.gain": (4,),
        "delta.wq": (8, 8), "delta.wk": (8, 8), "delta.wv": (8, 8), "delta.wo": (8, 8), "delta.cq": (8, 4), "delta.ck": (8, 4), "delta.cv": (8, 4),
        "delta.wb": (8, 2), "delta.rms_norm.gain": (4,),
        "lru.wx": (8, 6), "lru.wy": (8, 6), "lru.conv": (6, 4), "lru.b_conv": (6,), "lru.wr": (6, 6), "lru.wi": (6, 6), "lru.br": (6,), "lru.bi": (6,),
        "lru.a": (6,), "lru.wo": (6, 8),
    }
    w = {name: draw.normal(*shape, scale=0.5) for name, shape in shapes.items()}
    out = check.run("layers", dict(x=x), w)

    part, i = [], np.arange(n)
    for h, (q, k, v) in enumerate(zip(heads(x @ w["ret.wq"], 2), heads(x @ w["ret.wk"], 2), heads(x @ w["ret.wv"], 2))):
        keep = (1 - 2.0 ** (-5 - h)) ** np.maximum(i[:, None] - i, 0)
        part.append(normalised(np.tril(rotary(q) @ rotary(k).T / 2 * keep) @ v))
    check.near("retnet layer", out["ret"], (silu(x @ w["ret.wg"]) * np.concatenate(part, 1)) @ w["ret.wo"])

    keep = sigmoid(x @ w["gla.w1"] @ w["gla.w2"] + w["gla.b"]) ** (1 / 16)
    part = [normalised(decayed(q / math.sqrt(2), k, v, a)) * w["gla.rms_norm.gain"] for q, k, v, a in
            zip(heads(x @ w["gla.wq"], 2), heads(x @ w["gla.wk"], 2), heads(x @ w["gla.wv"], 2), heads(keep, 2))]
    check.near("gla layer", out["gla"], (silu(x @ w["gla.wg"]) * np.concatenate(part, 1)) @ w["gla.wo"])

    q, k, v = (heads(silu(convolution(x @ w["delta.w" + c], w["delta.c" + c], 0)), 2) for c in "qkv")
    beta = sigmoid(x @ w["delta.wb"])
    unit = lambda x: x / np.sqrt((x**2).sum(-1, keepdims=True) + 1e-6)
    part = [normalised(delta(unit(q[h]), k[h], v[h], beta[:, h])) * w["delta.rms_norm.gain"] for h in range(2)]
    check.near("deltanet layer", out["delta"], np.concatenate(part, 1) @ w["delta.wo"])

    u = convolution(x @ w["lru.wx"], w["lru.conv"], w["lru.b_conv"])
    r, gate, h, states = sigmoid(u @ w["lru.wr"] + w["lru.br"]), sigmoid(u @ w["lru.wi"] + w["lru.bi"]), np.zeros(6), []
    for t in range(n):
        kept = np.exp(-8 * r[t] * softplus(w["lru.a"]))
        h = kept * h + np.sqrt(1 - kept**2) * gate[t] * u[t]
        states.append(h)
    y = x @ w["lru.wy"]
    gelu = 0.5 * y * (1 + np.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
    check.near("griffin layer", out["lru"], (gelu * np.array(states)) @ w["lru.wo"])


def mamba_layer(x, w, prefix):
    get = lambda name: w[prefix + name]
    inner, rank = get("dt_proj.weight").shape
    state = get("A_log").shape[1]
    u, z = np.split(x @ get("in_proj.weight").T, 2, 1)
    u = silu(convolution(u, get("conv1d.weight")[:, 0], get("conv1d.bias")))
    parts = np.split(u @ get("x_proj.weight").T, [rank, rank + state], 1)
    step = softplus(parts[0] @ get("dt_proj.weight").T + get("dt_proj.bias"))
    return (selective(u, step, -np.exp(get("A_log")), parts[1], parts[2], get("D")) * silu(z)) @ get("out_proj.weight").T


def mamba_weights(draw, prefix, d, inner, rank, state, width=4):
    shapes = {"in_proj.weight": (2 * inner, d), "conv1d.weight": (inner, 1, width), "conv1d.bias": (inner,), "x_proj.weight": (rank + 2 * state, inner),
              "dt_proj.weight": (inner, rank), "dt_proj.bias": (inner,), "A_log": (inner, state), "D": (inner,), "out_proj.weight": (d, inner)}
    return {prefix + name: draw.normal(*shape, scale=0.4) for name, shape in shapes.items()}


def hybrid(check, draw):
    n, w = 9, {}
    x = draw.normal(n, 8)
    # Names follow the rounds of the outer and the inner repeat.
    mixers = ["mixer.%d.%d." % (i, j) for i in range(2) for j in range(2)]
    for mixer in mixers:
        w.update(mamba_weights(draw, mixer, 8, 16, 2, 4))
    for i in range(2):
        for j in range(2):
            w["norm.%d.%d.gain" % (i, j)] = draw.normal(8)
        w["norm_2.%d.gain" % i] = draw.normal(8)
        for name, columns in (("wq", 8), ("wk", 4), ("wv", 4), ("wo", 8)):
            w["attention.%d.%s" % (i, name)] = draw.normal(8, columns, scale=0.4)
    y = x
    for i in range(2):
        for j in range(2):
            y = y + mamba_layer(normalised(y) * w["norm.%d.%d.gain" % (i, j)], w, "mixer.%d.%d." % (i, j))
        u = normalised(y) * w["norm_2.%d.gain" % i]
        q, k, v = (heads(u @ w["attention.%d.w%s" % (i, c)], count) for c, count in (("q", 4), ("k", 2), ("v", 2)))
        part = []
        for h in range(4):
            score = np.where(np.tril(np.ones((n, n))) > 0, q[h] @ k[h // 2].T / math.sqrt(2), -np.inf)
            e = np.exp(score - score.max(1, keepdims=True))
            part.append(e / e.sum(1, keepdims=True) @ v[h // 2])
        y = y + np.concatenate(part, 1) @ w["attention.%d.wo" % i]
    check.near("hybrid stack", check.run("hybrid", dict(x=x), w)["y"], y)


def patterns(check, draw):
    w, n = {}, 9
    for stack in ("stacked.", "mixed.", ""):
        for i in range(3 if stack == "mixed." else 2):
            w["%snorm.%d.gain" % (stack, i)] = draw.normal(8)
            if stack == "mixed." and i != 1:
                w.update(mamba_weights(draw, "mixed.layer.%d." % i, 8, 16, 2, 4))
            else:
                w.update({"%slayer.%d.multi_head.%s" % (stack, i, name): draw.normal(8, 8, scale=0.4) for name in ("wq", "wk", "wv", "wo")})
    for name in [name for name in w if name.startswith("stacked.")]:
        w[name.removeprefix("stacked.")] = w[name]
    x = draw.normal(n, 8)
    out = check.run("patterns", dict(x=x), w)
    check.near("a pattern of attention is a Transformer", out["stacked"], out["written"], 1e-12)
    y = x
    for i in range(3):
        u = normalised(y) * w["mixed.norm.%d.gain" % i]
        if i != 1:
            y = y + mamba_layer(u, w, "mixed.layer.%d." % i)
            continue
        part = []
        for q, k, v in zip(*(heads(u @ w["mixed.layer.1.multi_head.w" + c], 2) for c in "qkv")):
            e = np.exp(q @ k.T / 2) * np.tril(np.ones((n, n)))
            part.append(e / e.sum(1, keepdims=True) @ v)
        y = y + np.concatenate(part, 1) @ w["mixed.layer.1.multi_head.wo"]
    check.near("a pattern of two kinds", out["mixed"], y)


if __name__ == "__main__":
    check, draw = Check(sys.argv[2], sys.argv[1].split()), Draw(2)
    for test in (scans, layers, hybrid, patterns):
        test(check, draw)
    check.done()
