"""workloads.py - the workloads of bench/peers.py as data: a model of workloads.heed, sizes, inputs, and the mask in NumPy."""

import dataclasses
import typing

import numpy


@dataclasses.dataclass
class Workload:
    name: str
    model: str  # of workloads.heed
    n: int
    d: int
    mask: typing.Optional[typing.Callable] = None  # (i, j, inputs) -> bool; None: every pair
    extra: typing.Callable = lambda n: {}  # further inputs
    score: str = "scaled"  # what peers do to the scores: scaled, alibi, softcap, bias, sigmoid, additive
    heads: int = 8
    queries: int = 0  # 0: as many as keys. Else the workload is limited by the memory that keys and values are read from
    groups: int = 0  # heads of keys and values; 0: as many as heads of queries
    flop: int = 0  # useful ones, where they are not two products per pair

    def inputs(self):
        random = numpy.random.default_rng(0)
        shapes = {"q": (self.heads, self.queries or self.n, self.d)}
        shapes["k"] = shapes["v"] = (self.groups or self.heads, self.n, self.d)
        result = {name: random.standard_normal(shape, dtype=numpy.float32) for name, shape in shapes.items()}
        result.update(self.extra(self.n))
        return result

    @property
    def bytes(self):
        """Of keys and values, which a step of decoding reads once."""
        return 2 * 4 * (self.groups or self.heads) * self.n * self.d if self.queries else 0

    def allowed(self, inputs):
        if self.mask is None:
            return None
        i, j = numpy.arange(self.n)[:, None], numpy.arange(self.n)[None, :]
        return numpy.broadcast_to(self.mask(i, j, inputs), (self.n, self.n))

    @property
    def useful_flop(self):
        """Two products of d multiply-adds per pair that the mask leaves, or what the workload says."""
        if self.flop:
            return self.flop
        allowed = self.allowed(self.extra(self.n))
        pairs = (self.queries or self.n) * self.n if allowed is None else int(allowed.sum())
        return 4 * self.d * pairs * self.heads


def first_tokens(count):
    def make(n):
        flags = numpy.zeros(n, dtype=bool)
        flags[:count] = True
        return {"global": flags}

    return make


def random_blocks(n):
    blocks = n // 64
    random = numpy.random.default_rng(1)
    return {"random": random.integers(0, blocks, (blocks, 3), dtype=numpy.int32)}


def bigbird(i, j, inputs):
    a, b = i // 64, j // 64
    last = max(i.max(), j.max()) // 64
    table = inputs["random"]
    chosen = (table[a[:, 0]][:, None, :] == b[0][None, :, None]).any(-1)
    return (abs(a - b) <= 1) | (a == 0) | (b == 0) | (a == last) | (b == last) | chosen


def causal(i, j, inputs):
    return j <= i


def normal(scale=1, **shapes):
    """Further inputs of normal numbers; n stands for the rows."""

    def make(n):
        random = numpy.random.default_rng(3)
        return {name: scale * random.standard_normal([n if size == "n" else size for size in shape], dtype=numpy.float32)
                for name, shape in shapes.items()}

    return make


# Useful are, per row: of a causal sum, writing a state of d x d and reading it; of features, also making them; of projections, making
# projected keys and values, and the attention to them.
LINEAR = [
    Workload("linear causal", "linear_causal", 4096, 64, causal, score="linear", flop=8 * 4096 * 4 * 64 * 64),
    Workload("Performer 256 features", "performer_256", 4096, 64, score="performer", extra=normal(w=(256, 64)),
             flop=8 * 4096 * 8 * 256 * 64),
    Workload("Linformer 256", "linformer_256", 4096, 64, score="linformer", extra=normal(1 / 64, a=(256, "n"), b=(256, "n")),
             flop=8 * 4096 * 8 * 256 * 64),
]
ATTENTION = [
    Workload("dense n=4096", "dense", 4096, 64),
    Workload("dense n=512", "dense", 512, 64),
    Workload("dense n=1024", "dense", 1024, 64),
    Workload("dense n=2048 d=128", "dense_128", 2048, 128),
    Workload("causal", "causal_64", 4096, 64, causal),
    Workload("window 256", "window_256", 4096, 64, lambda i, j, _: abs(i - j) <= 256),
    Workload("window 64", "window_64", 4096, 64, lambda i, j, _: abs(i - j) <= 64),
    Workload("Longformer window 256 global 64", "longformer_256", 4096, 64,
             lambda i, j, x: (abs(i - j) <= 256) | x["global"][i] | x["global"][j], first_tokens(64)),
    Workload("strided 64 causal", "strided_64", 4096, 64, lambda i, j, _: (j <= i) & ((i - j < 64) | ((i - j) % 64 == 0))),
    Workload("dilated by 4 reach 512", "dilated_4", 4096, 64, lambda i, j, _: (abs(i - j) <= 512) & ((i - j) % 4 == 0)),
    Workload("BigBird block 64", "bigbird_64", 4096, 64, bigbird, random_blocks),
    Workload("ALiBi causal", "alibi_causal", 4096, 64, causal, score="alibi"),
    Workload("softcap 30", "softcap_30", 4096, 64, score="softcap"),
    Workload("bias table over i - j", "bias_table", 4096, 64, score="bias",
             extra=lambda n: {"bias": numpy.random.default_rng(2).standard_normal((8, 2 * n), dtype=numpy.float32)}),
    Workload("sigmoid n=2048", "sigmoid_2048", 2048, 64, score="sigmoid"),
]

# One example of Bahdanau's score over projected queries and keys. Useful are 2 d additions, d functions and d multiply-adds per pair.
ADDITIVE = [Workload(f"additive n={n} {d} wide", f"additive_{d}", n, d, score="additive", heads=1,
                     extra=lambda n, d=d: {"va": numpy.random.default_rng(3).standard_normal(d, dtype=numpy.float32)})
            for n, d in ((256, 128), (1000, 128))]

SHORT = [Workload(f"dense n={n}", "dense", n, 64) for n in (1, 16, 64, 128, 1000, 1023)]

DECODE = [
    Workload("decode 32 heads", "decode_32", 8192, 128, heads=32, queries=1),
    Workload("decode 32 over 8 heads", "decode_32_over_8", 8192, 128, heads=32, queries=1, groups=8),
]

SUITES = {"attention": ATTENTION + ADDITIVE + LINEAR + DECODE, "additive": ADDITIVE, "linear": LINEAR, "decode": DECODE, "short": SHORT}
