"""Runs the compiled digits model on the held-out images: at least 97 % right, and the same as PyTorch on the same weights.

    PYTHONPATH=runtime/python python examples/digits/check.py digits.so [--draw N]

Needs numpy; with torch and safetensors installed it compares every score, and what each answer looked at, with train.py's modules too.
--draw N: image N, and beside it what reached the class token from where.
"""

import pathlib
import sys

import numpy

import heed

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent))
SHADES, BLOCKS = "0123456789abcdefg", " ░▒▓█"


def held_out():
    lines = [line.rstrip("\n").split("\t") for line in open(HERE / "heldout.tsv", encoding="utf-8")]
    images = numpy.array([[SHADES.index(shade) for shade in shades] for _, shades in lines], dtype=numpy.float32)
    return images.reshape(-1, 8, 8), numpy.array([int(label) for label, _ in lines])


def draw(image, seen):
    """Two matrices beside one another, from blank to full."""
    for rows in zip(image / image.max(), seen / seen.max()):
        print("   ".join("".join(2 * BLOCKS[round(4 * float(value))] for value in row) for row in rows).rstrip())


def compare_with_torch(images, results):
    """The largest difference of a score and of what reached the class token."""
    import torch

    import train
    import training
    model = train.Digits()
    training.load(model, train.named_weights(model), HERE / "digits.safetensors")
    with torch.no_grad():
        scores, reach = model(torch.from_numpy(images))
    seen = numpy.repeat(numpy.repeat(reach.numpy(), 2, axis=1), 2, axis=2)
    return (float(numpy.abs(numpy.stack([result[k] for result in results]) - wanted).max()) for k, wanted in ((1, scores.numpy()), (2, seen)))


def main():
    images, labels = held_out()
    model = heed.Model(sys.argv[1], weights=HERE / "digits.safetensors")
    results = model.run([{"image": image} for image in images])
    right = sum(int(digit) == label for (digit, _, _), label in zip(results, labels))
    print(f"{right} of {len(labels)} held-out images are right")
    if right < 0.97 * len(labels):
        raise SystemExit("below 97 %")
    if sys.argv[2:3] == ["--draw"]:
        number = int(sys.argv[3])
        print(f"image {number}: {int(results[number][0])}")
        draw(images[number], results[number][2])

    try:
        scores, seen = compare_with_torch(images, results)
    except ImportError as missing:
        print(f"not compared with PyTorch: {missing}")
        return
    print(f"PyTorch on the same weights: scores differ by at most {scores:.1e}, what was looked at by {seen:.1e}")
    if not (scores <= 1e-4 and seen <= 1e-5):
        raise SystemExit("differs from PyTorch")


if __name__ == "__main__":
    main()
