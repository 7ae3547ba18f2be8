"""Holds tanh inside the sum of a score against f64: terms.py HEED-RUN LIBRARY FOLDER."""

import array
import math
import os
import random
import struct
import subprocess
import sys

program, library, folder = sys.argv[1:]
generator = random.Random(1)
points = [struct.unpack("f", struct.pack("I", bits))[0] for bits in range(0, 1 << 32, 150001)]
points += [generator.uniform(-limit, limit) for limit in (0.5, 2, 10) for _ in range(20000)]
x = array.array("f", points)

os.makedirs(folder, exist_ok=True)
header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % len(x)
header = header.ljust((len(header) + 10) // 64 * 64 + 64 - 11) + "\n"
with open(os.path.join(folder, "x.npy"), "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    x.tofile(file)
result = os.path.join(folder, "y.npy")
subprocess.run([program, library, "--input", "x=" + os.path.join(folder, "x.npy"), "--input", "k=[0]", "--input", "u=[1,0]", "--input",
                "v=[1]", "--output", "y=" + result], check=True, stdout=subprocess.DEVNULL)
with open(result, "rb") as file:
    data = file.read()
got = array.array("f", data[10 + struct.unpack("<H", data[8:10])[0]:])

worst, place, beyond = 0.0, 0.0, 0
for a, b in zip(x, got):
    if math.isnan(a):
        beyond += not math.isnan(b)
        continue
    exact = math.tanh(a)
    distance = abs(b - exact) / 2.0 ** (max(math.frexp(exact)[1], -125) - 24)
    beyond += abs(b) > 1
    if distance > worst:
        worst, place = distance, a
print("%.3f units in the last place, at %.9g; %d results that cannot be" % (worst, place, beyond))
sys.exit(worst > 5.5 or beyond > 0)
