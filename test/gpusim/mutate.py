#!/usr/bin/env python3
"""mutate.py - does the simulator notice when a kernel is wrong?

Changes one place of a program's PTX at a time, runs the program on the simulator and classifies what happened:

  caught   the simulator reported an error, or the program itself found wrong numbers (any exit code but 0)
  equal    every byte that the host read from the device is the same: the change does not matter for this input
  escaped  other bytes, and the program ended well

    mutate.py [--limit=N] [--kinds=WORD,...] [--threshold=PERCENT] [--module=N] [--list] -- PROGRAM ARGUMENT...

PROGRAM uses the driver that HEED_CUDA_DRIVER names and checks its results. Its PTX is taken from the simulator
(HEED_GPUSIM_DUMP) and given back changed (HEED_GPUSIM_REPLACE), so that it may come from anywhere. Each mutant runs with async
operations late and early; it is caught if one of the runs catches it. Of each kind of change at most N places are tried (24 by
default), spread over the text. The exit code is 1 if fewer than PERCENT (95) of the mutants that are not equal are caught.
"""

import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

Mutant = collections.namedtuple("Mutant", "kind line old new text")

# Statements that a mutant leaves out: kind and a pattern of the mnemonic.
DROPPED = [
    ("barrier", r"(?:bar|barrier)(?:\.cta)?\.sync\S*"),
    ("barrier arrival", r"(?:bar|barrier)(?:\.cta)?\.arrive\S*"),
    ("warp barrier", r"bar\.warp\.sync"),
    ("copy wait", r"cp\.async\.wait_\S+"),
    ("copy commit", r"cp\.async\.commit_group"),
    ("async copy", r"cp\.async\.c[ag]\S+"),
    ("bulk wait", r"cp\.async\.bulk\.wait_group\S*"),
    ("bulk commit", r"cp\.async\.bulk\.commit_group"),
    ("tensor copy", r"cp\.async\.bulk\.tensor\S+"),
    ("mbarrier arrival", r"mbarrier\.arrive\S*"),
    ("mbarrier init", r"mbarrier\.init\S*"),
    ("fence", r"fence\.\S+"),
    ("wgmma fence", r"wgmma\.fence\S*"),
    ("wgmma commit", r"wgmma\.commit_group\S*"),
    ("wgmma wait", r"wgmma\.wait_group\S*"),
    ("wgmma", r"wgmma\.mma_async\S*"),
    ("mma", r"mma\.sync\S*"),
    ("ldmatrix", r"ldmatrix\S*"),
    ("shared store", r"st\.(?:volatile\.)?shared\S*"),
    ("global store", r"st\.(?:volatile\.)?global\S*"),
    ("atomic", r"(?:red|atom)\.\S+"),
]

# Kinds and substitutions within a statement: a pattern of the whole statement and what becomes of it.
CHANGED = [
    ("compare", r"(setp\.)lt(\.\S+.*)", r"\1le\2"),
    ("compare", r"(setp\.)le(\.\S+.*)", r"\1lt\2"),
    ("compare", r"(setp\.)gt(\.\S+.*)", r"\1ge\2"),
    ("compare", r"(setp\.)ge(\.\S+.*)", r"\1gt\2"),
    ("compare", r"(setp\.)eq(\.\S+.*)", r"\1ne\2"),
    ("guard", r"@(%\w+)(.*)", r"@!\1\2"),
    ("guard", r"@!(%\w+)(.*)", r"@\1\2"),
    ("copy wait count", r"(cp\.async\.wait_group\s+)(\d+)(.*)", lambda m: m[1] + str(int(m[2]) + 1) + m[3]),
    ("wgmma wait count", r"(wgmma\.wait_group\S*\s+)(\d+)(.*)", lambda m: m[1] + str(int(m[2]) + 1) + m[3]),
    ("copy size", r"(cp\.async\.ca\S+.*\], )(\d+)(.*)", lambda m: m[1] + str(4 if m[2] != "4" else 8) + m[3]),
    ("shuffle", r"(shfl\.sync\.bfly\S+\s+[^,]+, [^,]+, )(\d+)(.*)", lambda m: m[1] + str(int(m[2]) * 2 % 31) + m[3]),
    ("transposition", r"(ldmatrix\S+?)\.trans(.*)", r"\1\2"),
    ("transposition", r"(ldmatrix\S+?x[124])(\.(?:shared|b16).*)", r"\1.trans\2"),
    ("transposition", r"(wgmma\.mma_async.*, )1$", r"\g<1>0"),
    ("fragment", r"(mma\.sync\S+\s+\{[^}]*\},\s*\{)([^,]+),\s*([^,}]+)(.*)", r"\1\3, \2\4"),
    ("fragment", r"(mma\.sync\S+\s+\{[^}]*\},\s*\{[^}]*\},\s*\{)([^,]+),\s*([^,}]+)(.*)", r"\1\3, \2\4"),
    ("fragment", r"(ldmatrix\S+\s+\{)([^,]+),\s*([^,}]+)(.*)", r"\1\3, \2\4"),
    ("fragment", r"(wgmma\.mma_async\S+\s+\{[^}]*\},\s*\{)([^,]+),\s*([^,}]+)(.*)", r"\1\3, \2\4"),
    ("packing", r"(cvt\.rn\.b?f16x2\.f32\s+[^,]+, )([^,]+), (.*)", r"\1\3, \2"),
    ("expected bytes", r"(mbarrier\.\S*expect_tx\S*.*, )(\d+)(.*)", lambda m: m[1] + str(int(m[2]) // 2) + m[3]),
    ("coordinates", r"(cp\.async\.bulk\.tensor.*\{)([^,]+), ([^,}]+)(.*)", r"\1\3, \2\4"),
    ("address mask", r"((?:and|xor)\.b(?:32|64)\s+[^,]+, [^,]+, )(\d+)(.*)", lambda m: m[1] + str(int(m[2]) // 2) + m[3]),
    ("address step", r"(add\.[su](?:32|64)\s+[^,]+, [^,]+, )(\d+)(.*)", lambda m: m[1] + str(int(m[2]) + 1) + m[3]),
    ("shift", r"(sh[lr]\.\S+\s+[^,]+, [^,]+, )(\d+)(.*)", lambda m: m[1] + str(int(m[2]) + 1) + m[3]),
    ("offset", r"((?:ld|st)\.\S+.*\[%\w+\+)(\d+)(\].*)", lambda m: m[1] + str(int(m[2]) + 4) + m[3]),
    ("arithmetic", r"add(\.(?:rn\.)?(?:ftz\.)?f32.*)", r"sub\1"),
    ("arithmetic", r"max(\.\S*f32.*)", r"min\1"),
    ("arithmetic", r"sub(\.(?:rn\.)?(?:ftz\.)?f32\s+[^,]+, )([^,]+), (.*)", r"sub\1\3, \2"),
    ("selection", r"(selp\.\S+\s+[^,]+, )([^,]+), ([^,]+)(.*)", r"\1\3, \2\4"),
]

# A statement: an optional guard, a mnemonic and operands, up to the semicolon.
STATEMENT = re.compile(r"^[ \t]*((?:@!?%\w+\s+)?[a-z][a-z0-9_]*(?:[.:][\w:.]*)?(?:\s[^;{}]*(?:\{[^;{}]*\}[^;{}]*)*)?);", re.M)


def mutants_of(text):
    for match in STATEMENT.finditer(text):
        statement = match[1]
        if statement.startswith("."):
            continue
        line = text.count("\n", 0, match.start(1)) + 1
        plain = re.sub(r"^@!?%\w+\s+", "", statement)

        def replaced(new):
            return text[: match.start(1)] + new + text[match.end(1) :]

        for kind, pattern in DROPPED:
            if re.match(pattern + r"(\s|$)", plain):
                yield Mutant("drop " + kind, line, statement, "", text[: match.start(1)] + text[match.end(0) :])
        for kind, pattern, change in CHANGED:
            target = statement if kind == "guard" else plain
            found = re.fullmatch(pattern, target, re.S)
            if found:
                new = change(found) if callable(change) else found.expand(change)
                if kind != "guard":
                    new = statement[: len(statement) - len(plain)] + new
                if new != statement:
                    yield Mutant(kind, line, statement, new, replaced(new))


def chosen(mutants, limit):
    """At most `limit` of each kind, spread evenly."""
    by_kind = collections.defaultdict(list)
    for mutant in mutants:
        by_kind[mutant.kind].append(mutant)
    for kind in sorted(by_kind):
        all_of_kind = by_kind[kind]
        count = min(limit, len(all_of_kind))
        for index in range(count):
            yield all_of_kind[index * len(all_of_kind) // count]


class Runner:
    def __init__(self, command, module, work, timeout):
        self.command, self.module, self.work, self.timeout = command, module, pathlib.Path(work), timeout

    def run(self, name, text, asynchrony, dump=None):
        """Exit code, digest of what the host read, and the last line of messages."""
        folder = self.work / f"{name}.{asynchrony}"
        folder.mkdir()
        environment = dict(os.environ, HEED_GPUSIM_ASYNC=asynchrony, HEED_GPUSIM_DIGEST=str(folder / "digest"))
        # A mutant that goes round for ever is stopped by the simulator long before the timeout.
        environment.setdefault("HEED_GPUSIM_LIMIT", "50000000")
        if text is not None:
            (folder / f"{self.module}.ptx").write_text(text)
            environment["HEED_GPUSIM_REPLACE"] = str(folder)
        if dump:
            environment["HEED_GPUSIM_DUMP"] = str(dump)
        try:
            done = subprocess.run(self.command, env=environment, capture_output=True, text=True, timeout=self.timeout)
            code, output = done.returncode, done.stderr + done.stdout
        except subprocess.TimeoutExpired:
            code, output = "timeout", ""
        digest = (folder / "digest").read_text() if (folder / "digest").exists() else ""
        found = re.search(r"gpusim: error: (.*)", output)
        last = found[1] if found else (output.strip().splitlines() or [""])[-1]
        return code, digest, last


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--threshold", type=float, default=95.0)
    parser.add_argument("--module", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--list", action="store_true", help="print every mutant that is not caught")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        runner = Runner(options.command, options.module, work, options.timeout)
        dump = pathlib.Path(work) / "dump"
        dump.mkdir()
        base = {}
        for asynchrony in ("late", "early"):
            base[asynchrony] = runner.run("base", None, asynchrony, dump)
            if base[asynchrony][0] != 0:
                sys.exit(f"mutate.py: the program fails without any change: {base[asynchrony][2]}")
        if not base["late"][1]:
            sys.exit("mutate.py: the program read nothing from the device")
        text = (dump / f"{options.module}.ptx").read_text()
        kinds = [kind for kind in options.kinds.split(",") if kind]
        mutants = [m for m in mutants_of(text) if not kinds or any(kind in m.kind for kind in kinds)]
        mutants = list(chosen(mutants, options.limit))

        def verdict(item):
            number, mutant = item
            same = True
            for asynchrony in ("late", "early"):
                code, digest, message = runner.run(f"mutant{number}", mutant.text, asynchrony)
                if code != 0:
                    return "caught", message
                same &= digest == base[asynchrony][1]
            return ("equal" if same else "escaped"), ""

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            verdicts = list(pool.map(verdict, enumerate(mutants)))
    table = collections.defaultdict(collections.Counter)
    for mutant, (result, _) in zip(mutants, verdicts):
        table[mutant.kind][result] += 1
    print(f"{'':24}caught  equal  escaped")
    for kind in sorted(table):
        row = table[kind]
        print(f"{kind:24}{row['caught']:6}{row['equal']:7}{row['escaped']:9}")
    total = collections.Counter(result for result, _ in verdicts)
    print(f"{'all':24}{total['caught']:6}{total['equal']:7}{total['escaped']:9}")
    for mutant, (result, _) in zip(mutants, verdicts):
        if result == "escaped" or (options.list and result == "equal"):
            change = f"-> {' '.join(mutant.new.split())}" if mutant.new else "left out"
            print(f"{result}: line {mutant.line}: {mutant.kind}: {' '.join(mutant.old.split())} {change}")
    changing = total["caught"] + total["escaped"]
    share = 100.0 * total["caught"] / changing if changing else 0.0
    print(f"caught {share:.1f} % of {changing} mutants that change something")
    return 0 if share >= options.threshold else 1


if __name__ == "__main__":
    sys.exit(main())
