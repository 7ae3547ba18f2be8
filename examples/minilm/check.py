"""Compares the compiled MiniLM with transformers on the same weights: 100 sentences, at most 1e-5 apart anywhere.

    PYTHONPATH=runtime/python python examples/minilm/check.py minilm.so
"""

import sys

import numpy
import torch
import transformers

import embed

SUBJECTS = ["The committee", "A small bird", "Nobody here", "My neighbour's garden", "The last train", "An old proof", "This kernel",
            "Every student", "The weather in March", "A good translation"]
ENDINGS = ["arrives late.", "is hard to forget", "changed its mind about the proposal, twice, in one afternoon!", "sleeps", "costs 3.50",
           "was never meant to be read aloud by someone in a hurry", "needs water, light and a little patience?", "grows",
           "has no equal in the whole of recorded history; at least that is what the catalogue of the exhibition says on page 47",
           "won"]


def main():
    sentences = [f"{subject} {ending}" for subject in SUBJECTS for ending in ENDINGS]
    encoder = embed.Encoder(sys.argv[1])
    ours = encoder(sentences)

    folder = embed.package_folder()
    theirs_model = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager").eval()
    worst = 0.0
    with torch.no_grad():
        for sentence, our in zip(sentences, ours):
            hidden = theirs_model(torch.tensor(encoder.tokens(sentence).astype(numpy.int64))[None]).last_hidden_state[0]
            theirs = torch.nn.functional.normalize(hidden.mean(dim=0), dim=0).numpy()
            worst = max(worst, float(numpy.abs(our - theirs).max()))
    print(f"{len(sentences)} sentences, largest difference {worst:.2e}")
    if not worst <= 1e-5:
        raise SystemExit("the embeddings differ by more than 1e-5")


if __name__ == "__main__":
    main()
