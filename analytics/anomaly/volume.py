"""Transferred volume of days and of seven days against the weeks before, and of seven days against one to two months ago.

The last sees what grows or fades too slowly for any profile, because the profile grows with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analytics.anomaly.calendar import Days, references
from analytics.anomaly.medians import Floats, median, weighted_median

DAY_S = 86_400
COVERED = 0.6  # of a day must be measured
WEEK = 7
WEEK_DAYS = 5  # of seven must be known
RECENT = (7, 35)  # days ago that the weeks end which a week is compared with
EARLIER = (35, 63)  # the same for slow drift
MEMORY = 42  # days that say how much a ratio usually strays
SMALLEST = 0.05


class Against(NamedTuple):
    """Log ratio to what was usual, and the ratio in units of its usual size, [n, days] each; NaN: too little is known."""

    ratio: Floats
    score: Floats


class Volumes(NamedTuple):
    """`day`: against the same weekdays; `week`: seven days against the last weeks; `drift`: against one to two months ago."""

    day: Against
    week: Against
    drift: Against


def transferred(rates: Floats) -> Floats:
    """Volume of each day from mean rates a second [n, days, slots]: [n, days], gaps filled with the day's mean; NaN: too many."""
    known = np.isfinite(rates)
    share = known.mean(axis=2)
    total = np.where(known, rates, 0).sum(axis=2) * (DAY_S / rates.shape[2])
    return np.asarray(np.where(share >= COVERED, total / np.maximum(share, COVERED), np.nan))


def judge(volume: Floats, days: Days) -> Volumes:
    """What the volume of each day [n, days] says, from earlier days only. Holidays are no references; unit does not matter."""
    logs = np.log(np.maximum(volume, np.finfo(np.float64).tiny))
    usual = np.stack([_usual(logs, days, day) for day in range(volume.shape[1])], axis=1)
    week = np.log(np.maximum(_weekly(volume), np.finfo(np.float64).tiny))
    recent, earlier = (week - _ended(week, *span) for span in (RECENT, EARLIER))
    return Volumes(_against(logs - usual, 1), _against(recent, WEEK), _against(earlier, WEEK))


def _usual(logs: Floats, days: Days, day: int) -> Floats:
    chosen, weights = references(days, day)
    if len(chosen) < 2:
        return np.full(len(logs), np.nan)
    return weighted_median(logs[:, chosen, None], weights)[:, 0]


def _weekly(volume: Floats) -> Floats:
    """Volume of the seven days that end with each, for 7/7 of them known: what is missing counts as their mean."""
    padded = np.concatenate([np.full((len(volume), WEEK - 1), np.nan), volume], axis=1)
    seven = np.lib.stride_tricks.sliding_window_view(padded, WEEK, axis=1)
    known = np.isfinite(seven).sum(axis=2)
    total = np.where(np.isfinite(seven), seven, 0).sum(axis=2)
    return np.where(known >= WEEK_DAYS, total * WEEK / np.maximum(known, 1), np.nan)


def _ended(week: Floats, newest: int, oldest: int) -> Floats:
    """Median of the weeks that ended `newest` … `oldest` days ago; half of them must be known."""
    padded = np.concatenate([np.full((len(week), oldest), np.nan), week], axis=1)
    seen = np.lib.stride_tricks.sliding_window_view(padded, oldest - newest + 1, axis=1)[:, : week.shape[1]]
    enough = np.isfinite(seen).sum(axis=2) * 2 > oldest - newest
    return np.where(enough, median(seen, 2), np.nan)


def _against(ratio: Floats, lag: int) -> Against:
    """Ratio in units of the median size of its past, which ends `lag` days before so that an event does not excuse itself."""
    padded = np.concatenate([np.full((len(ratio), MEMORY + lag - 1), np.nan), np.abs(ratio)], axis=1)
    past = np.lib.stride_tricks.sliding_window_view(padded, MEMORY, axis=1)[:, : ratio.shape[1]]
    scale = np.maximum(median(past, 2) * 1.4826, SMALLEST)
    return Against(ratio, ratio / np.where(np.isfinite(scale), scale, SMALLEST * 2))
