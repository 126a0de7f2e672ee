"""Makes a Markdown table of reports."""

import json
import math
import statistics

# Of a detector that flags more windows without a fault than this, it says nothing when it flags one with a fault.
NOISY = 0.1


def false_alarms(judgments):
    """The share of windows that were flagged, and in words, with how many alarms that is: one may last for windows in a row."""
    windows = [alarm for judgment in judgments for alarm in judgment["healthy"]]
    begun = sum(
        alarm and not before
        for judgment in judgments
        for before, alarm in zip([False] + judgment["healthy"], judgment["healthy"])
    )
    return sum(windows) / len(windows), f"{sum(windows)} of {len(windows)}, {begun} alarms"


def delay(judgments, noisy):
    """The median number of windows until the first alarm, the worst, and how many streams had none."""
    windows = [len(judgment["faulty"]) if judgment["faulty"][-1] else math.inf for judgment in judgments]
    missed = windows.count(math.inf)
    median = statistics.median_low(windows)
    text = "–" if median == math.inf else str(median)
    if not missed and max(windows) > median:
        text += f", worst {max(windows)}"
    if missed:
        text += f", {missed} of {len(windows)} missed after {max(len(judgment['faulty']) for judgment in judgments)}"
    return f"({text})" if noisy else text


def number(value):
    """Two digits, or all of those before the point."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def row(name, report, scenarios, entries, window):
    by_scenario = {scenario: [] for scenario, _, _ in scenarios}
    for judgment in report["streams"]:
        by_scenario[entries[judgment["file"]]["scenario"]].append(judgment)
    shares = {}
    cells = [name]
    for scenario, traffic, fault in scenarios:
        if fault:
            cells.append(delay(by_scenario[scenario], shares[traffic] > NOISY))
        else:
            shares[scenario], text = false_alarms(by_scenario[scenario])
            cells.append(text)
    seconds = statistics.median(s for judgment in report["streams"] for s in judgment["seconds"])
    cells.append(number(1e6 * seconds / window))
    cells.append(number(1e3 * statistics.median(report["setup"])))
    cells.append(f"{number((report['peak_kib'] - report['idle_kib']) / 1024)} of {number(report['peak_kib'] / 1024)}")
    return cells


def markdown(manifest_path, rows):
    """The table of pairs of a detector's name and the file of its report."""
    manifest = json.loads(manifest_path.read_text())
    entries = {entry["file"]: entry for entry in manifest["streams"]}
    # In the order of the streams, which begin with those that have no fault.
    scenarios = list(dict.fromkeys((e["scenario"], e["traffic"], e["healthy"] < e["windows"]) for e in manifest["streams"]))
    header = ["detector"]
    header += [scenario if fault else f"false alarms, {scenario}" for scenario, _, fault in scenarios]
    header += ["µs a vector", "ms of set-up", "MiB over idle, of all"]
    lines = [header, ["---"] * len(header)]
    lines += [row(name, json.loads(path.read_text()), scenarios, entries, manifest["window"]) for name, path in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
