"""Prints how the memory of each model grows with its size: growth.py HEEDC FILE.

The workspace is planned when a model is compiled, so nothing runs: each model is compiled for at most 256 and at most 1024 elements.
A workspace that grows 16 times holds a number for each pair, one that grows 4 times a few for each element.
"""

import concurrent.futures
import re
import subprocess
import sys
import tempfile

compiler, source = sys.argv[1:]
text = open(source, encoding="utf-8").read()


def workspace(model, size, folder):
    name = f"{folder}/{model}.{size}.heed"
    with open(name, "w", encoding="utf-8") as file:
        file.write(text.replace("dim n <= 1024", f"dim n <= {size}"))
    command = [compiler, name, "--model", model, "--emit=vector", "--explain", "-o", "/dev/null"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    remarks = run.stderr
    return max(int(count) for count in re.findall(r"(\d+) bytes at the largest sizes", remarks))


def growth(model, folder):
    small, large = workspace(model, 256, folder), workspace(model, 1024, folder)
    name = model.removesuffix("_of_n")
    return f"{name}: n m, {large / 1024 ** 2 / 4:.1f} of each pair" if large > 8 * small else f"{name}: n"


with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
    models = re.findall(r"^model (\w+)", text, re.MULTILINE)
    lines = list(pool.map(lambda model: growth(model, folder), models))
print("\n".join(lines))
print(sum(": n m" in line for line in lines), "of", len(lines), "hold numbers of each pair")
