"""compare.py FOLDER - runs each NAME.gpu.so of the folder and the NAME.cpu.so beside it on the same random values.

Prints for each the largest error relative to the largest value of a result. Exit code 1 if one is not right, 77 if there is no GPU.
"""

import ctypes
import glob
import os
import sys

import numpy

import heed

# By the type of a result: what two ways to round the same sums may differ by.
BOUNDS = {"float32": 2e-3, "float64": 1e-9, "float16": 2e-2}


def driver():
    """Why there is no GPU, or None."""
    name = os.environ.get("HEED_CUDA_DRIVER", "libcuda.so.1")
    try:
        cuda = ctypes.CDLL(name)
    except OSError as error:
        return str(error)
    count = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or count.value == 0:
        return "the driver lists no GPU"
    return None


def draw(info, dims, random):
    """A value for an input: small numbers; 0 and 1 for whole ones, which are indices of most things."""
    shape = []
    for axis in range(info.rank):
        size = info.shape[axis]
        shape.append(size.constant + sum(size.terms[t].coefficient * dims[size.terms[t].dim] for t in range(size.term_count)))
    dtype = heed._DTYPES[info.dtype]
    if numpy.dtype(dtype).kind == "f":
        return (0.5 * random.standard_normal(shape)).astype(dtype)
    return random.integers(0, 2, shape).astype(dtype)


def run(path, length, seed):
    """The results, or what the runtime says."""
    random = numpy.random.default_rng(seed)
    try:
        model = heed.Model(path)
        program = model._program.contents
        dims = [max(program.dims[k].minimum, min(program.dims[k].maximum, length)) for k in range(program.dim_count)]
        for k in range(program.param_count):
            model.bind(program.params[k].name.decode(), draw(program.params[k], dims, random))
        inputs = {program.inputs[k].name.decode(): draw(program.inputs[k], dims, random) for k in range(program.input_count)}
        outputs = None
        for _ in range(3):  # the second and third run come from a graph
            outputs = model(inputs)
        return outputs
    except heed.Error as error:
        return str(error)


def error_of(expected, found):
    if expected.shape != found.shape:
        return float("inf")
    if expected.dtype.kind != "f":
        return 0.0 if (expected == found).all() else float("inf")
    wide, other = expected.astype(float), found.astype(float)
    same = (wide == other) | (numpy.isnan(wide) & numpy.isnan(other))
    with numpy.errstate(invalid="ignore"):
        difference = numpy.where(same, 0.0, numpy.abs(wide - other))
    if not numpy.isfinite(difference).all():
        return float("inf")
    finite = numpy.abs(wide[numpy.isfinite(wide)])
    return float(difference.max(initial=0.0) / max(finite.max(initial=0.0), 1e-6))


def main(folder):
    reason = driver()
    if reason:
        print(f"not run: no GPU ({reason})")
        return 77
    libraries = sorted(glob.glob(os.path.join(folder, "*.gpu.so")))
    if not libraries:
        print(f"no libraries in {folder}: prepare.sh builds them")
        return 1
    wrong = 0
    for library in libraries:
        name = os.path.basename(library)[:-len(".gpu.so")]
        for length in (5, 9):
            expected = run(library.replace(".gpu.so", ".cpu.so"), length, 1)
            found = run(library, length, 1)
            if isinstance(expected, str) or isinstance(found, str):
                right = expected == found if isinstance(expected, str) and isinstance(found, str) else False
                verdict = f"both refuse these values: {found}" if right else f"CPU: {expected}; GPU: {found}"
                verdict = verdict if isinstance(expected, str) and isinstance(found, str) else f"GPU or CPU alone fails: {found}"
            else:
                errors = [error_of(e, f) for e, f in zip(expected, found)]
                right = all(error <= BOUNDS.get(e.dtype.name, 0) for error, e in zip(errors, expected))
                verdict = f"largest error {max(errors, default=0.0):.1e}"
            wrong += not right
            print(f"{'right' if right else 'WRONG'}  {name}, sizes {length}: {verdict}", flush=True)
    print(f"{wrong} of {2 * len(libraries)} runs are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
