"""modern.py HEED-RUN FILE: today's kinds of attention beside formulas written from the papers, and the identities among them."""

import math
import sys

import numpy as np
from numeric import Check, Draw, heads, normalised, rotary


def softmax(x, seen=None):
    x = x if seen is None else np.where(seen, x, -np.inf)
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v, seen=None):
    return softmax(q @ k.T / math.sqrt(q.shape[1]), seen) @ v


def positions(n, m):
    """Of queries, which end where the keys end, and of keys."""
    return np.arange(n)[:, None] + m - n, np.arange(m)[None]


def sparsemax(x):
    """By sorting, as in Martins and Astudillo's algorithm 1."""
    z = np.sort(x)[::-1]
    k = np.arange(1, len(x) + 1)
    count = k[1 + k * z > np.cumsum(z)].max()
    return np.maximum(x - (z[:count].sum() - 1) / count, 0)


def entmax15(x):
    """By sorting, as in Peters et al.'s algorithm 2."""
    z = np.sort(x / 2)[::-1]
    k = np.arange(1, len(x) + 1)
    mean, mean_square = np.cumsum(z) / k, np.cumsum(z**2) / k
    inside = (1 - k * (mean_square - mean**2)) / k
    tau = mean - np.sqrt(np.maximum(inside, 0))
    return np.maximum(x / 2 - tau[(tau <= z).sum() - 1], 0) ** 2


def weights(check, draw):
    n, m = 9, 14
    q, k, v, q2, k2 = draw.normal(n, 6), draw.normal(m, 6), draw.normal(m, 5), draw.normal(n, 6), draw.normal(m, 6)
    out = check.run("weights", dict(q=q, k=k, v=v, q2=q2, k2=k2))
    p, j = positions(n, m)
    score = q @ k.T / math.sqrt(6)
    check.near("streaming", out["sinks"], attend(q, k, v, (j <= p) & ((j < 2) | (p - j < 3))))
    check.near("softmax one", out["one"], np.exp(score) @ v / (1 + np.exp(score).sum(1, keepdims=True)))
    check.near("sparsemax", out["sparse"], np.array([sparsemax(row) for row in score]) @ v, 1e-6)
    check.near("entmax 1.5", out["entmax"], np.array([entmax15(row) for row in score]) @ v, 1e-6)
    first, second = softmax(score, j <= p), softmax(q2 @ k2.T / math.sqrt(6), j <= p)
    check.near("differential", out["difference"], (first - np.float64(np.float32(0.3)) * second) @ v, 1e-7)
    apart = ((q[:, None] - k[None]) ** 2).sum(-1)
    check.near("l2 distance", out["distance"], softmax(-apart / math.sqrt(6)) @ v)
    check.near("softcap", out["capped"], softmax(np.tanh(score)) @ v)
    check.near("sigmoid", out["separate"], v.T.dot((1 / (1 + np.exp(-(score - math.log(m))))).T).T)
    # Scores of one size: every sparse weight is a uniform one. One far above the others: it alone.
    same = check.run("weights", dict(q=0 * q, k=k, v=v, q2=q2, k2=k2))
    for name in ("sparse", "entmax"):
        check.near(name + " of equal scores", same[name], np.tile(v.mean(0), (n, 1)))
    far = check.run("weights", dict(q=400 * np.ones((n, 6)), k=np.eye(m, 6) * 5, v=v, q2=q2, k2=k2))
    check.near("sparsemax of far scores", far["sparse"], np.tile(v[:6].mean(0), (n, 1)), 1e-6)


def grouped(w, prefix, x, y, count, groups, turn=lambda x: x, seen=None):
    q, k, v = heads(x @ w[prefix + "wq"], count), heads(y @ w[prefix + "wk"], groups), heads(y @ w[prefix + "wv"], groups)
    share = count // groups
    return np.concatenate([attend(turn(q[h]), turn(k[h // share]), v[h // share], seen) for h in range(count)], 1) @ w[prefix + "wo"]


def layers(check, draw):
    n, m = 7, 10
    x, y, q, k, v, f = draw.normal(n, 8), draw.normal(m, 8), draw.normal(2, n, 4), draw.normal(2, m, 4), draw.normal(2, m, 3), draw.normal(n)
    shapes = {}
    for name, width in (("mqa.grouped_query", 2), ("gqa", 4), ("block.attention", 4)):
        shapes.update({name + ".wq": (8, 8), name + ".wk": (8, width), name + ".wv": (8, width), name + ".wo": (8, 8)})
    shapes.update({"diff." + name: (8, 8) for name in ("wq", "wk", "wv", "wo")})
    shapes.update({"diff.lambda_" + name: (2,) for name in ("q1", "k1", "q2", "k2")})
    shapes.update({"diff.gain": (4,), "talks.before": (2, 2), "talks.after": (2, 2), "cosines.log_scale": (2,), "sunk.logit": (2,)})
    shapes.update({"block.norm_1.gain": (8,), "block.norm_2.gain": (8,), "block.gated_feed_forward.w1": (8, 12),
                   "block.gated_feed_forward.w3": (8, 12), "block.gated_feed_forward.w2": (12, 8)})
    w = {name: draw.normal(*shape, scale=0.6) for name, shape in shapes.items()}
    out = check.run("heads_and_layers", dict(x=x, y=y, q=q, k=k, v=v, f=f), w)
    check.near("mqa", out["mqa"], grouped(w, "mqa.grouped_query.", x, y, 4, 1))
    check.near("gqa", out["gqa"], grouped(w, "gqa.", x, y, 4, 2))

    start = 0.8 - 0.6 * math.exp(-0.3)
    lam = math.exp(w["diff.lambda_q1"] @ w["diff.lambda_k1"]) - math.exp(w["diff.lambda_q2"] @ w["diff.lambda_k2"]) + start
    a, b, c = heads(x @ w["diff.wq"], 4), heads(x @ w["diff.wk"], 4), heads(x @ w["diff.wv"], 2)
    below = np.tril(np.ones((n, n))) > 0
    part = [(1 - start) * w["diff.gain"] * normalised(attend(a[2 * h], b[2 * h], c[h], below) - lam * attend(a[2 * h + 1], b[2 * h + 1], c[h], below), 1e-5)
            for h in range(2)]
    check.near("differential layer", out["diff"], np.concatenate(part, 1) @ w["diff.wo"])

    logs = np.cumsum(-np.log1p(np.exp(f)))
    check.near("forgetting", out["forgets"], softmax(x @ x.T / math.sqrt(8) + logs[:, None] - logs, below) @ x)
    score = np.einsum("hic,hjc->hij", q, k) / 2
    said = np.einsum("gij,gh->hij", softmax(np.einsum("gij,gh->hij", score, w["talks.before"])), w["talks.after"])
    check.near("talking heads", out["talks"], said @ v)
    unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)
    scale = np.exp(w["cosines.log_scale"])[:, None, None]
    check.near("cosine", out["cosines"], softmax(scale * np.einsum("hic,hjc->hij", unit(q), unit(k))) @ v)
    p, j = positions(n, m)
    e = np.where(j <= p, np.exp(score), 0)
    check.near("sink", out["sunk"], e @ v / (e.sum(-1, keepdims=True) + np.exp(w["sunk.logit"])[:, None, None]))

    a = x + grouped(w, "block.attention.", *2 * [normalised(x, 1e-5) * w["block.norm_1.gain"]], 4, 2, rotary, below)
    u = normalised(a, 1e-5) * w["block.norm_2.gain"]
    gate = u @ w["block.gated_feed_forward.w1"]
    check.near("llama block", out["block"],
               a + (gate / (1 + np.exp(-gate)) * (u @ w["block.gated_feed_forward.w3"])) @ w["block.gated_feed_forward.w2"])

    # One group is one head of keys and values; both mixings of talking heads the identity: nobody talks.
    w["gqa.wk"] = np.concatenate(2 * [w["mqa.grouped_query.wk"]], 1)
    w["gqa.wv"] = np.concatenate(2 * [w["mqa.grouped_query.wv"]], 1)
    w["gqa.wq"], w["gqa.wo"] = w["mqa.grouped_query.wq"], w["mqa.grouped_query.wo"]
    w["talks.before"] = w["talks.after"] = np.eye(2)
    out = check.run("heads_and_layers", dict(x=x, y=y, q=q, k=k, v=v, f=f), w)
    check.near("two equal groups are one", out["gqa"], out["mqa"], 1e-12)
    check.near("talking to oneself", out["talks"], softmax(score) @ v)


def latent(check, draw):
    n, m = 6, 11
    x, q, qt, c, t = draw.normal(n, 8), draw.normal(2, n, 4), draw.normal(2, n, 2), draw.normal(m, 5), draw.normal(m, 2)
    wk, wv = draw.normal(2, 5, 4), draw.normal(2, 5, 3)
    shapes = {"latent.w_down": (8, 5), "latent.w_turn": (8, 2), "latent.rms_norm.gain": (5,), "queries.wq": (8, 12), "w_key": (2, 5, 4),
              "w_value": (2, 5, 4), "wo": (8, 8)}
    w = {"mla." + name: draw.normal(*shape, scale=0.6) for name, shape in shapes.items()}
    given = dict(x=x, q=q, q_turned=qt, latent=c, turned=t, w_key=wk, w_value=wv)
    out = check.run("latent", given, w)
    p, j = positions(n, m)

    def attention(q, qt, c, t, wk, wv, seen):
        return [softmax((q[h] @ (c @ wk[h]).T + qt[h] @ t.T) / math.sqrt(q.shape[2] + t.shape[1]), seen) @ (c @ wv[h]) for h in range(2)]

    check.near("mla, expanded", out["expanded"], attention(q, qt, c, t, wk, wv, j <= p))
    check.near("mla, absorbed is expanded", out["absorbed"], out["expanded"])
    c, t = normalised(x @ w["mla.latent.w_down"]) * w["mla.latent.rms_norm.gain"], rotary(x @ w["mla.latent.w_turn"])
    both = heads(x @ w["mla.queries.wq"], 2)
    part = attention(np.array([b[:, :4] for b in both]), [rotary(b[:, 4:]) for b in both], c, t, w["mla.w_key"], w["mla.w_value"],
                     np.tril(np.ones((n, n))) > 0)
    check.near("mla layer", out["layer_out"], np.concatenate(part, 1) @ w["mla.wo"])


check, draw = Check(sys.argv[2], sys.argv[1].split()), Draw(3)
for test in (weights, layers, latent):
    test(check, draw)
check.done()
