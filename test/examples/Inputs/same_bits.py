"""Runs texts as one batch on 1, 2 and 7 threads and one by one, and compares the printed results: same_bits.py HEED-RUN ..."""

import json
import subprocess
import sys

# Several lengths, from the shortest to the longest that the model takes; one of them twice.
TEXTS = ["Tuesday, 3rd of May 1979", "03 may 79", "5", "12/31/1999", "february 29 2000", "1 " * 32, "03 may 79", "Sunday 7 Jul 2024", ".,"]


def run(texts, threads):
    command = sys.argv[1:] + ["--json", "--threads", str(threads)]
    for text in texts:
        command += ["--text", "source=" + text]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # The digits give back the exact numbers, so numbers are compared as they are printed.
    return json.loads(output, parse_float=str, parse_int=str)["examples"]


together = run(TEXTS, 1)
assert len(together) == len(TEXTS)
assert together[0]["target"]["text"].strip() == "1979-05-03", together[0]["target"]
for threads in (2, 7):
    assert run(TEXTS, threads) == together, "%d threads give other results" % threads
for text, result in zip(TEXTS, together):
    assert run([text], 7) == [result], "alone, '%s' has another result" % text
print("%d texts, the same bits" % len(TEXTS))
