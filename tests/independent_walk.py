"""A second reader of recorded walks (.snmprec), which shares no code with Lineside: what a list of discover must say of them.

`python -m tests.independent_walk WALK LIST` prints every contradiction; the LIST has an object a line, as discover --json prints.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from pathlib import Path

IF, IFX = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
HR = "1.3.6.1.2.1.25"
ENTITY, SENSOR = "1.3.6.1.2.1.47.1.1.1.1", "1.3.6.1.2.1.99.1.1.1"
# Disks of whatever sort, by the last arc of hrStorageType
STORAGE = {2: "memory", 3: "memory.virtual", 1: "memory.other"} | dict.fromkeys((4, 5, 6, 7, 8, 9, 10), "storage")
SENSORS = {
    3: "voltage",
    4: "voltage",
    5: "current",
    6: "power",
    7: "frequency",
    8: "temperature",
    9: "humidity",
    10: "fan",
    14: "optical_power",
}

# Scalars: OID -> (kind, metric, factor)
SCALARS = {
    "1.3.6.1.2.1.33.1.2.1.0": ("ups", "ups.battery_status", 1),
    "1.3.6.1.2.1.33.1.2.4.0": ("ups", "ups.charge", 1),
    "1.3.6.1.2.1.33.1.4.1.0": ("ups", "ups.output_source", 1),
    "1.3.6.1.4.1.318.1.1.1.2.3.1.0": ("ups", "ups.charge", 0.1),
    "1.3.6.1.4.1.318.1.1.1.2.2.3.0": ("ups", "ups.runtime", 0.01),
    "1.3.6.1.4.1.318.1.1.1.2.2.2.0": ("ups", "ups.battery_temperature", 1),
    "1.3.6.1.4.1.318.1.1.1.3.2.1.0": ("ups", "ups.input_voltage", 1),
    "1.3.6.1.4.1.318.1.1.1.4.1.1.0": ("ups", "ups.output_status", 1),
    "1.3.6.1.4.1.318.1.1.1.4.3.3.0": ("ups", "ups.output_load", 0.1),
    "1.3.6.1.4.1.534.1.2.1.0": ("ups", "ups.runtime", 1),
    "1.3.6.1.4.1.534.1.4.1.0": ("ups", "ups.output_load", 1),
    "1.3.6.1.4.1.705.1.5.5.0": ("ups", "ups.battery_voltage", 0.1),
    "1.3.6.1.4.1.14179.1.1.5.1.0": ("cpu", "cpu.load", 1),
    "1.3.6.1.4.1.14179.1.1.5.2.0": ("memory", "memory.size", 1024),
    "1.3.6.1.4.1.12356.101.4.1.3.0": ("cpu", "cpu.load", 1),
    "1.3.6.1.4.1.12356.101.4.1.4.0": ("memory", "memory.used_percent", 1),
    "1.3.6.1.4.1.12356.101.4.1.5.0": ("memory", "memory.size", 1024),
    "1.3.6.1.4.1.12356.101.4.1.8.0": ("firewall", "firewall.sessions", 1),
    "1.3.6.1.4.1.25461.2.1.2.3.3.0": ("firewall", "firewall.sessions", 1),
    "1.3.6.1.4.1.14823.2.2.1.1.3.2.0": ("wifi", "wifi.controller.clients", 1),
    "1.3.6.1.4.1.14988.1.1.3.8.0": ("sensor", "sensor.voltage", 0.1),
    "1.3.6.1.4.1.14988.1.1.3.10.0": ("sensor", "sensor.temperature", 0.1),
    "1.3.6.1.2.1.1.3.0": ("system", "system.uptime", 0.01),
}
# Columns: OID -> (metric, factor, values that are none); every row's value is in the list as often as in the walk.
COLUMNS = {
    "1.3.6.1.2.1.33.1.4.4.1.5": ("ups.output_load", 1, ()),
    "1.3.6.1.4.1.14179.2.2.2.1.15": ("wifi.clients", 1, ()),
    "1.3.6.1.4.1.14179.2.1.1.1.38": ("wifi.network.clients", 1, ()),
    "1.3.6.1.4.1.14823.2.2.1.5.2.1.5.1.7": ("wifi.clients", 1, ()),
    "1.3.6.1.4.1.14823.2.3.3.1.2.2.1.21": ("wifi.clients", 1, ()),
    "1.3.6.1.4.1.14823.2.2.1.2.1.13.1.3": ("cpu.load", 1, ()),
    "1.3.6.1.4.1.41112.1.6.1.2.1.8": ("wifi.clients", 1, ()),
    "1.3.6.1.4.1.14988.1.1.1.3.1.6": ("wifi.clients", 1, ()),
    "1.3.6.1.4.1.2011.6.139.16.1.2.1.40": ("wifi.clients", 1, ()),
    "1.3.6.1.4.1.12356.101.4.4.2.1.2": ("cpu.core_load", 1, ()),
    "1.3.6.1.4.1.12356.101.4.3.2.1.3": ("sensor.value", 1, ()),
    "1.3.6.1.4.1.318.1.1.10.2.3.2.1.4": ("sensor.temperature", 1, (-1,)),
    "1.3.6.1.4.1.41112.1.5.4.2.1.3": ("sensor.temperature", 0.001, ()),
    "1.3.6.1.4.1.2021.13.16.2.1.3": ("sensor.temperature", 0.001, ()),
    "1.3.6.1.4.1.30065.4.1.1.2.1.13": ("bgp.state", 1, ()),
    "1.3.6.1.4.1.2636.3.1.13.1.7": ("sensor.temperature", 1, (0,)),
    "1.3.6.1.4.1.47196.4.1.1.3.11.2.1.1.7": ("sensor.supply_power", 1, ()),
    "1.3.6.1.4.1.9.9.221.1.1.1.1.18": ("memory.used", 1, ()),
    "1.3.6.1.4.1.9.9.187.1.2.5.1.3": ("bgp.state", 1, ()),
    "1.3.6.1.2.1.15.3.1.2": ("bgp.state", 1, ()),
    "1.3.6.1.2.1.10.127.1.1.4.1.5": ("docsis.snr", 0.1, ()),
    "1.3.6.1.2.1.10.127.1.1.1.1.6": ("docsis.down.power", 0.1, ()),
    "1.3.6.1.2.1.10.127.1.2.2.1.3": ("docsis.up.power", 0.1, ()),
    "1.3.6.1.2.1.10.94.1.1.2.1.4": ("dsl.atuc.snr_margin", 0.1, ()),
    "1.3.6.1.2.1.10.94.1.1.3.1.8": ("dsl.atur.attainable_rate", 1, ()),
    "1.3.6.1.2.1.10.251.1.2.2.1.2": ("dsl.rate", 1, ()),
}

Walk = dict[str, dict[tuple[int, ...], object]]


def read(path: Path) -> dict[str, object]:
    """OID -> value: int for numbers, str for text (cleaned), the dotted text of OIDs and addresses."""
    found: dict[str, object] = {}
    for line in path.read_bytes().split(b"\n"):
        name, _, rest = line.partition(b"|")
        kind, _, raw = rest.partition(b"|")
        tag = kind.decode().rstrip("x")
        if not name or not tag.isdigit():
            continue
        if kind.endswith(b"x"):
            raw = bytes.fromhex(raw.decode())
        elif tag in {"2", "65", "66", "67", "70"}:
            found[name.decode()] = int(raw)
            continue
        found[name.decode()] = clean(raw)
    return found


def clean(raw: bytes) -> str:
    """Text as people may see it."""
    try:
        shown = raw.decode()
    except UnicodeDecodeError:
        shown = raw.decode("latin-1")
    return " ".join("".join(" " if c.isspace() else c for c in shown if c.isprintable() or c in "\t\n\r\u00a0").split())[
        :128
    ].rstrip()


def column(walk: dict[str, object], base: str) -> dict[tuple[int, ...], object]:
    """Index -> value of one column, in the order of the indices."""
    prefix = base + "."
    rows = {tuple(map(int, name[len(prefix) :].split("."))): value for name, value in walk.items() if name.startswith(prefix)}
    return dict(sorted(rows.items()))


def contradictions(walk: dict[str, object], listed: list[dict]) -> list[str]:
    """What the list says otherwise than the walk, or not at all."""
    known = {(found["kind"], found["name"]): found["values"] for found in listed}
    faults = [f"{key} stands twice" for key, n in Counter((f["kind"], f["name"]) for f in listed).items() if n > 1]
    faults += [f"{f['kind']} {f['name']}: metrics and values differ" for f in listed if list(f["metrics"]) != list(f["values"])]
    for kind, name, metric, expected in (*interfaces(walk), *processors(walk), *storage(walk), *scalars(walk)):
        values = known.get((kind, name))
        if values is None:
            faults.append(f"{kind} {name!r} is not in the list")
        elif not same(values.get(metric), expected):
            faults.append(f"{kind} {name!r}: {metric} is {values.get(metric)}, not {expected}")
    return faults + counted(walk, listed)


def same(found: object, expected: float) -> bool:
    return isinstance(found, int | float) and math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)


def interfaces(walk):
    """Every row of ifTable: (kind, name, metric, value)."""
    table = {c: column(walk, f"{IF}.{c}") for c in (1, 2, 3, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20)}
    extended = {c: column(walk, f"{IFX}.{c}") for c in (1, 6, 7, 10, 11, 15)}
    polled = (7, 8, 10, 11, 13, 14, 16, 17, 19, 20)
    taken = set()
    measured = {i for c in polled for i in table[c]} | {i for c in (6, 7, 10, 11) for i in extended[c]}
    for index in sorted(measured | {i for c in (1, 3, 4) for i in table[c]}):
        name = extended[1].get(index) or table[2].get(index) or str(index[0])
        while name in taken:
            name = f"{name} #{index[0]}"
        taken.add(name)
        if index not in measured:
            yield "interface", name, "if.present", 1
        wide = {"if.in": (6, 10), "if.out": (10, 16), "if.in.packets": (7, 11), "if.out.packets": (11, 17)}
        for metric, (high, low) in wide.items():
            count = extended[high].get(index, table[low].get(index))
            if count is not None:
                yield "interface", name, metric, count
        for metric, c in {"if.oper_status": 8, "if.admin_status": 7, "if.in.errors": 14, "if.out.discards": 19}.items():
            if index in table[c]:
                yield "interface", name, metric, table[c][index]
        speed = (extended[15].get(index) or 0) * 1_000_000 or table[5].get(index)
        if speed:
            yield "interface", name, "if.speed", speed


def processors(walk):
    for (index,), load in column(walk, f"{HR}.3.3.1.2").items():
        yield "cpu", str(index), "cpu.core_load", load


def storage(walk):
    kinds, names, units, sizes, used = (column(walk, f"{HR}.2.3.1.{c}") for c in (2, 3, 4, 5, 6))
    taken = set()
    for index in sorted(sizes):
        if index not in kinds or index not in units:
            continue
        what = STORAGE[int(str(kinds[index]).rpartition(".")[2])]
        name = names.get(index) or str(index[0])
        name = f"{name} #{index[0]}" if (what, name) in taken else name
        taken.add((what, name))
        kind = what.partition(".")[0]
        yield kind, name, f"{what}.size", (sizes[index] % 2**32) * units[index]
        if index in used:
            yield kind, name, f"{what}.used", (used[index] % 2**32) * units[index]
            if sizes[index] and what == "storage":
                yield kind, name, "storage.used_percent", 100 * (used[index] % 2**32) / (sizes[index] % 2**32)


def scalars(walk):
    for name, (kind, metric, factor) in SCALARS.items():
        if name not in walk:
            continue
        yield kind, "", metric, float(walk[name]) * factor
    loads = list(column(walk, f"{HR}.3.3.1.2").values())
    makers = ("1.3.6.1.4.1.12356.101.4.1.3.0", "1.3.6.1.4.1.14179.1.1.5.1.0")
    if loads and not any(maker in walk for maker in makers):
        yield "cpu", "", "cpu.load", sum(loads) / len(loads)


def counted(walk, listed):
    """Rows of tables whose names are a matter of taste: each value must stand in the list as often as in the walk."""
    expected: dict[str, Counter] = {}
    for base, (metric, factor, none) in COLUMNS.items():
        rows = [float(value) * factor for value in column(walk, base).values() if float(value) not in none]
        expected.setdefault(metric, Counter()).update(round(value, 6) for value in rows)
    for metric, values in sensors(walk):
        expected.setdefault(metric, Counter()).update(values)
    found: dict[str, Counter] = {}
    for instance in listed:
        for metric, value in instance["values"].items():
            found.setdefault(metric, Counter()).update([round(float(value), 6)])
    missing = {metric: values - found.get(metric, Counter()) for metric, values in expected.items()}
    return [f"{metric}: missing are {dict(values)}" for metric, values in missing.items() if values]


def sensors(walk):
    kinds, scales, digits, values, states = (column(walk, f"{SENSOR}.{c}") for c in (1, 2, 3, 4, 5))
    for index, value in values.items():
        if kinds.get(index) not in SENSORS or states.get(index, 1) != 1 or abs(value) == 1_000_000_000:
            continue
        exact = value * 1000.0 ** (scales.get(index, 9) - 9) / 10.0 ** digits.get(index, 0)
        yield f"sensor.{SENSORS[kinds[index]]}", [round(exact, 6)]


if __name__ == "__main__":
    found = contradictions(read(Path(sys.argv[1])), [json.loads(line) for line in Path(sys.argv[2]).read_text().splitlines()])
    print("\n".join(found) or "The list agrees with the walk.")
    sys.exit(bool(found))
