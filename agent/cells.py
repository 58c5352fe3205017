"""What becomes of each value of a steady device, told once in numbers, so that NumPy can do it for many devices at a time.

Pure. What cannot be told so is `odd`, and goes on being done by readings.rows, entry by entry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from agent import readings
from agent.profiles import Cell, Entry
from agent.rates import COUNTER32, TOLERANCE, Rates
from agent.readings import Said
from protocols.snmp import ber, message
from protocols.snmp.message import VarBind

_COUNTS = frozenset({message.COUNTER32, message.COUNTER64, message.GAUGE32, message.TIME_TICKS, message.UINTEGER32})
_TEXT = 8  # characters of a number in text that may move
LOW = (1 << 32) - 1
ALL = (1 << 64) - 1


class Spec(NamedTuple):
    """One row of each poll: its value is `x * factor + offset`, x the value under `oid`, or a rate's change per second."""

    oid: bytes
    metric: str
    instance: str
    seconds: float  # that a gauge stands for
    factor: float
    offset: float = 0.0
    moves: bool = True  # else the value is `offset`
    signed: bool = False
    rate: bool = False
    mask: int = ALL  # of the number
    limit: float = math.inf  # counts a second that can be
    wraps_after: float = math.inf  # seconds in which it might wrap twice
    strict: bool = False  # a fall is no wrap
    discontinuity: int = 0


class Compiled(NamedTuple):
    """The specs, the entries left, and the OIDs whose values move."""

    specs: list[Spec]
    odd: list[Entry]
    moving: set[bytes]


def compiled(entries: Sequence[Entry], said: Said, rates: Rates, interval: float) -> Compiled | None:
    """The entries as numbers, by what the device said last; None if a counter must be watched more closely now."""
    still = {name for entry in entries for name in _still(entry)}
    specs: list[Spec] = []
    odd: list[Entry] = []
    for entry in entries:
        if readings.changed(entry, said) or readings.gone(entry, said):
            return None
        if any(_unsettled(entry, cell, said, rates) for cell in entry.cells if cell.column.type == "rate"):
            return None
        found = None if entry.reduce else _entry(entry, said, still, interval * entry.every)
        if found is None:
            odd.append(entry)
        else:
            specs += found
    moving = {spec.oid for spec in specs if spec.moves}
    moving |= {name for entry in odd for name in entry.oids if name not in still and _can_move(said, name)}
    return Compiled(specs, odd, moving)


def _still(entry: Entry) -> list[bytes]:
    """What must not change unnoticed: the row's name, its discontinuity time and speed, and the factors of its gauges."""
    found = [name for cell in entry.cells for name in ((cell.multiplier,) if cell.multiplier else ()) + cell.of]
    found += [entry.speed.oid] if entry.speed else []
    found += [entry.discontinuity] if entry.discontinuity else []
    return found + ([entry.identity[0]] if entry.identity else [])


def _can_move(said: Said, name: bytes) -> bool:
    if name not in said:
        return False
    bind = said[name][0]
    return isinstance(bind.value, int) or (bind.tag == ber.OCTET_STRING and 0 < len(bind.value or b"") <= _TEXT)


def _unsettled(entry: Entry, cell: Cell, said: Said, rates: Rates) -> bool:
    if cell.oid not in said or not isinstance(said[cell.oid][0].value, int):
        return False
    last = rates.last((entry.instance, cell.oid))
    return last is None or last.doubtful or last.mark != said[cell.oid][1]


def _entry(entry: Entry, said: Said, still: set[bytes], seconds: float) -> list[Spec] | None:
    """The specs of one entry; None: it is odd."""
    fastest = readings.value(entry.speed, said) if entry.speed else None
    found: list[Spec] = []
    for cell in (*((entry.speed,) if entry.speed and fastest else ()), *entry.cells):
        if cell.oid not in said or said[cell.oid][0].tag in message.ABSENT:
            continue
        bind = said[cell.oid][0]
        if cell.column.type == "rate":
            spec = None if cell.oid in still else _rate(entry, cell, bind, said, fastest)
        elif cell.oid in still:
            constant = readings.value(cell, said)
            if constant is None:
                continue
            spec = Spec(cell.oid, cell.column.metric, entry.instance, seconds, 0.0, constant, moves=False)
        else:
            spec = _gauge(entry, cell, bind, said, seconds)
        if spec is None:
            return None
        found.append(spec)
    return found


def _rate(entry: Entry, cell: Cell, bind: VarBind, said: Said, fastest: float | None) -> Spec | None:
    column = cell.column
    if bind.tag not in _COUNTS or column.wire not in {"", "counter32", "counter64"}:
        return None
    wide = (column.wire or ("counter64" if bind.tag == message.COUNTER64 else "")) == "counter64"
    carries_bits = column.unit == "bit/s"
    most = fastest / cell.scale if carries_bits and fastest and cell.scale else None
    stamp = said[entry.discontinuity][0].value if entry.discontinuity and entry.discontinuity in said else 0
    return Spec(
        cell.oid,
        column.metric,
        entry.instance,
        0.0,
        cell.scale,
        rate=True,
        mask=ALL if wide else LOW,
        limit=math.inf if wide or most is None else TOLERANCE * most,
        wraps_after=COUNTER32 / most if most and not wide and carries_bits else math.inf,
        strict=wide or not carries_bits or most is None,
        discontinuity=stamp if isinstance(stamp, int) else 0,
    )


def _gauge(entry: Entry, cell: Cell, bind: VarBind, said: Said, seconds: float) -> Spec | None:
    column = cell.column
    plain = not (cell.plus or cell.minus or column.invalid or column.words)
    if not plain or not isinstance(bind.value, int) or column.wire not in {"", "gauge32", "counter32"}:
        return None
    if bind.tag == message.COUNTER64:  # may not fit a signed number
        return None
    factor = cell.scale
    for name in (*((cell.multiplier,) if cell.multiplier else ()), *cell.of):
        if name not in said or not isinstance(said[name][0].value, int):
            return None
    if cell.multiplier:
        factor *= readings.number_of(cell.multiplier, said, column) or 0
    if cell.of:
        whole = sum(readings.number_of(name, said, column) or 0 for name in cell.of)
        if whole <= 0:
            return None
        factor *= 100 / whole
    signed, mask = bind.tag == ber.INTEGER, LOW if column.wire else ALL
    return Spec(cell.oid, column.metric, entry.instance, seconds, factor, column.offset, signed=signed, mask=mask)
