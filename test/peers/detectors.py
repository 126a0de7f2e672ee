"""The detectors of Evidently and Alibi Detect, each behind the same two calls: lead once, then window for every window."""

import importlib
from dataclasses import dataclass
from typing import Callable

WINDOWS_OF_ERT = 50
EVIDENTLY, ALIBI = "evidently.metrics.embeddings", "alibi_detect.cd"


class Evidently:
    """A drift method of Evidently. Its metric would also draw a t-SNE picture of every window, which is left out."""

    def __init__(self, reference, method, **options):
        import pandas

        self.frame = pandas.DataFrame
        self.reference = self.frame(reference)
        self.method = getattr(importlib.import_module(EVIDENTLY), method)(**options)

    def lead(self, rows):
        pass

    def window(self, rows):
        # Copies, because the model method adds a column to both frames.
        return bool(self.method(self.frame(rows), self.reference.copy())[1])


class AlibiBatch:
    """A detector of Alibi Detect that is asked about whole windows."""

    def __init__(self, reference, name):
        self.detector = getattr(importlib.import_module(ALIBI), name)(reference, backend="pytorch", device="cpu")

    def lead(self, rows):
        pass

    def window(self, rows):
        return bool(self.detector.predict(rows)["data"]["is_drift"])


class AlibiOnline:
    """A detector of Alibi Detect that is asked about every vector, over as many of the latest as a window has.

    It starts again after an alarm, since its expected run time counts from a start. Thresholds come from at least as many
    bootstraps as the expected run time has vectors, or it refuses; ten times as many are recommended.
    """

    def __init__(self, reference, name, window):
        ert = WINDOWS_OF_ERT * window
        self.detector = getattr(importlib.import_module(ALIBI), name)(
            reference,
            ert=float(ert),
            window_size=window,
            backend="pytorch",
            device="cpu",
            n_bootstraps=ert + ert // 10,
            verbose=False,
        )

    def lead(self, rows):
        self.detector.reset_state()
        self.window(rows)

    def window(self, rows):
        alarm = False
        for row in rows:
            if self.detector.predict(row)["data"]["is_drift"]:
                alarm = True
                self.detector.reset_state()
        return alarm


@dataclass
class Detector:
    name: str
    package: str
    make: Callable  # of the reference and the number of vectors of a window
    seeds: int
    healthy: int  # how many windows without a fault are judged, of each stream
    faulty: int  # how many with one, at most


def evidently(name, seeds, healthy, faulty, method, **options):
    def make(reference, window):
        return Evidently(reference, method, **options)

    return Detector("Evidently " + name, EVIDENTLY, make, seeds, healthy, faulty)


def batch(name, seeds, healthy, faulty):
    def make(reference, window):
        return AlibiBatch(reference, name)

    return Detector(f"Alibi Detect {name}, p .05", ALIBI, make, seeds, healthy, faulty)


def online(name, seeds, healthy, faulty):
    def make(reference, window):
        return AlibiOnline(reference, name, window)

    return Detector(f"Alibi Detect {name}, ERT {WINDOWS_OF_ERT} windows", ALIBI, make, seeds, healthy, faulty)


# The longer one takes, the fewer streams and windows it is given.
DETECTORS = [
    evidently("model, AUC .55", 10, 100, 100, "ModelDriftMethod"),
    evidently("model, bootstrap", 3, 40, 20, "ModelDriftMethod", bootstrap=True),
    evidently("distance, .2", 10, 200, 100, "DistanceDriftMethod"),
    evidently("distance, bootstrap", 3, 40, 20, "DistanceDriftMethod", bootstrap=True),
    evidently("ratio, .2", 5, 100, 100, "RatioDriftMethod"),
    evidently("mmd, .015", 5, 100, 100, "MMDDriftMethod"),
    evidently("mmd, bootstrap", 3, 40, 20, "MMDDriftMethod", bootstrap=True),
    batch("MMDDrift", 3, 40, 20),
    online("MMDDriftOnline", 2, 200, 100),
    online("LSDDDriftOnline", 2, 200, 100),
]
