"""How far measured volume is from what was expected: log ratios over 15 min, 1 h, 6 h and 24 h, and a jump.

A long window sees what a throttled transfer adds hour by hour; the jump, the newest ratio against the hours before, sees an
abrupt change on a day that is altogether different.
"""

from __future__ import annotations

import numpy as np

from analytics.anomaly.medians import Floats, median

PRESENT = 0.6  # of a window must be measured
AGREES = 2.0  # usual sizes that the last hour must be off, on the same side, for a long window to count
POLLS = 3  # whose median counts
HOUR = 1  # position of the window of an hour among the statistics
TINY = 1e-300  # so that nothing expected and nothing measured are alike
GATED = (2, 3)  # positions of 6 h and 24 h: they remember what is over


def windows(slots: int) -> tuple[int, ...]:
    """The four windows in slots: 15 min (at least one slot), 1 h (at least one more), 6 h, 24 h."""
    hour = slots / 24
    short = max(round(hour / 4), 1)
    return short, max(round(hour), 2 if slots <= 48 else 1), round(6 * hour), slots


def ratios(actual: Floats, planned: Floats, constant: Floats, slots: int, newest: int) -> Floats:
    """Log ratios of measured to expected volume at the `newest` last slots, shape [5, n, newest]; NaN where too little is known.

    `actual` and `planned`: consecutive slots, shape [n, at least slots + newest], in the values' unit; `constant` [n].
    """
    some = constant[:, None]
    calm = steady(single(actual, planned, some), slots)
    sums = [_running(part) for part in parts(calm, planned, some)]
    end = np.arange(actual.shape[1] - newest, actual.shape[1]) + 1
    found = []
    for width in windows(slots):
        measured, wanted, count = (total[:, end] - total[:, end - width] for total in sums)
        found.append(ratio(measured, wanted, count, some, width))
    if windows(slots)[0] >= POLLS:
        found[0] = np.where(np.isfinite(found[0]), calm[:, end - 1], np.nan)
    return np.stack([*found, found[0] - _before(calm, slots, newest)])


def single(actual: Floats, planned: Floats, constant: Floats) -> Floats:
    """Log ratio of each slot alone; NaN where it is not measured."""
    return np.asarray(np.log((np.maximum(actual, 0) + constant) / (planned + constant)))


def steady(alone: Floats, slots: int) -> Floats:
    """Medians of three polls [n, t] where polls are that dense: one bad poll is no event, in no window."""
    if windows(slots)[0] < POLLS:
        return alone
    padded = np.concatenate([np.full((len(alone), POLLS - 1), np.nan), alone], axis=1)
    return np.where(np.isfinite(alone), median(np.lib.stride_tricks.sliding_window_view(padded, POLLS, axis=1), 2), np.nan)


def parts(calm: Floats, planned: Floats, constant: Floats) -> Floats:
    """What the sums add up: measured, expected, and whether both are known; shape [3, …]."""
    known = np.isfinite(calm)
    measured = np.where(known, (planned + constant) * np.exp(calm) - constant, 0)
    return np.stack([measured, np.where(known, planned, 0), known]).astype(np.float64)


def ratio(measured: Floats, wanted: Floats, count: Floats, constant: Floats, width: int) -> Floats:
    """Log ratio of two sums over the `count` measured of `width` slots, NaN where that is too few; any shapes that fit."""
    some = count * constant + TINY
    return np.where(
        count >= max(1, PRESENT * width), np.log((np.maximum(measured, 0) + some) / (np.maximum(wanted, 0) + some)), np.nan
    )


def reach(slots: int) -> tuple[int, int]:
    """Slots that the jump looks back over, three hours, and those just before it that it leaves out, half an hour."""
    return max(slots // 8, 3), max(slots // 48, 1)


def _running(values: Floats) -> Floats:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1, dtype=np.float64)], axis=1)


def _before(calm: Floats, slots: int, newest: int) -> Floats:
    """Median of the three hours that end half an hour before each of the `newest` slots, shape [n, newest]."""
    length, gap = reach(slots)
    stop = calm.shape[1] - gap
    hours = np.lib.stride_tricks.sliding_window_view(calm[:, stop - newest - length + 1 : stop], length, axis=1)
    return median(hours, 2)


def scores(found: Floats, scale: Floats) -> Floats:
    """Ratios [5, n, slots] in units of their usual size [5, n, slots]; a long window counts only while the last hour agrees."""
    score = found / scale
    hour = np.nan_to_num(score[HOUR])
    for position in GATED:
        score[position] = np.where(score[position] * hour > 0, score[position], score[position] * 0)
    return np.asarray(score)


def current(score: Floats) -> Floats:
    """Scores without those of long windows whose last hour is usual again: what is over is not told once more."""
    told = np.nan_to_num(score)
    for position in GATED:
        told[position] = np.where(told[HOUR] * np.sign(told[position]) >= AGREES, told[position], 0)
    return told
