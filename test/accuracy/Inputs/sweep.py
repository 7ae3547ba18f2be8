"""Holds the functions of a compiled model against f64: sweep.py HEED-RUN LIBRARY FOLDER.

An error is counted in units in the last place of the exact result, for which denormal results have the unit 2^-149.
"""

import array
import math
import os
import random
import struct
import subprocess
import sys

program, library, folder = sys.argv[1:]
infinity, nan = math.inf, math.nan


def f32(value):
    """The f32 nearest to a float, infinity beyond them."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(infinity, value)


def neighbours(value, count=6):
    (bits,) = struct.unpack("i", struct.pack("f", value))
    return [struct.unpack("f", struct.pack("i", bits + step))[0] for step in range(-count, count + 1)]


# Everywhere: bit patterns at a prime distance; then evenly where functions vary; then where code chooses or reduces.
generator = random.Random(1)
points = [struct.unpack("f", struct.pack("I", bits))[0] for bits in range(0, 1 << 32, 340283)]
for limit, count in ((1, 4000), (10, 3000), (104, 3000), (1 << 20, 2000), (1 << 26, 300)):
    points += [f32(generator.uniform(-limit, limit)) for _ in range(count)]
points += [0.0, -0.0, infinity, -infinity, nan, 0.5, 1.5, 2.5, -0.5, -1.5, 8388607.5, 8388608.0, 1e-45, -1e-45, 3.4028234e38]
edges = [2.0**-126, 2.0**-149 * 8, 1.0, 0.93, 4.0, 10.0, 1048576.0, 16777216.0, 2.0**31, math.sqrt(0.5), math.sqrt(2.0)]
edges += [88.72284, 103.97208, 87.33655, 44.36142, 16.63553, 9.0109]
edges += [n * math.pi / 2 for n in (1, 2, 3, 4, 5, 8, 100, 1001, 100002, 667543)]
edges += [n * math.log(2) / 2 for n in (1, 2, 3, 4, 5, 251, 252, 253, 256, 298, 299, 300)]
for edge in edges:
    points += neighbours(edge) + neighbours(-edge)
x = array.array("f", points)

# Exponents: exact cases, then those that keep the power in range.
exponents = [0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -2.0, 0.5, 1.5, -7.0, 100.0, infinity, -infinity, nan]
y = array.array("f")
for value in x:
    size = abs(math.log2(abs(value))) if value and math.isfinite(value) else 0
    if generator.random() < 0.3 or size == 0:
        y.append(generator.choice(exponents))
    else:
        y.append(max(-1e38, min(1e38, generator.uniform(-140, 140) / size)))


def total(function, at_infinity, at_minus_infinity, otherwise=nan):
    """`function` with its limits, where Python's raises."""

    def value(x):
        if x == infinity:
            return at_infinity
        if x == -infinity:
            return at_minus_infinity
        try:
            return function(x)
        except OverflowError:
            return infinity
        except ValueError:
            return otherwise

    return value


def power(a, b):
    try:
        return math.pow(a, b)
    except OverflowError:
        return -infinity if a < 0 and b % 2 == 1 else infinity
    except ValueError:  # a negative number to no integer, or zero to a negative power
        if a:
            return nan
        return math.copysign(infinity, a) if b % 2 == 1 else infinity


def extreme(choose):
    return lambda a, b: nan if math.isnan(a) or math.isnan(b) else choose(a, b)


def logarithm(x):
    return math.log(x) if x else -infinity


def reciprocalRoot(x):
    return 1 / math.sqrt(x) if x else math.copysign(infinity, x)


def logistic(x):
    return 0.0 if x < -700 else 1 / (1 + math.exp(-x))


def rounding(function):
    def value(x):
        return math.copysign(float(function(x)), x) if math.isfinite(x) else x

    return value


# The bounds of docs/language.md. The C library's power is within one unit, too.
functions = {
    "exp": (1.0, total(math.exp, infinity, 0.0)),
    "log": (1.0, total(logarithm, infinity, nan)),
    "sqrt": (0.5, total(math.sqrt, infinity, nan)),
    "rsqrt": (1.5, total(reciprocalRoot, 0.0, nan)),
    "sin": (1.6, total(math.sin, nan, nan)),
    "cos": (1.6, total(math.cos, nan, nan)),
    "tanh": (2.5, math.tanh),
    "erf": (1.5, math.erf),
    "sigmoid": (2.5, total(logistic, 1.0, 0.0)),
    "floor": (0.0, rounding(math.floor)),
    "ceil": (0.0, rounding(math.ceil)),
    "round": (0.0, rounding(round)),
    "abs": (0.0, abs),
    "min": (0.0, extreme(min)),
    "max": (0.0, extreme(max)),
    "power": (1.0, power),
}


def write(path, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % len(values)
    header = header.ljust((len(header) + 10) // 64 * 64 + 64 - 11) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        values.tofile(file)


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<H", data[8:10])
    return array.array("f", data[10 + length :])


def error(got, exact):
    """How far `got` is from `exact`, in units in the last place; infinite for what is of another kind."""
    if math.isnan(exact) or math.isnan(got):
        return 0.0 if math.isnan(exact) and math.isnan(got) else infinity
    if math.isinf(got):
        return 0.0 if f32(exact) == got else infinity
    if exact == 0:
        return 0.0 if got == 0 and math.copysign(1, got) == math.copysign(1, exact) else infinity
    if math.isinf(exact):
        return infinity
    unit = 2.0 ** (max(math.frexp(exact)[1], -125) - 24)
    return abs(got - exact) / unit


os.makedirs(folder, exist_ok=True)
write(os.path.join(folder, "x.npy"), x)
write(os.path.join(folder, "y.npy"), y)
command = [program, library]
for name in "xy":
    command += ["--input", "%s=%s" % (name, os.path.join(folder, name + ".npy"))]
for name in functions:
    for way in "vs":
        command += ["--output", "%s_%s=%s" % (way, name, os.path.join(folder, way + name + ".npy"))]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

failed = False
for name, (bound, function) in functions.items():
    binary = name in ("power", "min", "max")
    exact = [function(a, b) if binary else function(a) for a, b in zip(x, y)]
    for way, said in (("v", "by vectors"), ("s", "one by one")):
        worst, place = -1.0, 0
        for i, got in enumerate(read(os.path.join(folder, way + name + ".npy"))):
            # Documented: the exponential of -x overflows.
            if name == "sigmoid" and x[i] < -88.7 and 0 <= got < 2.0**-126:
                continue
            # Which of two zeros is the smaller one is left open.
            if name in ("min", "max") and x[i] == y[i] == 0 and got == 0:
                continue
            distance = error(got, exact[i])
            if distance > worst:
                worst, place, value = distance, i, got
        wrong = worst > bound + (1e-6 if bound else 0)
        failed |= wrong
        print("%s %s: %.3f units in the last place, %s %g" % (name, said, worst, "wrong, not within" if wrong else "within", bound), end="")
        print("; worst at x = %.9g, y = %.9g: %.9g, exact %.9g" % (x[place], y[place], value, exact[place]))
sys.exit(failed)
