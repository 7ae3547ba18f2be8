"""catalogue.py ROOT HEED_RUN: docs/catalogue.md names functions that its library file has, files that exist, and draws masks as they are.

A picture is a block that begins with ```mask and an expression in i and j."""

import json
import os
import re
import subprocess
import sys
import tempfile

SIZE = 12


def masks(heed_run, expressions):
    """Each expression at every pair, as the interpreter evaluates it."""
    body = "".join("  m%d[i, j] = %s\n" % pair for pair in enumerate(expressions))
    outputs = ", ".join("m%d: bool[%d, %d]" % (k, SIZE, SIZE) for k in range(len(expressions)))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pictures.heed")
        with open(path, "w", encoding="utf-8") as file:
            file.write("model pictures() -> %s {\n%s}\n" % (outputs, body))
        run = subprocess.run([heed_run, path, "--reference", "--json"], capture_output=True, text=True)
        if run.returncode:
            sys.exit(run.stderr)
    results = json.loads(run.stdout)["examples"][0]
    return [results["m%d" % k]["values"] for k in range(len(expressions))]


def drawing(mask):
    return "\n".join(" ".join("■" if cell else "·" for cell in row) for row in mask)


def main():
    root, heed_run = sys.argv[1:3]
    path = os.path.join(root, "docs", "catalogue.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    problems = []
    for link in re.findall(r"\]\(\.\./([^)]*)\)", text):
        if not os.path.exists(os.path.join(root, link)):
            problems.append("%s does not exist" % link)

    named = set()
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        known = ""
        for source in re.findall(r"\]\(\.\./(lib/[^)]*)\)", section):
            with open(os.path.join(root, source), encoding="utf-8") as file:
                known += file.read()
        for row in re.findall(r"^\|(?!-)(.*)\|$", section, flags=re.MULTILINE) if known else []:
            for name in re.findall(r"`(\w+)`", row):
                named.add(name)
                if not re.search(r"^(fn|layer) %s\(" % name, known, flags=re.MULTILINE):
                    problems.append("%s is in no source of its section" % name)
    for source in sys.argv[3:]:
        with open(os.path.join(root, "lib", source), encoding="utf-8") as file:
            for name in re.findall(r"^(?:fn|layer) (\w+)\(", file.read(), flags=re.MULTILINE):
                if name not in named:
                    problems.append("lib/%s: %s is not in the catalogue" % (source, name))

    pictures = re.findall(r"```mask (.*)\n((?:.*\n)*?)```", text)
    for (expression, drawn), mask in zip(pictures, masks(heed_run, [expression for expression, _ in pictures])):
        if drawn.rstrip("\n") != drawing(mask):
            problems.append("the picture of %s is\n%s" % (expression, drawing(mask)))
    if len(pictures) < 10 or len(named) < 50:
        problems.append("%d pictures and %d functions are too few" % (len(pictures), len(named)))
    for line in problems:
        print(line)
    sys.exit(bool(problems))


main()
