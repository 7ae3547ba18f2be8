"""Holds the codes of Codes.def against the messages that the tests expect: codes.py HEEDC SOURCE."""

import pathlib
import re
import subprocess
import sys

compiler, source = sys.argv[1], pathlib.Path(sys.argv[2])
text = (source / "compiler/frontend/Codes.def").read_text()
codes = re.findall(r"^CODE\((H\d{4}), \"(.*)\", R\"\($", text, re.M)
names = [name for name, _ in codes]
problems = ["%s is defined twice" % name for name in set(names) if names.count(name) > 1]
if len(names) != len(re.findall(r"^CODE\(", text, re.M)):
    problems.append("Codes.def has an entry of another form")

# A message ends with its code in brackets, and a test expects it in a line for FileCheck or in an expected-error.
expected = set()
for path in (source / "test").rglob("*"):
    if path.suffix not in (".heed", ".test", ".mlir"):
        continue
    for line in path.read_text(errors="replace").splitlines():
        if re.search(r"expected-\w+|^\W*[A-Z][\w-]*:", line) and not re.search(r"-NOT:", line):
            expected.update(re.findall(r"\[(H\d{4})\]", line))
problems += ["no test expects a message with %s" % name for name in names if name not in expected]
problems += ["a test expects %s, which is not in Codes.def" % name for name in sorted(expected - set(names))]


def explain(*name):
    return subprocess.run([compiler, "explain", *name], capture_output=True, text=True, check=True).stdout


listed = dict(re.findall(r"^(H\d{4})  (.+)$", explain(), re.M))
for name, summary in codes:
    head, _, body = explain(name).partition("\n\n")
    if head != "%s: %s" % (name, summary) or not body.strip():
        problems.append("heedc explain %s prints %r" % (name, head))
    if listed.get(name) != summary:
        problems.append("heedc explain lists %s as %r" % (name, listed.get(name)))

print("\n".join(problems) or "%d codes" % len(names))
sys.exit(bool(problems))
