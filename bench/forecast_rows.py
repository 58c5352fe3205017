"""Rolling origins over daily series: what was known then, what came, and thresholds to cross. For bench/forecast.py."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.fitting import DAYS
from analytics.forecast.prepare import fill, last_days
from analytics.forecast.windows import trailing_median

Values = NDArray[np.float64]
AHEAD = 90  # days after an origin that are judged
SHORT = 30  # and of series that do not go on for so long
LEAST = 28  # days before an origin
STEPS = {"demand": (1.05, 1.15, 1.3, 1.6), "storage": (1.01, 1.03, 1.08, 1.2)}  # thresholds, times the level at the origin
NEVER = AHEAD + 1


class Rows(NamedTuple):
    """One row an origin. `history` [n, DAYS] and `future` [n, AHEAD] with NaN for gaps; `name`, `group` [n]: of its series;
    `event` [n, AHEAD]: what is held against `thresholds` [n, 4]; `day` [n, 4]: when it first reached them, NEVER if not in AHEAD
    days; `whole` [n]: the future is known for AHEAD days.
    """

    history: Values
    future: Values
    name: NDArray[np.str_]
    group: NDArray[np.str_]
    event: Values
    thresholds: Values
    day: NDArray[np.int64]
    whole: NDArray[np.bool_]


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def rolling(series: Sequence[dict[str, Any]], kind: str, origins: int) -> Rows:
    """Up to `origins` evenly spaced origins of each series of `kind`."""
    found = [each for one in series if one["kind"] == kind for each in origins_of(one, origins, LEAST, DAYS, AHEAD)]
    names, groups, history, future = zip(*found, strict=True)
    return judged(np.array(names), np.array(groups), np.stack(history), np.stack(future), kind)


def judged(name: NDArray[np.str_], group: NDArray[np.str_], history: Values, future: Values, kind: str) -> Rows:
    """Rows with their truth: the trailing 7-day median of the raw values (demand), the raw value (storage)."""
    whole = fill(np.concatenate([history, future], axis=1)).values
    course = trailing_median(whole) if kind == "demand" else whole
    known = np.isfinite(future)
    end = np.where(known.any(axis=1), AHEAD - known[:, ::-1].argmax(axis=1), 0)
    event = np.where(np.arange(AHEAD) < end[:, None], course[:, DAYS:], np.nan)
    thresholds = course[:, DAYS - 1 : DAYS] * np.array(STEPS[kind])
    return Rows(history, future, name, group, event, thresholds, first_day(event, thresholds), end >= AHEAD)


def first_day(event: Values, thresholds: Values) -> NDArray[np.int64]:
    """The first day, from 1, at which `event` [n, days] reaches each of `thresholds` [n, k]; NEVER otherwise. Shape [n, k]."""
    reached = event[:, None, :] >= thresholds[:, :, None]
    return np.where(reached.any(axis=2), reached.argmax(axis=2) + 1, NEVER)


def chosen(rows: Rows, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Rows:
    columns: list[Any] = [column[keep] for column in rows]
    return Rows(*columns)


def sample(rows: Rows, size: int, seed: int) -> Rows:
    """About `size` rows, always the same ones: as many whose future is known for 90 days as others, and of each the series in
    turn.
    """
    kept = [_in_turn(rows.name, np.flatnonzero(rows.whole == whole), seed) for whole in (True, False)]
    other = min(len(kept[1]), size // 2)
    return chosen(rows, np.sort(np.concatenate([kept[0][: size - other], kept[1][:other]])))


def _in_turn(name: NDArray[np.str_], members: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The members in an order that takes one of every series before a second of any."""
    shuffled = np.random.default_rng(seed).permutation(members)
    order = shuffled[np.argsort(name[shuffled], kind="stable")]
    starts = np.r_[0, np.flatnonzero(name[order][1:] != name[order][:-1]) + 1].astype(int)
    turn = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))[: len(order)]
    return order[np.lexsort((np.random.default_rng(seed).random(len(order)), turn))]


def origins_of(one: dict[str, Any], origins: int, least: int, most: int, ahead: int) -> Iterator[tuple[str, str, Values, Values]]:
    """(name, group, history [DAYS], future [ahead]) at each origin that has `least` days before it and AHEAD after it, or SHORT
    in a series that is shorter than that. Never more than `most` days of history are shown.
    """
    values = np.array([np.nan if value is None else value for value in one["values"]], dtype=np.float64)
    after = AHEAD if len(values) >= least + AHEAD else SHORT
    if len(values) < least + after:
        return
    for origin in np.unique(np.linspace(least, len(values) - after, origins).astype(int)):
        history = last_days(values[None, max(0, origin - most) : origin], DAYS)
        if np.isfinite(history[0, -3:]).any():
            future = values[origin : origin + (ahead if after == AHEAD else after)]
            yield one["name"], one["group"], history[0], np.pad(future, (0, ahead - len(future)), constant_values=np.nan)
