"""The level of today by exponential smoothing, with or without a damped trend; what smooths best is chosen per series."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.forecast.windows import Values

ALPHAS = (0.05, 0.15, 0.3, 0.6, 1.0)  # weight of the newest day for the level
BETAS = (0.02, 0.08)  # and for the trend
DAMPING = (0.9, 0.97, 1.0)  # what is left of the trend a day later
AHEAD = (1, 7, 14, 28)  # days ahead at which the candidates compete on the series' own past
WARM_UP = 14  # days before their errors count


class Level(NamedTuple):
    """Shape [n] each: level of the last day, its trend per day, and the damping of that trend."""

    level: Values
    trend: Values
    damping: Values


def level_only(values: Values, first: NDArray[np.int64]) -> Level:
    """Simple exponential smoothing (Brown 1959)."""
    return _best(values, first, [(alpha, 0.0, 0.0) for alpha in ALPHAS])


def damped_trend(values: Values, first: NDArray[np.int64]) -> Level:
    """Holt's trend with damping (Gardner and McKenzie 1985), level only among the candidates."""
    grid = [(alpha, beta, phi) for alpha in ALPHAS for beta in BETAS for phi in DAMPING]
    return _best(values, first, [(alpha, 0.0, 0.0) for alpha in ALPHAS] + grid)


def summed(damping: Values, days: NDArray[np.int64]) -> Values:
    """How many undamped days of trend `days` damped ones make; shapes as they broadcast."""
    whole = damping >= 1
    phi = np.where(whole, 0.5, damping)
    return np.where(whole, days, phi * (1 - phi**days) / (1 - phi))


def _best(values: Values, first: NDArray[np.int64], grid: list[tuple[float, float, float]]) -> Level:
    """All candidates side by side, [candidates, n]; the loop goes over days. The smallest error at AHEAD days wins."""
    alpha, beta, phi = (np.array(column)[:, None] for column in zip(*grid, strict=True))
    days = values.shape[1]
    by_day = np.ascontiguousarray(values.T)
    level = np.broadcast_to(by_day[0], (len(grid), len(values))).copy()
    trend = np.zeros_like(level)
    errors = np.zeros_like(level)
    trending = bool((beta > 0).any())
    gain = {ahead: summed(phi, np.array(ahead)) for ahead in AHEAD}
    for day in range(1, days):
        damped = phi * trend if trending else 0.0
        surprise = by_day[day] - level - damped
        live = day > first
        level = np.where(live, level + damped + alpha * surprise, by_day[day])
        if trending:
            trend = np.where(live, damped + alpha * beta * surprise, 0.0)
        if day >= WARM_UP:
            counts = day >= first + WARM_UP
            for ahead in AHEAD:
                if day + ahead < days:
                    guess = level + gain[ahead] * trend if trending else level
                    errors += np.abs(by_day[day + ahead] - guess) * (counts / ahead**0.5)
    best, rows = errors.argmin(axis=0), np.arange(len(values))
    return Level(level[best, rows], trend[best, rows], phi[best, 0])
