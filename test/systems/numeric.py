"""numeric.py - runs models of a .heed file beside NumPy.

    check = Check("file.heed", ["heed-run", ...])
    out = check.run("model", {"q": q, ...}, {"path.of.parameter": w, ...})
    check.near("what", out["o"], expected)
    check.done()

The interpreter computes in f64, so it must agree to 1e-9: inputs are values that f32 holds exactly. Compiled code (interpreter=False) is
held against the interpreter by `heedc --verify`.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from safetensors.numpy import save_file


def wave(shape, phase):
    """Element t, row-major, is sin(0.7 t + phase)."""
    return np.sin(0.7 * np.arange(int(np.prod(shape))) + phase).reshape(shape)


def single(x):
    """The nearest f32 values, in f64."""
    return np.asarray(x, np.float32).astype(np.float64)


def normalised(x, eps=1e-6):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps)


def rotary(x):
    half, p = x.shape[1] // 2, np.arange(len(x))[:, None]
    angle = p * 10000.0 ** (-np.arange(half) / half)
    a, b = x[:, :half], x[:, half:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], 1)


def heads(x, count):
    return np.split(x, count, 1)


class Draw:
    """Random values that f32 holds exactly."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)

    def normal(self, *shape, scale=1.0):
        return single(scale * self.generator.normal(size=shape))

    def uniform(self, *shape, low=0.0, high=1.0):
        return single(self.generator.uniform(low, high, size=shape))

    def integers(self, count, *shape):
        return self.generator.integers(0, count, size=shape).astype(np.int32)


class Check:
    def __init__(self, source, command):
        self.source, self.command, self.failed, self.count = source, command, 0, 0

    def run(self, model, inputs, weights={}, interpreter=True):
        with tempfile.TemporaryDirectory() as folder:
            command = self.command + [self.source, "--model", model, "--json"] + (["--reference"] if interpreter else [])
            for name, value in inputs.items():
                path = os.path.join(folder, name + ".npy")
                value = np.asarray(value, order="C")
                np.save(path, value.astype(np.float32) if value.dtype.kind == "f" else value)
                command += ["--input", "%s=%s" % (name, path)]
            if weights:
                path = os.path.join(folder, "weights.safetensors")
                save_file({name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}, path)
                command += ["--weights", path]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode:
                sys.exit("%s\n%s%s" % (" ".join(command), result.stdout, result.stderr))
            example = json.loads(result.stdout)["examples"][0]
            return {name: np.array(value["values"], np.float64).reshape(value["shape"]) for name, value in example.items()}

    def near(self, what, got, expected, tolerance=1e-9):
        """Absolute below 1, relative above."""
        got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
        self.count += 1
        if got.shape != expected.shape:
            error = "shapes %s and %s" % (got.shape, expected.shape)
        else:
            far = np.abs(got - expected) / np.maximum(np.abs(expected), 1.0)
            if np.all(far <= tolerance):
                return
            error = "off by %g" % far.max()
        print("FAILED %s: %s" % (what, error))
        self.failed += 1

    def that(self, what, holds):
        self.count += 1
        if not holds:
            print("FAILED %s" % what)
            self.failed += 1

    def done(self):
        print("%d of %d checks hold" % (self.count - self.failed, self.count))
        sys.exit(self.failed > 0)
