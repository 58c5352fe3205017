"""Devices that answer as they did the last time: what of a poll is asked and read by rote, and how that begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from agent.bank import Bank
from agent.batcher import Row
from agent.cells import Compiled, Spec, compiled
from agent.device import ENGINE_TIME, UPTIME, Part
from agent.profiles import Entry
from agent.rates import Mark, Rates, Reading
from agent.readings import Said
from agent.udp import Address, Letter
from protocols.errors import DecodeError
from protocols.snmp import layout, message
from protocols.snmp.layout import Layout
from protocols.snmp.message import VarBind
from protocols.snmp.request import Request
from protocols.snmp.session import Session

if TYPE_CHECKING:
    from agent.poller import Poller


class Line(Letter):
    """One request of one device and its slot in the bank."""

    __slots__ = ("boots", "flight", "has_engine", "request", "slot", "specs")

    def __init__(self, address: Address, slot: int, request: Request, specs: Sequence[Spec], mark: Mark) -> None:
        super().__init__(address)
        self.slot = slot
        self.request = request
        self.specs = specs
        self.boots = mark.boots
        self.has_engine = mark.engine is not None
        self.flight: Flight | None = None


class Flight:
    """One poll by rote: its lines, and how many answers are missing (below 0: it was given up)."""

    __slots__ = ("deadline", "interval", "lines", "missing", "odd", "poller", "proven", "session", "steadies", "timeout", "ts")

    def __init__(self, poller: Poller, session: Session | None, steadies: list[Steady]) -> None:
        self.poller = poller
        self.session = session
        self.timeout = poller.sensor.timeout
        self.interval = poller.sensor.interval
        self.steadies = steadies
        self.lines = [line for one in steadies for line in one.lines]
        self.proven = all(one.proven for one in steadies)
        self.odd = any(one.odd for one in steadies)
        self.missing = 0
        self.deadline = 0.0  # seconds of our monotonic clock
        self.ts = 0
        for line in self.lines:
            line.flight = self


class Loose(NamedTuple):
    """A value that odd entries take: where it is, and what it was."""

    line: int
    value: int
    bind: VarBind
    width: int


class Past(NamedTuple):
    """What a sensor goes on from: its counters, and its interval (seconds)."""

    rates: Rates
    interval: float


class Steady:
    """The entries of a device that are due together. `proven` once the first such poll was found equal to a careful one."""

    def __init__(self, lines: list[Line], odd: list[Entry], loose: list[Loose], still: Said) -> None:
        self.lines = lines
        self.odd = odd
        self.loose = loose
        self.still = still
        self.proven = False

    def said(self, values: Sequence[Sequence[int]], marks: Sequence[Mark]) -> Said:
        """What the odd entries take of a round, as readings.rows wants it; both by line."""
        found = dict(self.still)
        for line, value, bind, width in self.loose:
            raw = int(values[line][value]).to_bytes(layout.WIDEST, "big")[layout.WIDEST - width :]
            found[bind.oid] = (VarBind(bind.oid, bind.tag, message.meaning(bind.tag, raw)), marks[line])
        return found


def settle(bank: Bank, who: tuple[int, Address], entries: Sequence[Entry], parts: Sequence[Part], past: Past) -> Steady | None:
    """How to go on from a careful poll of `entries` that brought `parts`; None: not by rote. `who`: sensor, address."""
    if not parts or any(part.mark.uptime < 0 for part in parts):
        return None
    said: dict[bytes, tuple[VarBind, Mark]] = {name: (b, part.mark) for part in parts for name, b in part.values.items()}
    said[UPTIME] = (VarBind(UPTIME, message.TIME_TICKS, parts[0].mark.uptime), parts[0].mark)
    if any(name not in said for entry in entries for name in entry.oids):
        return None
    plan = compiled(entries, said, past.rates, past.interval)
    if plan is None:
        return None
    try:
        layouts = [_layout(part, plan) for part in parts]
    except DecodeError:
        return None
    return _begin(bank, who, plan, list(zip(parts, layouts, strict=True)), said, past.rates)


def _moving(part: Part, plan: Compiled) -> list[bytes]:
    clock = {UPTIME, *((ENGINE_TIME,) if part.mark.engine is not None else ())}
    return [name for name in part.request.oids if name in clock or name in plan.moving]


def _layout(part: Part, plan: Compiled) -> Layout:
    names = part.request.oids
    if names[0] != UPTIME or len(set(names)) != len(names):
        raise DecodeError("layout")
    moving = set(_moving(part, plan))
    bare = part.request.version not in {message.V1, message.V2C}
    return layout.learn(part.raw, {k for k, name in enumerate(names) if name in moving}, bare=bare)


def _begin(
    bank: Bank, who: tuple[int, Address], plan: Compiled, parts: Sequence[tuple[Part, Layout]], said: Said, rates: Rates
) -> Steady:
    lines: list[Line] = []
    where: dict[bytes, tuple[int, int]] = {}
    for k, (part, laid) in enumerate(parts):
        places = {name: value for value, name in enumerate(_moving(part, plan))}
        where |= {name: (k, value) for name, value in places.items() if name not in where}
        mine = [spec for spec in plan.specs if spec.oid in part.values or (spec.oid == UPTIME and k == 0)]
        rows = [(spec, places[spec.oid] if spec.moves else 0, _count(spec, rates)) for spec in mine]
        slot = bank.take()
        bank.put(slot, who[0], laid, part.mark, rows)
        lines.append(Line(who[1], slot, part.request, mine, part.mark))
    needed = {name for entry in plan.odd for name in entry.oids}
    loose = [
        Loose(line, value, said[name][0], parts[line][1].widths[value])
        for name, (line, value) in ((name, where[name]) for name in sorted(needed & where.keys()))
    ]
    return Steady(lines, plan.odd, loose, {name: said[name] for name in needed if name not in where})


def _count(spec: Spec, rates: Rates) -> int:
    last = rates.last((spec.instance, spec.oid)) if spec.rate else None
    return last.value & spec.mask if last else 0


def leave(bank: Bank, steady: Steady, rates: Rates) -> None:
    """Give the slots back, and what they remember to `rates`."""
    for line in steady.lines:
        mark = bank.mark(line.slot, line.boots)
        last = bank.last[line.slot]
        rates.restore(
            {
                (spec.instance, spec.oid): Reading(int(last[cell]), mark, spec.discontinuity)
                for cell, spec in enumerate(line.specs)
                if spec.rate
            }
        )
        bank.give(line.slot)


def alike(ours: Iterable[Row], careful: Iterable[Row]) -> bool:
    """Whether two polls brought the same rows, in whatever order."""
    mine, theirs = ({(row.metric, row.instance): row for row in rows} for rows in (ours, careful))
    if mine.keys() != theirs.keys():
        return False
    return all(
        abs(a.value - b.value) <= 1e-9 * max(1.0, abs(b.value)) and abs(a.seconds - b.seconds) <= 1e-4 * max(1.0, b.seconds)
        for a, b in ((mine[key], theirs[key]) for key in mine)
    )
