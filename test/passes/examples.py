"""Runs the examples in the descriptions of passes: examples.py HEED-OPT PASSES.TD [--canonicalize] [--update].

Each description shows a function before its pass and what the pass makes of it, canonicalised after if so asked. In the
latter `...` stands for any text of a line, and alone on a line for any lines. `--update` writes what has no `...`.
"""

import re
import subprocess
import sys
import textwrap

compiler, path = sys.argv[1:3]
update = "--update" in sys.argv
after = [option for option in sys.argv if option == "--canonicalize"]
text = open(path, encoding="utf-8").read()


def run(flag, before):
    """What the pass makes of `before`, as text without an empty module around it."""
    command = [compiler, f"--{flag}", *after, "--mlir-print-local-scope"]
    done = subprocess.run(command, input=before, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{flag}: {done.stderr}")
    lines = [line.rstrip() for line in done.stdout.strip().split("\n")]
    if lines[0] == "module {":
        lines = lines[1:-1]
    return textwrap.dedent("\n".join(lines)).strip()


def shows(expected, result):
    """Whether `expected` is `result`, but for what `...` stands for."""
    pattern = ""
    for line in expected.split("\n"):
        parts = [re.escape(part) for part in line.split("...")]
        pattern += r"(?:.*\n)*?" if line.strip() == "..." else "[^\n]*?".join(parts) + r"\n"
    return re.fullmatch(pattern, result + "\n") is not None


failed, count = [], 0
for match in list(re.finditer(r'^def \w+ : \w+<"([\w-]+)".*?^}', text, re.MULTILINE | re.DOTALL)):
    flag, body = match.group(1), match.group(0)
    blocks = re.findall(r"```mlir\n(.*?)```", body, re.DOTALL)
    if len(blocks) != 2 or "func" not in blocks[0]:
        failed.append(f"{flag}: its description has no example that runs")
        continue
    count += 1
    expected, result = textwrap.dedent(blocks[1]).strip(), run(flag, textwrap.dedent(blocks[0]))
    if shows(expected, result):
        continue
    if update and "..." not in expected:
        start = body.rindex("```mlir\n") + len("```mlir\n")
        end = body.index("```", start)
        text = text.replace(body, body[:start] + textwrap.indent(result, "    ") + "\n    " + body[end:])
    else:
        failed.append(f"{flag}: its description does not show what the pass does, which is\n{result}")
if update:
    open(path, "w", encoding="utf-8").write(text)
print("\n".join(failed) or f"{count} examples are right")
sys.exit(bool(failed))
