"""Traffic of made-up services at 5 minutes: business, residential, data centre, night backup and Wi-Fi, with noise, bursts and gaps."""

from __future__ import annotations

import numpy as np

from analytics.anomaly.medians import Floats

SLOTS = 288
HOUR = np.arange(SLOTS) / 12
WEEKEND = (0.25, 1.08, 0.97, 0.9, 0.12)  # of a weekday, by kind
SHARES = (0.35, 0.3, 0.15, 0.1, 0.1)
AT_WORK = (0, 4)  # kinds that keep holidays
HOLIDAYS = (24, 45)  # days from the first, a Monday


def _bump(centre: float, width: float) -> Floats:
    return np.asarray(np.exp(-0.5 * (((HOUR - centre + 12) % 24 - 12) / width) ** 2))


SHAPES = (
    0.08 + _bump(10.5, 2) + 0.9 * _bump(15, 2.2),
    0.25 + 0.35 * _bump(13, 4) + _bump(20.8, 2.2),
    0.8 + 0.15 * _bump(14, 4),
    0.1 + 1.2 * _bump(2, 1),
    0.03 + _bump(11, 2.5) + 0.7 * _bump(15.5, 2),
)


def traffic(count: int, days: int, seed: int) -> Floats:
    """Mean rates of `count` services, shape [count, days, 288]; day 0 is a Monday, HOLIDAYS are kept by offices."""
    random = np.random.default_rng(seed)
    return np.stack([_service(random, days) for _ in range(count)])


def _service(random: np.random.Generator, days: int) -> Floats:
    kind = int(random.choice(5, p=SHARES))
    day = np.arange(days)
    shift = round(random.normal(0, 0.8) * 12)
    shape = np.roll(SHAPES[kind], shift) ** random.uniform(0.8, 1.3)
    weight = np.where(day % 7 >= 5, WEEKEND[kind] * random.uniform(0.8, 1.2), 1)
    if kind in AT_WORK:
        weight = np.where(np.isin(day, HOLIDAYS), WEEKEND[kind], weight)
    walk = np.cumsum(random.normal(0, 0.015, days)) + random.normal(0, random.uniform(0.02, 0.08), days)
    level = np.exp(random.normal(3, 1.5) + walk + random.uniform(-0.001, 0.003) * day)
    noise = _noise(random, days * SLOTS, random.uniform(0.7, 0.95)) * random.uniform(0.03, 0.25)
    made = level[:, None] * weight[:, None] * shape * np.exp(noise.reshape(days, SLOTS))
    burst = random.random(made.shape) < random.choice([0, 0.0005, 0.003])
    made = np.where(burst, made * np.exp(np.abs(random.normal(0.3, 0.4, made.shape))), made)
    for gap in np.flatnonzero(random.random(days) < 0.03):
        start = random.integers(0, SLOTS - 24)
        made[gap, start : start + random.integers(2, 24)] = np.nan
    return np.asarray(made)


def _noise(random: np.random.Generator, length: int, memory: float) -> Floats:
    """Autoregressive noise of variance 1, as a sum over its fading past."""
    reach = int(np.ceil(np.log(1e-4) / np.log(memory)))
    kernel = np.sqrt(1 - memory**2) * memory ** np.arange(reach)
    return np.asarray(np.convolve(random.normal(size=length + reach - 1), kernel, "valid"))
