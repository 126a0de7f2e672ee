"""Has one detector judge the streams, and prints what it made of them, as the Go program does of drift.Monitor.

    python judge.py DATA NUMBER

Each detector has a process of its own, because the peak of memory is a process's.
"""

import importlib
import json
import pathlib
import sys
import time

import numpy

from detectors import DETECTORS


def memory(figure):
    """A figure of this process in KiB: VmRSS, what is resident, or VmHWM, the most that was."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(figure + ":"):
            return int(line.split()[1])
    raise LookupError(figure)


def timed(call, *args):
    """The result of a call, and the processor time that it took: others may be running."""
    start = time.process_time()
    result = call(*args)
    return result, time.process_time() - start


class Stream:
    def __init__(self, data, manifest, entry):
        self.path = data / entry["file"]
        self.reference_rows, self.window_rows = manifest["reference"], manifest["window"]

    def rows(self, start, count):
        # Mapped anew each time, so that pages that were read do not stay resident.
        return numpy.load(self.path, mmap_mode="r")[start : start + count].copy()

    def reference(self):
        return self.rows(0, self.reference_rows)

    def window(self, number):
        return self.rows(self.reference_rows + number * self.window_rows, self.window_rows)


def judge(running, stream, entry, learn, detector):
    """Judges the windows without a fault of a stream that has none, and of others those with it, up to the first alarm."""
    judgment = {"file": entry["file"], "healthy": [], "faulty": [], "seconds": []}
    fault = entry["healthy"] < entry["windows"]
    first = entry["healthy"] if fault else learn
    running.lead(stream.window(first - 1))
    last = min(entry["windows"], first + (detector.faulty if fault else detector.healthy))
    for number in range(first, last):
        alarm, seconds = timed(running.window, stream.window(number))
        judgment["seconds"].append(seconds)
        judgment["faulty" if fault else "healthy"].append(alarm)
        if fault and alarm:
            break
    return judgment


def main(data, detector):
    manifest = json.loads((data / "manifest.json").read_text())
    importlib.import_module(detector.package)
    report = {"idle_kib": memory("VmRSS"), "setup": [], "streams": []}
    by_reference = {}
    for entry in manifest["streams"]:
        if entry["seed"] < detector.seeds:
            by_reference.setdefault((entry["seed"], entry["traffic"]), []).append(entry)
    for (seed, _), entries in by_reference.items():
        numpy.random.seed(seed)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)
        reference = Stream(data, manifest, entries[0]).reference()
        running, seconds = timed(detector.make, reference, manifest["window"])
        report["setup"].append(seconds)
        for entry in entries:
            report["streams"].append(judge(running, Stream(data, manifest, entry), entry, manifest["learn"], detector))
    report["peak_kib"] = memory("VmHWM")
    print(json.dumps(report))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), DETECTORS[int(sys.argv[2])])
