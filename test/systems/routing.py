"""routing.py HEED-RUN FILE: routers, factors, folded sequences and selected keys beside formulas written from the papers."""

import math
import sys

import numpy as np
from numeric import Check, Draw, rotary


def softmax(x, seen=None):
    x = x if seen is None else np.where(seen, x, -np.inf)
    top = x.max(-1, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total > 0, total, 1)


def attend(q, k, v, seen=None):
    return softmax(q @ k.T / math.sqrt(q.shape[1]), seen) @ v


def heads(x, count):
    return np.array(np.split(x, count, 1))


def best(x, count):
    """Positions of the largest, equal ones in order."""
    return np.argsort(-x, kind="stable")[:count]


def gates(shared, routed, balance, active, code):
    result = []
    for s, r, b in zip(shared, routed, balance):
        a, share, chosen = softmax(b), softmax(r), np.zeros(len(r))
        chosen[best(r, active)] = share[best(r, active)]
        if code:
            result.append(np.concatenate([2 * a[0] * len(s) * softmax(s), 2 * a[1] * active * chosen / chosen.sum()]))
        else:
            result.append(np.concatenate([a[0] * softmax(s), a[1] * chosen]))
    return np.array(result)


def mixtures(check, draw):
    n = 9
    given = dict(x=draw.normal(n, 8), shared=draw.normal(n, 2), routed=draw.normal(n, 3), balance=draw.normal(n, 2))
    w = {}
    for name, shared in (("paper", 2), ("code", 1)):
        shapes = dict(wq=(8, 8), wk=(8, 8), wv=(8, 8), wo=(8, 8), w_shared=(8, shared), w_routed=(8, 4 - shared), w_balance=(8, 2))
        w.update({"%s.%s" % (name, key): draw.normal(*shape, scale=0.5) for key, shape in shapes.items()})
    out = check.run("mixtures", given, w)
    x, logits = given["x"], [given[name] for name in ("shared", "routed", "balance")]
    check.near("gates", out["gates"], gates(*logits, 2, False))
    check.near("scaled gates", out["scaled"], gates(*logits, 2, True))
    check.near("scaled gates sum", out["scaled"].sum(1), 4 * (softmax(given["balance"]) @ [1, 1]))
    for name, active in (("paper", 1), ("code", 2)):
        g = gates(*[x @ w["%s.w_%s" % (name, key)] for key in ("shared", "routed", "balance")], active, name == "code")
        q, k, v = (heads(x @ w["%s.w%s" % (name, c)], 4) for c in "qkv")
        # The sum form: every head has its rows of the output projection.
        rows = np.split(w[name + ".wo"], 4)
        check.near("mixture of heads, " + name, out[name], sum(g[:, h : h + 1] * (attend(q[h], k[h], v[h]) @ rows[h]) for h in range(4)))
    # Equal logits and all heads active: the code's gates are 1.
    same = check.run("mixtures", dict(x=x, shared=np.zeros((n, 2)), routed=np.zeros((n, 3)), balance=np.zeros((n, 2))), w)
    check.near("equal logits", same["scaled"], np.tile([1.0, 1, 1, 1, 0], (n, 1)))


def pyramid(check, draw):
    n, shapes = 7, {"block.layer_norm.gain": (8,), "block.layer_norm.bias": (8,), "block.feed_forward.w1": (8, 6), "block.feed_forward.b1": (6,),
                    "block.feed_forward.w2": (6, 8), "block.feed_forward.b2": (8,), "experts.route": (8, 3), "experts.w1": (3, 5, 8),
                    "experts.w3": (3, 5, 8), "experts.w2": (3, 5, 8)}
    stacks = {"scales": (4, 2, 1), "equal": (4, 4), "block.attention": (2, 3)}
    for name, widths in stacks.items():
        shapes[name + ".wo"] = (sum(widths), 8)
        for h, width in enumerate(widths):
            shapes.update({"%s.head.%d.w%s" % (name, h, c): (8, width) for c in "qkv"})
    w = {name: draw.normal(*shape, scale=0.6) for name, shape in shapes.items()}
    x = draw.normal(n, 8)
    out = check.run("pyramid", dict(x=x), w)

    def attention(name):
        parts = [attend(*(x @ w["%s.head.%d.w%s" % (name, h, c)] for c in "qkv")) for h in range(len(stacks[name]))]
        return np.concatenate(parts, 1) @ w[name + ".wo"]

    check.near("heads of several widths", out["scales"], attention("scales"))
    check.near("heads of one width", out["equal"], attention("equal"))
    get = lambda name: w["block." + name]
    y = x + np.maximum(attention("block.attention") @ get("feed_forward.w1") + get("feed_forward.b1"), 0) @ get("feed_forward.w2") + get("feed_forward.b2")
    y = y - y.mean(1, keepdims=True)
    check.near("multiscale block", out["block"], y / np.sqrt((y**2).mean(1, keepdims=True) + 1e-5) * get("layer_norm.gain") + get("layer_norm.bias"))
    fit, experts = x @ w["experts.route"], np.zeros((n, 8))
    for i in range(n):
        chosen = best(fit[i], 2)
        for gate, e in zip(softmax(fit[i, chosen]), chosen):
            a = w["experts.w1"][e] @ x[i]
            experts[i] += gate * ((a / (1 + np.exp(-a)) * (w["experts.w3"][e] @ x[i])) @ w["experts.w2"][e])
    check.near("mixture of experts", out["experts"], experts)


def kronecker(q, k, v):
    """One matrix for each axis, their Kronecker product over the whole sequence."""
    shape, d, product = q.shape[:-1], q.shape[-1], np.eye(1)
    for axis in range(len(shape)):
        a, b = (np.moveaxis(x, axis, 0).reshape(shape[axis], -1) for x in (q, k))
        product = np.kron(product, softmax(a @ b.T / math.sqrt(d * np.prod(shape) / shape[axis])))
    return (product @ v.reshape(-1, v.shape[-1])).reshape(shape + (v.shape[-1],))


def folded(check, draw):
    a, b = 8, 7
    sizes = dict(x=(4 * a, 6), y=(4 * a, 6), z=(4 * a, 5), q=(a, b, 3), k=(a, b, 3), v=(a, b, 2), q3=(a, 3, 2, 4), k3=(a, 3, 2, 4), v3=(a, 3, 2, 3))
    given = {name: draw.normal(*shape) for name, shape in sizes.items()}
    out = check.run("folded", given)
    x, y, z = (given[name].reshape(a, 4, -1) for name in "xyz")
    check.near("tensorized, folded", out["sequence"], kronecker(x, y, z).reshape(4 * a, 5))
    check.near("tensorized is Kronecker", out["shared"], kronecker(given["q"], given["k"], given["v"]))
    check.near("three axes", out["cube"], kronecker(given["q3"], given["k3"], given["v3"]))
    q, k, v = given["q"], given["k"], given["v"]
    for name, mask in (("lines", lambda n: None), ("causal_lines", lambda n: np.tril(np.ones((n, n))) > 0)):
        u = np.stack([attend(q[:, y], k[:, y], v[:, y], mask(a)) for y in range(b)], 1)
        check.near("axial, " + name, out[name], [attend(q[x], k[x], u[x], mask(b)) for x in range(a)])
    # A later position on either axis is not seen: exactly the positions (x, y) >= (2, 3) change.
    given["v"] = v + (np.arange(a)[:, None, None] == 2) * (np.arange(b)[None, :, None] == 3) * 1.0
    changed = np.any(check.run("folded", given)["causal_lines"] != out["causal_lines"], -1)
    check.that("causal axial sees the earlier on both axes", np.array_equal(changed, np.outer(np.arange(a) >= 2, np.arange(b) >= 3)))
    # One axis of length 1: plain attention.
    one = {name: draw.normal(*(1 if s == a else 4 if s == 4 * a else s for s in shape)) for name, shape in sizes.items()}
    check.near("one row is attention", check.run("folded", one)["lines"][0], attend(one["q"][0], one["k"][0], one["v"][0]))


def factors(check, draw):
    n, m = 6, 9
    sizes = dict(x=(n, 8), aq=(3, n, 2), bq=(3, n, 4), ak=(2, m, 2), bk=(2, m, 4), av=(2, m, 2), bv=(2, m, 3))
    given = {name: draw.normal(*shape) for name, shape in sizes.items()}
    shapes = dict(waq=(8, 9), wbq=(8, 12), wak=(8, 6), wav=(8, 6), wbk=(8, 8), wbv=(8, 8), wo=(12, 8))
    w = {"tpa." + name: draw.normal(*shape, scale=0.5) for name, shape in shapes.items()}
    out = check.run("factors", given, w)
    product = lambda a, b: np.einsum("rnh,rnd->hnd", a, b) / len(a)
    q, k, v = product(given["aq"], given["bq"]), product(given["ak"], given["bk"]), product(given["av"], given["bv"])
    check.near("keys of factors", out["keys"], k)
    seen = np.arange(m) <= np.arange(n)[:, None] + m - n
    check.near("expanded", out["expanded"], [attend(q[h], k[h], v[h], seen) for h in range(2)])
    check.near("decoded from factors", out["decoded"], out["expanded"])
    x = given["x"]
    turn = lambda parts: np.array([rotary(part) for part in parts])
    q = product(heads(x @ w["tpa.waq"], 3), turn(heads(x @ w["tpa.wbq"], 3)))
    k = product(heads(x @ w["tpa.wak"], 2), turn(heads(x @ w["tpa.wbk"], 2)))
    v = product(heads(x @ w["tpa.wav"], 2), heads(x @ w["tpa.wbv"], 2))
    seen = np.tril(np.ones((n, n))) > 0
    check.near("tpa layer", out["layer_out"], np.concatenate([attend(q[h], k[h], v[h], seen) for h in range(3)], 1) @ w["tpa.wo"])
    # Rank as many as heads, the vectors over heads unit vectors times the rank: ordinary heads.
    given["ak"] = 2 * np.repeat(np.eye(2)[:, None], m, 1)
    check.near("unit vectors make heads", check.run("factors", given, w)["keys"], given["bk"])


def sparsek(z, keep):
    """The nearest point of the box with this sum, exactly, from the breakpoints."""
    if keep >= len(z):
        return np.ones(len(z))
    total = lambda t: np.clip(z - t, 0, 1).sum()
    low = max(t for t in np.concatenate([z, z - 1]) if total(t) >= keep)
    one = z - 1 > low
    active = (z > low) & ~one
    tau = low if total(low) == keep or not active.any() else (z[active].sum() + one.sum() - keep) / active.sum()
    return np.clip(z - tau, 0, 1)


def moba(q, k, v, size, count):
    out = []
    for i in range(len(q)):
        own = i // size
        fit = np.array([q[i] @ k[b * size : (b + 1) * size].mean(0) for b in range(own)])
        opened = set(best(fit, count - 1)) | {own} if own else {own}
        seen = np.array([j <= i and j // size in opened for j in range(len(k))])
        out.append(attend(q[i : i + 1], k, v, seen)[0])
    return np.array(out)


def nsa(q, k, v, gate, size, stride, block, count, window, length):
    """q is [heads, n, d]; block scores as in the paper's equation 9, pair by pair."""
    n, heads = q.shape[1], len(q)
    starts = range(0, length, stride)
    mean = lambda x, s: x[s : s + size].mean(0) if s < n else np.zeros(x.shape[1])
    ck, cv = np.array([mean(k, s) for s in starts]), np.array([mean(v, s) for s in starts])
    out = np.zeros((heads, n, v.shape[1]))
    for i in range(n):
        visible = np.array([s + size - 1 <= i for s in starts])
        p = np.array([softmax(q[h, i] @ ck.T / math.sqrt(q.shape[2]), visible) for h in range(heads)])
        worth = np.zeros(i // block + 1)
        for b in range(len(worth)):
            for u in range(block // stride):
                for w in range(size // stride):
                    c = block // stride * b - u - w
                    if 0 <= c < len(ck):
                        worth[b] += p[:, c].sum()
            if b == 0 or i // block - b <= 1:
                worth[b] = 1e9
        opened = best(worth, count)
        chosen = np.array([j <= i and j // block in opened for j in range(n)])
        near = np.array([0 <= i - j < window for j in range(n)])
        for h in range(heads):
            out[h, i] = (gate[h, i, 0] * (p[h] @ cv) + gate[h, i, 1] * attend(q[h, i : i + 1], k, v, chosen)[0]
                         + gate[h, i, 2] * attend(q[h, i : i + 1], k, v, near)[0])
    return out


def selected(check, draw):
    n = 29
    given = dict(q=draw.normal(n, 4), k=draw.normal(n, 4), v=draw.normal(n, 3), u=draw.normal(n), heads_q=draw.normal(2, n, 4), gate=draw.normal(2, n, 3))
    w = {"compress_learned." + name: draw.normal(*shape, scale=0.5) for name, shape in dict(place=(4, 3), w1=(4, 3, 5), w2=(5, 3)).items()}
    out = check.run("selected", given, w)
    q, k, v, u = (given[name] for name in "qkvu")
    rows = []
    for i in range(n):
        part, chosen = sparsek(u[: i + 1], 4), best(u[: i + 1], 4)
        m = part[chosen][:, None]
        rows.append(attend(q[i : i + 1], m * k[chosen], m * v[chosen])[0])
    check.near("sparsek", out["sparse"], rows, 1e-7)
    check.near("moba", out["blocks"], moba(q, k, v, 4, 3))
    sigmoid = 1 / (1 + np.exp(-given["gate"]))
    check.near("nsa", out["native"], nsa(given["heads_q"], k, v, sigmoid, 4, 2, 8, 3, 5, 32))
    place, w1, w2 = (w["compress_learned." + name] for name in ("place", "w1", "w2"))
    erf = np.vectorize(math.erf)
    for b in range(16):
        h = sum((v[j] + place[j - 2 * b]) @ w1[j - 2 * b] for j in range(2 * b, min(2 * b + 4, n))) + np.zeros(5)
        check.near("learned compression", out["learned"][b], (0.5 * h * (1 + erf(h / math.sqrt(2)))) @ w2)
    # Few enough keys for all to be kept: causal attention. So few blocks that all are opened: causal too.
    few = {name: value[..., :4, :] if value.ndim > 1 else value[:4] for name, value in given.items()}
    causal = attend(q[:4], k[:4], v[:4], np.tril(np.ones((4, 4))) > 0)
    check.near("sparsek of few keys", check.run("selected", few, w)["sparse"], causal)
    some = {name: value[..., :12, :] if value.ndim > 1 else value[:12] for name, value in given.items()}
    some["gate"] = np.stack([np.full((2, 12), x) for x in (-60.0, 60.0, -60.0)], 2)
    out, below = check.run("selected", some, w), np.tril(np.ones((12, 12))) > 0
    check.near("moba, all blocks", out["blocks"], attend(q[:12], k[:12], v[:12], below))
    check.near("nsa, all blocks", out["native"], [attend(h, k[:12], v[:12], below) for h in some["heads_q"]])
    some["gate"] = np.stack([np.full((2, 12), x) for x in (-60.0, -60.0, 60.0)], 2)
    near = below & (np.arange(12)[:, None] - np.arange(12) < 5)
    check.near("nsa, window", check.run("selected", some, w)["native"], [attend(h, k[:12], v[:12], near) for h in some["heads_q"]])


check, draw = Check(sys.argv[2], sys.argv[1].split()), Draw(4)
for test in (mixtures, pyramid, folded, factors, selected):
    test(check, draw)
check.done()
