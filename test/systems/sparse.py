"""Sparse attention against dense attention under a mask of pairs, weight by weight: the values are unit vectors."""

import sys

import numpy

import compare
from compare import equal, normal, softmax, true


def pairs(n, m=None):
    m = n if m is None else m
    return numpy.arange(n)[:, None] + m - n, numpy.arange(m)


def check(what, got, scores, seen, v):
    """The outputs, and that nothing outside the mask has any weight. v: unit vectors first."""
    equal(what, got, softmax(scores, seen) @ v)
    true(what + ": no weight elsewhere", not got[..., :seen.shape[-1]][numpy.broadcast_to(~seen, scores.shape)].any())


def longnet(q, k, v, widths, steps, seen):
    """Each pair of width and step by itself: (denominator, numerator), merged as partial softmaxes; no segment in common: zero."""
    n = q.shape[1]
    i, j = pairs(n)
    out = numpy.zeros((len(q), n, v.shape[2]))
    for h in range(len(q)):
        total, weighed = numpy.zeros((n, 1)), numpy.zeros((n, v.shape[2]))
        for width, step in zip(widths, steps):
            kept = (i // width == j // width) & (i % step == h % step) & (j % step == h % step) & seen
            e = numpy.where(kept, numpy.exp(q[h] @ k[h].T / 2), 0)
            total, weighed = total + e.sum(axis=1, keepdims=True), weighed + e @ v[h]
        out[h] = weighed / numpy.where(total > 0, total, 1)
    return out


def masks_of_positions(model):
    for n in (1, 2, 3, 4, 5, 15, 16, 17, 40):
        q, k = normal([2, n, 4], n), normal([2, n, 4], n + 50)
        v = numpy.tile(numpy.eye(n, 40), (2, 1, 1))
        got = model(q=q, k=k, v=v)
        scores = q @ k.transpose(0, 2, 1) / 2
        i, j = pairs(n)
        far = (i - j) % 4 == 0
        check("full", got["full"], scores, i == i + j * 0, v)
        check("window", got["local"], scores, abs(i - j) <= 2, v)
        check("causal window", got["recent_"], scores, (j <= i) & (i - j < 3), v)
        check("dilated heads", got["gaps"], scores, numpy.stack([abs(i - j) <= 2, (abs(i - j) <= 6) & ((i - j) % 3 == 0)]), v)
        check("block-local", got["block_local"], scores, abs(i // 4 - j // 4) <= 1, v)
        check("strided", got["union"], scores, (j <= i) & ((i - j < 4) | far), v)
        check("strided by heads", got["heads"], scores, numpy.stack([(j <= i) & (i - j < 4), (j <= i) & far]), v)
        check("fixed", got["fixed_"], scores, (j <= i) & ((i // 4 == j // 4) | (j % 4 == 3)), v)
        check("LogSparse", got["logs"], scores, (i == j) | numpy.isin(i - j, 2 ** numpy.arange(10)), v)
        equal("LongNet", got["segments"], longnet(q, k, v, [2, 4, 16], [1, 2, 4], j <= n))
        equal("LongNet, causal", got["segments_past"], longnet(q, k, v, [3, 8], [1, 2], j <= i))
        if n <= 3:
            equal("a window over everything is full", got["local"], got["full"], 1e-6)
        if n <= 8:
            equal("blocks over everything are full", got["block_local"], got["full"], 1e-6)

    golden = numpy.tile(compare.wave([4, 2], 2), (2, 1, 1))         # scale 1 / sqrt 2 of width 2: a width of 4 scales by 1/2
    q, k = (numpy.pad(compare.wave([4, 2], phase), ((0, 0), (0, 2))) * 2 ** .25 for phase in (0, 1))
    got = longnet(numpy.stack([q] * 2), numpy.stack([k] * 2), golden, [2, 4], [1, 2], True)[0]
    equal("published LongNet numbers", got.ravel(), [.407859146, .011857632, .521650186, .012837020, -.346364863, -.156305938,
                                                      -.596842201, -.144007149], 1e-8)


def bigbird(n, random, size):
    """Sets of blocks: window, first and last, random; a list, for the count of each."""
    blocks, count = -(-n // size), numpy.zeros((len(random), n, n), int)
    for h in range(len(random)):
        for i in range(n):
            P = i // size
            if P in (0, blocks - 1):
                listed = set(range(blocks))
            else:
                listed = {P - 1, P, P + 1, 0, blocks - 1}
            chosen = list(random[h, P]) if P < random.shape[1] else []
            for j in range(n):
                count[h, i, j] = 100 * (j // size in listed) + chosen.count(j // size)
    return count


def descend(parents):
    """The last position below each token of a tree in depth-first order."""
    last = numpy.arange(len(parents))
    for j in range(len(parents) - 1, -1, -1):
        if parents[j] >= 0:
            last[parents[j]] = max(last[parents[j]], last[j])
    return last


def ancestors(parents):
    seen = numpy.eye(len(parents), dtype=bool)
    for i, parent in enumerate(parents):
        if parent >= 0:
            seen[i] |= seen[parent]
    return seen


def tree(n, seed):
    """Parents of a random tree in depth-first order: the parent is the token before, or one of its ancestors."""
    random, parents = numpy.random.default_rng(seed), []
    for i in range(n):
        parent = i - 1
        while parent > 0 and random.random() < 0.4:
            parent = parents[parent]
        parents.append(parent)
    return parents


def masks_of_data(model):
    w = model.under("longformer_heads")
    split = lambda x: x.reshape(len(x), 2, 3).transpose(1, 0, 2)
    for n, p in [(1, 1), (3, 2), (9, 9), (17, 1), (30, 12), (40, 40)]:
        random = numpy.random.default_rng(n)
        blocks = -(-n // 4)
        x, q, k, last_q = normal([n, 6], n), normal([2, n, 4], n + 1), normal([2, n, 4], n + 2), normal([p, 4], 3)
        v = numpy.tile(numpy.eye(n, 40), (2, 1, 1))
        inputs = {"q": q, "k": k, "v": v, "x": x, "last_q": last_q, "global": random.random(n) < 0.2,
                  "document": numpy.sort(random.integers(0, 3, n)), "prefix": numpy.int32(n // 3),
                  "random": random.integers(0, blocks, (2, blocks, 2))}
        parents = tree(n, n)
        inputs["last"] = descend(parents)
        got = model(**inputs)
        scores = q @ k.transpose(0, 2, 1) / 2
        i, j = pairs(n)
        g = inputs["global"]
        every = g[:, None] | g[None]
        check("global tokens", got["globals"], scores, (abs(i - j) <= 2) | every, v)
        check("causal global tokens", got["globals_past"], scores, (j <= i) & ((i - j < 2) | every), v)
        check("documents", got["documents"], scores, (j <= i) & (inputs["document"][:, None] == inputs["document"]), v)
        check("prefix", got["prefixed"], scores, (j < n // 3) | (j <= i), v)
        check("tree", got["branches"], scores, ancestors(parents), v)
        if p <= n:
            late = last_q @ k[0].T / 2
            check("the last queries of a tree", got["decoded"], late, ancestors(parents)[n - p:], v[0])
            check("the last queries after a prefix", got["decoded_prefix"], late, ((j < n // 3) | (j <= i))[n - p:], v[0])
        count = bigbird(n, inputs["random"], 4)
        check("BigBird", got["chosen"], scores, count > 0, v)
        middle = (i // 4 > 0) & (i // 4 < (n - 1) // 4)
        copies = numpy.where(middle, count // 100 + count % 100, 1)
        equal("BigBird's lists", got["listed"], softmax(scores + numpy.log(numpy.maximum(copies, 1)), copies > 0) @ v)

        rows = {name: split(x @ w["w" + name] + w["b" + name]) for name in ("q", "k", "v", "qg", "kg", "vg")}
        local = softmax(rows["q"] @ rows["k"].transpose(0, 2, 1) / 3 ** .5, (abs(i - j) <= 2) | g) @ rows["v"]
        wide = softmax(rows["qg"] @ rows["kg"].transpose(0, 2, 1) / 3 ** .5) @ rows["vg"]
        out = numpy.where(g[:, None], wide, local).transpose(1, 0, 2).reshape(n, 6) @ w["wo"] + w["bo"]
        equal("Longformer with global projections", got["own"], out)

    keys = {P: (bigbird(64, numpy.full((1, 16, 1), 8), 4)[0, 4 * P] > 0).sum() for P in (0, 1, 5)}
    true("BigBird's keys per row", keys == {0: 64, 1: 20, 5: 24})

    # What a local row sees does not come through the global keys; with nobody global, or everybody, it is plain attention.
    base = model(**inputs)["own"]
    model.set("longformer_heads.wkg", normal([6, 6], 77))
    changed = (model(**inputs)["own"] != base).any(axis=1)
    true("global keys change global rows only", (changed == inputs["global"]).all() and changed.any())
    everybody = model(**{**inputs, "global": numpy.ones(n, bool)})
    equal("everybody global", everybody["globals"], softmax(scores) @ v)


def main():
    masks_of_positions(compare.Model(sys.argv[1]))
    masks_of_data(compare.Model(sys.argv[2]))


main()
compare.finish()
