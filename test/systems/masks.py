"""The masks of sparse.heed, pair by pair, against sets written out, and how many keys a row sees."""

import sys

import numpy

import compare
from compare import equal, true

MASKS = {                                       # which keys position p sees, as the papers list them; m keys
    "everywhere_": lambda p, m: range(m),
    "past_": lambda p, m: range(p + 1),
    "near_": lambda p, m: range(p - 2, p + 3),
    "recent_": lambda p, m: [p - 2, p - 1, p],
    "around_": lambda p, m: range(p - 3, p + 2),
    "dilated_": lambda p, m: [p - 6, p - 3, p, p + 3, p + 6],
    "dilated_past_": lambda p, m: [p - 6, p - 3, p],
    "same_block_": lambda p, m: range(p // 4 * 4, p // 4 * 4 + 4),
    "near_block_": lambda p, m: range(p // 4 * 4 - 4, p // 4 * 4 + 8),
    "strided_local_": lambda p, m: range(p - 3, p + 1),
    "strided_far_": lambda p, m: range(p, -1, -4),
    "strided_": lambda p, m: [*range(p - 3, p + 1), *range(p, -1, -4)],
    "fixed_local_": lambda p, m: range(p // 4 * 4, p + 1),
    "fixed_far_": lambda p, m: [j for j in range(p + 1) if j % 4 in (2, 3)],
    "fixed_": lambda p, m: [*range(p // 4 * 4, p + 1), *(j for j in range(p + 1) if j % 4 in (2, 3))],
    "logsparse_": lambda p, m: [p, *(p - 2 ** s for s in range(20))],
    "both_": lambda p, m: [p - 2, p - 1, p],
    "either_": lambda p, m: [*range(p - 2, p + 1), *range(p, -1, -4)],
}
HEADS = {
    "by_head_": lambda h, p, m: MASKS["strided_far_" if h % 2 else "strided_local_"](p, m),
    "dilated_heads_": lambda h, p, m: [p + offset * [1, 2, 5][h] for offset in range(-2, 3)],
}


def rows(keys, n, m):
    mask = numpy.zeros((n, m), bool)
    for p in range(n):
        mask[p, [j for j in keys(p, m) if 0 <= j < m]] = True
    return mask


def reaches(first, then):
    """Pairs joined by one step of each mask: a layer with `first`, then one with `then`."""
    return then.astype(int) @ first.astype(int) > 0


def main():
    model = compare.Model(sys.argv[1])
    for n, m in [(0, 5), (1, 1), (12, 12), (31, 64), (100, 3), (100, 100)]:
        got = model(x=numpy.zeros(n), y=numpy.zeros(m))
        true("every mask is checked", set(got) == {*MASKS, *HEADS})
        for name, keys in MASKS.items():
            equal(name, got[name], rows(keys, n, m), 0)
        for name, keys in HEADS.items():
            equal(name, got[name], numpy.stack([rows(lambda p, m: keys(h, p, m), n, m) for h in range(3)]), 0)

    n = numpy.arange(100)
    count = {name: mask.sum(axis=-1) for name, mask in got.items()}
    equal("window of 2 to each side", count["near_"][:6], [3, 4, 5, 5, 5, 5], 0)
    equal("strided", count["strided_"], numpy.minimum(n + 1, 4) + n // 4, 0)
    equal("fixed", count["fixed_"], n % 4 + 1 + 2 * (n // 4), 0)
    true("logarithmic", (count["logsparse_"] <= numpy.log2(numpy.maximum(n, 1)) + 2).all())
    true("growth as n sqrt n", count["strided_"].max() < 30)

    # Two layers of the Sparse Transformer: strided parts reach every earlier key in either order; fixed ones only if the block comes first.
    past = got["past_"]
    equal("strided reaches all", reaches(got["strided_far_"], got["strided_local_"]), past, 0)
    equal("strided reaches all, the other way round", reaches(got["strided_local_"], got["strided_far_"]), past, 0)
    block, summary = got["fixed_local_"][:12, :12], rows(lambda p, m: range(3, p + 1, 4), 12, 12)
    equal("a block, then its summary", (reaches(block, summary) | block).sum(), 78, 0)
    equal("the summary, then a block", (reaches(summary, block) | block).sum(), 42, 0)


main()
compare.finish()
