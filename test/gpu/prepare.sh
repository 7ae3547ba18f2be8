#!/bin/bash
# prepare.sh [FOLDER] [--systems=REGEX] [--workloads=REGEX] - builds what run.sh needs: each system of lib/ that the tests name, and each
# workload of bench/gpu_workloads.py, as a library for GPUs and, of the systems, one for the CPU. HEEDC says where heedc is.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/build/gpu-artefacts systems=. workloads=.
for argument; do
  case $argument in
  --systems=*) systems=${argument#*=} ;;
  --workloads=*) workloads=${argument#*=} ;;
  -*) echo "prepare.sh: unknown option '$argument'" >&2; exit 2 ;;
  *) folder=$argument ;;
  esac
done
heedc=${HEEDC:-$root/build/bin/heedc}
targets=nvidia:sm_80,sm_90a
mkdir -p "$folder/systems" "$folder/workloads"
rm -f "$folder"/systems/*.so "$folder"/workloads/*.so

grep -ho 'test/systems/[a-z0-9]*\.heed --model=[a-z0-9_]*' "$root"/test/gpu/systems*.test | sort -u | grep -E -- "$systems" |
  while read -r file model; do
    name=$(basename "$file" .heed).${model#--model=}
    "$heedc" "$root/$file" "$model" -o "$folder/systems/$name.cpu.so"
    "$heedc" "$root/$file" "$model" --target=$targets -o "$folder/systems/$name.gpu.so"
    echo "system $name"
  done

PYTHONPATH=$root/bench python3 - "$folder/workloads" "$workloads" <<'PYTHON'
import re
import sys

import gpu_workloads

for each in gpu_workloads.models():
    name = gpu_workloads.model_name(*each)
    if re.search(sys.argv[2], name):
        with open(f"{sys.argv[1]}/{name}.heed", "w") as file:
            file.write(gpu_workloads.model(*each))
PYTHON
for file in "$folder"/workloads/*.heed; do
  [ -e "$file" ] || continue
  "$heedc" "$file" --target=$targets -o "${file%.heed}.so"
  rm "$file"
  echo "workload $(basename "$file" .heed)"
done
