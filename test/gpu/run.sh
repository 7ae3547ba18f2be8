#!/bin/bash
# run.sh [FOLDER] [--correctness] - on a machine with a GPU, from what prepare.sh built: every system against the CPU, then speed beside
# PyTorch's attention. Needs Python with NumPy, and PyTorch for the speed. Exit code 77, and "not run", where there is no GPU.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/build/gpu-artefacts only=
for argument; do
  case $argument in
  --correctness) only=yes ;;
  -*) echo "run.sh: unknown option '$argument'" >&2; exit 2 ;;
  *) folder=$argument ;;
  esac
done
export PYTHONPATH=$root/runtime/python:$root/bench:$root/test/gpu
python=${PYTHON:-python3}
"$python" "$root/test/gpu/compare.py" "$folder/systems"
if [ -z "$only" ]; then "$python" "$root/bench/gpu_peers.py" "$folder/workloads"; fi
