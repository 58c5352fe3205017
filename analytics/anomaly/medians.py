"""Medians of many rows at once that know absent values (NaN) and weights, without warnings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def median(values: Floats, axis: int) -> Floats:
    """Median of what is present along `axis`; NaN where nothing is. Same unit as `values`."""
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)  # NaN goes last
    count = np.isfinite(ordered).sum(axis=-1)
    last = np.maximum(count - 1, 0)
    low = np.take_along_axis(ordered, (last // 2)[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, ((last + 1) // 2)[..., None], -1)[..., 0]
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan))


def weighted_median(values: Floats, weights: Floats) -> Floats:
    """Lower weighted median of `values` [n, references, slots] with `weights` [references] -> [n, slots]; NaN: none present."""
    order = np.argsort(values, axis=1)  # NaN goes last
    ordered = np.take_along_axis(values, order, 1)
    heights = np.where(np.isfinite(ordered), weights.astype(values.dtype)[order], 0)
    below = np.cumsum(heights, axis=1)
    middle = (below >= 0.5 * below[:, -1:]).argmax(axis=1)
    found = np.take_along_axis(ordered, middle[:, None], 1)[:, 0]
    return np.asarray(np.where(below[:, -1] > 0, found, np.nan))


def quantiles(values: Floats, shares: tuple[float, ...]) -> Floats:
    """Quantiles of what is present in each row of `values` [rows, n], shape [len(shares), rows]; NaN for an empty row."""
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    place = np.asarray(shares)[:, None] * np.maximum(count - 1, 0)[None]
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0)[None])
    rows = np.arange(len(ordered))[None]
    between = ordered[rows, low] + (place - low) * (ordered[rows, high] - ordered[rows, low])
    return np.asarray(np.where(count > 0, between, np.nan))
