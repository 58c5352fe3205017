"""What is remembered of each service from day to day: how far its ratios usually stray, and its largest score of each day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.calendar import WEEKS
from analytics.anomaly.medians import Floats, median

STATISTICS = 5  # four windows and the jump
KEPT_DAYS = 28
SPAN_DAYS = 28  # what the running means forget by
OWN_DAYS = 12  # as many days as the series' own scale counts beside that of the slot
FIRST_SCALE_DAYS = 5  # days before a score means something
CLIP = 4.0  # an anomaly counts no more than this many usual sizes
SMALLEST = 0.02
REST_DAYS = 3  # weekend days after which their own size counts half
REST = (-0.5, 1.0)  # bounds of its logarithm
FEW = 1.5  # how much a profile of few days adds to the size
SIGMA = 1.2533  # standard deviation of a normal error over its mean size
MEDIAN = 0.8453  # its median size over its mean size


class Learned(NamedTuple):
    """State after a day. All float32 but `days` [n], the number of days learned from, and `rests` [n], of them at weekends.

    `slot` [5, n, slots], `own` [5, n]: mean size of the ratios; `rest` [5, n]: log of how much larger they are at weekends;
    `highest` [2, 5, n, 28]: scores of high and low, newest last.
    """

    slot: Floats
    own: Floats
    rest: Floats
    days: NDArray[np.int64]
    rests: NDArray[np.int64]
    highest: Floats


def nothing(count: int, slots: int) -> Learned:
    """The state before the first day of `count` services."""
    return Learned(
        np.full((STATISTICS, count, slots), np.nan, np.float32),
        np.full((STATISTICS, count), np.nan, np.float32),
        np.zeros((STATISTICS, count), np.float32),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.full((2, STATISTICS, count, KEPT_DAYS), np.nan, np.float32),
    )


def scale(learned: Learned, resting: bool, alike: int) -> Floats:
    """Usual size of each ratio [5, n, slots]: that of the slot, drawn to that of the whole series; NaN before day 5.

    `resting`: on a Saturday, Sunday or holiday, which vary otherwise; `alike`: days of this kind that the profile is made of.
    """
    days = learned.days[None, :, None].astype(np.float32)
    own = learned.own[:, :, None]
    slot = np.where(np.isfinite(learned.slot), learned.slot, own)
    mixed = np.sqrt((days * slot**2 + OWN_DAYS * own**2) / (days + OWN_DAYS)) * SIGMA
    if resting:
        mixed = mixed * np.exp(learned.rest * learned.rests / (learned.rests + REST_DAYS))[:, :, None]
    mixed = mixed * np.sqrt((1 + FEW / max(alike, 1)) / (1 + FEW / WEEKS))
    return np.asarray(np.where(days >= FIRST_SCALE_DAYS, np.maximum(mixed, SMALLEST), np.nan))


def learn(learned: Learned, found: Floats, score: Floats, resting: bool) -> Learned:
    """The state after a day with these ratios and scores, [5, n, slots] each. A holiday is not learned from: do not call."""
    size = np.abs(found)
    seen = np.asarray(np.isfinite(size).any(axis=(0, 2)))
    days = learned.days + seen
    rate = (1 / np.minimum(np.maximum(days, 1), SPAN_DAYS))[None]
    usual = median(size, 2)
    limit = np.where(np.isfinite(learned.own), CLIP * np.maximum(learned.own, SMALLEST), np.inf)
    own = _move(learned.own, np.minimum(usual / MEDIAN, limit), rate)
    rest, rests = _rest(learned, usual, own, seen) if resting else (learned.rest, learned.rests)
    bound = CLIP * np.fmax(learned.slot, own[:, :, None])
    slot = _move(learned.slot, _smooth(np.minimum(size, bound)), rate[:, :, None])
    tops = np.stack([_top(score), _top(-score)]).astype(np.float32)
    highest = np.concatenate([learned.highest[..., 1:], tops[..., None]], axis=-1)
    return Learned(slot.astype(np.float32), own.astype(np.float32), rest, days, rests, highest)


def _rest(learned: Learned, usual: Floats, own: Floats, seen: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.int64]]:
    """How much larger the ratios of weekends are, with this one."""
    rests = learned.rests + seen
    larger = np.log(np.maximum(usual / MEDIAN, SMALLEST) / np.maximum(own, SMALLEST))
    rate = 1 / np.minimum(np.maximum(rests, 1), SPAN_DAYS / 3)
    moved = learned.rest + rate * (np.clip(np.nan_to_num(larger), *REST) - learned.rest)
    return np.where(seen, moved, learned.rest).astype(np.float32), rests


def _move(mean: Floats, value: Floats, rate: Floats) -> Floats:
    moved = np.where(np.isfinite(mean), mean + rate * (value - mean), value)
    return np.asarray(np.where(np.isfinite(value), moved, mean))


def _top(score: Floats) -> Floats:
    """Largest score of the day, NaN where there was none."""
    top = np.where(np.isfinite(score), score, -np.inf).max(axis=-1)
    return np.asarray(np.where(np.isfinite(top), top, np.nan))


def _smooth(size: Floats) -> Floats:
    """Mean with the neighbours within an hour, around the clock, of what is present."""
    reach = max(size.shape[-1] // 24, 1)
    present = np.isfinite(size)
    total, count = (_ring_sum(part, reach) for part in (np.where(present, size, 0), present.astype(np.float64)))
    return np.asarray(np.where(count > 0.5, total / np.maximum(count, 1), np.nan))


def _ring_sum(values: Floats, reach: int) -> Floats:
    ring = np.concatenate([values[..., -reach:], values, values[..., :reach]], axis=-1)
    sums = np.concatenate([np.zeros((*ring.shape[:-1], 1)), np.cumsum(ring, axis=-1)], axis=-1)
    width = 2 * reach + 1
    return np.asarray(sums[..., width:] - sums[..., :-width])
