"""Sums by key without a Python loop: a radix sort on 16 bits at a time, which costs a few ns a row, then sums of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
_DIGIT = 16


class Groups(NamedTuple):
    """Rows in the order of their keys: `order` [n], where each group begins in it [m], and how many there are."""

    order: Ints
    starts: Ints

    def sums(self, column: NDArray[Any]) -> NDArray[Any]:
        """The sum of each group [m]."""
        return np.asarray(np.add.reduceat(column[self.order], self.starts)) if len(self.starts) else column[:0]

    def first(self, column: NDArray[Any]) -> NDArray[Any]:
        """The value of each group's first row [m]."""
        return np.asarray(column[self.order[self.starts]])

    @property
    def counts(self) -> Ints:
        """Rows of each group [m]."""
        return np.diff(self.starts, append=len(self.order))

    @property
    def places(self) -> Ints:
        """For each row [n] the number of its group."""
        found = np.empty(len(self.order), np.int64)
        found[self.order] = np.repeat(np.arange(len(self.starts)), self.counts)
        return found


def grouped(key: Keys, bits: int) -> Groups:
    """Rows with the same `key` [n] together; no key has more than `bits` bits."""
    if not len(key):
        return Groups(np.zeros(0, np.int64), np.zeros(0, np.int64))
    order = np.argsort(key.astype(np.uint16), kind="stable")
    for shift in range(_DIGIT, bits, _DIGIT):
        digit = (key >> np.uint64(shift)).astype(np.uint16)[order]
        order = order[np.argsort(digit, kind="stable")]
    ordered = key[order]
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    return Groups(order, starts)


def packed(parts: Sequence[tuple[NDArray[Any], int]]) -> tuple[Keys, int]:
    """One key of several columns of unsigned numbers, each with the number of bits that it needs, and the bits of all.

    More than 64 are not possible: who calls has to make the columns smaller first.
    """
    bits = sum(width for _, width in parts)
    if bits > 64:
        raise ValueError(f"a key of {bits} bits")
    key = np.zeros(len(parts[0][0]), np.uint64)
    for column, width in parts:
        if width:
            key <<= np.uint64(width)
            key |= column.astype(np.uint64)
    return key, bits


def dense(column: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """(values that occur [m], for each row the place of its value among them [n]) for numbers of up to 64 bits."""
    if not len(column):
        return column, np.zeros(0, np.int64)
    highest = int(column.max())
    if highest <= 4 * len(column) + 1_024:  # small numbers: a table is quicker than sorting
        seen = np.zeros(highest + 1, np.int64)
        seen[column] = 1
        values = np.flatnonzero(seen)
        seen[values] = np.arange(len(values))
        return values.astype(column.dtype), seen[column]
    groups = grouped(column.astype(np.uint64), highest.bit_length())
    return groups.first(column), groups.places
