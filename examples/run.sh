#!/usr/bin/env bash
# run.sh - builds heed, compiles the dates model, and runs it: with heed-run, and from a C program; and writes a text with the chars model.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/build.sh"

PATH=$root/build/bin:$PATH
out=$root/build/examples/dates
mkdir -p "$out"
cd "$root/examples/dates"

show() {
  printf '\n$'
  printf ' %q' "$@"
  printf '\n'
  "$@"
}

dates=("Tuesday, 3rd of May 1979" "03 may 79" "Sep 22, 2012")

# A shared library, run by heed-run: each date and what the model looked at for each character it wrote.
show heedc dates.heed -o "$out/dates.so"
show heed-run "$out/dates.so" --weights dates.safetensors --text source="${dates[0]}" --text source="${dates[1]}" \
  --text source="${dates[2]}"

# A static library and a header, linked into a C program.
show heedc dates.heed -o "$out/dates.a" --header "$out/dates.h"
show cc dates.c "$out/dates.a" -I"$out" -I"$(heedc --print-include-dir)" -lm -lpthread -o "$out/dates"
show "$out/dates" dates.safetensors "${dates[0]}"

# Text, character by character, by a model that keeps a cache.
out=$root/build/examples/chars
mkdir -p "$out"
cd "$root/examples/chars"
show heedc chars.heed --model=chars -o "$out/chars.a" --header "$out/chars.h"
show cc chars.c "$out/chars.a" -I"$out" -I"$(heedc --print-include-dir)" -lm -lpthread -o "$out/chars"
show "$out/chars" chars.safetensors "The morning was " 200 6
