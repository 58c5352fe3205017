"""Daily series of services as they are met in the field, made up: growth of many shapes, weekdays, bursts, gaps, shifts,
clean-ups.

Shares and sizes are ours; nothing here is taken from anyone's data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
RATES = ("flat", "line", "exponential", "decline", "up", "down", "ramp", "year", "bursts", "upgrade")
STORES = ("line", "plateau", "sawtooth", "bulk", "clean-up", "accelerating", "flat")
WEEKS = np.array([[1, 1, 1, 1, 0.97, 0.7, 0.65], [1, 1, 1, 1.02, 1.05, 1.1, 1.12], [1, 1, 1, 1, 1, 1, 1.0]])


def rates(n: int, days: int, seed: int) -> tuple[Values, NDArray[np.str_]]:
    """Daily 95th percentiles of n links [n, days], with gaps and stray spikes, and the shape of each."""
    chance = np.random.default_rng(seed)
    shape = np.array(RATES)[chance.integers(0, len(RATES), n)]
    level = _levels(chance, shape, days)
    week = WEEKS[chance.integers(0, 3, n)][:, np.arange(days) % 7]
    week = 1 + (week - 1) * chance.uniform(0.5, 1.3, (n, 1))
    scatter = chance.uniform(0.02, 0.12, (n, 1)) * _autoregressive(chance, n, days)
    wander = np.cumsum(chance.normal(size=(n, days)), axis=1) * (0.006 + 0.012 * chance.random((n, 1)))
    values = np.exp(chance.normal(3, 1.2, (n, 1))) * level * week * np.exp(scatter + wander)
    burst = chance.random((n, days)) < np.where(shape == "bursts", 0.05, 0.008)[:, None]
    values *= np.where(burst, np.exp(np.abs(chance.normal(0.4, 0.4, (n, days)))), 1)
    values *= np.where(chance.random((n, days)) < 0.0015, np.exp(chance.uniform(2, 6, (n, days))), 1)
    return _with_gaps(chance, values), shape


def stores(n: int, days: int, seed: int) -> tuple[Values, NDArray[np.str_]]:
    """Daily used bytes of n disks [n, days], with gaps, and the shape of each."""
    chance = np.random.default_rng(seed)
    shape = np.array(STORES)[chance.integers(0, len(STORES), n)]
    day = np.arange(days)
    steps = chance.gamma(np.exp(chance.uniform(np.log(0.005), 0, (n, 1))), 1, (n, days)) + 1e-9
    steps *= np.where(day % 7 >= 5, chance.uniform(0.1, 1, (n, 1)), 1) / steps.mean(axis=1, keepdims=True)
    grown = np.cumsum(steps * chance.uniform(0.05, 0.6, (n, 1)) / 120, axis=1)
    when = chance.integers(20, days, (n, 1))
    period = chance.integers(14, 45, (n, 1))
    used = {
        "line": 1 + grown,
        "plateau": 1 + 0.5 * (1 - np.exp(-4 * grown)),
        "sawtooth": 1 + 0.3 * ((day + chance.integers(0, 40, (n, 1))) % period) / period + 0.1 * grown,
        "bulk": 1 + 0.5 * grown + np.where(day >= when, chance.uniform(0.15, 0.8, (n, 1)), 0),
        "clean-up": 1 + grown - np.where(day >= when, chance.uniform(0.1, 0.4, (n, 1)), 0),
        "accelerating": np.exp(1.6 * grown),
        "flat": 1 + 0.0005 * np.cumsum(chance.normal(size=(n, days)), axis=1),
    }
    values = np.select([(shape == name)[:, None] for name in STORES], [used[name] for name in STORES])
    return _with_gaps(chance, np.exp(chance.normal(3, 1.2, (n, 1))) * values), shape


def as_lines(values: Values, kind: str, names: str) -> list[dict[str, Any]]:
    """Series as the lines of a file hold them, each its own group."""
    rows = [[None if np.isnan(value) else float(value) for value in row] for row in values]
    return [{"name": f"{names}{n}", "group": f"{names}{n}", "kind": kind, "values": row} for n, row in enumerate(rows)]


def _levels(chance: np.random.Generator, shape: NDArray[np.str_], days: int) -> Values:
    n, day = len(shape), np.arange(days)
    growth = chance.uniform(0.05, 0.6, (n, 1)) / 180
    when = chance.integers(20, days, (n, 1))
    step = np.exp(chance.uniform(0.25, 1.0, (n, 1)))
    level = {
        "flat": np.ones((n, days)),
        "line": 1 + 2 * growth * day,
        "exponential": np.exp(2 * growth * day),
        "decline": np.maximum(1 - growth * day, 0.2),
        "up": np.where(day >= when, step, 1.0),
        "down": np.where(day >= when, 1 / step, 1.0),
        "ramp": 1 + 3 * growth * np.minimum(day, when),
        "year": 1 + 0.25 * np.sin(2 * np.pi * (day + chance.integers(0, 365, (n, 1))) / 365),
        "bursts": np.ones((n, days)),
        "upgrade": np.where(day >= when, (1 + 2 * growth * when) * step * (1 + 2 * growth * (day - when)), 1 + 2 * growth * day),
    }
    return np.select([(shape == name)[:, None] for name in RATES], [level[name] for name in RATES])


def _autoregressive(chance: np.random.Generator, n: int, days: int) -> Values:
    memory = chance.uniform(0.3, 0.9, n)
    noise = chance.normal(size=(n, days))
    for day in range(1, days):
        noise[:, day] = memory * noise[:, day - 1] + noise[:, day] * np.sqrt(1 - memory**2)
    return noise


def _with_gaps(chance: np.random.Generator, values: Values) -> Values:
    """Now and then one to five days without a value."""
    begins = chance.random(values.shape) < 0.004
    lasts = chance.integers(1, 6, values.shape)
    missing = np.zeros(values.shape, dtype=bool)
    for day in range(5):
        missing[:, day:] |= (begins & (lasts > day))[:, : values.shape[1] - day]
    missing[:, -1] = False
    return np.where(missing, np.nan, values)
