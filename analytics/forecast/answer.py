"""The forecast itself: one answer a series, with its date, its probabilities, its state and its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast import crossing, prepare
from analytics.forecast.fitting import DAYS, HORIZON, Fit, fit
from analytics.forecast.fleet import BUCKETS, Fleet, bucket_of, daily_path, nearest
from analytics.forecast.shifts import NEVER
from analytics.forecast.windows import Values, trailing_median

METHOD, VERSION = "theil-sen-conformal", 1
Kind = Literal["rate", "storage", "count"]
State = Literal["ok", "prior", "collecting", "shift_recent", "stale", "no_threshold", "already_above"]
CHUNK = 2048  # series at once: about 0.5 GiB
SPOKEN = (30, 60, 90)  # days that p_cross tells of
SILENT = 3  # days without a value after which a series is stale
COLLECTING, PRIOR = 3, 28  # days of history below which nothing is said, and below which the fleet says more than the series
DATED = {"rate": 14, "count": 14, "storage": 21}  # days of history from which dates are told
RECENT, WIDER = 7, 1.5  # days after a shift in which sigma is larger, and how much
FAN = np.array([1, 7, 14, 30, 60, 90, 120, 150, 180])
Date = tuple[int | None, int | None, int | None]


class Evidence(NamedTuple):
    """Why a forecast says what it says. `slope` per day, `slope_t` as a t value; `weekday_strength` 0 to 1, None for storage;
    `last_shift`: (days ago, size), None without one; `coverage` of the days since the first; `volatility` and `backtest_error` as
    parts of the level: mean change over about two weeks, and mean error of this very series' forecasts 7 to 28 days ahead.
    """

    level: float
    slope: float
    slope_t: float
    weekday_strength: float | None
    last_shift: tuple[int, float] | None
    days: int
    coverage: float
    volatility: float
    fleet: str
    backtest_error: float | None
    backtest_origins: int


class Forecast(NamedTuple):
    """`date`: days from the last day of the matrix at P10, P50 and P90, None = not within the horizon or not told, 0 or less =
    the first day of now. `p_cross`: within SPOKEN days. `fan`: (P10, P50, P90) of single days' values at FAN days.
    """

    kind: Kind
    threshold: float | None
    state: State
    p_cross: tuple[float, float, float] | None
    date: Date
    evidence: Evidence
    fan: tuple[tuple[float, float, float], ...]
    method: str = METHOD
    version: int = VERSION
    horizon: int = HORIZON


class _Part(NamedTuple):
    """Columns of the answers for the series of one class, in their order. `probability` [n, HORIZON]."""

    fitted: Fit
    probability: Values
    since: NDArray[np.int64]
    fan: Values


def forecast(
    matrix: Values, kinds: Sequence[Kind], thresholds: Values, fleet: Fleet, known: NDArray[np.int64] | None = None
) -> list[Forecast]:
    """One answer a row of `matrix` [n, days]: daily values up to today in any unit, NaN = gap; the last 180 days count.

    `thresholds` [n], NaN = none. `known` [n]: how many days ago the product or what is sold was changed, -1 = it was not;
    0 = today. Nothing in a row depends on other rows.
    """
    recent = prepare.last_days(matrix, DAYS)
    changed = np.full(len(recent), NEVER) if known is None else np.where(known >= 0, DAYS - 1 - known, NEVER)
    answers: list[Forecast | None] = [None] * len(recent)
    rates = np.array([kind != "storage" for kind in kinds], dtype=bool)
    for rate in (True, False):
        for start in range(0, int((rates == rate).sum()), CHUNK):
            rows = np.flatnonzero(rates == rate)[start : start + CHUNK]
            part = _part(recent[rows], changed[rows], thresholds[rows], fleet, rate=rate)
            of_kind = [kinds[row] for row in rows]
            for row, answer in zip(rows, _answers(part, recent[rows], of_kind, thresholds[rows], fleet), strict=True):
                answers[row] = answer
    return [answer for answer in answers if answer is not None]


def trial(matrix: Values, thresholds: Values, fleet: Fleet, *, rate: bool) -> tuple[Values, Values]:
    """What back-testing needs of series of one class: P(crossed by day h) of each of `thresholds` [n, k], [n, k, HORIZON], and
    the expected values of the days to come [n, HORIZON].
    """
    fitted = fit(prepare.last_days(matrix, DAYS), np.full(len(matrix), NEVER), rate=rate)
    return np.stack([_probability(fitted, limit, fleet) for limit in thresholds.T], axis=1), daily_path(fitted)


def _part(recent: Values, known: NDArray[np.int64], thresholds: Values, fleet: Fleet, *, rate: bool) -> _Part:
    fitted = fit(recent, known, rate=rate)
    limit = np.where(np.isfinite(thresholds), thresholds, 1e30)
    fan = crossing.fan(fitted, fleet, _widening(fitted))[:, :, FAN - 1]
    return _Part(fitted, _probability(fitted, limit, fleet), _since(fitted, limit), fan)


def _probability(fitted: Fit, limit: Values, fleet: Fleet) -> Values:
    """Certain where the limit is reached today."""
    return np.where((fitted.now >= limit)[:, None], 1.0, crossing.crossed(fitted, fleet, limit, _widening(fitted)))


def _widening(fitted: Fit) -> Values:
    return np.where(_shifted(fitted), WIDER, 1.0)


def _shifted(fitted: Fit) -> NDArray[np.bool_]:
    last = fitted.trend.shifts.last
    return (last >= 0) & (DAYS - last < RECENT)


def _since(fitted: Fit, limit: Values) -> NDArray[np.int64]:
    """For how many days up to today the event has been at the limit, 0 = it is not."""
    values = fitted.trend.history.values
    course = np.where(fitted.trend.plain[:, None], values, trailing_median(values)) if fitted.rate else values
    below = (course < limit[:, None])[:, ::-1]
    return np.where(below.any(axis=1), below.argmax(axis=1), fitted.trend.history.days)


def _answers(part: _Part, recent: Values, kinds: Sequence[Kind], thresholds: Values, fleet: Fleet) -> Iterator[Forecast]:
    """Columns to rows, one Forecast each."""
    history = part.fitted.trend.history
    measured = np.isfinite(recent)
    silence = np.where(measured.any(axis=1), measured[:, ::-1].argmax(axis=1), DAYS)
    coverage = measured.sum(axis=1) / np.maximum(history.days, 1)
    dates = np.stack([crossing.first_day(part.probability, quantile) for quantile in (0.1, 0.5, 0.9)], axis=1)
    shifted = _shifted(part.fitted)
    p_cross = part.probability[:, np.array(SPOKEN) - 1]
    fans = np.moveaxis(part.fan, 0, 2)
    for row, kind in enumerate(kinds):
        threshold = float(thresholds[row]) if np.isfinite(thresholds[row]) else None
        days, since = int(history.days[row]), int(part.since[row])
        state = _state(threshold, days, int(silence[row]), since, shifted=bool(shifted[row]))
        told = state in ("ok", "prior", "shift_recent", "already_above")
        p_30, p_60, p_90 = (float(p) for p in p_cross[row])
        date = _date(dates[row], since) if told and days >= DATED[kind] else (None, None, None)
        fan = tuple((float(low), float(middle), float(high)) for low, middle, high in fans[row]) if days >= COLLECTING else ()
        evidence = _evidence(part.fitted, row, kind, float(coverage[row]), fleet)
        yield Forecast(kind, threshold, state, (p_30, p_60, p_90) if told else None, date, evidence, fan)


def _state(threshold: float | None, days: int, silence: int, since: int, *, shifted: bool) -> State:
    """The first that holds: what keeps a forecast from being made stands before what only makes it weaker."""
    if threshold is None:
        return "no_threshold"
    if days < COLLECTING:
        return "collecting"
    if silence >= SILENT:
        return "stale"
    if since:
        return "already_above"
    if shifted:
        return "shift_recent"
    return "prior" if days < PRIOR else "ok"


def _date(days: NDArray[np.int64], since: int) -> Date:
    if since:
        return 1 - since, 1 - since, 1 - since
    early, middle, late = (int(day) if day <= HORIZON else None for day in days)
    return early, middle, late


def _evidence(fitted: Fit, row: int, kind: Kind, coverage: float, fleet: Fleet) -> Evidence:
    trend = fitted.trend
    shift, days, tried = int(trend.shifts.last[row]), int(trend.history.days[row]), int(fitted.tried[row])
    return Evidence(
        level=float(fitted.now[row]),
        slope=float(trend.slope[row]),
        slope_t=float(trend.t[row]),
        weekday_strength=None if kind == "storage" else float(trend.strength[row]),
        last_shift=None if shift < 0 else (DAYS - 1 - shift, float(trend.shifts.size[row])),
        days=days,
        coverage=round(min(coverage, 1.0), 4),
        volatility=float(fitted.volatility[row]),
        fleet=_spoken(fleet, kind, days),
        backtest_error=float(fitted.error[row]) if tried else None,
        backtest_origins=tried,
    )


def _spoken(fleet: Fleet, kind: Kind, days: int) -> str:
    """The fleet and the length of history that its table is for, in words."""
    bucket = max(int(bucket_of(np.array(days))), 0)
    used = nearest(fleet, "storage" if kind == "storage" else "rate", bucket, 0)[1]
    until = "or more" if used == len(BUCKETS) - 1 else f"to {BUCKETS[used + 1] - 1}"
    return f"{fleet.name}: {BUCKETS[used]} {until} days"
