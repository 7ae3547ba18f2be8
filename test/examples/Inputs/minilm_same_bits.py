"""Embeds sentences as one batch on 1, 2 and 7 threads and one by one, and compares the bits: minilm_same_bits.py LIBRARY"""

import sys

import embed

SENTENCES = ["", "Won.", "A small bird", "The last train arrives late.", "never " * 60, "a b c " * 100,
             "The weather in March changed its mind about the proposal, twice, in one afternoon!"]

together = None
for threads in (1, 2, 7):
    encoder = embed.Encoder(sys.argv[1], threads)
    vectors = encoder(SENTENCES)
    assert together is None or vectors.tobytes() == together.tobytes(), "%d threads give other bits" % threads
    together = vectors
for sentence, vector in zip(SENTENCES, together):
    assert encoder([sentence])[0].tobytes() == vector.tobytes(), "alone, '%s' has other bits" % sentence
print("%d sentences, the same bits" % len(SENTENCES))
