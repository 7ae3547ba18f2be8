"""cache.py HEED-RUN FILE: position by position with a cache or a state is the same as all at once."""

import math
import sys

import numpy as np
from numeric import Check, Draw


def softmax(x, seen):
    e = np.where(seen, np.exp(x), 0)
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v, seen):
    """Query heads share heads of keys and values in runs."""
    share = len(q) // len(k)
    return np.array([softmax(q[h] @ k[h // share].T / math.sqrt(q.shape[2]), seen) @ v[h // share] for h in range(len(q))])


def contiguous(check, draw):
    """Prefill of five, then three, then one by one; what is behind the end of the cache is not a number, and is not read."""
    n, m = 11, 16
    q, k, v = draw.normal(4, n, 6), draw.normal(2, n, 6), draw.normal(2, n, 5)
    keys, values, past, parts, single = np.full((2, m, 6), np.nan), np.full((2, m, 5), np.nan), 0, [], []
    for count in (5, 3, 1, 1, 1):
        new = slice(past, past + count)
        out = check.run("contiguous", dict(q=q[:, new], k=keys, v=values, new_k=k[:, new], new_v=v[:, new], past=np.int32(past)))
        keys, values, past = out["keys"], out["values"], past + count
        parts.append(out["out"])
        single.append(out["one"])
    seen = np.tril(np.ones((n, n))) > 0
    check.near("grouped queries, by a cache", np.concatenate(parts, 1), attend(q, k, v, seen))
    check.near("multi-query, by a cache", np.concatenate(single, 1), attend(q, k[:1], v[:1], seen))
    check.near("the cache holds the keys", keys[:, :n], k, 1e-12)


def ring(check, draw):
    """Seven slots: a window of seven positions. Slots that were never written are not read."""
    n, m = 20, 7
    q, k, v = draw.normal(4, n, 6), draw.normal(2, n, 6), draw.normal(2, n, 5)
    keys, values, parts = np.full((2, m, 6), np.nan), np.full((2, m, 5), np.nan), []
    for p in range(n):
        out = check.run("ring", dict(q=q[:, p], k=keys, v=values, new_k=k[:, p], new_v=v[:, p], past=np.int32(p)))
        keys, values = out["keys"], out["values"]
        parts.append(out["out"])
    i, j = np.arange(n)[:, None], np.arange(n)[None]
    check.near("ring is a window", np.stack(parts, 1), attend(q, k, v, (j <= i) & (i - j < m)))


def paged(check, draw):
    """Pages in any order; entries beyond the end name no page at all."""
    q, k, v = draw.normal(4, 6), draw.normal(2, 11, 6), draw.normal(2, 11, 5)
    pages, table = [5, 2, 7, 0], np.array([5, 2, 7, 0, -1, 99], np.int32)
    pool_k, pool_v = np.full((9, 3, 2, 6), np.nan), np.full((9, 3, 2, 5), np.nan)
    for j in range(11):
        pool_k[pages[j // 3], j % 3], pool_v[pages[j // 3], j % 3] = k[:, j], v[:, j]
    for past in (0, 2, 3, 10):
        out = check.run("paged", dict(q=q, k=pool_k, v=pool_v, table=table, past=np.int32(past)))
        seen = np.arange(11) <= past
        check.near("paged, %d" % past, out["out"], attend(q[:, None], k, v, seen)[:, 0])


def llama(check, draw):
    shapes = {"attention.wq": (8, 8), "attention.wk": (8, 4), "attention.wv": (8, 4), "attention.wo": (8, 8), "norm_1.gain": (8,),
              "norm_2.gain": (8,), "gated_feed_forward.w1": (8, 12), "gated_feed_forward.w3": (8, 12), "gated_feed_forward.w2": (12, 8)}
    w = {"block." + name: draw.normal(*shape, scale=0.6) for name, shape in shapes.items()}
    n, x = 13, draw.normal(13, 8)
    whole = check.run("llama", dict(x=x), w)["out"]
    keys = values = np.zeros((2, 16, 2))
    past, parts = 0, []
    for count in (6, 1, 4, 1, 1):
        out = check.run("llama_cached", dict(x=x[past : past + count], k=keys, v=values, past=np.int32(past)), w)
        keys, values, past = out["keys"], out["values"], past + count
        parts.append(out["out"])
    # The caches pass through f32 between runs.
    check.near("llama block, by a cache", np.concatenate(parts), whole, 1e-6)


def latent(check, draw):
    n = 12
    q, qt, c, t, wk, wv = (draw.normal(*s) for s in ((2, n, 4), (2, n, 2), (n, 5), (n, 2), (2, 5, 4), (2, 5, 3)))
    given = dict(q=q, q_turned=qt, latent=c, turned=t, w_key=wk, w_value=wv, past=np.int32(0))
    whole = check.run("latent", given)
    check.near("latent cache from the start", whole["out"], whole["whole"])
    for past in (4, 11):
        some = dict(given, q=q[:, past : past + 1], q_turned=qt[:, past : past + 1], past=np.int32(past))
        check.near("latent cache, %d" % past, check.run("latent", some)["out"][:, 0], whole["whole"][:, past])


def steps(check, draw):
    n = 10
    shapes = dict(f=(n, 4), g=(n, 4), v=(n, 3), beta=(n,), decay=(n,), u=(n, 5), a=(5, 2), b=(n, 2), c=(n, 2), skip=(5,))
    given = {name: draw.normal(*shape) for name, shape in shapes.items()}
    whole = check.run("whole", given)
    s = d = np.zeros((4, 3))
    z, h = np.zeros(4), np.zeros((5, 2))
    for t in range(n):
        now = {name: value if name in ("a", "skip") else value[t] for name, value in given.items()}
        linear = check.run("steps", dict(now, s=s, z=z, h=h))
        delta = check.run("steps", dict(now, s=d, z=z, h=h))
        check.near("linear attention, step %d" % t, linear["linear_out"], whole["linear_out"][t], 1e-6)
        check.near("delta rule, step %d" % t, delta["delta_out"], whole["delta_out"][t], 1e-6)
        check.near("selective scan, step %d" % t, linear["mamba_out"], whole["mamba_out"][t], 1e-6)
        s, z, d, h = linear["linear_state"], linear["linear_norm"], delta["delta_state"], linear["mamba_state"]


check, draw = Check(sys.argv[2], sys.argv[1].split()), Draw(5)
for test in (contiguous, ring, paged, llama, latent, steps):
    test(check, draw)
check.done()
