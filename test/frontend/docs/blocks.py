"""Compiles every ```heed block of a Markdown file: blocks.py HEEDC FILE. Blocks without a model are parsed only."""

import re
import subprocess
import sys

compiler, path = sys.argv[1:]
blocks = re.findall(r"```heed\n(.*?)```", open(path, encoding="utf-8").read(), re.S)
for block in blocks:
    stage = "checked" if re.search(r"^model ", block, re.M) else "ast"
    run = subprocess.run([compiler, "-", "--emit=" + stage], input=block, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(block + run.stderr)
print(len(blocks), "blocks")
