"""Runs the examples in the descriptions of passes: examples.py HEED-OPT PASSES.TD [--update].

Each description shows a function before its pass and what the pass makes of it. `--update` writes the latter.
"""

import re
import subprocess
import sys
import textwrap

compiler, path = sys.argv[1:3]
update = "--update" in sys.argv
text = open(path, encoding="utf-8").read()


def after(flag, before):
    """What the pass makes of `before`, as text without a module around it."""
    command = [compiler, f"--{flag}", "--mlir-print-local-scope"]
    run = subprocess.run(command, input=before, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{flag}: {run.stderr}")
    lines = run.stdout.strip().split("\n")
    return textwrap.dedent("\n".join(lines[1:-1])).strip()


failed, count = [], 0
for match in list(re.finditer(r'^def \w+ : \w+<"([\w-]+)".*?^}', text, re.MULTILINE | re.DOTALL)):
    flag, body = match.group(1), match.group(0)
    blocks = re.findall(r"```mlir\n(.*?)```", body, re.DOTALL)
    if len(blocks) != 2 or "func.func" not in blocks[0]:
        failed.append(f"{flag}: its description has no example that runs")
        continue
    count += 1
    result = after(flag, textwrap.dedent(blocks[0]))
    if textwrap.dedent(blocks[1]).strip() == result:
        continue
    if update:
        start = body.rindex("```mlir\n") + len("```mlir\n")
        end = body.index("```", start)
        text = text.replace(body, body[:start] + textwrap.indent(result, "    ") + "\n    " + body[end:])
    else:
        failed.append(f"{flag}: its description does not show what the pass does, which is\n{result}")
if update:
    open(path, "w", encoding="utf-8").write(text)
print("\n".join(failed) or f"{count} examples are right")
sys.exit(bool(failed))
