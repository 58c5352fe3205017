"""What is known of the lines of a round before it comes: the same devices are often read together, so it is made once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.cells import ALL
from protocols.snmp.layout import Rows, same
from protocols.uplink.batch import MAX_TEXT


class Texts:
    """Texts by number, and back."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of `text`, cut to what travels."""
        text = text[:MAX_TEXT]
        found = self._numbers.setdefault(text, len(self.all))
        if found == len(self.all):
            self.all.append(text)
        return found

    def used(self, codes: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
        """`codes` with numbers of their own, and the texts that these stand for."""
        used = np.zeros(len(self.all), np.bool_)
        used[codes] = True
        if used.all():
            return codes, list(self.all)
        place = (np.cumsum(used) - 1).astype(codes.dtype)
        return place[codes], [self.all[code] for code in np.flatnonzero(used)]


class View:
    """The layouts and cells of some lines. Where all have one plan, cells are told once, shape [1, cells], and what is said by them
    has the shape [lines, cells]; else both are flat, all cells of the first line, then of the next: shape [cells].
    """

    def __init__(self, layouts: Rows, plans: NDArray[np.intp], cells: dict[str, NDArray[Any]]) -> None:
        at = same(plans)
        told = {name: array[at] for name, array in cells.items()}
        self.layouts = layouts
        self.one = isinstance(at, slice)
        self.row, self.column = np.nonzero(told["out"] if not self.one else np.repeat(told["out"], len(plans), 0))
        width = int(told["out"][0].sum())
        self.cells = {name: array[:, :width] if self.one else array[self.row, self.column] for name, array in told.items()}
        self.rates_only = bool(self.cells["rate"].all())
        self.limited = bool(np.isfinite(self.cells["limit"]).any())  # else there are 64-bit counters only, which are believed
        self.whole = bool((self.cells["mask"] == ALL).all())
        self.shifted = bool(self.cells["offset"].any())
        values = layouts.values.shape[1]
        self.values = self.cells["value"][0] if self.one else self.row * values + self.cells["value"]
        self.texts: tuple[NDArray[Any], NDArray[Any], list[str], list[str]] | None = None  # what the bank makes of its codes

    def each(self, name: str) -> NDArray[Any]:
        """What is told of the cells under `name`, shape [all cells of all lines]."""
        told = self.cells[name].ravel()
        return np.tile(told, len(self.row) // len(told)) if self.one and len(told) else told

    def take(self, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The value that each cell is about, of those of each line."""
        return values[:, self.values] if self.one else values.ravel()[self.values]

    def spread(self, lines: NDArray[Any]) -> NDArray[Any]:
        """What is one for each line, to go with cells."""
        return lines[:, None] if self.one else lines[self.row]

    def lines(self, cells: NDArray[np.bool_]) -> NDArray[Any]:
        """The lines with a cell that is so."""
        return np.flatnonzero(cells.any(1)) if self.one else self.row[cells]
