"""heed.py - compiled models from Python: a thin layer of ctypes and NumPy over runtime/include/heed/heed.h.

    import heed
    model = heed.Model("encoder.so", weights="encoder.safetensors")
    [out] = model({"tokens": numpy.array([5, 3, 9], dtype=numpy.int32)})
    batch = model.run([{"tokens": a}, {"tokens": b}])      # every example has its own sizes

The library is self-contained: nothing but this file and NumPy is needed.
"""

import ctypes
import os

import numpy

__all__ = ["Error", "Model"]

_MAX_RANK = 8
_DTYPES = {0: numpy.float32, 1: numpy.float64, 2: numpy.float16, 4: numpy.int32, 5: numpy.int8, 6: numpy.bool_}


class _SizeTerm(ctypes.Structure):
    _fields_ = [("dim", ctypes.c_int32), ("reserved", ctypes.c_int32), ("coefficient", ctypes.c_int64)]


class _Size(ctypes.Structure):
    _fields_ = [("constant", ctypes.c_int64), ("terms", ctypes.POINTER(_SizeTerm)), ("term_count", ctypes.c_int64)]


class _DimInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("maximum", ctypes.c_int64), ("from_until", ctypes.c_int32),
                ("reserved", ctypes.c_int32), ("minimum", ctypes.c_int64)]


class _TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("from_", ctypes.c_char_p), ("alphabet", ctypes.c_char_p),
                ("shape", ctypes.POINTER(_Size)), ("rank", ctypes.c_int32), ("dtype", ctypes.c_int32)]


class _Program(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_int32), ("abi", ctypes.c_int32), ("name", ctypes.c_char_p),
                ("dims", ctypes.POINTER(_DimInfo)), ("inputs", ctypes.POINTER(_TensorInfo)),
                ("outputs", ctypes.POINTER(_TensorInfo)), ("params", ctypes.POINTER(_TensorInfo)),
                ("checks", ctypes.POINTER(ctypes.c_char_p)), ("codes", ctypes.c_void_p), ("dim_count", ctypes.c_int32),
                ("input_count", ctypes.c_int32), ("output_count", ctypes.c_int32), ("param_count", ctypes.c_int32),
                ("check_count", ctypes.c_int32), ("code_count", ctypes.c_int32)]


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("shape", ctypes.c_int64 * _MAX_RANK)]


class _Options(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_int32), ("threads", ctypes.c_int32)]


class Error(RuntimeError):
    """A call of the runtime failed; `status` is its heed_status, the text is heed_last_error()."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Model:
    """A compiled model. `path`: the shared library; `weights`: a .safetensors file, or a dict of arrays by parameter path;
    `threads`: 0 for as many as the process may use."""

    def __init__(self, path, weights=None, threads=0):
        self._handle = ctypes.c_void_p()
        self._library = ctypes.CDLL(os.path.abspath(path))
        self._library.heed_library_program.restype = ctypes.POINTER(_Program)
        self._library.heed_last_error.restype = ctypes.c_char_p
        self._program = self._library.heed_library_program()
        options = _Options(ctypes.sizeof(_Options), threads)
        self._check(self._library.heed_create(self._program, ctypes.byref(options), ctypes.byref(self._handle)))
        if isinstance(weights, dict):
            for name, value in weights.items():
                self.bind(name, value)
        elif weights is not None:
            self._check(self._library.heed_bind_file(self._handle, os.fsencode(weights)))

    def __del__(self):
        if getattr(self, "_handle", None):
            self._library.heed_destroy.restype = None
            self._library.heed_destroy(self._handle)

    @property
    def inputs(self):
        """The names of the inputs, in order."""
        program = self._program.contents
        return [program.inputs[k].name.decode() for k in range(program.input_count)]

    @property
    def outputs(self):
        """The names of the outputs, in order."""
        program = self._program.contents
        return [program.outputs[k].name.decode() for k in range(program.output_count)]

    @property
    def params(self):
        """The parameters: path -> constant shape."""
        program = self._program.contents
        infos = [program.params[k] for k in range(program.param_count)]
        return {info.name.decode(): tuple(info.shape[axis].constant for axis in range(info.rank)) for info in infos}

    def bind(self, name, value):
        """Copies the value of one parameter into the model."""
        array = numpy.asarray(value, order="C")  # unlike ascontiguousarray, it keeps numbers without axes
        self._check(self._library.heed_bind(self._handle, name.encode(), ctypes.byref(self._tensor(array))))

    def __call__(self, inputs, out=None):
        """Runs one example, a dict of arrays by input name, and returns the outputs in order.

        `out`, a list of arrays of the outputs' types and shapes, is written and returned: a caller who runs often saves new memory.
        """
        return self.run([inputs], None if out is None else [out])[0]

    def run(self, batch, out=None):
        """Runs a batch of examples and returns a list of outputs for each; `out` has such a list for each, to be written."""
        program = self._program.contents
        names, count = self.inputs, program.output_count
        for example in batch:
            if set(example) != set(names):
                raise ValueError(f"expected the inputs {names}, found {sorted(example)}")
        arrays = [[self._input(k, example[name]) for k, name in enumerate(names)] for example in batch]
        inputs = (_Tensor * max(1, len(batch) * len(names)))(*[self._tensor(a) for example in arrays for a in example])
        outputs = (_Tensor * max(1, len(batch) * count))()
        results = []
        for b in range(len(batch)):
            for k in range(count):
                tensor = outputs[b * count + k]
                first = ctypes.cast(ctypes.byref(inputs, b * len(names) * ctypes.sizeof(_Tensor)), ctypes.POINTER(_Tensor))
                self._check(self._library.heed_output_shape(self._handle, first, k, ctypes.byref(tensor)))
                shape, dtype = tuple(tensor.shape[:tensor.rank]), _DTYPES[tensor.dtype]
                results.append(numpy.empty(shape, dtype) if out is None else self._output(out[b][k], k, shape, dtype))
                tensor.data = results[-1].ctypes.data
        self._check(self._library.heed_run(self._handle, ctypes.c_int64(len(batch)), inputs, outputs))
        for tensor, array in zip(outputs, results):  # lengths ended by `until` come back smaller, and contiguous
            shape = tuple(tensor.shape[:tensor.rank])
            if shape != array.shape:
                if out is not None:
                    raise ValueError(f"an output has the shape {shape}, known only now: `out` has {array.shape}")
                array.resize(shape, refcheck=False)
        return [results[b * count:(b + 1) * count] for b in range(len(batch))]

    def _input(self, k, value):
        dtype = _DTYPES[self._program.contents.inputs[k].dtype]
        array = numpy.asarray(value, order="C")  # unlike ascontiguousarray, it keeps numbers without axes
        if not numpy.can_cast(array.dtype, dtype, "same_kind"):
            return array
        converted = array.astype(dtype, copy=False)
        if array.dtype.kind in "iu" and not numpy.can_cast(array.dtype, dtype) and (converted != array).any():
            raise ValueError(f"input '{self.inputs[k]}' has numbers that do not fit {numpy.dtype(dtype).name}")
        return converted

    def _output(self, array, k, shape, dtype):
        if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous or not array.flags.writeable:
            raise ValueError(f"`out` for '{self.outputs[k]}' must be a writeable contiguous array of {numpy.dtype(dtype).name} "
                             f"with shape {shape}, found {array.dtype} with shape {array.shape}")
        return array

    @staticmethod
    def _tensor(array):
        codes = [code for code, dtype in _DTYPES.items() if array.dtype == dtype]
        if not codes or array.ndim > _MAX_RANK:
            raise ValueError(f"arrays of type {array.dtype} with {array.ndim} axes cannot be passed")
        return _Tensor(array.ctypes.data, codes[0], array.ndim, (ctypes.c_int64 * _MAX_RANK)(*array.shape))

    def _check(self, status):
        if status:
            raise Error(status, self._library.heed_last_error().decode())
