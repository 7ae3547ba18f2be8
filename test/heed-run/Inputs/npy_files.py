"""npy_files.py - heed-run reads what NumPy writes and refuses everything else: npy_files.py TOOL LIBRARY FOLDER."""

import os
import struct
import subprocess
import sys

import numpy

tool, library, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
path = os.path.join(folder, "y.npy")
written = os.path.join(folder, "total.npy")


def run(name="y"):
    command = [tool, library, "--param", "*=[0,0,0,0]", "--param", "mix.w=random", "--input", "x=random", "--input", "pair=sin:0",
               "--input", "on=[false,false,false]", "--input", "y=[1,2,3]", "--output", "total=" + written]
    command[command.index("y=[1,2,3]" if name == "y" else "on=[false,false,false]")] = name + "=" + path
    return subprocess.run(command, capture_output=True, text=True)


def accept(array, expected=(1.5, -2, 0), version=None):
    with open(path, "wb") as file:
        numpy.lib.format.write_array(file, array, version=version)
    result = run()
    assert result.returncode == 0, result.stderr
    found = numpy.load(written)
    assert found.dtype == numpy.float32 and found.shape == (3,)
    # total = y + pair[6], and pair is sin(0.7 t)
    assert numpy.array_equal(found, numpy.float32(expected) + numpy.float32(numpy.sin(numpy.float64(0.7) * 6))), (array.dtype, found)


def refuse(data, message, name="y"):
    with open(path, "wb") as file:
        file.write(data)
    result = run(name)
    assert result.returncode == 1 and message in result.stderr, (message, result)


values = numpy.array([1.5, -2, 0])
for dtype in ("<f4", "<f8", "<f2"):
    accept(values.astype(dtype))
for version in ((1, 0), (2, 0), (3, 0)):
    accept(values, version=version)
accept(numpy.asfortranarray(values))


def npy(header, data=b"\0" * 12, version=1):
    header = header.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + data


def described(descr="'<f4'", order="False", shape="(3,)"):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)


refuse(b"", "does not start with")
refuse(b"\x93NUMPY\1\0", "does not start with")
refuse(b"PK\3\4" + b"\0" * 20, "does not start with")
refuse(npy(described(), version=4), "format version 4")
refuse(npy(described())[:20], "the header is cut")
refuse(npy(described(), version=2)[:11], "the header is cut")
refuse(npy(described(), b"\0" * 11), "11 bytes of data, expected 3 elements of 4 bytes")
refuse(npy(described(), b"\0" * 16), "16 bytes of data, expected 3 elements of 4 bytes")
refuse(npy(described(shape="(2**62,)")), "in the header")
refuse(npy(described(shape="(9223372036854775807, 9223372036854775807)")), "the shape is too large")
refuse(npy(described(shape="(92233720368547758070,)")), "a size is too large")
refuse(npy(described(shape="(-3,)")), "expected a shape")
refuse(npy(described(shape="3")), "expected '('")
refuse(npy(described(order="1")), "expected True or False")
refuse(npy(described(order="True", shape="(3, 1)")), "Fortran order")
refuse(npy(described("'>f4'")), "big-endian")
refuse(npy(described("'<c8'"), b"\0" * 24), "elements of type '<c8'")
refuse(npy(described("'|O'")), "elements of type '|O'")
refuse(npy(described("[('a', '<f4')]")), "expected a string")
refuse(npy(described("__import__('os')")), "expected a string")
refuse(npy("{'descr': '<f4', 'descr': '<f4', 'shape': (3,)}"), "unexpected key")
refuse(npy("{'descr': '<f4', 'shape': (3,)}"), "incomplete header")
refuse(npy(described() + "x"), "incomplete header")
refuse(npy("{"), "expected a string")
with open(path, "wb") as file:
    numpy.save(file, numpy.array([1, 2, 3]))
refuse(open(path, "rb").read(), "integers, expected f32")
with open(path, "wb") as file:
    numpy.save(file, numpy.array([0, 1, 2]))
refuse(open(path, "rb").read(), "'on' is bool, and 2 is none", "on")
for dtype in ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
    with open(path, "wb") as file:
        numpy.save(file, numpy.array([0, 0, 1]).astype(dtype))
    assert run("on").returncode == 0, dtype
