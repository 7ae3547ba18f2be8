"""driver.py - what a program sees of the simulator besides kernels that run: memory, errors and limits."""

import ctypes
import os
import signal

driver = ctypes.CDLL(os.environ["HEED_CUDA_DRIVER"])
Size, Word = ctypes.c_size_t, ctypes.c_ulonglong


def call(name, *arguments):
    code = getattr(driver, name)(*arguments)
    text = ctypes.c_char_p()
    driver.cuGetErrorName(code, ctypes.byref(text))
    return text.value.decode()


def show(what, *values):
    print(what, *values)


show("before cuInit:", call("cuMemAlloc_v2", ctypes.byref(Word()), Size(4)))
show("cuInit:", call("cuInit", 0))
number, context = ctypes.c_int(), ctypes.c_void_p()
call("cuDeviceGetCount", ctypes.byref(number))
show("devices:", number.value)
show("device 1:", call("cuDeviceGet", ctypes.byref(number), 1))
capability = []
for attribute in (75, 76, 97):
    call("cuDeviceGetAttribute", ctypes.byref(number), attribute, 0)
    capability.append(number.value)
show("capability and shared memory:", *capability)
call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
call("cuCtxSetCurrent", context)

address = Word()
show("allocate:", call("cuMemAlloc_v2", ctypes.byref(address), Size(100)))
show("aligned to 256, not 512:", address.value % 512)
show("too much:", call("cuMemAlloc_v2", ctypes.byref(Word()), Size(1 << 40)))
data = bytes(range(100))
show("copy in:", call("cuMemcpyHtoD_v2", address, data, Size(100)))
show("copy in too much:", call("cuMemcpyHtoD_v2", address, data + b"x", Size(101)))
back = ctypes.create_string_buffer(100)
call("cuMemcpyDtoH_v2", back, address, Size(100))
show("the same comes back:", back.raw == data)
call("cuMemsetD32_v2", Word(address.value + 4), 0x01020304, Size(2))
call("cuMemcpyDtoH_v2", back, address, Size(16))
show("after a fill:", back.raw[:16].hex())
kind = ctypes.c_uint()
show("a device pointer:", call("cuPointerGetAttribute", ctypes.byref(kind), 2, address), kind.value)
show("a host pointer:", call("cuPointerGetAttribute", ctypes.byref(kind), 2, Word(ctypes.addressof(back))))
show("free:", call("cuMemFree_v2", address))
show("free again:", call("cuMemFree_v2", address))
show("use after free:", call("cuMemcpyDtoH_v2", back, address, Size(1)))

# Host code that follows a device pointer must not survive it.
child = os.fork()
if child == 0:
    ctypes.string_at(address.value, 1)
    os._exit(0)
status = os.waitpid(child, 0)[1]
show("the host follows a device pointer:", signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "lives")

Ptx = b""".version 8.0
.target sm_80
.address_size 64
.visible .entry stop() { trap; ret; }
.visible .entry go() { ret; }
"""
module, function = ctypes.c_void_p(), ctypes.c_void_p()
for target in (b"sm_80", b"sm_86", b"sm_90"):
    text = Ptx.replace(b"sm_80", target) + b"\0"
    show(f"code for {target.decode()}:", call("cuModuleLoadDataEx", ctypes.byref(module), text, 0, None, None))
show("a cubin:", call("cuModuleLoadDataEx", ctypes.byref(module), b"\x7fELF\0", 0, None, None))
show("bad text:", call("cuModuleLoadDataEx", ctypes.byref(module), b"nonsense\0", 0, None, None))
show("module:", call("cuModuleLoadDataEx", ctypes.byref(module), Ptx + b"\0", 0, None, None))
show("no such kernel:", call("cuModuleGetFunction", ctypes.byref(function), module, b"missing"))
call("cuModuleGetFunction", ctypes.byref(function), module, b"go")
launch = lambda shared, threads=32: call("cuLaunchKernel", function, 1, 1, 1, threads, 1, 1, shared, None, None, None)
show("launch:", launch(0))
show("1025 threads:", launch(0, 1025))
show("64 KiB of shared memory:", launch(65536))
call("cuFuncSetAttribute", function, 8, 65536)
show("asked for:", launch(65536))
show("more than there is:", call("cuFuncSetAttribute", function, 8, 256 * 1024))

# A capture: launches are kept, what waits or copies spoils it.
graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
show("capture:", call("cuStreamBeginCapture_v2", None, 1), launch(0), call("cuStreamEndCapture", None, ctypes.byref(graph)))
show("a graph of it:", call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_ulonglong(0)),
     call("cuGraphDestroy", graph), call("cuGraphLaunch", executable, None), call("cuGraphExecDestroy", executable))
show("nothing begun:", call("cuStreamEndCapture", None, ctypes.byref(graph)))
show("a capture that waits:", call("cuStreamBeginCapture_v2", None, 1), call("cuStreamSynchronize", None),
     call("cuStreamEndCapture", None, ctypes.byref(graph)))
call("cuModuleGetFunction", ctypes.byref(function), module, b"stop")
show("a kernel that stops:", launch(0))
show("and everything after it:", call("cuCtxSynchronize"), call("cuMemcpyDtoH_v2", back, address, Size(0)))
