"""From the samples of one series to its confirmed changes: runs of equal samples, counted, back-dated to their first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from analytics.network import Instant, Readings
from analytics.rules import Limits, Rules, stale_after

OK, DEGRADED, FAILED, UNKNOWN, UNMANAGED = range(5)
CODES = {"ok": OK, "degraded": DEGRADED, "failed": FAILED, "unknown": UNKNOWN, "unmanaged": UNMANAGED}
WORDS = tuple(CODES)
_KNOWN = frozenset({"ok", "degraded", "failed"})
BETWEEN, OVER, UNDER = range(3)
V = TypeVar("V")


class Samples(NamedTuple):
    """The valid samples of a series in order of time, one an instant: shape [n]. `expires`: when each goes stale if it is the last."""

    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    reason: NDArray[np.uint8]
    expires: NDArray[np.int64]


class Run(NamedTuple):
    """Consecutive samples of one code: the first's position and instant, how many, and when the last of them goes stale."""

    code: int
    first: int
    ts: Instant
    length: int
    expires: Instant
    after_gap: Instant | None  # when the sample before this run had gone stale, if it had


class Change(NamedTuple):
    """From `ts` on a sensor is in the state `word`, shown by that `sample` (-1: by the silence itself)."""

    ts: Instant
    word: str
    sample: int


def samples_of(readings: Readings, rules: Rules) -> Samples:
    """`readings` sorted, without repeats and without values that are no number (NaN is no valid sample)."""
    ts, value, reason, interval = readings.ts, readings.value, readings.reason, readings.interval
    finite = np.isfinite(value)
    if not finite.all():
        ts, value, reason, interval = ts[finite], value[finite], reason[finite], interval[finite]
    if not (ts[1:] > ts[:-1]).all():
        order = np.lexsort((interval, reason, value, ts))  # so that it does not matter in which order they came
        order = order[np.concatenate(([True], np.diff(ts[order]) > 0))]
        ts, value, reason, interval = ts[order], value[order], reason[order], interval[order]
    return Samples(ts, value, reason, ts + stale_after(rules, interval))


def codes_of(value: NDArray[np.float64], table: dict[int, V], code: Callable[[V], int], other: int) -> NDArray[np.int8]:
    """The code of each value, shape [n], by a table of the rules; `other` where the table has no such value."""
    codes = np.full(len(value), other, np.int8)
    for number, word in table.items():
        codes[value == number] = code(word)
    return codes


def sides_of(value: NDArray[np.float64], limits: Limits) -> NDArray[np.int8]:
    """On which side of a threshold's pair each value lies, shape [n]: OVER, UNDER or BETWEEN. The raise itself is over."""
    sides = np.zeros(len(value), np.int8)
    sides[value >= limits.clear_at if limits.lower else value <= limits.clear_at] = UNDER
    sides[value <= limits.raise_at if limits.lower else value >= limits.raise_at] = OVER
    return sides


def runs_of(samples: Samples, codes: NDArray[np.int8], first: int, alive: Instant | None) -> Iterator[Run]:
    """The runs among samples[first:]; `alive`: when what came before them goes or went stale, if anything did."""
    ts, expires, codes = samples.ts[first:], samples.expires[first:], codes[first:]
    if not len(ts):
        return
    gap = ts[1:] > expires[:-1]
    starts = [0, *(np.flatnonzero(gap | (codes[1:] != codes[:-1])) + 1).tolist()]
    ends = [*starts[1:], len(ts)]
    before = alive
    for start, end in zip(starts, ends, strict=True):
        at, last = int(ts[start]), int(expires[end - 1])
        silent = before if before is not None and at > before else None
        yield Run(int(codes[start]), first + start, at, end - start, last, silent)
        before = last


def confirmed(runs: Iterator[Run], word: str, alive: Instant | None, rules: Rules) -> Iterator[Change]:
    """The changes of a sensor's state, each back-dated to the first sample that shows it.

    `word` is its state when the first run begins ("" = none yet). Failures wait for their confirmation in the state before
    them; where nothing was known (at first, after a silence, behind "unknown") they are "unknown" until then.
    """
    waiting: list[Run] = []  # runs of successes, too short yet to end a failure
    for run in runs:
        if run.after_gap is not None:
            word, waiting = "stale", []
            yield Change(run.after_gap, word, -1)
        alive = run.expires
        if run.code in (OK, DEGRADED):
            waiting.append(run)
            if word == "failed" and sum(each.length for each in waiting) < rules.up_after:
                continue
            news = [(each, WORDS[each.code]) for each in waiting]
        elif run.code != FAILED:
            news = [(run, WORDS[run.code])]
        elif run.length >= rules.down_after:
            news = [(run, "failed")]
        else:
            news = [] if word in _KNOWN else [(run, "unknown")]
        waiting = []
        for each, new in news:
            if new != word:
                word = new
                yield Change(each.ts, word, each.first)
    if alive is not None:
        yield Change(alive, "stale", -1)


def raised(runs: Iterator[Run], over: bool, alive: Instant | None, rules: Rules) -> Iterator[Change]:
    """When a threshold was raised and cleared ("degraded", "ok"): a crossing counts when it lasted the dwell, from its first."""
    for run in runs:
        if run.after_gap is not None:
            over = False
            yield Change(run.after_gap, "ok", -1)
        alive = run.expires
        if run.code != BETWEEN and run.length >= rules.dwell_intervals and over != (run.code == OVER):
            over = run.code == OVER
            yield Change(run.ts, "degraded" if over else "ok", run.first)
    if over and alive is not None:
        yield Change(alive, "ok", -1)
