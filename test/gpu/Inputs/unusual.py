"""unusual.py HEED-RUN CPU.so GPU.so FOLDER: an infinity and a NaN among the values reach exactly the queries that see them, with the same results
on the CPU and on the GPU."""
import subprocess
import sys

import numpy

run, cpu, gpu, folder = sys.argv[1:]
n, infinite, unknown = 150, 70, 133
draw = numpy.random.default_rng(5)
inputs = {name: draw.standard_normal((2, n, 128)).astype(numpy.float16) for name in "qkv"}
inputs["v"][:, infinite, 3] = numpy.inf
inputs["v"][1, unknown, 0] = numpy.nan
arguments = []
for name, value in inputs.items():
    numpy.save(f"{folder}.{name}.npy", value)
    arguments += ["--input", f"{name}={folder}.{name}.npy"]
results = []
for library in (cpu, gpu):
    subprocess.run([run, library, *arguments, "--output", f"out={folder}.out.npy"], check=True)
    results.append(numpy.load(f"{folder}.out.npy").astype(numpy.float32))
expected, found = results
assert numpy.isfinite(found[:, :infinite]).all(), "a query that does not see the infinity has it"
assert numpy.isinf(found[:, infinite:, 3]).all(), "a query that sees the infinity does not have it"
assert numpy.isnan(found[1, unknown:, 0]).all() and not numpy.isnan(found[1, :unknown]).any(), "the NaN is elsewhere"
assert numpy.array_equal(numpy.isfinite(expected), numpy.isfinite(found))
finite = numpy.isfinite(expected)
assert numpy.abs(expected - found)[finite].max() < 4e-3
print("the same")
