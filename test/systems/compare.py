"""compare.py - a compiled model beside formulas that were written without it.

    model = compare.Model(sys.argv[1])           # the library; every parameter has a random value, model.weights["path"] in f64
    got = model(q=q, k=k)                        # results by name
    compare.equal("band", got["band"], wanted)   # to 1e-5 and 1e-5 of the wanted value, if nothing else is said
    compare.finish()                             # exit code 1 if anything differed, or nothing was compared

Inputs are drawn by compare.normal(shape, seed) and are f32 numbers in f64, so that a formula in f64 sees what the model sees.
"""

import sys

import numpy

import heed

compared, failed = 0, []


def normal(shape, seed=0):
    return numpy.random.default_rng(seed).standard_normal(shape).astype(numpy.float32).astype(numpy.float64)


def wave(shape, phase):
    """The inputs of the golden numbers: element t, row-major, is sin(0.7 t + phase)."""
    return numpy.sin(0.7 * numpy.arange(numpy.prod(shape)) + phase).reshape(shape)


def softmax(scores, seen=None):
    """Along the last axis, over what is seen. A row that sees nothing is 0."""
    scores = numpy.where(True if seen is None else seen, scores, -numpy.inf)
    top = scores.max(axis=-1, keepdims=True, initial=-numpy.inf)
    weights = numpy.exp(scores - numpy.where(numpy.isfinite(top), top, 0))
    total = weights.sum(axis=-1, keepdims=True)
    return weights / numpy.where(total > 0, total, 1)


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


class Model:
    def __init__(self, library, seed=0):
        self.model = heed.Model(library)
        self.weights = {}
        for name, shape in sorted(self.model.params.items()):
            # Sums over the parameter keep the size of what they sum: neither axis of a matrix is taken for the other.
            scale = 1 / numpy.sqrt(min(shape[-2:])) if len(shape) > 1 else 1
            seed += 1
            self.set(name, scale * normal(shape, 1000 + seed))

    def set(self, name, value):
        self.weights[name] = numpy.asarray(value, numpy.float32).astype(numpy.float64)
        self.model.bind(name, self.weights[name].astype(numpy.float32))

    def under(self, path):
        """The weights whose path begins so, by the rest of it."""
        found = {name[len(path) + 1:]: value for name, value in self.weights.items() if name.startswith(path + ".")}
        assert found, "no parameter below '%s': %s" % (path, sorted(self.weights))
        return found

    def __call__(self, **inputs):
        return self.batch([inputs])[0]

    def batch(self, examples):
        results = self.model.run([{name: self.prepare(value) for name, value in one.items()} for one in examples])
        return [dict(zip(self.model.outputs, one)) for one in results]

    @staticmethod
    def prepare(value):
        value = numpy.asarray(value)
        if value.dtype == numpy.float64:
            return value.astype(numpy.float32)
        return value.astype(numpy.int32) if value.dtype == numpy.int64 else value


def equal(what, got, wanted, tolerance=1e-5):
    global compared
    got, wanted = numpy.asarray(got), numpy.asarray(wanted, numpy.float64)
    if got.shape != wanted.shape:
        failed.append("%s has shape %s, expected %s" % (what, got.shape, wanted.shape))
        return
    compared += got.size
    wrong = ~(numpy.abs(got - wanted) <= tolerance * (1 + numpy.abs(wanted)))
    if wrong.any():
        place = tuple(int(axis[0]) for axis in numpy.nonzero(wrong))
        failed.append("%s%s = %.9g, expected %.9g; %d of %d differ" %
                      (what, list(place), got[place], wanted[place], wrong.sum(), got.size))


def true(what, condition):
    global compared
    compared += 1
    if not condition:
        failed.append(what + " does not hold")


def finish():
    for line in failed:
        print(line)
    print("%d values compared" % compared)
    sys.exit(1 if failed or not compared else 0)
