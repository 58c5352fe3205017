"""Rolling medians of whole matrices: a sorting network over shifted columns, so that a step is one NumPy minimum or maximum."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@cache
def network(width: int) -> tuple[tuple[int, int], ...]:
    """Pairs to put in order, one after the other, until `width` values are sorted (Knuth, TAOCP 3, 5.2.2, algorithm M)."""
    top = 1 << max((width - 1).bit_length() - 1, 0)
    pairs: list[tuple[int, int]] = []
    step = top
    while step:
        reach, wanted, apart = top, 0, step
        while True:
            pairs += [(low, low + apart) for low in range(width - apart) if low & step == wanted]
            if reach == step:
                break
            apart, reach, wanted = reach - step, reach // 2, step
        step //= 2
    return tuple(pairs)


def rolling_median(values: Values, width: int) -> Values:
    """Column i is the median of columns i to i + width - 1. Shape [n, days] to [n, days - width + 1]; no NaN."""
    columns = values.shape[1] - width + 1
    lanes = [values[:, shift : shift + columns] for shift in range(width)]
    for low, high in network(width):
        lanes[low], lanes[high] = np.minimum(lanes[low], lanes[high]), np.maximum(lanes[low], lanes[high])
    middle = width // 2
    return lanes[middle] if width % 2 else (lanes[middle - 1] + lanes[middle]) / 2


def centred_median(values: Values, width: int) -> Values:
    """The median around each day, `width` odd; the first and the last day stand for those outside. Shape as given."""
    half = width // 2
    return rolling_median(np.pad(values, ((0, 0), (half, half)), mode="edge"), width)


def trailing_median(values: Values, width: int = 7) -> Values:
    """The median of each day and those before it; the first day stands for those before the matrix. Shape as given."""
    return rolling_median(np.pad(values, ((0, 0), (width - 1, 0)), mode="edge"), width)


def median_since(values: Values, first: NDArray[np.int64]) -> Values:
    """The median of the columns from `first` on, shape [n]."""
    columns = values.shape[1]
    ordered = np.sort(np.where(np.arange(columns) >= first[:, None], values, np.inf), axis=1)
    rows, count = np.arange(len(values)), columns - first
    return np.asarray((ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]) / 2)
