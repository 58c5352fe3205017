"""Recall and false alarms of any score: every threshold at once, the same budget for all, intervals by resampling groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.events import pause
from analytics.anomaly.medians import Floats
from bench.anomalies.injections import KINDS, Injected

GRACE_HOURS = 1
ECHO_HOURS = 24  # alarms within a day after an event are neither right nor wrong
STEPS = 160
ROUNDS = 300
BUDGET = 1.0


class Sweep(NamedTuple):
    """Falling thresholds [steps]: false alarms and events found of each series, [steps, n]; events [n]; months scored [n]."""

    thresholds: Floats
    false: NDArray[np.int64]
    hits: NDArray[np.int64]
    events: NDArray[np.int64]
    months: Floats


class Truth(NamedTuple):
    """Where an alarm is no false one, [n, t]; the events with their windows, sorted; slots a day; series' months scored [n]."""

    allowed: NDArray[np.bool_]
    events: Sequence[Injected]
    slots: int
    months: Floats


def truth(values: Floats, events: Sequence[Injected], first_day: int, known: Sequence[Injected] = ()) -> Truth:
    """`values` [n, days, slots] after injection; `known`: events that were there before and are not scored."""
    count, days, slots = values.shape
    allowed = np.zeros((count, days * slots), bool)
    allowed[:, : first_day * slots] = True
    for event in (*events, *known):
        allowed[event.row, event.start : event.end + ECHO_HOURS * slots // 24] = True
    measured = np.asarray(np.isfinite(values).any(axis=2))
    measured[:, :first_day] = False
    free = np.where(measured, 1 - allowed.reshape(values.shape).mean(axis=2), 0)  # where an alarm would be a false one
    return Truth(allowed, events, slots, free.sum(axis=1) / 30)


def sweep(pieces: Sequence[tuple[Floats, Truth]], shipped: float) -> Sweep:
    """Every threshold that matters and the shipped one, for the scores [n, days, slots] of each piece of a panel."""
    outside = [np.abs(score).reshape(len(score), -1)[~given.allowed] for score, given in pieces]
    seen = np.concatenate([part[part > 0] for part in outside])
    levels = np.quantile(seen, 1 - np.geomspace(1e-6, 0.3, STEPS)) if len(seen) else np.ones(1)
    levels = np.unique(np.append(levels, shipped))[::-1]
    parts = [_swept(score, given, levels) for score, given in pieces]
    false, hits = (np.concatenate([part[k] for part in parts], axis=1) for k in (0, 1))
    events = np.concatenate([np.bincount(_rows(given), minlength=len(score)) for score, given in pieces])
    return Sweep(levels, false, hits, events, np.concatenate([given.months for _, given in pieces]))


def _swept(score: Floats, given: Truth, levels: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """False alarms and events found of each series at each level, [steps, n]."""
    size = np.abs(score).reshape(len(score), -1)
    peaks = np.array([_peak(size, event, given.slots) for event in given.events])
    row, at = np.nonzero(~given.allowed & (size >= levels[-1]))
    outside, rows = size[row, at], _rows(given)
    false = np.stack([_clusters(row, at, outside >= level, len(score), given.slots) for level in levels])
    return false, np.stack([np.bincount(rows[peaks >= level], minlength=len(score)) for level in levels])


def _rows(given: Truth) -> NDArray[np.int64]:
    return np.array([event.row for event in given.events], np.int64)


def _peak(size: Floats, event: Injected, slots: int) -> float:
    return float(size[event.row, event.start : event.end + GRACE_HOURS * slots // 24].max())


def _clusters(
    row: NDArray[np.int64], at: NDArray[np.int64], over: NDArray[np.bool_], count: int, slots: int
) -> NDArray[np.int64]:
    """Alarms of each row; pauses as short as those of our events make one of two."""
    row, at = row[over], at[over]
    begins = np.append(True, (np.diff(row) != 0) | (np.diff(at) > pause(slots)))[: len(row)]
    return np.bincount(row[begins], minlength=count)


def at_budget(swept: Sweep, series: NDArray[np.int64] | None = None) -> tuple[float, float]:
    """Recall and threshold where, coming from above, the budget is just kept; of the chosen series, or all."""
    chosen = slice(None) if series is None else series
    rate = swept.false[:, chosen].sum(axis=1) / max(swept.months[chosen].sum(), 1e-9)
    over = np.flatnonzero(rate > BUDGET)
    step = int(over[0]) - 1 if len(over) else len(rate) - 1
    if step < 0:
        return 0.0, float("inf")
    return float(swept.hits[step, chosen].sum() / max(swept.events[chosen].sum(), 1)), float(swept.thresholds[step])


def intervals(sweeps: dict[str, Sweep], groups: NDArray[np.int64], seed: int = 0) -> dict[str, tuple[float, float]]:
    """90 % intervals of recall at the budget, and of ours less the best of the others, by resampling whole groups."""
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    drawn: dict[str, list[float]] = {name: [] for name in (*sweeps, "lead")}
    for _ in range(ROUNDS):
        series = np.concatenate([members[k] for k in random.integers(0, len(members), len(members))])
        recalls = {name: at_budget(swept, series)[0] for name, swept in sweeps.items()}
        for name, recall in recalls.items():
            drawn[name].append(recall)
        drawn["lead"].append(recalls["ours"] - max(recall for name, recall in recalls.items() if name != "ours"))
    return {name: (float(np.quantile(of, 0.05)), float(np.quantile(of, 0.95))) for name, of in drawn.items()}


def at_level(swept: Sweep, level: float) -> tuple[float, float]:
    """Recall and false alarms per service-month at the threshold `level`, which must be one of the sweep's."""
    step = int(np.flatnonzero(swept.thresholds == level)[0])
    return float(swept.hits[step].sum() / max(swept.events.sum(), 1)), float(swept.false[step].sum() / swept.months.sum())


def precision_and_f1(swept: Sweep, level: float) -> tuple[float, float]:
    """Of events at the threshold `level`: an event found twice counts once, alarms in its wake do not count."""
    step = int(np.flatnonzero(swept.thresholds == level)[0])
    hits, false, events = (int(part.sum()) for part in (swept.hits[step], swept.false[step], swept.events))
    precision, recall = hits / max(hits + false, 1), hits / max(events, 1)
    return precision, 2 * precision * recall / max(precision + recall, 1e-9)


def by_kind(pieces: Sequence[tuple[Floats, Truth]], level: float) -> tuple[dict[str, str], float]:
    """Found of put in by kind, and the median minutes from the start of an event to the end of the slot that told it."""
    counts = np.zeros((len(KINDS), 2), np.int64)
    delays = []
    for score, given in pieces:
        over = np.abs(score).reshape(len(score), -1) >= level
        for event in given.events:
            window = over[event.row, event.start : event.end + GRACE_HOURS * given.slots // 24]
            if event.kind < len(KINDS):
                counts[event.kind] += (window.any(), 1)
            if window.any():
                delays.append((int(window.argmax()) + 1) * 1440 / given.slots)
    told = {kind.name: f"{hit}/{of}" for kind, (hit, of) in zip(KINDS, counts.tolist(), strict=True) if of}
    return told, float(np.median(delays)) if delays else float("nan")
