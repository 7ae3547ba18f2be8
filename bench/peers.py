"""peers.py - heed beside other systems on the same attention workloads, inputs and machine.

    python bench/peers.py [--suite attention] [--only SUBSTRING] [--threads T] [--systems heed,torch-sdpa,...] [--json FILE] [--markdown FILE]

Every line is a workload and a system: the best of many runs, GFLOP/s over the pairs that the mask leaves, and the share of the
multiply-add peak that bench/peak.c measures in the same run; for a step of decoding (--suite decode) also the share of the speed
at which that program reads memory. Systems that are not installed are left out. The JSON file holds a
list of {workload, system, seconds, useful_flop, share_of_peak}.
"""

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "runtime", "python"))
sys.path.insert(0, os.path.join(ROOT, "bench"))
import heed  # noqa: E402
import peer_systems  # noqa: E402
import workloads  # noqa: E402


class Heed:
    """Compiles a model of workloads.heed with build/bin/heedc and calls the library."""

    name = "heed"

    def __init__(self, threads, folder):
        self.threads, self.folder = threads, folder

    def prepare(self, workload, inputs):
        library = os.path.join(self.folder, workload.model + ".so")
        if not os.path.exists(library):
            compiler = os.path.join(ROOT, "build", "bin", "heedc")
            source = os.path.join(ROOT, "bench", "workloads.heed")
            subprocess.run([compiler, source, "--model", workload.model, "-o", library], check=True)
        model = heed.Model(library, threads=self.threads)
        return lambda: model(inputs)[0]


def peak(folder):
    program = os.path.join(folder, "peak")
    subprocess.run(["cc", "-O2", os.path.join(ROOT, "bench", "peak.c"), "-o", program], check=True)
    return [float(number) for number in subprocess.run([program], check=True, capture_output=True, text=True).stdout.split()]


def best_time(call, seconds):
    """The best of many runs: what the machine does otherwise hits only some of them."""
    call()
    best, until = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        call()
        end = time.perf_counter()
        best = min(best, end - start)
        if end > until:
            return best


def table(results):
    """GFLOP/s over useful pairs; the share is of the peak, or of the read bandwidth where the workload is limited by that; the last
    column is heed's ratio to the best of the others."""
    systems = list(dict.fromkeys(result["system"] for result in results))
    lines = ["| workload | " + " | ".join(systems) + " | heed, share of peak | heed / best other |",
             "|---|" + "---|" * (len(systems) + 2)]
    for workload in dict.fromkeys(result["workload"] for result in results):
        mine = {result["system"]: result for result in results if result["workload"] == workload}
        speed = {system: result["useful_flop"] / result["seconds"] * 1e-9 for system, result in mine.items()}
        cells = [f"{speed[system]:.1f}" if system in speed else "" for system in systems]
        others = [value for system, value in speed.items() if system != "heed"]
        share = ""
        if "heed" in mine:
            reads = mine["heed"].get("share_of_reads")
            share = f"{reads:.0%} of reads" if reads else f"{mine['heed']['share_of_peak']:.0%}"
        ratio = f"{speed['heed'] / max(others):.1f}" if "heed" in mine and others else ""
        lines.append(f"| {workload} | " + " | ".join(cells) + f" | {share} | {ratio} |")
    return "\n".join(lines) + "\n"


def write(results, options):
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(table(results))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


def keep_memory():
    """Memory that a system gives back stays with the process. Otherwise every result is new memory, and clearing its pages is what
    is timed, for all systems alike."""
    library = ctypes.CDLL(None)
    M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h
    library.mallopt(M_MMAP_MAX, 0)
    library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    library.mallopt(M_TOP_PAD, 2**28)


def main():
    keep_memory()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--suite", default="attention", help="a suite of workloads.py")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--systems", default="", help="comma list; default: all that are installed")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each is repeated")
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--markdown", help="file for them as a table")
    options = parser.parse_args()
    wanted = options.systems.split(",") if options.systems else None
    results = []
    with tempfile.TemporaryDirectory() as folder:
        systems = [Heed(options.threads, folder)] + peer_systems.installed(options.threads)
        systems = [system for system in systems if not wanted or system.name in wanted]
        for workload in workloads.SUITES[options.suite]:
            if options.only not in workload.name:
                continue
            flops, bandwidth = peak(folder)
            inputs = workload.inputs()
            reference = None
            for system in systems:
                try:
                    call = system.prepare(workload, inputs)
                    if call is None:
                        continue
                    output = call()
                except Exception as error:  # a peer that fails is a result
                    print(f"{workload.name:34} {system.name:14} failed: {str(error).splitlines()[0][:90]}", flush=True)
                    continue
                if reference is None:
                    reference = output
                difference = float(numpy.abs(numpy.asarray(output) - reference).max())
                seconds = best_time(call, options.seconds)
                speed = workload.useful_flop / seconds * 1e-9
                share = speed / (flops * options.threads)
                line = f"{workload.name:34} {system.name:14} {seconds * 1e3:9.2f} ms {speed:7.1f} GFLOP/s {share:6.1%} of peak"
                if workload.bytes:
                    rate = workload.bytes / seconds * 1e-9
                    line += f" {rate:6.2f} GB/s {rate / bandwidth:6.1%} of reads"
                if difference > 1e-4:
                    line += f"  DIFFERS by {difference:.1e}"
                print(line, flush=True)
                results.append({"workload": workload.name, "system": system.name, "seconds": seconds,
                                "useful_flop": workload.useful_flop, "share_of_peak": share})
                if workload.bytes:
                    results[-1]["share_of_reads"] = rate / bandwidth
            write(results, options)  # a run that is cut short keeps what it has


if __name__ == "__main__":
    main()
