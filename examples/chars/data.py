"""data.py - the text of the chars example: characters as numbers, and the part that is held out.

persuasion.txt is Jane Austen's novel of 1818, which is in the public domain; each paragraph is a line.
"""

import collections
import math
import pathlib

ALPHABET = "\n !\"&'(),-.0123456789:;?ABCDEFGHIJKLMNOPQRSTUVWYZabcdefghijklmnopqrstuvwxyz"
HELD_OUT = "\nChapter 22\n"  # from here on


def encode(text):
    return [ALPHABET.index(c) for c in text]


def decode(values):
    return "".join(ALPHABET[k] for k in values)


def parts():
    """The text to train on, and the text held out."""
    text = (pathlib.Path(__file__).parent / "persuasion.txt").read_text(encoding="utf-8")
    end = text.index(HELD_OUT) + 1
    return text[:end], text[end:]


def counted_bits(training, text, order):
    """Bits per character by counts: what followed the last `order` characters, mixed with what followed fewer (Witten and Bell, 1991)."""
    followers = [collections.defaultdict(collections.Counter) for _ in range(order + 1)]
    for k, c in enumerate(training):
        for length in range(min(order, k) + 1):
            followers[length][training[k - length : k]][c] += 1
    bits = 0.0
    for k, c in enumerate(text):
        p = 1.0 / len(ALPHABET)
        for length in range(min(order, k) + 1):
            seen = followers[length].get(text[k - length : k])
            if seen:
                p = (seen[c] + len(seen) * p) / (seen.total() + len(seen))
        bits -= math.log2(p)
    return bits / len(text)
