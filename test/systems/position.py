"""Positions against the formulas of the papers in NumPy, T5's buckets and Llama's rotation as in transformers."""

import sys

import numpy

import compare
from compare import equal, normal, softmax, true


def sinusoids(n, width):
    """Even columns sin(p w), odd columns cos(p w), both of frequency w_i = 10000^(-2 i / width)."""
    table = numpy.zeros((n, width))
    for p in range(n):
        for c in range(width):
            angle = p / 10000 ** (2 * (c // 2) / width)
            table[p, c] = numpy.cos(angle) if c % 2 else numpy.sin(angle)
    return table


def halves(x, positions, base=10000.0):
    """x = (a, b): the complex numbers a + i b turn by p base^(-2 c / d)."""
    half = x.shape[-1] // 2
    turned = (x[..., :half] + 1j * x[..., half:]) * numpy.exp(1j * positions[:, None] * base ** (-numpy.arange(half) / half))
    return numpy.concatenate([turned.real, turned.imag], axis=-1)


def pairs(x, positions, base=10000.0):
    half = x.shape[-1] // 2
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * numpy.exp(1j * positions[:, None] * base ** (-numpy.arange(half) / half))
    return numpy.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def attention(scores, v, seen=None):
    return softmax(scores, seen) @ v


def check(model, x, q, k, v):
    got, w = model(x=x, q=q, k=k, v=v), model.weights
    n, m, heads = q.shape[1], k.shape[1], len(q)
    i, j = numpy.arange(n)[:, None] + m - n, numpy.arange(m)          # absolute positions of queries and keys
    before, dots = j <= i, q @ k.transpose(0, 2, 1)
    equal("sinusoid", got["wave"], sinusoids(n, 6))
    equal("sinusoid of odd width", got["odd"], sinusoids(n, 5))
    equal("learned", got["learned"], x + w["learned_positions.table"][:n])

    keys, values = w["shaw.key"][numpy.clip(j - i, -3, 3) + 3], w["shaw.value"][numpy.clip(j - i, -3, 3) + 3]
    weights = softmax((dots + numpy.einsum("hid,ijd->hij", q, keys)) / 2)
    equal("Shaw", got["shaw_out"], weights @ v + numpy.einsum("hij,ijd->hid", weights, values))

    distance = sinusoids(max(m, 1), 8) @ w["transformer_xl.wr"]       # of every distance 0 .. m - 1
    relative = distance.reshape(-1, heads, 4)[numpy.clip(i - j, 0, None)]
    u, b = w["transformer_xl.u"][:, None], w["transformer_xl.w"][:, None]
    scores = (q + u) @ k.transpose(0, 2, 1) + numpy.einsum("hid,ijhd->hij", q + b, relative)
    equal("Transformer-XL", got["xl"], attention(scores / 2, v, before))

    buckets = torch_buckets(j - i, True, 32, 128)
    equal("T5", got["t5_out"], attention(dots + w["t5.bias"][buckets].transpose(2, 0, 1), v))
    buckets = torch_buckets(j - i, False, 8, 20)
    equal("T5 causal", got["t5_before"], attention(dots + w["t5_causal.bias"][buckets].transpose(2, 0, 1), v, before))
    rows = 8 * (numpy.arange(m) - numpy.arange(n)[:, None])
    true("T5 buckets", (got["bucket"] == torch_buckets(rows, True, 32, 128)).all())
    true("T5 causal buckets", (got["causal_bucket"] == torch_buckets(rows, False, 32, 128)).all())

    slopes = numpy.array([.25, .0625, .015625, .00390625, .5, .125])
    equal("ALiBi slopes of 6 heads", got["slopes_6"], slopes, 1e-6)
    equal("ALiBi slopes of 8 heads", got["slopes_8"], 2.0 ** -numpy.arange(1, 9), 1e-6)
    equal("ALiBi slope of 1 head", got["slopes_1"], [2.0 ** -8], 1e-6)
    equal("ALiBi", got["linear"], attention(dots / 2 - slopes[:, None, None] * (i - j), v, before))
    equal("ALiBi in both directions", got["linear_both"], attention(dots / 2 - slopes[:, None, None] * abs(i - j), v))

    equal("rotation of halves", got["halves"], halves(x, numpy.arange(n)))
    equal("rotation of pairs", got["pairs"], pairs(x, numpy.arange(n)))
    equal("rotation of a part", got["part"], numpy.concatenate([halves(x[:, :4], numpy.arange(n), 100.0), x[:, 4:]], axis=1))
    turned = halves(q, i[:, 0]) @ halves(k, j).transpose(0, 2, 1) / 2
    equal("attention between halves", got["turned"], attention(turned, v))
    turned = pairs(q, i[:, 0], 500.0) @ pairs(k, j, 500.0).transpose(0, 2, 1) / 2
    equal("causal attention between pairs", got["turned_pairs"], attention(turned, v, before))
    return got


def torch_buckets(distances, both, count, longest):
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention
    return T5Attention._relative_position_bucket(torch.from_numpy(distances), both, count, longest).numpy()


def properties(model, got, x):
    """What holds of any rotation and any sinusoid."""
    n = len(x)
    equal("waves have one length", (got["wave"] ** 2).sum(axis=1), numpy.full(n, 3))
    equal("rotations keep lengths", (got["halves"] ** 2).sum(axis=1), (x ** 2).sum(axis=1))
    equal("position 0 does not turn", got["halves"][0], x[0], 0)
    order = [0, 2, 4, 1, 3, 5]                                        # halves and pairs differ by an order of the channels
    equal("two layouts of one rotation", halves(x[:, order], numpy.arange(n)), pairs(x, numpy.arange(n))[:, order])
    a, b = halves(numpy.tile(x[:1], (n, 1)), numpy.arange(n)), halves(numpy.tile(x[1:2], (n, 1)), numpy.arange(n))
    equal("a score depends on the distance", (a[13:] * b[10:-3]).sum(axis=1), numpy.full(n - 13, (a[3] * b[0]).sum()))
    shift = 5 / 10000 ** (numpy.arange(3) / 3)                        # 5 positions on: every pair of columns turns, at any position
    sin, cos = got["wave"][:-5, 0::2], got["wave"][:-5, 1::2]
    equal("a shift is linear", got["wave"][5:, 0::2], sin * numpy.cos(shift) + cos * numpy.sin(shift), 1e-5)


def golden(model):
    rows = numpy.array([-200, -20, -8, -7, 0, 1, 8, 20, 200])
    equal("published buckets", torch_buckets(rows, True, 32, 128), [15, 10, 8, 7, 0, 17, 24, 26, 31], 0)
    # Through the models' outputs: distances 8 (j - i) meet the exact powers 8, 16, 32, 64 and 128.
    equal("sinusoid", sinusoids(3, 4).ravel(),
          [0, 1, 0, 1, .841470985, .540302306, .009999833, .999950000, .909297427, -.416146837, .019998667, .999800007], 1e-8)
    turned = halves(compare.wave([4, 2], 0), numpy.arange(4))
    equal("RoPE", turned.ravel(), [0, .644217687, -.193924874, 1.295621366, .179562027, .450581193, 1.001497196, .849623935], 1e-8)


def main():
    model = compare.Model(sys.argv[1])
    golden(model)
    for n, m in [(1, 1), (5, 3), (3, 5), (1, 40), (17, 33), (40, 40), (40, 7)]:
        x = normal([n, 6], n)
        got = check(model, x, *(normal([6, size, 4], 7 * n + m + c) for c, size in enumerate((n, m, m))))
        if n == m == 40:
            properties(model, got, x)


main()
compare.finish()
