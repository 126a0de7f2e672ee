"""Compares a recording of compare.sh: what the nvml receiver and what nvidia-smi said at the same moments.

    compare.py FOLDER         print the table; exit status 0 all values agree, 1 some do not, 2 nothing to compare
    compare.py --properties   print the properties of nvidia-smi --query-gpu that are compared

A recording has a folder for each phase and in it one for each moment. The first moment is before the load, the last
after it; those between, but the very last of them, are steady. Gauges are compared by their medians over the steady
moments, because the two sides are never read at exactly the same time; counters by what they grew from the first
moment to the last.
"""

import csv
import json
import re
import statistics
import sys
import traceback
from collections import namedtuple
from pathlib import Path

MIB = 1 << 20

# A gauge and the property that it must equal, both multiplied to the unit of the metric. The tolerance is
# relative · value + absolute. once: it does not depend on the load, so one phase is enough.
Gauge = namedtuple("Gauge", "metric labels property scale relative absolute once")


def gauge(metric, prop, scale=1.0, relative=0.0, absolute=0.0, once=False, **labels):
    return Gauge(metric, labels, prop, scale, relative, absolute, once)


GAUGES = [
    # nvidia-smi rounds to MiB.
    gauge("hw_gpu_memory_limit_bytes", "memory.total", MIB, absolute=MIB, once=True),
    gauge("hw_gpu_memory_usage_bytes", "memory.used", MIB, relative=0.005, absolute=2 * MIB),
    gauge("nvml_memory_free_bytes", "memory.free", MIB, relative=0.005, absolute=2 * MIB),
    gauge("nvml_memory_reserved_bytes", "memory.reserved", MIB, absolute=2 * MIB),
    gauge("hw_temperature_celsius", "temperature.gpu", absolute=2, hw_sensor_location="gpu"),
    gauge("hw_temperature_celsius", "temperature.memory", absolute=3, hw_sensor_location="memory"),
    gauge("hw_power_watts", "power.draw", relative=0.1, absolute=5),
    gauge("nvml_power_instant_watts", "power.draw.instant", relative=0.15, absolute=10),
    # nvidia-smi prints hundredths.
    gauge("nvml_power_limit_watts", "enforced.power.limit", absolute=0.01, once=True,
          nvml_power_limit_type="enforced"),
    gauge("nvml_power_limit_watts", "power.default_limit", absolute=0.01, once=True, nvml_power_limit_type="default"),
    gauge("nvml_power_limit_watts", "power.min_limit", absolute=0.01, once=True, nvml_power_limit_type="min"),
    gauge("nvml_power_limit_watts", "power.max_limit", absolute=0.01, once=True, nvml_power_limit_type="max"),
    # Clocks step up and down several times a second near the power limit.
    gauge("nvml_clock_frequency_hertz", "clocks.current.graphics", 1e6, 0.05, 3e7, nvml_clock_domain="graphics"),
    gauge("nvml_clock_frequency_hertz", "clocks.current.sm", 1e6, 0.05, 3e7, nvml_clock_domain="sm"),
    gauge("nvml_clock_frequency_hertz", "clocks.current.memory", 1e6, 0.05, 3e7, nvml_clock_domain="memory"),
    gauge("nvml_clock_frequency_hertz", "clocks.current.video", 1e6, 0.05, 3e7, nvml_clock_domain="video"),
    gauge("nvml_clock_limit_hertz", "clocks.max.graphics", 1e6, once=True, nvml_clock_domain="graphics"),
    gauge("nvml_clock_limit_hertz", "clocks.max.sm", 1e6, once=True, nvml_clock_domain="sm"),
    gauge("nvml_clock_limit_hertz", "clocks.max.memory", 1e6, once=True, nvml_clock_domain="memory"),
    gauge("nvml_performance_state", "pstate"),
    gauge("hw_fan_speed_ratio", "fan.speed", 0.01, absolute=0.05),
    # The receiver averages over the time since its last scrape, nvidia-smi shows the driver's last sample.
    gauge("hw_gpu_utilization_ratio", "utilization.gpu", 0.01, absolute=0.15, hw_gpu_task="general"),
    gauge("hw_gpu_utilization_ratio", "utilization.encoder", 0.01, absolute=0.15, hw_gpu_task="encoder"),
    gauge("hw_gpu_utilization_ratio", "utilization.decoder", 0.01, absolute=0.15, hw_gpu_task="decoder"),
    gauge("nvml_memory_activity_ratio", "utilization.memory", 0.01, absolute=0.15),
    gauge("hw_errors_total", "ecc.errors.corrected.volatile.total", once=True, error_type="corrected"),
    gauge("hw_errors_total", "ecc.errors.uncorrected.volatile.total", once=True, error_type="uncorrected"),
    gauge("nvml_memory_remapped_rows_total", "remapped_rows.correctable", once=True, error_type="corrected"),
    gauge("nvml_memory_remapped_rows_total", "remapped_rows.uncorrectable", once=True, error_type="uncorrected"),
    gauge("nvml_memory_remapping_pending", "remapped_rows.pending", once=True),
    gauge("nvml_memory_remapping_failed", "remapped_rows.failure", once=True),
    gauge("nvml_memory_retired_pages_total", "retired_pages.single_bit_ecc.count", once=True,
          nvml_retirement_cause="single_bit"),
    gauge("nvml_memory_retired_pages_total", "retired_pages.double_bit.count", once=True,
          nvml_retirement_cause="double_bit"),
]

# A reason for throttling and the counter of nvidia-smi, which prints microseconds.
THROTTLE = {
    "sw_power_cap": "clocks_event_reasons_counters.sw_power_cap",
    "sw_thermal": "clocks_event_reasons_counters.sw_thermal_slowdown",
    "hw_thermal": "clocks_event_reasons_counters.hw_thermal_slowdown",
    "hw_power_brake": "clocks_event_reasons_counters.hw_power_brake_slowdown",
    "sync_boost": "clocks_event_reasons_counters.sync_boost",
}

# nvidia-smi --query-gpu has nothing to compare these with; what they must be follows from the load.
EXPECTED = {
    "idle": [("nvml_sm_utilization_ratio", 0, 0.1), ("nvml_tensor_utilization_ratio", 0, 0.05)],
    "matmul": [
        ("nvml_sm_utilization_ratio", 0.7, 1.01),
        ("nvml_sm_occupancy_ratio", 0.02, 1.01),
        ("nvml_tensor_utilization_ratio", 0.2, 1.01),
        ("nvml_dram_utilization_ratio", 0.01, 1.01),
    ],
}

Moment = namedtuple("Moment", "time scrape gpus apps nvlink")
Phase = namedtuple("Phase", "name moments steady load")
Row = namedtuple("Row", "phase gpu metric receiver smi tolerance verdict")

AGREES, DIFFERS, MISSING, ALONE = "yes", "**NO**", "**NO**, missing", "not compared"


def properties():
    return ["uuid", *dict.fromkeys(check.property for check in GAUGES), *THROTTLE.values()]


def number(text):
    """The number that nvidia-smi printed, None where it printed that there is none."""
    text = text.strip()
    if text in ("Yes", "No"):
        return float(text == "Yes")
    try:
        return float(text[1:] if re.fullmatch(r"P\d+", text) else text)
    except ValueError:
        return None


def read_scrape(path):
    samples = []
    for line in path.read_text().splitlines():
        match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if match:
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            samples.append((match[1], labels, float(match[3])))
    return samples


def read_rows(path):
    return list(csv.reader(path.read_text().splitlines(), skipinitialspace=True))


def read_nvlink(path):
    """The bytes over all links of each GPU by direction."""
    totals, uuid = {}, None
    for line in path.read_text().splitlines():
        if match := re.match(r"GPU \d+: .*\(UUID: (\S+)\)", line):
            uuid = match[1]
        elif match := re.search(r"Data (Tx|Rx): (\d+) KiB", line):
            key = (uuid, {"Tx": "transmit", "Rx": "receive"}[match[1]])
            totals[key] = totals.get(key, 0) + int(match[2]) * 1024
    return totals


def read_moment(folder, names):
    gpus = {}
    for row in read_rows(folder / "gpu.csv"):
        if len(row) != len(names):
            raise ValueError(f"{folder / 'gpu.csv'} does not have {len(names)} columns: {row}")
        values = dict(zip(names, row))
        gpus[values["uuid"]] = {name: number(text) for name, text in values.items()}
    apps = {}
    for row in read_rows(folder / "apps.csv"):
        if len(row) == 3 and number(row[2]) is not None:
            apps[row[0], row[1].strip()] = number(row[2]) * MIB
    return Moment(float((folder / "time").read_text()), read_scrape(folder / "scrape.prom"), gpus, apps,
                  read_nvlink(folder / "nvlink.txt"))


def read_phases(recording):
    names = (recording / "query-gpu.properties").read_text().split()
    phases = []
    for name in ("idle", "allocate", "matmul", "copy", "copy-slowly"):
        folders = sorted(path for path in (recording / name).glob("[0-9]*") if path.is_dir())
        if not folders:
            continue
        moments = [read_moment(folder, names) for folder in folders]
        load = recording / name / "load.jsonl"
        facts = json.loads(load.read_text().splitlines()[0]) if load.exists() else {}
        # The load may end while the last moment between is taken.
        phases.append(Phase(name, moments, moments[1:-2], facts))
    return phases


def reported(moment, uuid, metric, labels):
    """The receiver's value for a GPU, the mean where there are several (fans); None where there is none."""
    values = [
        value for name, present, value in moment.scrape
        if name == metric and uuid in (present.get("hw_id"), present.get("hw_parent") if "fan" in metric else None)
        and all(present.get(label) == wanted for label, wanted in labels.items())
    ]
    return statistics.mean(values) if values else None


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def grown(moments, value):
    """What value(moment) grew from the first moment to the last, None where one of the two has none."""
    first, last = value(moments[0]), value(moments[-1])
    return None if first is None or last is None else last - first


class Comparison:
    def __init__(self, phases, loaded):
        self.phases = {phase.name: phase for phase in phases}
        self.loaded = loaded
        self.rows = []
        self.compared_once = set()
        for phase in phases:
            for uuid in phase.moments[0].gpus:
                if phase.steady and not phase.name.startswith("copy"):
                    self.gauges(phase, uuid)
                    self.processes(phase, uuid)
                    self.energy(phase, uuid)
                    self.expected(phase, uuid)
                self.throttling(phase, uuid)
                self.nvlink(phase, uuid)
        self.allocation()
        self.copies()

    def add(self, phase, uuid, metric, receiver, smi, tolerance):
        if receiver is None and smi is None:
            return
        if receiver is None:
            verdict = MISSING
        elif smi is None:
            verdict = ALONE
        else:
            # The smallest part of a bit is not a difference.
            verdict = AGREES if abs(receiver - smi) <= tolerance * (1 + 1e-9) + 1e-9 else DIFFERS
        self.rows.append(Row(phase, uuid, metric, receiver, smi, f"± {show(tolerance)}", verdict))

    def add_range(self, phase, uuid, metric, receiver, what, low, high):
        verdict = AGREES if low <= receiver <= high else DIFFERS
        self.rows.append(Row(phase, uuid, metric, receiver, what, f"{show(low)} to {show(high)}", verdict))

    def gauges(self, phase, uuid):
        for check in GAUGES:
            if check.once:
                if (uuid, check.property) in self.compared_once:
                    continue
                self.compared_once.add((uuid, check.property))
            receiver = median(reported(m, uuid, check.metric, check.labels) for m in phase.steady)
            smi = median(m.gpus.get(uuid, {}).get(check.property) for m in phase.steady)
            smi = None if smi is None else smi * check.scale
            self.add(phase.name, uuid, series(check.metric, check.labels), receiver, smi,
                     check.relative * abs(smi or 0) + check.absolute)

    def processes(self, phase, uuid):
        """Of the processes that stayed for the whole phase."""
        keys = set.intersection(*(set(moment.apps) for moment in phase.steady))
        for key in sorted(key for key in keys if key[0] == uuid):
            labels = {"process_pid": key[1]}
            smi = median(moment.apps[key] for moment in phase.steady)
            receiver = median(reported(m, uuid, "nvml_process_memory_usage_bytes", labels) for m in phase.steady)
            self.add(phase.name, uuid, series("nvml_process_memory_usage_bytes", labels), receiver, smi, 2 * MIB)

    def energy(self, phase, uuid):
        """Against the power that nvidia-smi saw, by the trapezoid rule."""
        joules, highest = 0.0, 0.0
        for earlier, later in zip(phase.steady, phase.steady[1:]):
            watts = [m.gpus.get(uuid, {}).get("power.draw") for m in (earlier, later)]
            if None in watts:
                return
            joules += (later.time - earlier.time) * sum(watts) / 2
            highest = max(highest, *watts)
        receiver = grown(phase.steady, lambda m: reported(m, uuid, "hw_energy_joules_total", {}))
        # The receiver's value may be a second old at both ends.
        self.add(phase.name, uuid, "growth of hw_energy_joules_total", receiver, joules, 0.1 * joules + highest)

    def expected(self, phase, uuid):
        if phase.name == "matmul" and uuid != self.loaded:
            return
        for metric, low, high in EXPECTED.get(phase.name, []):
            receiver = median(reported(m, uuid, metric, {}) for m in phase.steady)
            if receiver is not None:  # it takes a GPU that has the counters
                self.add_range(phase.name, uuid, metric, receiver, "expected", low, high)

    def throttling(self, phase, uuid):
        for reason, prop in THROTTLE.items():
            labels = {"nvml_throttle_reason": reason}
            receiver = grown(phase.moments, lambda m: reported(m, uuid, "nvml_throttle_time_seconds_total", labels))
            smi = grown(phase.moments, lambda m: m.gpus.get(uuid, {}).get(prop))
            smi = None if smi is None else smi * 1e-6
            metric = "growth of " + series("nvml_throttle_time_seconds_total", labels)
            self.add(phase.name, uuid, metric, receiver, smi, 0.05 * abs(smi or 0) + 2)

    def nvlink(self, phase, uuid):
        for direction in ("receive", "transmit"):
            labels = {"network_io_direction": direction}
            receiver = grown(phase.moments, lambda m: reported(m, uuid, "nvml_nvlink_io_bytes_total", labels))
            smi = grown(phase.moments, lambda m: m.nvlink.get((uuid, direction)))
            metric = "growth of " + series("nvml_nvlink_io_bytes_total", labels)
            self.add(phase.name, uuid, metric, receiver, smi, 0.05 * abs(smi or 0) + 64 * MIB)

    def allocation(self):
        """The memory of the loaded GPU must have grown by what was allocated, and what the process itself needs."""
        idle, allocate = self.phases.get("idle"), self.phases.get("allocate")
        if not (idle and idle.steady and allocate and allocate.steady):
            return
        before, after = (
            median(reported(m, self.loaded, "hw_gpu_memory_usage_bytes", {}) for m in phase.steady)
            for phase in (idle, allocate)
        )
        if before is not None and after is not None:  # else the comparison with nvidia-smi says that it is missing
            size = allocate.load["allocated"]
            self.add_range("allocate", self.loaded, "growth of hw_gpu_memory_usage_bytes since idle", after - before,
                           f"allocated {show(size)}", size, size + 1024 * MIB)

    def copies(self):
        for name in ("copy", "copy-slowly"):
            if name not in self.phases:
                continue
            phase = self.phases[name]
            size = phase.load["copied_each_way"]
            for direction in ("receive", "transmit"):
                labels = {"network_io_direction": direction}
                metric = "growth of " + series("hw_gpu_io_bytes_total", labels)
                receiver = grown(phase.moments, lambda m: reported(m, self.loaded, "hw_gpu_io_bytes_total", labels))
                if receiver is None:
                    # Not every GPU and driver counts the bytes.
                    self.rows.append(Row(name, self.loaded, metric, None, f"copied {show(size)}", "", ALONE))
                else:
                    self.add_range(name, self.loaded, metric, receiver, f"copied {show(size)}", size, 1.3 * size)


def series(metric, labels):
    return metric + ("{" + ", ".join(f"{k}={v}" for k, v in labels.items()) + "}" if labels else "")


def show(value):
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.4g}"


def table(rows):
    lines = [
        "| phase | GPU | metric | receiver | nvidia-smi | difference | tolerance | within tolerance |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        numbers = None not in (row.receiver, row.smi) and not isinstance(row.smi, str)
        difference = show(row.receiver - row.smi) if numbers else "–"
        cells = (row.phase, row.gpu[:12], f"`{row.metric}`", show(row.receiver), show(row.smi),
                 difference, row.tolerance, row.verdict)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main(argument):
    if argument == "--properties":
        print("\n".join(properties()))
        return 0
    recording = Path(argument)
    try:
        phases = read_phases(recording)
        loaded = (recording / "loaded-gpu").read_text().strip()
    except FileNotFoundError as error:
        print(f"compare.py: not a recording: {error}", file=sys.stderr)
        return 2
    rows = Comparison(phases, loaded).rows
    count = {verdict: sum(row.verdict == verdict for row in rows) for verdict in (AGREES, DIFFERS, MISSING, ALONE)}
    if count[AGREES] + count[DIFFERS] + count[MISSING] == 0:
        print(f"compare.py: nothing to compare in {recording}", file=sys.stderr)
        return 2
    print(f"{count[AGREES]} values agree, {count[DIFFERS]} differ, {count[MISSING]} are missing from the receiver, "
          f"{count[ALONE]} have nothing to compare with.\n")
    for path in sorted(recording.glob("skipped-*")):
        reason = (path / "load.log").read_text().strip()
        print(f"Phase {path.name.removeprefix('skipped-')} was left out: {reason}.\n")
    print("\n".join(table(rows)))
    return 1 if count[DIFFERS] + count[MISSING] else 0


if __name__ == "__main__":
    try:
        status = main(*sys.argv[1:])
    except Exception:  # such as a recording that is cut short, which must not look like values that differ
        traceback.print_exc()
        status = 2
    sys.exit(status)
