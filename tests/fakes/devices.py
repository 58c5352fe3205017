"""The simulated devices as packaging/demo/devices.yaml describes them: patterns, failures and silences with instants of their own."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import yaml
from numpy.typing import NDArray

from tests.fakes.patterns import HOUR, Change, Pattern, Values

Spans = tuple[tuple[float, float], ...]
NONE = Pattern(0.0)
EVER = -100_000
_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_PLAIN = ("shape", "zone", "noise", "growth", "every", "whole")
_AMOUNTS = ("level", "fill", "freed", "ceiling")


class Line(NamedTuple):
    """A port: bit/s in and out, errors received a second, and when its cable was out."""

    name: str
    speed: float
    rate_in: Pattern
    rate_out: Pattern
    errors: Pattern
    outages: Spans


class Measure(NamedTuple):
    """Something else that it measures; `size` in bytes where the metric is a share of one."""

    metric: str
    instance: str
    pattern: Pattern
    size: float


class Device(NamedTuple):
    """One device; `silences` are those of its site's agent."""

    name: str
    kind: str
    site: str
    address: str
    v3: bool
    lines: tuple[Line, ...]
    measures: tuple[Measure, ...]
    outages: Spans
    silences: Spans
    from_day: int  # of the birth; earlier it was not there


def load(path: Path, birth: float) -> list[Device]:
    """The devices of the file, for a demo that was first started at `birth` (seconds since the epoch)."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    zones: dict[str, str] = document["zones"]
    found: list[Device] = []
    for raw in document["devices"]:
        zone, place = zones[raw["site"]], list(zones).index(raw["site"]) + 1
        number = sum(device.site == raw["site"] for device in found) + 1
        silent = [each for each in document.get("silences", ()) if each["site"] == raw["site"]]
        lines = (_line(raw["name"], name, each, zone, birth) for name, each in raw.get("ports", {}).items())
        found.append(
            Device(
                raw["name"],
                raw["kind"],
                raw["site"],
                f"127.10.{place}.{number}",
                raw.get("v3", False),
                tuple(lines),
                tuple(_measure(raw["name"], each, zone, birth) for each in [*raw.get("measures", ()), *_round_trip(raw)]),
                spans(raw.get("outages", ()), zone, birth),
                spans(silent, zone, birth),
                raw.get("from_day", EVER),
            )
        )
    return found


def _line(device: str, name: str, raw: Mapping[str, Any], zone: str, birth: float) -> Line:
    first = "in" if "part" in raw["out"] else "out"
    whole = pattern(raw[first], f"{device} {name} {first}", zone, birth)
    second = raw["out" if first == "in" else "in"]
    seed = f"{device} {name} other"
    other = _part(whole, second["part"], seed) if "part" in second else pattern(second, seed, zone, birth)
    both = (whole, other) if first == "in" else (other, whole)
    errors = pattern(raw["errors"], f"{device} {name} errors", zone, birth) if "errors" in raw else NONE
    return Line(name, amount(raw["speed"]), *both, errors, spans(raw.get("outages", ()), zone, birth))


def _part(whole: Pattern, part: float, seed: str) -> Pattern:
    """The other direction: a share of the first one, with noise of its own."""
    changes = tuple(c._replace(plus=c.plus * part, slope=c.slope * part, least=c.least * part) for c in whole.changes)
    return whole._replace(level=whole.level * part, ceiling=whole.ceiling * part, seed=_seed(seed), changes=changes)


def _round_trip(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"metric": "rtt", "level": raw["round_trip"], "noise": 0.25}] if "round_trip" in raw else []


def _measure(device: str, raw: Mapping[str, Any], zone: str, birth: float) -> Measure:
    instance = raw.get("instance", "")
    found = pattern(raw, f"{device} {raw['metric']} {instance}", zone, birth)
    if raw["metric"] in {"cpu.load", "memory.used_percent", "storage.used_percent"}:
        found = found._replace(ceiling=min(found.ceiling, 100.0))
    return Measure(raw["metric"], instance, found, amount(raw.get("size", 0)))


def pattern(raw: Mapping[str, Any], seed: str, zone: str, birth: float) -> Pattern:
    """A pattern as the file writes it."""
    given = {name: raw[name] for name in _PLAIN if name in raw} | {name: amount(raw[name]) for name in _AMOUNTS if name in raw}
    changes = tuple(_change(each, zone, birth) for each in raw.get("changes", ()))
    return Pattern(**({"zone": zone} | given), birth=birth, seed=_seed(seed), changes=changes)


def _change(raw: Mapping[str, Any], zone: str, birth: float) -> Change:
    ((start, end),) = spans([raw], zone, birth)
    given = {name: amount(raw[name]) for name in ("times", "plus", "slope", "least") if name in raw}
    during = tuple(raw["during"]) if "during" in raw else None
    return Change(start, end, **given, hours=during, workdays=raw.get("workdays", False))


def spans(raw: Any, zone: str, birth: float) -> Spans:
    """(start, end) of each, seconds since the epoch; without `hours` it goes on."""
    starts = [moment(each, zone, birth) for each in raw]
    return tuple((start, start + each.get("hours", math.inf) * HOUR) for start, each in zip(starts, raw, strict=True))


def moment(raw: Mapping[str, Any], zone: str, birth: float) -> float:
    """The instant that {ago: hours} or {day: -3, at: "01:30"} names."""
    if "ago" in raw:
        return birth - float(raw["ago"]) * HOUR
    day = datetime.fromtimestamp(birth, ZoneInfo(zone)).date() + timedelta(days=raw["day"])
    hour, minute = map(int, raw["at"].split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp()


def amount(raw: float | str) -> float:
    """2.4G, 100M or a plain number."""
    return float(raw[:-1]) * _UNITS[raw[-1]] if isinstance(raw, str) else float(raw)


def inside(within: Spans, t: Values) -> NDArray[np.bool_]:
    """Whether each instant lies in one of the spans."""
    found = np.zeros(len(t), np.bool_)
    for start, end in within:
        found |= (t >= start) & (t < end)
    return found


def _seed(text: str) -> int:
    return zlib.crc32(text.encode()) << 8
