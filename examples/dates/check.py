"""Runs the compiled dates model on the 1,000 held-out dates: at least 99 % exactly right, and the same as PyTorch on the same weights.

    PYTHONPATH=runtime/python python examples/dates/check.py dates.so

Needs numpy; with torch and safetensors installed it compares every character and every alignment with train.py's modules too.
"""

import pathlib
import sys

import numpy

import data
import heed

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent))


def compiled(library, texts):
    """Pairs (characters, alignment [steps, source length]) from the compiled model, one batch."""
    model = heed.Model(library, weights=HERE / "dates.safetensors")
    return model.run([{"source": numpy.array([data.SOURCE.index(c) for c in text], dtype=numpy.int32)} for text in texts])


def compare_with_torch(pairs, results):
    """The number of texts translated differently, and the largest difference of an alignment."""
    import train
    import training
    model = train.Dates()
    training.load(model, train.named_weights(model), HERE / "dates.safetensors")
    different, worst = 0, 0.0
    source, lengths, _ = train.tensors(pairs)
    characters, alphas = model.translate(source, lengths)
    for k, (target, alpha) in enumerate(results):
        steps, length = alpha.shape
        different += not numpy.array_equal(characters[k, :steps].numpy(), target)
        worst = max(worst, float(numpy.abs(alphas[k, :steps, :length].numpy() - alpha).max()))
    return different, worst


def main():
    pairs = [line.rstrip("\n").split("\t") for line in open(HERE / "heldout.tsv", encoding="utf-8")]
    results = compiled(sys.argv[1], [text for text, _ in pairs])
    right = sum("".join(data.TARGET[k] for k in target) == iso + data.TARGET[data.END]
                for (target, _), (_, iso) in zip(results, pairs))
    print(f"{right} of {len(pairs)} held-out dates are exactly right")
    if right < 0.99 * len(pairs):
        raise SystemExit("below 99 %")

    try:
        different, worst = compare_with_torch(pairs, results)
    except ImportError as missing:
        print(f"not compared with PyTorch: {missing}")
        return
    print(f"PyTorch on the same weights: {different} different dates, alignments differ by at most {worst:.1e}")
    if different or worst > 1e-4:
        raise SystemExit("differs from PyTorch")


if __name__ == "__main__":
    main()
