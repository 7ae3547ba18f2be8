"""Sequence-to-sequence attention against the equations of the papers in NumPy, and their properties."""

import sys

import numpy

import compare
from compare import equal, normal, sigmoid, softmax, true


def bahdanau(y, h, w):
    """The decoder of the paper's appendix: alignment from s[t-1], then the state, a maxout readout from s[t-1]."""
    s, outs, alphas = numpy.tanh(h[0, h.shape[1] // 2:] @ w["ws"]), [], []
    for step in y:
        alpha = softmax(numpy.tanh(s @ w["wa"] + h @ w["ua"]) @ w["va"])
        c = alpha @ h
        wide = s @ w["readout.uo"] + step @ w["readout.vo"] + c @ w["readout.co"]
        outs.append(numpy.maximum(wide[0::2], wide[1::2]))
        alphas.append(alpha)
        z = sigmoid(step @ w["wz"] + s @ w["uz"] + c @ w["cz"])
        r = sigmoid(step @ w["wr"] + s @ w["ur"] + c @ w["cr"])
        s = (1 - z) * s + z * numpy.tanh(step @ w["w"] + (r * s) @ w["u"] + c @ w["cw"])
    return numpy.array(outs).reshape(len(y), w["readout.uo"].shape[1] // 2), numpy.array(alphas).reshape(len(y), len(h))


def lstm(x, h, c, w):
    i, f, g, o = (w["w_ih"] @ x + w["b_ih"] + w["w_hh"] @ h + w["b_hh"]).reshape(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * numpy.tanh(g)
    return sigmoid(o) * numpy.tanh(c), c


def luong(y, memory, h, c, w, cell):
    fed, outs, alphas = numpy.zeros(4), [], []
    for step in y:
        h, c = lstm(numpy.concatenate([step, fed]), h, c, cell)
        alphas.append(softmax(memory @ (h @ w["luong_general.w"])))
        fed = numpy.tanh(numpy.concatenate([alphas[-1] @ memory, h]) @ w["attentional_state.w"])
        outs.append(fed)
    return numpy.array(outs).reshape(len(y), 4), numpy.array(alphas).reshape(len(y), len(memory))


def local_p(q, k, w, width):
    centre = len(k) * sigmoid(numpy.tanh(q @ w["wp"]) @ w["vp"])
    distance = numpy.arange(len(k)) - centre[:, None]
    return softmax(q @ k.T, numpy.abs(distance) <= width) * numpy.exp(-distance ** 2 / (2 * (width / 2) ** 2))


def gru(x, h, w):
    a, b = (w["w_ih"] @ x + w["b_ih"]).reshape(3, -1), (w["w_hh"] @ h + w["b_hh"]).reshape(3, -1)
    z = sigmoid(a[1] + b[1])
    return (1 - z) * numpy.tanh(a[2] + sigmoid(a[0] + b[0]) * b[2]) + z * h


def check_greedy(library):
    """Word by word as written down, for sentences that end by themselves and that do not."""
    model = compare.Model(library, seed=3)
    lengths = set()
    for seed in range(8):
        random = numpy.random.default_rng(seed)
        source, limit = random.integers(0, 9, 1 + seed * 2), 4 + seed
        s = numpy.zeros(4)
        for word in source:
            s = gru(model.weights["source_embed"][word], s, model.under("encoder"))
        word, target, logits = 1, [], []
        while len(target) < 12:
            s = gru(model.weights["target_embed"][word], s, model.under("decoder"))
            logits.append(s @ model.weights["out"])
            word = int(numpy.argmax(logits[-1]))
            target.append(word)
            if word == 2 or len(target) - 1 >= limit:
                break
        got = model(source=source, limit=numpy.int32(limit))
        true("greedy target", list(got["target"]) == target)
        equal("greedy logits", got["logits"], numpy.array(logits))
        lengths.add(len(target))
    true("sentences of several lengths", len(lengths) > 2)


def main():
    model = compare.Model(sys.argv[1])
    h0, c0 = normal([4], 8), normal([4], 9)
    examples = [{"y": normal([t, 3], t), "q": normal([t, 4], 50 + t), "ann": normal([m, 6], m), "k": normal([m, 4], 90 + m),
                 "scores": normal([t, m], 7), "h0": h0, "c0": c0}
                for t, m in [(1, 1), (5, 2), (0, 7), (3, 16), (40, 33), (9, 40)]]
    weights = model.weights
    for example, got in zip(examples, model.batch(examples)):
        y, q, ann, k = (example[name] for name in ("y", "q", "ann", "k"))
        read, alpha = bahdanau(y, ann, model.under("bahdanau_decoder"))
        equal("bahdanau readout", got["read"], read)
        equal("bahdanau alignment", got["alpha"], alpha)
        w = model.under("luong_decoder")
        fed, beta = luong(y, k, h0, c0, w, model.under("luong_decoder.cell"))
        equal("luong attentional state", got["fed"], fed)
        equal("luong alignment", got["beta"], beta)

        convex = softmax(example["scores"]) @ ann
        equal("convex combination", got["convex"], convex)
        true("inside the values' range", (got["convex"] <= ann.max(axis=0) + 1e-5).all() and (got["convex"] >= ann.min(axis=0) - 1e-5).all())
        w = model.under("additive")
        context = softmax(numpy.tanh((q @ w["wa"])[:, None] + (ann @ w["ua"])[None]) @ w["va"]) @ ann
        equal("additive", got["additive_out"], context)
        w = model.under("additive_by.bahdanau_score")
        equal("additive by its score", got["additive_by"],
              softmax(numpy.tanh((q @ w["wa"])[:, None] + (ann @ w["ua"])[None]) @ w["va"]) @ ann)
        equal("dot", got["by_dot"], softmax(q @ k.T) @ k)
        equal("general", got["by_general"], softmax(q @ weights["general.luong_general.w"] @ k.T) @ k)
        w = model.under("concat_.luong_concat")
        pairs = numpy.concatenate([numpy.repeat(q[:, None], len(ann), 1), numpy.repeat(ann[None], len(q), 0)], axis=2)
        equal("concat", got["by_concat"], softmax(numpy.tanh(pairs @ w["w"]) @ w["va"]) @ k)
        equal("location", got["location"], softmax((q @ weights["luong_location.w"].T)[:, :len(k)]) @ k)
        i, j = numpy.arange(len(q))[:, None], numpy.arange(len(k))
        equal("local-m", got["local_m"], softmax(q @ k.T, abs(i - j) <= 3) @ k)
        equal("local-p", got["local_p"], local_p(q, k, model.under("luong_local_p"), 3) @ k)
        equal("attentional state", got["state"], numpy.tanh(numpy.concatenate([context, q], axis=1) @ weights["attentional_state.w"]))

    example = examples[4]
    got, original = model(**example), dict(weights)
    order = numpy.random.default_rng(5).permutation(len(example["k"]))
    moved = model(**{**example, "ann": example["ann"][order], "k": example["k"][order], "scores": example["scores"][:, order]})
    for name in ("convex", "additive_out", "by_dot", "by_general", "by_concat"):
        equal("%s does not depend on the order of the keys" % name, moved[name], got[name])
    shifted = model(**{**example, "scores": example["scores"] + 3})
    equal("a constant added to all scores changes nothing", shifted["convex"], got["convex"])
    sharp = model(**{**example, "scores": example["scores"] * 1e4})
    equal("large scores choose one value", sharp["convex"], example["ann"][example["scores"].argmax(axis=1)])
    fewer = model(**{**example, **{name: example[name][:9] for name in ("y", "q", "scores")}})
    equal("a decoder does not look ahead", fewer["read"], got["read"][:9], 0)
    beyond = model(**{**example, "scores": example["scores"][:, :5], **{name: example[name][:5] for name in ("k", "ann")}})
    equal("a window past the last key is empty", beyond["local_m"][8:], numpy.zeros((32, 4)), 0)

    model.set("general.luong_general.w", numpy.eye(4))
    equal("general with the identity is dot", model(**example)["by_general"], got["by_dot"], 1e-6)
    model.set("concat_.luong_concat.w", numpy.concatenate([original["additive.wa"], original["additive.ua"]]))
    model.set("concat_.luong_concat.va", original["additive.va"])
    pairs = softmax(numpy.tanh((example["q"] @ original["additive.wa"])[:, None] + (example["ann"] @ original["additive.ua"])[None])
                    @ original["additive.va"])
    equal("concat is Bahdanau's score", model(**example)["by_concat"], pairs @ example["k"])
    model.set("attentional_state.w", numpy.concatenate([numpy.zeros((6, 5)), numpy.eye(4, 5)]))
    equal("without the context: tanh of the state", model(**example)["state"][:, :4], numpy.tanh(example["q"]))
    model.set("bahdanau_decoder.wa", numpy.zeros((4, 5)))
    alpha = model(**example)["alpha"]
    equal("without the state, every step looks at the same place", alpha, numpy.tile(alpha[:1], (len(alpha), 1)), 0)
    model.set("bahdanau_decoder.va", numpy.zeros(5))
    equal("without scores: the mean", model(**example)["alpha"], numpy.full(alpha.shape, 1 / alpha.shape[1]))
    check_greedy(sys.argv[2])


main()
compare.finish()
