"""matmul.py FILE - runs the kernel of matmul.ll on the driver that HEED_CUDA_DRIVER names and checks every element."""

import ctypes
import os
import random
import struct
import sys

Rows, Columns, Depth = 64, 16, 48
driver = ctypes.CDLL(os.environ["HEED_CUDA_DRIVER"])


def call(name, *arguments):
    result = getattr(driver, name)(*arguments)
    if result:
        sys.exit(f"{name} failed: {result}")


def upload(data):
    address = ctypes.c_ulonglong()
    call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(len(data)))
    call("cuMemcpyHtoD_v2", address, data, ctypes.c_size_t(len(data)))
    return address


context, module, function = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
call("cuInit", 0)
call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
call("cuCtxSetCurrent", context)
call("cuModuleLoadDataEx", ctypes.byref(module), open(sys.argv[1], "rb").read() + b"\0", 0, None, None)
call("cuModuleGetFunction", ctypes.byref(function), module, b"matmul")
random.seed(5)
a = [random.randint(-99, 99) / 64 for _ in range(Rows * Depth)]
b = [random.randint(-99, 99) / 64 for _ in range(Depth * Columns)]
c = upload(b"\xff" * (4 * Rows * Columns))
values = [upload(struct.pack(f"{len(x)}e", *x)) for x in (a, b)] + [c, ctypes.c_int(Depth)]
arguments = (ctypes.c_void_p * 4)(*[ctypes.addressof(value) for value in values])
call("cuLaunchKernel", function, 1, 1, 1, 128, 1, 1, 5120, None, arguments, None)
result = ctypes.create_string_buffer(4 * Rows * Columns)
call("cuMemcpyDtoH_v2", result, c, ctypes.c_size_t(len(result)))
# The inputs are so coarse that every sum is exact.
for index, found in enumerate(struct.unpack(f"{Rows * Columns}f", result.raw)):
    row, column = divmod(index, Columns)
    expected = sum(a[row * Depth + k] * b[k * Columns + column] for k in range(Depth))
    if found != expected:
        sys.exit(f"element ({row}, {column}): found {found}, expected {expected}")
print("right")
