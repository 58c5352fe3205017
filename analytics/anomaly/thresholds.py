"""How far is too far: limits for a whole fleet that keep false alarms at a wanted rate, whatever the statistics are like.

The largest score of a day follows a Gumbel distribution nearly; it is drawn through the quartiles of the fleet's days, so that a
quarter of them may be anomalous without moving it. Done twice: for each statistic, to make them alike, then for the largest of
all of them, because they say the same thing so often that their rates do not add up.
"""

from __future__ import annotations

import numpy as np

from analytics.anomaly.medians import Floats, median, quantiles

MONTH = 30.0
QUARTILES = (0.25, 0.5, 0.75)
PRIOR_DAYS = 40.0  # service-days that the prior counts for
OWN_DAYS = 10.0  # days after which a service's own factor counts half
PRIOR_LOCATION, PRIOR_WIDTH = 1.3, 0.6  # of a statistic's daily maximum, in usual sizes
PRIOR_TOP, PRIOR_TOP_WIDTH = 1.5, 1.2  # of the largest of a day, in widths
TAIL = 0.9  # measured on fleets with a bad day a week each: those widen the quartiles by so much
FACTOR = 0.6, 4.0
LOWEST = 3.0  # usual sizes: nothing nearer is ever told


def limits(highest: Floats, alpha: float = 1.0, fleet: Floats | None = None) -> Floats:
    """Scores from which a service is high, or low, [2, 5, n], from its daily maxima [2, 5, n, days] of the past.

    `alpha`: wanted false alarms per service and 30 days; `fleet`: daily maxima [2, 5, m, days] of all, if those are only a part.
    """
    everyone = highest if fleet is None else fleet
    usual = median(median(everyone, 3), 2)[..., None]
    sides, kinds, _, _ = everyone.shape
    alike = (everyone / _factors(everyone, usual)[..., None]).reshape(sides * kinds, -1)
    location, width = _gumbel(alike, PRIOR_LOCATION, PRIOR_WIDTH)
    placed = (alike - location[:, None]) / width[:, None]
    top = np.where(np.isfinite(placed), placed, -np.inf).max(axis=0, keepdims=True)
    top_location, top_width = _gumbel(np.where(np.isfinite(top), top, np.nan), PRIOR_TOP, PRIOR_TOP_WIDTH)
    allowed = top_location + TAIL * top_width * _reduced(1 - min(alpha / MONTH, 0.5))
    limit = (location + width * allowed).reshape(sides, kinds, 1) * _factors(highest, usual)
    return np.asarray(np.maximum(limit, LOWEST))


def _factors(highest: Floats, fleet: Floats) -> Floats:
    """How much larger a service's daily maxima are than the fleet's usual ones [2, 5, 1], [2, 5, n]; drawn to 1 while it is young."""
    usual = median(highest, 3)
    days = np.isfinite(highest).sum(axis=3)
    ratio = np.log(np.maximum(usual, 0.3) / np.maximum(fleet, 0.3)) * days / (days + OWN_DAYS)
    return np.asarray(np.clip(np.exp(np.nan_to_num(ratio)), *FACTOR))


def _gumbel(rows: Floats, prior_location: float, prior_width: float) -> tuple[Floats, Floats]:
    """Location and width of each row's Gumbel distribution through its quartiles; few values are drawn to the prior."""
    low, middle, high = quantiles(rows, QUARTILES)
    count = np.isfinite(rows).sum(axis=1)
    weight = count / (count + PRIOR_DAYS)
    width = np.nan_to_num((high - low) / (_reduced(0.75) - _reduced(0.25)), nan=prior_width)
    location = np.nan_to_num(middle - width * _reduced(0.5), nan=prior_location)
    width = weight * width + (1 - weight) * prior_width
    return weight * location + (1 - weight) * prior_location, np.maximum(width, 1e-3)


def _reduced(share: float) -> float:
    return float(-np.log(-np.log(share)))
