"""Runs the compiled chars models: they predict the held-out chapters better than counts do, writing with the cache gives the logits of
reading at once, and both are PyTorch's on the same weights.

    PYTHONPATH=runtime/python python examples/chars/check.py chars.so whole.so [CHARACTERS]

CHARACTERS: how much of the held-out text is predicted (all of it). Needs numpy; without torch and safetensors it compares with itself only.
"""

import pathlib
import sys
import time

import numpy

import data
import heed

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parent))
LAYERS, HEADS, WIDTH = 4, 4, 32
WINDOW = 256
STARTS = ["The morning was ", "She ", "\nIt was "]


def tokens(text):
    return numpy.array(data.encode(text), dtype=numpy.int32)


class Writer:
    """A text that grows: `read` takes its next characters and gives their logits."""

    def __init__(self, model, room):
        self.model, self.past = model, 0
        self.keys = self.values = numpy.zeros((LAYERS, HEADS, room, WIDTH), numpy.float32)

    def read(self, values):
        past = numpy.array(self.past, numpy.int32)
        logits, self.keys, self.values = self.model({"tokens": values, "keys": self.keys, "values": self.values, "past": past})
        self.past += len(values)
        return logits

    def continued(self, text, count):
        """The text, and the likeliest character `count` times."""
        written, logits = text, self.read(tokens(text))
        for _ in range(count):
            written += data.ALPHABET[logits[-1].argmax()]
            logits = self.read(tokens(written[-1]))
        return written


def bits(whole, text):
    """Bits per character over windows of the text, each character after those of its window."""
    values = tokens(text)
    windows = [values[start : start + WINDOW + 1] for start in range(0, len(values) - 1, WINDOW)]
    total = 0.0
    for window, (logits,) in zip(windows, whole.run([{"tokens": window[:-1]} for window in windows])):
        logits = logits.astype(numpy.float64)
        chances = logits - logits.max(axis=1, keepdims=True)
        chances -= numpy.log(numpy.exp(chances).sum(axis=1, keepdims=True))
        total -= chances[numpy.arange(len(chances)), window[1:]].sum()
    return total / numpy.log(2) / (len(values) - 1)


def error(got, wanted):
    """The squared error beside the squared values."""
    return float(((got - wanted) ** 2).sum() / (wanted**2).sum())


def seconds(model, past):
    """The shortest of some runs for one character after `past` others."""
    writer, best = Writer(model, past + 1), numpy.inf
    for _ in range(12):
        writer.past = past
        begin = time.process_time()
        writer.read(tokens("a"))
        best = min(best, time.process_time() - begin)
    return best


def compare_with_torch(text, stepwise, at_once, written):
    """The largest error of logits, and how many of the texts PyTorch writes otherwise."""
    import torch

    import train
    import training
    torch.set_num_threads(1)
    model = train.Chars()
    training.load(model, train.named_weights(model), HERE / "chars.safetensors")
    # A text is what PyTorch writes if each character is the likeliest after those before it.
    different = sum(model.likeliest(whole[:-1])[len(start) - 1 :] != whole[len(start) :] for start, whole in zip(STARTS, written))
    with torch.no_grad():
        exact = model.double()(torch.tensor(data.encode(text))).numpy()
    return max(error(stepwise, exact), error(at_once, exact)), different


def main():
    chars, whole = (heed.Model(path, weights=HERE / "chars.safetensors", threads=1) for path in sys.argv[1:3])
    text, held_out = data.parts()
    held_out = held_out[: int(sys.argv[3])] if sys.argv[3:] else held_out
    predicted, counted = bits(whole, held_out), data.counted_bits(text, held_out, 5)
    print(f"{predicted:.3f} bits for each of {len(held_out)} held-out characters; by counts of up to 5 characters before: {counted:.3f}")
    if not predicted < counted:
        raise SystemExit("no better than counting")

    part = held_out[:300]
    writer, values = Writer(chars, len(part)), tokens(part)
    stepwise = numpy.concatenate([writer.read(values[:100])] + [writer.read(values[k : k + 1]) for k in range(100, len(part))])
    [at_once] = whole({"tokens": values})
    print(f"one by one and at once: error {error(stepwise, at_once):.1e}")
    if not error(stepwise, at_once) <= 1e-11:
        raise SystemExit("the cache changes the logits")

    written = [Writer(chars, 256).continued(start, 200) for start in STARTS]
    for line in written:
        print(line.strip())

    short, long = seconds(chars, 127), seconds(chars, 1023)
    print(f"a character after 127 others: {1e3 * short:.2f} ms, after 1023: {1e3 * long:.2f} ms")
    if long > 3 * 8 * short:  # in proportion it is 8, by the square 64
        raise SystemExit("the cost of a character does not grow in proportion")

    try:
        worst, different = compare_with_torch(part, stepwise, at_once, written)
    except ImportError as missing:
        print(f"not compared with PyTorch: {missing}")
        return
    print(f"PyTorch on the same weights, in f64: error {worst:.1e}; {different} of {len(written)} texts are different")
    if not worst <= 1e-11 or different:
        raise SystemExit("differs from PyTorch")


if __name__ == "__main__":
    main()
