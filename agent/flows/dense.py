"""Sums in a table with a cell for each minute, interface, direction and kind of traffic: to add a flow costs a few ns.

A kind is what it is, whose network it goes to, and which; kinds get numbers as they come. When there are too many of them, or
more interfaces than the table has room for, `full` says so: then the cells are taken out as rows and it begins anew.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.flows.grouping import Ints, Keys
from agent.flows.named import SLOTS, Named

MINUTES = 4
CELLS = 1 << 22
KINDS = 1 << 14
PAIRS = 1 << 12  # of application and provider
_PROVIDERS = 64
_WIDTH = 4  # numbers of a cell
_COLUMNS = np.arange(3)
Floats = NDArray[np.float64]


class Part(NamedTuple):
    """Parts of flows, ready to be added up [n]."""

    minute: Ints
    into: NDArray[np.uint16]  # codes of the interfaces they count for, 0 = none
    out: NDArray[np.uint16]
    application: NDArray[np.uint16]
    provider: NDArray[np.uint16]
    remote: Keys
    octets: Ints
    packets: Ints
    rate: Floats | None
    flows: NDArray[np.uint8]


class Rows(NamedTuple):
    """Sums [n] by everything before them."""

    minute: Ints
    interface: NDArray[np.uint16]
    direction: NDArray[np.uint8]
    application: NDArray[np.uint16]
    provider: NDArray[np.uint16]
    remote: Keys
    octets: Floats
    packets: Floats
    measured_octets: Floats
    measured_packets: Floats
    flows: Ints


class Full(Exception):  # noqa: N818 - not an error: the caller takes the rows out and begins anew
    """There is no room for what should be added; nothing of it was."""


class Dense:
    """The table for MINUTES minutes from `first` on."""

    def __init__(self, first: int, interfaces: int) -> None:
        """`interfaces`: codes up to this one have to fit."""
        self.first = first
        self.room = 1 << max(interfaces, 31).bit_length()
        self._kinds = min(KINDS, CELLS // (MINUTES * 2 * self.room))
        self._named = Named()
        self._pair = np.zeros(_PROVIDERS << 10, np.uint16)
        self._pairs: list[tuple[int, int]] = [(0, 0)]
        self._kind = np.zeros(SLOTS * PAIRS, np.int32)
        self._of: list[tuple[int, int]] = [(0, 0)]  # (pair, slot) of a kind
        # Side by side, for what costs is to fetch a cell: octets, packets, flows, and one that is not used.
        self._counts = np.zeros(MINUTES * self._kinds * 2 * self.room * _WIDTH, np.int64)
        self._scaled: Floats | None = None

    def add(self, part: Part) -> None:
        """Count these, whose minutes are of this table. Raises Full."""
        interface = np.maximum(part.into, part.out)
        if int(interface.max()) >= self.room:
            raise Full
        slot = self._named.slots(part.remote, interface, part.octets)
        kind = self._kinds_of(part, slot)
        base = ((part.minute - self.first) * self._kinds + kind) * (2 * self.room)
        counts = np.empty((len(base), 3), np.int64)
        counts[:, 0], counts[:, 1], counts[:, 2] = part.octets, part.packets, part.flows
        if part.rate is not None and self._scaled is None:
            self._scaled = self._counts.astype(np.float64)
        scaled = counts * (part.rate[:, None] if part.rate is not None else 1.0) if self._scaled is not None else None
        for direction, codes in enumerate((part.into, part.out)):
            cell = base + (codes.astype(np.int64) << 1) + direction
            places = (cell * _WIDTH)[:, None] + _COLUMNS
            np.add.at(self._counts, places.ravel(), counts.ravel())
            if self._scaled is not None and scaled is not None:
                np.add.at(self._scaled, places.ravel(), scaled.ravel())

    def _kinds_of(self, part: Part, slot: NDArray[np.uint16]) -> NDArray[np.int32]:
        both = part.application.astype(np.int32) * _PROVIDERS + part.provider
        pair = self._pair[both]
        new = np.flatnonzero((pair == 0) & (both > 0))
        if len(new):
            for value in np.unique(both[new]).tolist():
                if len(self._pairs) >= PAIRS:
                    raise Full
                self._pair[value] = len(self._pairs)
                self._pairs.append(divmod(value, _PROVIDERS))
            pair = self._pair[both]
        place = slot.astype(np.int32) * PAIRS + pair
        kind = self._kind[place]
        new = np.flatnonzero(kind == 0)
        if len(new):
            for value in np.unique(place[new]).tolist():
                if len(self._of) >= self._kinds:
                    raise Full
                self._kind[value] = len(self._of)
                self._of.append((value % PAIRS, value // PAIRS))
            kind = self._kind[place]
        return np.asarray(kind)

    def rows(self) -> Rows:
        """All that was added, as rows."""
        width, used = 2 * self.room, len(self._of)
        cells = self._counts.reshape(MINUTES, self._kinds, self.room, 2, _WIDTH)[:, :used, 1:]
        minute, kind, interface, direction = np.nonzero(cells.any(axis=-1))
        where = ((minute * self._kinds + kind) * width + (interface + 1) * 2 + direction) * _WIDTH
        pair, slot = np.array(self._of)[kind].T
        application, provider = np.array(self._pairs)[pair].T
        octets, packets, flows = (self._counts[where + column] for column in range(3))
        counts = [octets.astype(np.float64), packets.astype(np.float64)]
        scaled = counts if self._scaled is None else [self._scaled[where + column] for column in range(2)]
        numbers = (interface + 1).astype(np.uint16), direction.astype(np.uint8)
        names = application.astype(np.uint16), provider.astype(np.uint16), self._named.keys[slot]
        columns: list[Any] = [minute + self.first, *numbers, *names, *scaled, *counts, flows]
        return Rows(*columns)
