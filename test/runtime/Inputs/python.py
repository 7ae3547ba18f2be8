"""python.py - the `out` argument and the conversions of heed.py."""

import sys

import numpy

sys.path.insert(0, sys.argv[2])
import heed

model = heed.Model(sys.argv[1])


def example(n, factor):
    return {"x": numpy.arange(n, dtype=numpy.float32), "k": numpy.full(n, factor, dtype=numpy.int32)}


def refused(what, call):
    try:
        print(what + ": accepted", call())
    except ValueError as error:
        print(f"{what}: {error}")


alternating = {"x": numpy.arange(4, dtype=numpy.float32), "k": numpy.array([1, 2, 1, 1], dtype=numpy.int32)}
alternating["x"][3] = 4
y = numpy.empty(4, numpy.float32)
[result] = model(alternating, out=[y])
print("the same array:", result is y, y)
a, b = numpy.empty(2, numpy.float32), numpy.empty(3, numpy.float32)
shifted = {"x": numpy.array([1, 2, 3], numpy.float32), "k": numpy.full(3, 2, numpy.int32)}
results = model.run([example(2, 1), shifted], out=[[a], [b]])
print("a batch:", results[0][0] is a, results[1][0] is b, a, b)
refused("out of another shape", lambda: model(example(4, 1), out=[numpy.empty(3, numpy.float32)]))
refused("out of another type", lambda: model(example(4, 1), out=[numpy.empty(4)]))
ones = numpy.ones(2, numpy.float32)
print("numbers that fit:", model({"x": ones, "k": numpy.array([1, 1])})[0])
refused("numbers that do not", lambda: model({"x": ones, "k": numpy.array([1, 2**32 + 1])}))
