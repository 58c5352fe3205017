"""Element status: what all sensors of an element together say, confirmed and back-dated; raw, and as shown (flapping)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from analytics.network import SECOND, Instant, Readings, Sensor
from analytics.rules import Rules
from analytics.sensor_status import LOST, Evidence, Mark, Memory, sensor_marks
from analytics.timeline import Span, spans_of, until

UP, HAS_ISSUES, DOWN, NO_DATA = "Up", "Has Issues", "Down", "No Data"
NOT_IN_SERVICE, UNMANAGED = "Not in service", "Unmanaged"
MEASURED = frozenset({UP, HAS_ISSUES, DOWN})


class ElementState(NamedTuple):
    """An element's status and why. `raw` is what availability uses, `shown` what people see.

    `sensors` holds the confirmed state of each sensor that takes part, `evidence` the observations of all that are not ok,
    `changes` the hard changes of the trailing flapping window when the span began, `measured` the last status that was no
    absence: together they are the seed of a later decision.
    """

    raw: str
    shown: str
    reason: str
    flags: frozenset[str]
    evidence: tuple[Evidence, ...]
    sensors: tuple[tuple[int, str], ...]
    changes: tuple[Instant, ...] = ()
    measured: str = ""


class _Raw(NamedTuple):
    status: str
    reason: str
    evidence: tuple[Evidence, ...]
    sensors: tuple[tuple[int, str], ...]


Part = tuple[str, str, bool, str]  # a sensor's kind, role, required, state


def element_timeline(
    sensors: Sequence[Sensor],
    readings: Sequence[Readings],
    rules: Rules,
    start: Instant,
    now: Instant,
    seed: ElementState | None = None,
    offline: Sequence[Span[None]] = (),
    managed: bool = True,
) -> tuple[list[Span[ElementState]], Instant | None]:
    """The element's spans from `start` to `now`, the last one open, and when time alone will change it (None: never).

    `seed`: the state at `start` as decided earlier; then `readings` reach back rules.reach() before `start`, and nothing new
    lies less than rules.lookback() after it. Without a seed the readings are all there is. `offline`: when the agent was
    silent, sorted. Whatever `start`, and in whatever order the readings came, the spans after it are the same.
    """
    if not managed:
        return [Span(start, None, ElementState(UNMANAGED, UNMANAGED, "", frozenset(), (), ()))], None
    of_sensor: dict[int, list[Readings]] = {sensor.id: [] for sensor in sensors}
    for each in readings:
        if each.sensor_id in of_sensor:
            of_sensor[each.sensor_id].append(each)
    marks: list[tuple[Instant, int, Mark]] = []
    for index, sensor in enumerate(sensors):
        memory = None if seed is None else _memory(seed, sensor)
        found = sensor_marks(sensor, of_sensor[sensor.id], rules, start, memory, offline)
        marks += [(mark.ts, index, mark) for mark in found]
    marks.sort(key=lambda entry: entry[0])
    raw = spans_of(_sweep(sensors, marks, start), min(start, marks[0][0]) if marks else start)
    return until(spans_of(_shown(raw, rules, seed), start, same_state), now)


def same_state(one: ElementState, other: ElementState) -> bool:
    """Whether two states are the same to a reader of history: all but the bookkeeping of flapping."""
    return one[:6] == other[:6]


def _memory(seed: ElementState, sensor: Sensor) -> Memory | None:
    word = dict(seed.sensors).get(sensor.id)
    return None if word is None else Memory(word, tuple(each for each in seed.evidence if each.sensor_id == sensor.id))


def _sweep(sensors: Sequence[Sensor], marks: list[tuple[Instant, int, Mark]], start: Instant) -> Iterator[tuple[Instant, _Raw]]:
    """The element's raw state at each instant at which a sensor changes."""
    yield min(start, marks[0][0]) if marks else start, _Raw(NO_DATA, "never", (), ())
    own: list[Mark | None] = [None] * len(sensors)
    raised: list[dict[str, Evidence]] = [{} for _ in sensors]
    last = len(marks) - 1
    for position, (at, index, mark) in enumerate(marks):
        if not mark.slot:
            own[index] = mark
        elif mark.word == "degraded" and mark.evidence is not None:
            raised[index][mark.slot] = mark.evidence
        else:
            raised[index].pop(mark.slot, None)
        if position == last or marks[position + 1][0] != at:
            yield at, _combine(sensors, own, raised)


def _combine(sensors: Sequence[Sensor], own: Sequence[Mark | None], raised: Sequence[dict[str, Evidence]]) -> _Raw:
    """All sensors at one instant. A sensor that has not begun takes no part."""
    parts: list[Part] = []
    words: list[tuple[int, str]] = []
    evidence: list[Evidence] = []
    for sensor, mark, over in zip(sensors, own, raised, strict=True):
        if mark is None:
            continue
        word = "degraded" if over and mark.word == "ok" else mark.word
        parts.append((sensor.kind, sensor.role, sensor.required, word))
        words.append((sensor.id, word))
        if mark.evidence is not None:
            evidence.append(mark.evidence)
        evidence += [over[slot] for slot in sorted(over)]
    status, reason = judge(tuple(parts))
    return _Raw(status, reason, tuple(evidence), tuple(words))


@lru_cache(maxsize=65_536)
def judge(parts: tuple[Part, ...]) -> tuple[str, str]:
    """Raw status and reason of an element from the states of its sensors at one instant."""
    words = [word for *_, word in parts]
    if "unmanaged" in words:
        return UNMANAGED, "admin_down"
    reach = [(kind, word) for kind, role, _, word in parts if role == "reachability"]
    answers = any(word in ("ok", "degraded") for _, word in reach)
    if reach and all(word == "failed" for _, word in reach):
        return DOWN, "port_down" if all(kind == "port" for kind, _ in reach) else "no_answer"
    missing = [word for _, _, required, word in parts if required and word in LOST]
    if not missing and (not words or (reach and not answers) or all(word in LOST for word in words)):
        missing = [word for word in words if word in LOST] or ["never"]
    if missing:
        return NO_DATA, next(word for word in ("agent_offline", "stale", "unknown", "never") if word in missing)
    if answers and any(kind == "snmp" and word == "failed" for kind, _, _, word in parts):
        return HAS_ISSUES, "management_lost"
    if "failed" in words:
        return HAS_ISSUES, "sensor_failed"
    return (HAS_ISSUES, "degraded") if "degraded" in words else (UP, "")


def _shown(raw: Sequence[Span[_Raw]], rules: Rules, seed: ElementState | None) -> Iterator[tuple[Instant, ElementState]]:
    """The raw spans with what damping adds: while the trailing window holds too many hard changes, Has Issues + `flapping`.

    A hard change is a raw status that differs from the last one measured; silence between two equal ones is none.
    """
    window = rules.flap_seconds * SECOND
    changes: list[Instant] = list(seed.changes) if seed is not None else []
    measured = seed.measured if seed is not None else ""
    for span in raw:
        status = span.value.status
        if status in MEASURED and status != measured:
            changes += [span.start] if measured else []
            measured = status
        at = span.start
        while True:
            changes = [each for each in changes if each > at - window]
            flapping = len(changes) >= rules.flap_changes
            yield at, _state(span.value, tuple(changes), measured, flapping=flapping)
            # the next instant at which a change leaves the window and the rest are too few
            calm = changes[-rules.flap_changes] + window if flapping else None
            if calm is None or (span.end is not None and calm >= span.end):
                break
            at = calm


def _state(raw: _Raw, changes: tuple[Instant, ...], measured: str, *, flapping: bool) -> ElementState:
    flags = frozenset({"flapping"}) if flapping and raw.status != UNMANAGED else frozenset[str]()
    if flapping and raw.status in MEASURED:
        return ElementState(raw.status, HAS_ISSUES, "flapping", flags, raw.evidence, raw.sensors, changes, measured)
    return ElementState(raw.status, raw.status, raw.reason, flags, raw.evidence, raw.sensors, changes, measured)
