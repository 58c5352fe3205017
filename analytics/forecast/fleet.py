"""Fleet tables: how wrong forecasts of many series were, as sampled error paths per class, length of history and volatility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast import prepare
from analytics.forecast.fitting import DAYS, HORIZON, Fit, errors, fit
from analytics.forecast.shifts import NEVER
from analytics.forecast.windows import Values, trailing_median

BUCKETS = (3, 7, 14, 28, 60, 120)  # days of history at which the next table begins
KNOTS = np.array([*range(1, 15), *range(15, HORIZON + 1, 5)])  # days ahead that a table knows
PATHS = 400  # sampled error paths in a table
STRATA = {"rate": 1, "storage": 3}  # groups by volatility
EXACT = (1.0,) * len(BUCKETS)
LEAST = 30  # error paths that a table is worth making of
QUANTILES = (0.1, 0.5, 0.9)
Table = tuple[NDArray[np.float32], NDArray[np.float32]]


class Fleet(NamedTuple):
    """`tables`: (class, bucket, stratum) -> error paths [PATHS, knots], the largest error since the knot before, in units of
    `sigma`; and QUANTILES of the error of one day's value, [3, knots]. `edges`: class -> logarithms of volatility between its
    strata.
    """

    name: str
    tables: Mapping[tuple[str, int, int], Table]
    edges: Mapping[str, Values]


class PastErrors(NamedTuple):
    """Errors of forecasts whose future is known, one row each: class, bucket, volatility, name of what must weigh as one,
    paths [rows, knots] and errors of single days [rows, knots], in units of `sigma`; NaN where the future is not known so far.
    """

    kind: NDArray[np.str_]
    bucket: NDArray[np.int64]
    volatility: Values
    name: NDArray[np.str_]
    paths: Values
    daily: Values


def bucket_of(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of BUCKETS a length of history falls into, -1 below the first."""
    return np.searchsorted(np.array(BUCKETS), days, side="right") - 1


def stratum_of(fleet: Fleet, kind: str, volatility: Values) -> NDArray[np.int64]:
    """Which group by volatility a series belongs to, shape [n]."""
    return np.searchsorted(fleet.edges[kind], np.log(volatility), side="right")


def nearest(fleet: Fleet, kind: str, bucket: int, stratum: int) -> tuple[str, int, int]:
    """The table to use: its own, or the nearest with more history, then with less, then of a neighbouring stratum."""
    order = [*range(bucket, len(BUCKETS)), *range(bucket - 1, -1, -1)]
    strata = sorted(range(STRATA[kind]), key=lambda other: abs(other - stratum))
    return next(key for one in strata for each in order if (key := (kind, each, one)) in fleet.tables)


def past_errors(history: Values, future: Values, names: Sequence[str], *, kind: str) -> PastErrors:
    """Forecast from `history` [n, DAYS] and compare with `future` [n, days]; "rate" or "storage"."""
    fitted = fit(prepare.last_days(history, DAYS), np.full(len(history), NEVER), rate=kind == "rate")
    known = np.isfinite(future)[:, ::-1].argmax(axis=1)
    whole = prepare.fill(np.concatenate([fitted.trend.history.values, future], axis=1)).values
    coming = (
        np.arange(future.shape[1])
        < (future.shape[1] - np.where(np.isfinite(future).any(axis=1), known, future.shape[1]))[:, None]
    )
    paths, daily = _scaled(fitted, whole, coming)
    days = fitted.trend.history.days
    label = np.full(len(days), kind)
    return PastErrors(label, bucket_of(days), fitted.volatility, np.array(names, dtype=str), paths, daily)


def _scaled(fitted: Fit, whole: Values, coming: NDArray[np.bool_]) -> tuple[Values, Values]:
    """Errors of the event (its largest since the knot before) and of the single day's value at KNOTS, by `sigma`."""
    days = min(coming.shape[1], HORIZON)
    event = (trailing_median(whole) if fitted.rate else whole)[:, DAYS : DAYS + days]
    size, sigma = fitted.trend.size, fitted.sigma[:, None]
    off = errors(event, fitted.event[:, :days], size, rate=fitted.rate) / sigma
    single = errors(whole[:, DAYS : DAYS + days], daily_path(fitted)[:, :days], size, rate=fitted.rate) / sigma
    off, single = (np.where(coming[:, :days], each, np.nan) for each in (off, single))
    off, single = (np.pad(each, ((0, 0), (0, HORIZON - days)), constant_values=np.nan) for each in (off, single))
    return np.maximum.reduceat(off, np.r_[0, KNOTS[:-1]], axis=1), single[:, KNOTS - 1]


def daily_path(fitted: Fit) -> Values:
    """The expected value of each day to come, weekday effects included, [n, HORIZON]."""
    week = np.exp(fitted.trend.effects)[:, np.arange(HORIZON) % 7] if fitted.rate else 1.0
    return fitted.trend.path * week


def fleet(
    past: Sequence[PastErrors],
    name: str,
    seed: int,
    spread: Mapping[str, Sequence[float]] | None = None,
    otherwise: Fleet | None = None,
) -> Fleet:
    """Tables from past errors, at best an operator's own over more than 90 days. Each name weighs the same however many rows it
    has.

    `spread`: class -> factor of all paths for each of BUCKETS, where tables are made of other series than they are used for.
    `otherwise`: whose tables a class takes of which there are too few errors for each volatility; without it such a class has
    none.
    """
    columns = [np.concatenate(column) for column in zip(*past, strict=True)]
    joined = PastErrors(*columns)
    chance = np.random.default_rng(seed)
    tables: dict[tuple[str, int, int], Table] = {}
    edges: dict[str, Values] = {}
    for kind, strata in STRATA.items():
        rows = np.flatnonzero(joined.kind == kind)
        volatility = np.log(joined.volatility[rows])
        inner = np.quantile(volatility, np.linspace(0, 1, strata + 1)[1:-1]) if len(rows) else np.zeros(strata - 1)
        made = _tables(joined, rows, np.searchsorted(inner, volatility, side="right"), chance, (spread or {}).get(kind, EXACT))
        if otherwise is not None and len({stratum for _, stratum in made}) < strata:
            edges[kind] = otherwise.edges[kind]
            tables |= {key: table for key, table in otherwise.tables.items() if key[0] == kind}
        else:
            edges[kind] = inner
            tables |= {(kind, bucket, stratum): table for (bucket, stratum), table in made.items()}
    return Fleet(name, tables, edges)


def _tables(
    joined: PastErrors, rows: NDArray[np.int64], stratum: NDArray[np.int64], chance: np.random.Generator, spread: Sequence[float]
) -> dict[tuple[int, int], Table]:
    """(bucket, stratum) -> table, of the `rows` of one class, wherever there are LEAST of them."""
    made = {}
    for bucket, one in sorted(set(zip(joined.bucket[rows].tolist(), stratum.tolist(), strict=True))):
        inside = rows[(joined.bucket[rows] == bucket) & (stratum == one)]
        if bucket >= 0 and len(inside) >= LEAST:
            paths, daily = _sampled(joined, inside, chance)
            made[bucket, one] = paths * np.float32(spread[bucket]), daily
    return made


def _sampled(joined: PastErrors, rows: NDArray[np.int64], chance: np.random.Generator) -> Table:
    """PATHS whole paths, drawn so that names weigh alike. One that ends early goes on as another that was alike there."""
    _, member, count = np.unique(joined.name[rows], return_inverse=True, return_counts=True)
    weight = 1 / count[member]
    drawn = chance.choice(rows, 3000, p=weight / weight.sum())
    paths = _continued(joined.paths[drawn[: PATHS * 2]], chance)[:PATHS]
    daily = np.full((len(QUANTILES), len(KNOTS)), np.nan)
    seen = np.isfinite(joined.daily[drawn]).any(axis=0)
    daily[:, seen] = np.nanquantile(joined.daily[drawn][:, seen], QUANTILES, axis=0)
    return paths.astype(np.float32), _smooth(daily).astype(np.float32)


def _continued(paths: Values, chance: np.random.Generator) -> Values:
    """Where a path's future is not known, the steps of the path nearest to it at its last known knot; with none, it stays."""
    paths = paths[chance.permutation(len(paths))].copy()
    paths[np.isnan(paths[:, 0]), 0] = 0.0
    for knot in range(1, paths.shape[1]):
        ends = np.isnan(paths[:, knot])
        if not ends.any():
            continue
        if ends.all():
            paths[:, knot] = paths[:, knot - 1]
            continue
        donors = np.flatnonzero(~ends)
        donors = donors[np.argsort(paths[donors, knot - 1])]
        place = np.searchsorted(paths[donors, knot - 1], paths[ends, knot - 1])
        near = donors[np.clip(place + chance.integers(-4, 5, len(place)), 0, len(donors) - 1)]
        paths[ends, knot] = paths[ends, knot - 1] + paths[near, knot] - paths[near, knot - 1]
    return paths


def _smooth(quantiles: Values) -> Values:
    """Running means over three knots; a quantile of a knot without data is that of the knot before."""
    for knot in range(1, quantiles.shape[1]):
        quantiles[:, knot] = np.where(np.isnan(quantiles[:, knot]), quantiles[:, knot - 1], quantiles[:, knot])
    padded = np.pad(np.nan_to_num(quantiles), ((0, 0), (1, 1)), mode="edge")
    return (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
