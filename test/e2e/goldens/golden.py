"""golden.py MODEL.heed -- COMMAND...: runs a model on the inputs its comments give and compares the outputs with the numbers there.

    # GIVEN q = .5 G[4, 2](1)        input: factor * G, where element t (row-major) of G(phase) is sin(0.7 t + phase)
    # GIVEN x = [4] 1 2 3 5          input: shape and values
    # WEIGHT w = ...                 parameter, in the same two forms
    # EXPECT out = .25 -1.5          output, row-major; several lines of one name are joined

COMMAND is heed-run with its flags. Numbers of the interpreter must agree to 3e-7: the expected ones are from f64 inputs, a model's are
f32. Those of compiled code must agree to 2e-6. Needs nothing beyond Python's own library.
"""

import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile


def values(text):
    wave = re.fullmatch(r"\s*(\S*)\s*G\[([\d, ]*)\]\(([^)]*)\)\s*", text)
    if wave:
        factor, shape, phase = float(wave[1] or 1), [int(n) for n in wave[2].split(",")], float(wave[3])
        return shape, [factor * math.sin(0.7 * t + phase) for t in range(math.prod(shape))]
    listed = re.fullmatch(r"\s*\[([\d, ]*)\](.*)", text)
    return [int(n) for n in listed[1].split(",") if n.strip()], [float(x) for x in listed[2].split()]


def directives(path):
    given, weights, expected = {}, {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = re.match(r"# (GIVEN|WEIGHT|EXPECT) (\S+) = (.*)", line)
            if match and match[1] == "EXPECT":
                expected.setdefault(match[2], []).extend(float(x) for x in match[3].split())
            elif match:
                (given if match[1] == "GIVEN" else weights)[match[2]] = values(match[3])
    return given, weights, expected


def write_npy(path, shape, data):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % "".join("%d, " % n for n in shape)
    header = header.ljust((len(header) + 10) // 64 * 64 + 64 - 11) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack("<%df" % len(data), *data))


def read_npy(path):
    with open(path, "rb") as file:
        bytes = file.read()
    length = struct.unpack("<H", bytes[8:10])[0]
    header = bytes[10 : 10 + length].decode()
    kind = {"<f4": "f", "<f8": "d", "<i4": "i", "|b1": "?"}[re.search(r"'descr': '([^']*)'", header)[1]]
    body = bytes[10 + length :]
    return list(struct.unpack("<%d%s" % (len(body) // struct.calcsize(kind), kind), body))


def write_safetensors(path, weights):
    header, body = {}, b""
    for name, (shape, data) in weights.items():
        packed = struct.pack("<%df" % len(data), *data)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(packed)]}
        body += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def main():
    model, command = sys.argv[1], sys.argv[sys.argv.index("--") + 1 :]
    given, weights, expected = directives(model)
    tolerance = 3e-7 if "--reference" in command else 2e-6
    if not expected:
        sys.exit("%s has no EXPECT line" % model)
    with tempfile.TemporaryDirectory() as folder:
        command = command + [model]
        for name, (shape, data) in given.items():
            path = os.path.join(folder, name + ".npy")
            write_npy(path, shape, data)
            command += ["--input", "%s=%s" % (name, path)]
        if weights:
            path = os.path.join(folder, "weights.safetensors")
            write_safetensors(path, weights)
            command += ["--weights", path]
        for name in expected:
            command += ["--output", "%s=%s" % (name, os.path.join(folder, "out." + name + ".npy"))]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            sys.exit("%s\n%s%s" % (" ".join(command), run.stdout, run.stderr))
        failed = False
        for name, numbers in expected.items():
            got = read_npy(os.path.join(folder, "out." + name + ".npy"))
            if len(got) != len(numbers):
                sys.exit("%s has %d values, expected %d" % (name, len(got), len(numbers)))
            for index, (x, y) in enumerate(zip(got, numbers)):
                if not abs(x - y) <= tolerance:
                    print("%s[%d] = %.9f, expected %.9f" % (name, index, x, y))
                    failed = True
        sys.exit(failed)


main()
