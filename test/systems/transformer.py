"""Attention, heads and blocks against PyTorch's modules with the same weights in f64, and what must hold of them."""

import sys

import numpy
import torch
from torch.nn import functional

import compare
from compare import equal, normal, true
from transformer_modules import attention, block, tensor


def check_attentions(model, n, m):
    q, k, v = normal([2, n, 3], n), normal([2, m, 3], m), normal([2, m, 5], 7)
    x, y, narrow = normal([n, 8], n + 1), normal([m, 6], m + 1), normal([m, 1], m + 2)
    tokens = numpy.random.default_rng(n).integers(0, 9, n)
    given = {"q": q, "k": k, "v": v, "x": x, "y": y, "narrow": narrow, "tokens": tokens}
    got, w = model(**given), model.weights
    past = numpy.arange(m) <= numpy.arange(n)[:, None] + m - n
    equal("attention", got["full"], functional.scaled_dot_product_attention(tensor(q), tensor(k), tensor(v)))
    masked = functional.scaled_dot_product_attention(tensor(q), tensor(k), tensor(v), attn_mask=tensor(past))
    equal("causal attention", got["before"], numpy.where(past.any(axis=1)[:, None], masked, 0))
    equal("attention map", got["map"], compare.softmax(q @ k.transpose(0, 2, 1) / 3 ** .5, past))
    equal("attention of width 1", got["one"], functional.scaled_dot_product_attention(*(tensor(t)[None] for t in (narrow, narrow, v[0])))[0])
    with torch.no_grad():
        for name, other, options in (("self", x, {"num_heads": 2, "bias": False}),
                                     ("local", x, {"num_heads": 2, "bias": False}),
                                     ("cross", y, {"num_heads": 4, "bias": False, "kdim": 6, "vdim": 6}),
                                     ("cross_bias", y, {"num_heads": 2, "kdim": 6, "vdim": 6})):
            module = torch.nn.MultiheadAttention(8, batch_first=True, dtype=torch.float64, **options)
            attention(module, model.under(name))
            i, j = torch.arange(n)[:, None], torch.arange(n)
            mask = {"self": j > i, "local": abs(i - j) > 2}.get(name)                                  # True: forbidden
            wanted = module(tensor(x)[None], tensor(other)[None], tensor(other)[None], attn_mask=mask, need_weights=False)[0][0]
            equal("heads, " + name, got[name], wanted)
        for name, activation in (("ffn", functional.relu), ("ffn_gelu", functional.gelu),
                                 ("ffn_gelu_tanh", lambda t: functional.gelu(t, approximate="tanh"))):
            f = {key: tensor(value) for key, value in model.under(name).items()}
            equal(name, got[name], activation(tensor(x) @ f["w1"] + f["b1"]) @ f["w2"] + f["b2"])
        f = {key: tensor(value) for key, value in model.under("gated").items()}
        equal("gated", got["gated"], (functional.silu(tensor(x) @ f["w1"]) * (tensor(x) @ f["w3"])) @ f["w2"])
    position, column = numpy.arange(n)[:, None], numpy.arange(8)
    angle = position / 10000 ** (column // 2 * 2 / 8)
    wave = numpy.where(column % 2, numpy.cos(angle), numpy.sin(angle))
    equal("embedding", got["embedded"], w["table"][tokens] * 8 ** .5 + wave)
    equal("logits", got["logits"], x @ w["table"].T)
    return given, got


def properties(model, given, got):
    n, m = given["q"].shape[1], given["k"].shape[1]
    random = numpy.random.default_rng(1)
    rows, columns = random.permutation(n), random.permutation(m)
    moved = model(**{**given, "q": given["q"][:, rows], "k": given["k"][:, columns], "v": given["v"][:, columns]})
    equal("queries in another order, keys in another order", moved["full"], got["full"][:, rows])
    equal("one value for all keys", model(**{**given, "v": numpy.tile(given["v"][:, :1], (1, m, 1))})["full"],
          numpy.tile(given["v"][:, :1], (1, n, 1)))
    huge = model(**{**given, "q": given["q"] * 1e4})["full"]
    true("scores of 1e4 do not overflow", numpy.isfinite(huge).all())
    later = {**given, "x": given["x"].copy()}
    later["x"][-1] += 1
    equal("a later token changes nothing before", model(**later)["self"][:-1], got["self"][:-1], 0)
    poisoned = {**given, "v": given["v"].copy()}
    poisoned["v"][:, -1] = numpy.nan
    equal("what is masked may be anything", model(**poisoned)["before"][:, :-1], got["before"][:, :-1], 0)
    batch = model.batch([given, later])
    equal("an example does not see its batch", batch[0]["full"], got["full"], 0)
    # Heads: another order of them, with the output's rows in that order, is the same layer; rows of zeros leave a head out.
    w = model.under("self")
    heads = numpy.concatenate([numpy.arange(4, 8), numpy.arange(4)])
    for name in ("wq", "wk", "wv"):
        model.set("self." + name, w[name][:, heads])
    model.set("self.wo", w["wo"][heads])
    equal("heads in another order", model(**given)["self"], got["self"])
    model.set("self.wo", numpy.where(numpy.arange(8)[:, None] < 4, 0, w["wo"][heads]))
    one = model(**given)["self"]
    model.set("self.wo", numpy.where(numpy.arange(8)[:, None] < 4, w["wo"][heads], 0))
    equal("the sum over heads", one + model(**given)["self"], got["self"])


def check_blocks(model, n, m):
    x, memory = normal([n, 8], n), normal([m, 8], m + 5)
    got = model(x=x, memory=memory)
    past = torch.triu(torch.ones(n, n, dtype=torch.bool), 1)
    with torch.no_grad():
        equal("encoder block", got["encoded"], block(torch.nn.TransformerEncoderLayer, model.under("encoded"))(tensor(x)[None])[0])
        equal("encoder block, norms first", got["pre"],
              block(torch.nn.TransformerEncoderLayer, model.under("pre"), norm_first=True, activation="gelu")(tensor(x)[None])[0])
        i, j = torch.arange(n)[:, None], torch.arange(n)
        y = tensor(x)[None]
        for part, seen in (("first", (j <= i) & (i - j < 3)), ("second", (j <= i) & ((i - j) % 3 == 0))):
            made = block(torch.nn.TransformerEncoderLayer, model.under("alternate.%s.0" % part), norm_first=True, activation="gelu")
            y = made(y, src_mask=~seen)
        equal("strided attention in turns", got["turns"], y[0])
        for name, first in (("decoded", False), ("pre_decoded", True)):
            made = block(torch.nn.TransformerDecoderLayer, model.under(name), norm_first=first)
            equal("decoder block, " + name, got[name], made(tensor(x)[None], tensor(memory)[None], tgt_mask=past)[0])
    order = numpy.random.default_rng(0).permutation(n)
    equal("an encoder block does not know positions", model(x=x[order], memory=memory)["encoded"], got["encoded"][order])


def main():
    attentions, blocks = compare.Model(sys.argv[1]), compare.Model(sys.argv[2])
    for n, m in [(1, 1), (2, 7), (7, 2), (1, 40), (17, 33), (40, 40)]:
        given, got = check_attentions(attentions, n, m)
        check_blocks(blocks, n, m)
    properties(attentions, given, got)


main()
compare.finish()
