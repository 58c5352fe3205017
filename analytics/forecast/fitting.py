"""One class of series (rates and counts, or storage) as a whole: level, slope, path of the coming days, and how uncertain that
is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast import level, prepare, shifts, slopes
from analytics.forecast.prepare import History
from analytics.forecast.shifts import Shifts
from analytics.forecast.windows import Values, trailing_median

DAYS, HORIZON = 180, 180  # of history that are looked at; of future that is spoken of
ORIGINS = (28, 56, 84)  # days ago from which a series' own forecasts are tried
TRIED = (7, 28)  # the days after such an origin that are compared
LEAST = 28  # days of history such an origin needs
# Storage, where no single slope wins: weights of flat, Theil-Sen over 56 and over 180 days, the latter shrunk, damped Holt.
STORAGE_MIX = (0.3, 0.6, 2.0, 1.0, 1.0)
FLOOR = 0.05  # of the level: no path goes below
FLOORS = {True: (0.01, 0.015), False: (0.0005, 0.001)}  # smallest volatility over 7 and 28 days, of rates and of storage
PLAIN_DAYS = 14  # of history that a nearly noise-free series needs
PLAIN_REACH = 0.03  # its distance from a straight line, as part of the line's rise


class Trend(NamedTuple):
    """Shape [n], in the series' unit and per day. `path`: the level of the next HORIZON days [n, HORIZON], weekday effects left
    out.

    `plain`: nearly noise-free; the path is a straight line from the last value on. `size`: the level, but never 0.
    """

    history: History
    effects: Values
    strength: Values
    clean: Values
    shifts: Shifts
    level: Values
    size: Values
    slope: Values
    t: Values
    path: Values
    plain: NDArray[np.bool_]


class Fit(NamedTuple):
    """What a forecast of n series is made of. `sigma` scales the errors of a fleet table: logarithms (rates) or parts of the
    level.

    `event` [n, HORIZON]: the path of what is held against the threshold: the trailing 7-day median of a rate, the value of
    storage; `now` [n] is that of today. `volatility`: its mean change over 7 and 28 days; `error`: the series' own backtest, both
    as `sigma`; `tried`: at how many origins.
    """

    rate: bool
    trend: Trend
    event: Values
    now: Values
    volatility: Values
    error: Values
    tried: NDArray[np.int64]
    sigma: Values


def fit(matrix: Values, known: NDArray[np.int64], *, rate: bool) -> Fit:
    """`matrix` [n, DAYS] up to today, NaN = gap; `known` [n]: column of a known change of product or limit, or -1."""
    trend = _trend(prepare.fill(matrix), known, rate=rate)
    error, tried = _own_errors(trend, known, rate=rate)
    volatility = _volatility(trend, rate=rate)
    event, now = trend.path, trend.history.values[:, -1]
    if rate:
        event = event * np.exp(np.median(trend.effects, axis=1))[:, None]
        now = np.where(trend.plain, now, trailing_median(trend.history.values[:, -7:])[:, -1])
    return Fit(rate, trend, event, now, volatility, error, tried, _sigma(volatility, error, tried, rate=rate))


def _trend(history: History, known: NDArray[np.int64], *, rate: bool) -> Trend:
    values, first = history.values, history.first
    effects, strength = np.zeros((len(values), 7)), np.zeros(len(values))
    if rate:
        effects, strength = prepare.weekly(history)
        values = prepare.clipped(prepare.deseasoned(values, effects), first)
    moved = shifts.without_shifts(values, first, known)
    long = slopes.theil_sen(moved.moved, first, DAYS)
    t = slopes.strength(values, first, long)
    certain = slopes.shrunk(long, t)
    today = level.level_only(values, first).level
    ahead = np.arange(1, HORIZON + 1)
    if rate:
        path = today[:, None] + certain[:, None] * ahead
    else:
        recent = slopes.theil_sen(moved.moved, first, 56)
        path = _mixed(today, (recent, long, certain), level.damped_trend(values, first))
    size = np.maximum(np.abs(today), 1e-9)
    plain, line = _plain(history)
    path = np.maximum(np.where(plain[:, None], line, path), FLOOR * size[:, None])
    effects = np.where(plain[:, None], 0.0, effects)
    slope = np.where(plain, line[:, 1] - line[:, 0], path[:, 29] - path[:, 0]) / np.where(plain, 1, 29)
    return Trend(history, effects, strength, values, moved, today, size, slope, t, path, plain)


def _mixed(today: Values, trends: tuple[Values, Values, Values], holt: level.Level) -> Values:
    """The mean of five paths by STORAGE_MIX; all start from today's level but Holt's, which has its own."""
    ahead = np.arange(1, HORIZON + 1)
    weights = np.array(STORAGE_MIX) / sum(STORAGE_MIX)
    straight: Values = np.einsum("s,sn->n", weights[1:4], np.stack(trends))
    damped = holt.level[:, None] + holt.trend[:, None] * level.summed(holt.damping[:, None], ahead)
    return np.asarray((1 - weights[4]) * today[:, None] + straight[:, None] * ahead + weights[4] * damped)


def _plain(history: History) -> tuple[NDArray[np.bool_], Values]:
    """Which series follow a straight line, so without a shift, and that line from the last value on, [n, HORIZON]. By least
    squares.
    """
    values, first = history.values, history.first
    columns = values.shape[1]
    at = np.arange(columns) - (columns - 1.0)
    inside = np.arange(columns) >= first[:, None]
    count = inside.sum(axis=1)
    mean_at, mean = (np.where(inside, each, 0).sum(axis=1) / count for each in (at, values))
    centred = np.where(inside, at - mean_at[:, None], 0)
    slope = (centred * (values - mean[:, None])).sum(axis=1) / np.maximum((centred**2).sum(axis=1), 1e-9)
    distance = np.abs(values - mean[:, None] - slope[:, None] * centred)
    rise = np.abs(slope) * (count - 1)
    reach = np.where(inside, distance, 0).max(axis=1)
    plain = (reach <= PLAIN_REACH * rise) & (rise > 0) & (history.days >= PLAIN_DAYS)
    return plain, values[:, -1:] + slope[:, None] * np.arange(1, HORIZON + 1)


def _volatility(trend: Trend, *, rate: bool) -> Values:
    """Mean change of the event's level over 7 and over 28 days, their geometric mean, shape [n]; not below FLOORS."""
    size, first = trend.size[:, None], trend.history.first
    course = trailing_median(np.log(np.maximum(trend.clean, 1e-3 * size))) if rate else trend.clean / size

    def change(lag: int) -> tuple[Values, NDArray[np.int64]]:
        valid = np.arange(course.shape[1] - lag) >= first[:, None]
        count = valid.sum(axis=1)
        return np.where(valid, np.abs(course[:, lag:] - course[:, :-lag]), 0).sum(axis=1) / np.maximum(count, 1), count

    daily, _ = change(1)
    week, weeks = change(7)
    month, months = change(28)
    week = np.where(weeks >= 5, week, daily * 7**0.5)
    month = np.where(months >= 14, month, week * 2)
    least = FLOORS[rate]
    return np.asarray(np.sqrt(np.maximum(week, least[0]) * np.maximum(month, least[1])))


def _own_errors(trend: Trend, known: NDArray[np.int64], *, rate: bool) -> tuple[Values, NDArray[np.int64]]:
    """Mean absolute error at the series' own ORIGINS over the days TRIED, and how many origins had enough history. Shape [n]
    each.
    """
    history = trend.history
    truth = trailing_median(history.values) if rate else history.values
    columns = truth.shape[1]
    total, tried = np.zeros(len(truth)), np.zeros(len(truth), dtype=np.int64)
    for ago in ORIGINS:
        rows = np.flatnonzero(history.days - ago >= LEAST)
        if not len(rows) or columns - ago < LEAST:
            continue
        then = columns - ago
        past = History(history.values[rows, :then], history.measured[rows, :then], history.first[rows], history.days[rows] - ago)
        was = _trend(past, np.where(known[rows] < then, known[rows], shifts.NEVER), rate=rate)
        start, end = TRIED
        path = was.path[:, start - 1 : end] * (np.exp(np.median(was.effects, axis=1))[:, None] if rate else 1.0)
        total[rows] += np.abs(errors(truth[rows, then + start - 1 : then + end], path, was.size, rate=rate)).mean(axis=1)
        tried[rows] += 1
    return total / np.maximum(tried, 1), tried


def errors(actual: Values, path: Values, size: Values, *, rate: bool) -> Values:
    """How far the future lay from the path: as logarithms (rates) or as parts of the level `size` [n]; at most 4. Shape as
    `path`.
    """
    size = size[:, None]
    if rate:
        return np.clip(np.log(np.maximum(actual, 1e-3 * size) / np.maximum(path, 1e-3 * size)), -4, 4)
    return np.clip((actual - path) / size, -4, 4)


def _sigma(volatility: Values, error: Values, tried: NDArray[np.int64], *, rate: bool) -> Values:
    """The scale of a series' errors from its volatility and, for storage, its own backtest: exponents measured on other series."""
    if rate:
        return np.asarray(volatility**0.7 * 0.12**0.3)
    own = np.where(tried > 0, error, volatility * 1.5) + 0.001
    return np.asarray(volatility**0.15 * own**0.45 * 0.03**0.4)
