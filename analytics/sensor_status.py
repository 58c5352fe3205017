"""What one sensor says over time: its own state from polls, and the thresholds of its values, as change points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.confirmation import (
    CODES,
    OK,
    UNKNOWN,
    UNMANAGED,
    Change,
    Samples,
    codes_of,
    confirmed,
    raised,
    runs_of,
    samples_of,
    sides_of,
)
from analytics.network import Instant, Readings, Sensor
from analytics.rules import Rules, limits, reach, stale_after
from analytics.timeline import Span
from protocols.uplink.batch import REASON_CODE, REASONS

_LOCAL = REASON_CODE["local_error"]
OPER, ADMIN, REACHABLE = "if.oper_status", "if.admin_status", "reachable"
# Kinds that say at each poll whether they got an answer; any other only measures, and is well while its figures come.
POLLED = frozenset({"ping", "tcp", "http", "dns", "snmp", "port"})
LOST = frozenset({"never", "stale", "agent_offline", "unknown"})


class Evidence(NamedTuple):
    """The observation that shows a state: one sample of one series, and the sold limit that it is beyond, if that is what it shows."""

    sensor_id: int
    sensor_name: str
    metric: str
    instance: str
    ts: Instant
    value: float
    reason: str
    limit: float | None = None


class Memory(NamedTuple):
    """What was known of a sensor at `start`: its word, and the observations that showed it."""

    word: str
    evidence: tuple[Evidence, ...]


class Mark(NamedTuple):
    """One change point. `slot` "" is the sensor's own state; any other is a threshold's (metric, instance)."""

    ts: Instant
    slot: str
    word: str
    evidence: Evidence | None


class _View(NamedTuple):
    """What every part of one sensor's evaluation needs to know."""

    sensor: Sensor
    rules: Rules
    start: Instant
    memory: Memory | None
    offline: Sequence[Span[None]]


def sensor_marks(
    sensor: Sensor,
    readings: Sequence[Readings],
    rules: Rules,
    start: Instant,
    memory: Memory | None,
    offline: Sequence[Span[None]],
) -> list[Mark]:
    """The change points of one sensor's state and thresholds, those to come included.

    With a `memory`, readings before `start` only tell when the last of them goes stale; without one they are judged too.
    """
    view = _View(sensor, rules, start, memory, offline)
    usable = [(each, samples_of(each, rules)) for each in readings if len(each.ts)]
    usable = [(each, samples) for each, samples in usable if len(samples.ts)]
    wanted = (OPER, ADMIN) if sensor.kind == "port" else (REACHABLE,) if sensor.kind in POLLED else ()
    states = {each.metric: (each, samples) for each, samples in usable if each.metric in wanted}
    values = [(each, samples) for each, samples in usable if each.metric not in wanted]
    marks = list(_own_state(view, states) if sensor.kind in POLLED else _presence(view, values))
    if marks:  # figures count from when the sensor takes part
        begun = marks[0].ts
        for each, samples in values:
            marks += _threshold(view, each, samples, begun)
    return marks


def _own_state(view: _View, states: dict[str, tuple[Readings, Samples]]) -> Iterator[Mark]:
    """The state that polls show: a failed poll is a sample."""
    if REACHABLE in states:
        of, samples = states[REACHABLE]
        codes = codes_of(samples.value, view.rules.states[REACHABLE], CODES.__getitem__, UNKNOWN)
        # a poll that failed at the agent itself (no name server, no socket) says nothing of the element
        codes = np.where(samples.reason == _LOCAL, UNKNOWN, codes).astype(np.int8)
    elif states:
        of, samples, codes = _port(view.rules, states)
    else:
        of, samples, codes = None, _NOTHING, np.zeros(0, np.int8)
    first, alive = _begin(view, samples)
    word = _own_word(view.memory)
    shown = () if view.memory is None else view.memory.evidence
    remembered = next((each for each in shown if each.metric in view.rules.states), None)
    changes = confirmed(runs_of(samples, codes, first, alive), word, alive, view.rules)
    for change in _spread(chain(_opening(view, samples, word), changes), view.offline):
        metric = ADMIN if change.word == "unmanaged" else "" if of is None else of.metric
        seen = remembered if change.sample == _REMEMBERED else _evidence(view.sensor, of, metric, samples, change)
        yield Mark(change.ts, "", change.word, seen)


def _port(rules: Rules, states: dict[str, tuple[Readings, Samples]]) -> tuple[Readings, Samples, NDArray[np.int8]]:
    """A port's two series as one: the operational status, or "unmanaged" while the administrative one says so."""
    if ADMIN not in states:
        of, samples = states[OPER]
        return of, samples, codes_of(samples.value, rules.states[OPER], CODES.__getitem__, UNKNOWN)
    admin_of, admin = states[ADMIN]
    admin_codes = codes_of(admin.value, rules.states[ADMIN], CODES.__getitem__, OK)
    if OPER not in states:
        shut = admin_codes == UNMANAGED
        return admin_of, Samples(admin.ts[shut], admin.value[shut], admin.reason[shut], admin.expires[shut]), admin_codes[shut]
    of, oper = states[OPER]
    codes = codes_of(oper.value, rules.states[OPER], CODES.__getitem__, UNKNOWN)
    in_force = np.searchsorted(admin.ts, oper.ts, side="right") - 1
    shut = (in_force >= 0) & (admin_codes[in_force] == UNMANAGED) & (oper.ts <= admin.expires[in_force])
    codes[shut] = UNMANAGED
    value = np.where(shut, admin.value[in_force], oper.value)
    # an administrative sample without an operational one beside it says "unmanaged" by itself
    alone = (admin_codes == UNMANAGED) & ~np.isin(admin.ts, oper.ts)
    if not alone.any():
        return of, oper._replace(value=value), codes
    order = np.argsort(np.concatenate((oper.ts, admin.ts[alone])), kind="stable")
    both = Samples(
        np.concatenate((oper.ts, admin.ts[alone]))[order],
        np.concatenate((value, admin.value[alone]))[order],
        np.concatenate((oper.reason, admin.reason[alone]))[order],
        np.concatenate((oper.expires, admin.expires[alone]))[order],
    )
    return of, both, np.concatenate((codes, admin_codes[alone]))[order]


def _presence(view: _View, values: Sequence[tuple[Readings, Samples]]) -> Iterator[Mark]:
    """The state of a sensor that only measures: "ok" while any of its series is fresh."""
    word = _own_word(view.memory)
    begins = [_begin(view, samples) for _, samples in values] or [_begin(view, _NOTHING)]
    known = any(first for first, _ in begins)  # then a series without an earlier sample is simply new
    fresh = [(view.start, alive) for first, alive in begins if alive is not None and word == "ok" and (first or not known)]
    for (_, samples), (first, _) in zip(values, begins, strict=False):
        runs = runs_of(samples, np.zeros(len(samples.ts), np.int8), first, None)
        fresh += [(run.ts, run.expires) for run in runs]
    earliest = min((samples for _, samples in values), key=lambda each: int(each.ts[0]), default=_NOTHING)
    changes = _opening(view, earliest, word)
    reached: Instant | None = None
    for begin, end in sorted(fresh):
        if reached is None or begin > reached:
            changes += [Change(reached, "stale", -1)] if reached is not None else []
            changes.append(Change(begin, "ok", -1))
        reached = end if reached is None else max(reached, end)
    changes += [Change(reached, "stale", -1)] if reached is not None else []
    for change in _spread(iter(changes), view.offline):
        yield Mark(change.ts, "", change.word, None)


def _threshold(view: _View, of: Readings, samples: Samples, begun: Instant) -> Iterator[Mark]:
    """When one series crossed its pair. An interface's own figures judge its port, not the whole device."""
    pair = limits(view.rules, of.metric)
    if pair is None or (of.metric.startswith("if.") and view.sensor.kind != "port"):
        return
    slot = f"{of.metric} {of.instance}"
    before = _raised_before(view.memory, of)
    sides = sides_of(samples.value, pair)
    if before is not None:
        yield Mark(view.start, slot, "degraded", before)
    elif not (sides == 1).any():
        return
    first, alive = _begin(view, samples) if view.memory is not None else (int(np.searchsorted(samples.ts, begun)), None)
    for change in raised(runs_of(samples, sides, first, alive), before is not None, alive, view.rules):
        evidence = _evidence(view.sensor, of, of.metric, samples, change) if change.word == "degraded" else None
        yield Mark(change.ts, slot, change.word, evidence)


def _begin(view: _View, samples: Samples) -> tuple[int, Instant | None]:
    """Which sample is the first to be judged, and when what came before it goes stale."""
    if view.memory is None:
        return 0, None
    first = int(np.searchsorted(samples.ts, view.start))
    if first:
        return first, max(int(samples.expires[first - 1]), view.start)
    if _own_word(view.memory) in LOST - {"unknown"}:
        return 0, None
    # the caller gave no reading from before `start`: take the state at `start` for one
    length = reach(view.rules, 0) if not len(samples.ts) else int(samples.expires[0] - samples.ts[0])
    return 0, view.start + length


def _opening(view: _View, samples: Samples, word: str) -> list[Change]:
    """What holds before the first sample that is judged: the memory, or "never" since the sensor came to be."""
    if view.memory is not None:
        return [Change(view.start, "stale" if word == "agent_offline" else word, _REMEMBERED)]
    if view.sensor.since is not None and not (len(samples.ts) and samples.ts[0] <= view.sensor.since):
        return [Change(view.sensor.since, "never", -1)]
    return []


def _spread(changes: Iterator[Change], offline: Sequence[Span[None]]) -> Iterator[Change]:
    """`changes` with each stale stretch told apart: agent_offline while the agent is silent, stale while it is heard."""
    pending: Change | None = None
    for change in chain(changes, [None]):
        if pending is not None:
            end = None if change is None else change.ts
            yield from _stretch(pending, end, offline) if pending.word == "stale" else [pending]
        pending = change


def _stretch(stale: Change, end: Instant | None, offline: Sequence[Span[None]]) -> Iterator[Change]:
    if end is not None and end <= stale.ts:
        return
    yield stale
    for silence in offline:
        if (end is None or silence.start < end) and (silence.end is None or silence.end > stale.ts):
            yield stale._replace(ts=max(silence.start, stale.ts), word="agent_offline")
            if silence.end is not None and (end is None or silence.end < end):
                yield stale._replace(ts=silence.end)


def _own_word(memory: Memory | None) -> str:
    """The sensor's own state within `memory`: a threshold alone makes it degraded in sum, not by itself."""
    if memory is None:
        return ""
    own = any(each.metric in (OPER, ADMIN, REACHABLE) for each in memory.evidence)
    return "ok" if memory.word == "degraded" and not own else memory.word


def _raised_before(memory: Memory | None, of: Readings) -> Evidence | None:
    shown = memory.evidence if memory is not None else ()
    return next((each for each in shown if each.metric == of.metric and each.instance == of.instance), None)


def _evidence(sensor: Sensor, of: Readings | None, metric: str, samples: Samples, change: Change) -> Evidence | None:
    """The sample that shows `change`, if it shows anything but that all is well."""
    if of is None or change.sample < 0 or change.word == "ok":
        return None
    at, code = change.sample, int(samples.reason[change.sample])
    reason = REASONS[code] if code < len(REASONS) else ""
    return Evidence(sensor.id, sensor.name, metric, of.instance, int(samples.ts[at]), float(samples.value[at]), reason)


_REMEMBERED = -2  # the sample of a change that was seen before `start`
_EMPTY = np.zeros(0, np.int64)
_NOTHING = Samples(_EMPTY, np.zeros(0), np.zeros(0, np.uint8), _EMPTY + stale_after(Rules(), _EMPTY))
