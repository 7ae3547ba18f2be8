"""gpu_workloads.py - what test/gpu/run.sh times on a GPU, as data: attention of 16 heads in f16 and bf16, by mask, head width and length.

`python bench/gpu_workloads.py` prints the models.
"""

import dataclasses

HEADS = 16
LENGTHS = (512, 1024, 2048, 4096, 8192, 16384)
WIDTHS = (64, 128, 256)
TYPES = ("f16", "bf16")


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    score: str = "dot(q[h, i], k[h, j]) / sqrt({d}.0)"  # of heed; {d} is the head width
    where: str = ""
    inputs: str = ""  # further ones of heed
    mask: str = ""  # the same for peers, a Python expression over h, i, j and the further inputs
    bias: str = ""  # for peers: the score of a pair, from `score`
    length: str = "n"  # as heed writes it
    queries: bool = True  # False: one step of decoding
    product: bool = True  # False: scores are no product, so that no peer has them


VARIANTS = (
    Variant("dense"),
    Variant("causal", where="j <= i", mask="j <= i"),
    Variant("window_1024", where="j <= i and i - j < 1024", mask="(j <= i) & (i - j < 1024)"),
    Variant("longformer", where="abs(i - j) <= 256 or global[i] or global[j]", inputs=", global: bool[n]",
            mask="((i - j).abs() <= 256) | extra[i] | extra[j]"),
    Variant("bigbird", where="abs(i / 64 - j / 64) <= 1 or i / 64 == 0 or j / 64 == 0 or any[r](random[i / 64, r] == j / 64)",
            inputs=", random: i32[blocks, 3]", length="64 * blocks",
            mask="((i // 64 - j // 64).abs() <= 1) | (i // 64 == 0) | (j // 64 == 0) | (extra[i // 64, 0] == j // 64)"
                 " | (extra[i // 64, 1] == j // 64) | (extra[i // 64, 2] == j // 64)"),
    Variant("document", where="document[i] == document[j]", inputs=", document: i32[n]", mask="extra[i] == extra[j]"),
    Variant("alibi", score="dot(q[h, i], k[h, j]) / sqrt({d}.0) - 0.1 * (i - j)", where="j <= i", mask="j <= i",
            bias="score - 0.1 * (i - j)"),
    Variant("softcap", score="30.0 * tanh(dot(q[h, i], k[h, j]) / sqrt({d}.0) / 30.0)", bias="30.0 * torch.tanh(score / 30.0)"),
    Variant("additive", score="dot(weight, tanh(q[h, i] + k[h, j]))", inputs=", weight: {type}[{d}]", product=False),
    Variant("decode", queries=False),
)


def model_name(variant, width, kind):
    return f"{variant.name}_{width}_{kind}"


def model(variant, width, kind):
    """The text of a model."""
    length = variant.length
    rows = length if variant.queries else "1"
    extra = variant.inputs.format(d=width, type=kind)
    dims = "  dim blocks <= 1024\n" if "blocks" in length else "  dim n <= 65536\n"
    where = f"   where {variant.where}" if variant.where else ""
    return (f"model {model_name(variant, width, kind)}(q: {kind}[{HEADS}, {rows}, {width}], k: {kind}[{HEADS}, {length}, {width}], "
            f"v: {kind}[{HEADS}, {length}, {width}]{extra}) -> out: {kind}[{HEADS}, {rows}, {width}] {{\n{dims}"
            f"  score[h, i, j] = {variant.score.format(d=width)}{where}\n"
            f"  out[h, i] = sum[j](softmax[j](score[h, i, j]) * v[h, j])\n}}\n")


def models():
    return [(variant, width, kind) for variant in VARIANTS for width in WIDTHS for kind in TYPES]


if __name__ == "__main__":
    print("\n".join(model(*each) for each in models()))
