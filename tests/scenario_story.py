"""What a story of the scenario language holds once it is read, and how it writes times."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from analytics.indicators import Sold
from analytics.maintenance import Window
from analytics.network import SECOND, Sensor, Tree
from analytics.periods import instant, local

KINDS = ("ping", "tcp", "http", "dns", "snmp", "port")
# An instant in a story: after its begin, or a local date and time of its zone.
WHEN = r"(?:\d{4}-\d\d-\d\d(?:T\d\d:\d\d)?|(?:\d+[dhms])+)"


class ScenarioError(Exception):
    """The story itself cannot be read; the message begins with its file and line."""


class Line(NamedTuple):
    number: int
    text: str


class Sample(NamedTuple):
    """One value on its way: measured at `ts`, known to the server from `arrives` on (µs)."""

    sensor: tuple[str, str]  # element and sensor
    metric: str
    instance: str
    ts: int
    value: float
    reason: int
    interval: int
    arrives: int


class Expectation(NamedTuple):
    """What must be true of `name` as known at `as_of`: its whole timeline, or its state at one instant."""

    line: int
    kind: str
    name: str
    as_of: int | None
    at: int = 0
    raw: bool = False
    points: tuple[tuple[int, str], ...] = ()
    details: tuple[Line, ...] = ()
    text: str = ""


class Version(NamedTuple):
    """One version of a maintenance window as the story tells it: `window` is absolute, µs since 1970; `line` names it."""

    line: int
    window: Window
    services: tuple[str, ...]


class Holding(NamedTuple):
    """What belongs to an account or a location: services, each with its monthly revenue and currency."""

    services: dict[str, tuple[Decimal, str]]
    any_down: bool


@dataclass
class Story:
    """All that one file says. Times are µs; the story begins at 0, which is the instant `epoch` in the zone `zone`."""

    path: Path
    tags: list[str] = field(default_factory=list)
    services: dict[str, Tree] = field(default_factory=dict)
    fulfilment: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    elements: dict[str, int] = field(default_factory=dict)
    sensors: dict[tuple[str, str], Sensor] = field(default_factory=dict)
    unmanaged: set[str] = field(default_factory=set)
    thresholds: dict[str, dict[str, dict[str, float | None]]] = field(default_factory=dict)
    silences: list[tuple[int, int | None]] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)
    now: int = 0
    now_said: bool = False
    epoch: int = 0
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    histories: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    windows: dict[str, list[Version]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)  # windows whose newest change was refused, and the line
    policies: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, Holding] = field(default_factory=dict)
    locations: dict[str, Holding] = field(default_factory=dict)
    week_start: int | None = None
    sold: dict[str, list[tuple[int, Sold]]] = field(default_factory=dict)  # service -> the limits of its product from when on

    def element(self, name: str) -> int:
        return self.elements.setdefault(name, len(self.elements) + 1)

    def sensor(self, element: str, name: str) -> Sensor:
        """The sensor a row or statement names, made at its first mention: known kinds can be reached by, others measure."""
        self.element(element)
        known = self.sensors.get((element, name))
        if known is None:
            role = "reachability" if name in KINDS else "condition"
            known = Sensor(len(self.sensors) + 1, name, name if name in KINDS else "values", role, required=True, since=0)
            self.sensors[element, name] = known
        return known

    def when(self, text: str) -> int:
        """An instant after the story's begin, µs: `1h30m`, or `2026-03-29T02:30` on the clocks of the story's zone."""
        if re.fullmatch(r"\d{4}-.*", text):
            return instant(datetime.fromisoformat(text).replace(tzinfo=self.zone)) - self.epoch
        return moment(text)

    def told(self, at: int) -> str:
        """An instant as this story writes it."""
        if self.epoch == 0 or at < 0:
            return clock(at)
        return f"{local(self.epoch + at, self.zone):%Y-%m-%dT%H:%M}"


def moment(text: str) -> int:
    """`3m`, `90s`, `1h30m`, `2d` as µs."""
    if not re.fullmatch(r"(\d+[dhms])+", text):
        raise ValueError(f"{text!r} is no time: write 3m, 90s, 1h30m or 2d")
    unit = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
    return sum(int(number) * unit[letter] for number, letter in re.findall(r"(\d+)([dhms])", text)) * SECOND


def clock(instant: int) -> str:
    """µs as a story writes them."""
    seconds = instant // SECOND
    parts = ((seconds // 3_600, "h"), (seconds % 3_600 // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{number}{letter}" for number, letter in parts if number) or "0m"
