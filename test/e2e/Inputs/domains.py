"""domains.py LIBRARY SOURCE: the outputs of domains.heed at sizes of several tiles, against masks in NumPy."""

import sys

import numpy

library, source = sys.argv[1], sys.argv[2]
sys.path.insert(0, source + "/runtime/python")
import heed  # noqa: E402


def attention(q, k, v, allowed):
    score = numpy.where(allowed, q.astype("f8") @ k.T.astype("f8") / 4, -numpy.inf)
    weight = numpy.exp(score - numpy.maximum(score.max(1, initial=-1e300, keepdims=True), -1e300)) * allowed
    total = weight.sum(1, keepdims=True)
    return weight @ v.astype("f8") / numpy.where(total == 0, 1, total)


model = heed.Model(library, threads=2)
random = numpy.random.default_rng(7)
for n, blocks in ((599, 9), (450, 8), (257, 5), (192, 4)):
    f = lambda *shape: random.standard_normal(shape, dtype=numpy.float32)  # noqa: E731
    x = {"q": f(n, 16), "k": f(n, 16), "v": f(n, 12), "qb": f(64 * blocks, 16), "flag": random.random(n) < 0.02,
         "document": numpy.sort(random.integers(0, 6, n, dtype=numpy.int32)), "reach": random.integers(0, 90, n, dtype=numpy.int32),
         "table": random.integers(0, blocks, (blocks, 3), dtype=numpy.int32)}
    if n == 450:
        x["document"] = random.permutation(x["document"])  # not in runs
    i, j = numpy.arange(n)[:, None], numpy.arange(n)[None, :]
    I, J = numpy.arange(64 * blocks)[:, None], numpy.arange(64 * blocks)[None, :]
    masks = {
        "strided": (j <= i) & ((i - j < 20) | ((i - j) % 20 == 0)),
        "dilated": (abs(i - j) <= 90) & ((j - i) % 3 == 0),
        "global": (abs(i - j) <= 9) | x["flag"][j] | x["flag"][i],
        "packed_out": (x["document"][i] == x["document"][j]) & (j <= i),
        "block": i // 50 == j // 50,
        "ahead": (j > i + 3) | (j == i),
        "varying": (i - j <= x["reach"][i]) & (j <= i),
        "fixed": (j <= i) & ((i // 32 == j // 32) | (j % 32 >= 28)),
    }
    outputs = dict(zip(("strided", "dilated", "global", "packed_out", "table_out", "block", "ahead", "varying", "fixed"), model(x)))
    expected = {name: attention(x["q"], x["k"], x["v"], mask) for name, mask in masks.items()}
    chosen = (x["table"][I[:, 0] // 64][:, None, :] == (J[0] // 64)[None, :, None]).any(-1)
    table = (abs(I // 64 - J // 64) <= 1) | (I // 64 == 0) | (J // 64 == 0) | chosen
    expected["table_out"] = attention(x["qb"], x["qb"], x["qb"] + 1, table)
    for name, values in expected.items():
        error = abs(outputs[name] - values).max()
        print(f"n = {n}: {name} {'right' if error < 5e-6 else f'WRONG by {error}'}")
