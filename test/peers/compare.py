"""Compares drift.Monitor with the detectors of Evidently and Alibi Detect on the streams in the folder data, and prints a table.

    python test/peers/compare.py build/peers

The folder also has the Go program. Reports that are there already are kept, so that it can go on where it was stopped.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys

import table
from detectors import DETECTORS, WINDOWS_OF_ERT

RUN_LENGTHS = [1000, WINDOWS_OF_ERT]
# One thread for each process: times are those of one core.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}


def report(path, command):
    """Has a command write a report, unless it is there."""
    if not path.exists():
        print(path.stem, file=sys.stderr)
        done = subprocess.run(command, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, check=True)
        path.write_bytes(done.stdout)
    return path


def main(folder):
    data, reports = folder / "data", folder / "reports"
    reports.mkdir(exist_ok=True)
    rows = []
    for length in RUN_LENGTHS:
        command = [folder / "streams", "judge", "-data", data, "-run-length", str(length)]
        rows.append((f"drift.Monitor, {length} windows", report(reports / f"monitor-{length}.json", command)))
    judge = pathlib.Path(__file__).with_name("judge.py")
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        # The last of the list take longest.
        running = [
            pool.submit(report, reports / f"peer-{number}.json", [sys.executable, judge, data, str(number)])
            for number in reversed(range(len(DETECTORS)))
        ]
        paths = [future.result() for future in reversed(running)]
    rows += zip((detector.name for detector in DETECTORS), paths)
    print(table.markdown(data / "manifest.json", rows))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
