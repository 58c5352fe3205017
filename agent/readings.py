"""What a device answered becomes rows, by the types of its profile: gauges, percentages, and counters as rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from agent.batcher import Row
from agent.profiles import Cell, Entry
from agent.rates import Limits, Mark, Rates, Reading
from protocols.snmp import ber, message
from protocols.snmp.message import VarBind
from protocols.uplink.plan import Column

Said = Mapping[bytes, tuple[VarBind, Mark]]  # OID -> value, and the device's clock in the same answer


class Stamp(NamedTuple):
    """What the rows of one poll have in common."""

    sensor: int
    ts: int  # microseconds since the epoch
    interval: float  # seconds


def changed(entry: Entry, said: Said) -> bool:
    """Whether the row is not known to be the one that discovery found: it has another name now, or did not say it."""
    if entry.identity is None:
        return False
    name, expected = entry.identity
    return name not in said or said[name][0] != expected


def gone(entry: Entry, said: Said) -> bool:
    """Whether the device now denies a value that it had."""
    return any(cell.oid in said and said[cell.oid][0].tag in message.ABSENT for cell in entry.cells)


def rows(entries: Sequence[Entry], said: Said, rates: Rates, stamp: Stamp) -> list[Row]:
    """The rows of all `entries` that are answered and still what they were."""
    found: list[Row] = []
    means: dict[str, list[float]] = {}
    for entry in entries:
        if changed(entry, said):
            continue
        fastest = value(entry.speed, said) if entry.speed else None
        # A speed of 0 is how a device says that it does not know.
        for cell in (*((entry.speed,) if entry.speed and fastest else ()), *entry.cells):
            measured = _measured(entry, cell, said, rates, fastest)
            if measured is None:
                continue
            number, seconds = measured
            if entry.reduce:
                means.setdefault(cell.column.metric, []).append(number)
            else:
                span = seconds or stamp.interval * entry.every
                found.append(Row(stamp.sensor, cell.column.metric, entry.instance, stamp.ts, number, span))
    found += [Row(stamp.sensor, m, "", stamp.ts, math.fsum(v) / len(v), stamp.interval) for m, v in means.items()]
    return found


def _measured(entry: Entry, cell: Cell, said: Said, rates: Rates, fastest: float | None) -> tuple[float, float] | None:
    """(value, seconds it was measured over; 0 for a gauge)."""
    if cell.column.type != "rate":
        number = value(cell, said)
        return None if number is None else (number, 0.0)
    if cell.oid not in said:
        return None
    bind, mark = said[cell.oid]
    count = _number(bind, cell.column)
    if not isinstance(count, int):
        return None
    carries_bits = cell.column.unit == "bit/s"
    limits = Limits(
        bits=64 if (cell.column.wire or ("counter64" if bind.tag == message.COUNTER64 else "")) == "counter64" else 32,
        fastest=fastest / cell.scale if carries_bits and fastest and cell.scale else None,
        wraps=carries_bits,
    )
    discontinuity = said.get(entry.discontinuity) if entry.discontinuity else None
    stamp = discontinuity[0].value if discontinuity and isinstance(discontinuity[0].value, int) else 0
    rate = rates.observe((entry.instance, cell.oid), Reading(count, mark, stamp), limits)
    return None if rate is None else (rate.per_second * cell.scale, rate.seconds)


def value(cell: Cell, said: Said) -> float | None:
    """The value of a gauge or percentage, scaled; None if the device does not say it, or says no number."""
    number = number_of(cell.oid, said, cell.column)
    if number is None or number in cell.column.invalid:
        return None
    for sign, names in ((1, cell.plus), (-1, cell.minus)):
        for name in names:
            number += sign * (number_of(name, said, cell.column) or 0)
    if cell.multiplier:
        factor = number_of(cell.multiplier, said, cell.column)
        if factor is None:
            return None
        number *= factor
    if cell.of:
        parts = [number_of(name, said, cell.column) for name in cell.of]
        whole = sum(part for part in parts if part is not None)
        if None in parts or whole <= 0:
            return None
        number = 100 * number / whole
    scaled = number * cell.scale + cell.column.offset
    return scaled if math.isfinite(scaled) else None


def number_of(name: bytes, said: Said, column: Column) -> float | None:
    """The number under `name` as `column` says to read it; None if it is not one."""
    return _number(said[name][0], column) if name in said else None


def _number(bind: VarBind, column: Column) -> int | float | None:
    """The number in `bind`: the profile's `wire` overrides the tag, which devices get wrong; text may hold a number."""
    if isinstance(bind.value, int):
        match column.wire:
            case "counter32" | "gauge32":
                return bind.value & 0xFFFF_FFFF
            case "counter64":
                return bind.value & 0xFFFF_FFFF_FFFF_FFFF
            case "integer":
                low = bind.value & 0xFFFF_FFFF
                return low - (1 << 32) if low >> 31 else low
        return bind.value
    if bind.value is None or bind.tag != ber.OCTET_STRING or len(bind.value) > 32:
        return None
    if column.words:
        return column.words.get(bind.value.decode("latin-1").strip(" \0").lower())
    try:
        number = float(bind.value)  # UCD-SNMP-MIB's laLoad and many a vendor's temperature
    except ValueError:
        return None
    return number if math.isfinite(number) else None
