"""Sums by minute, interface, direction, application, provider and remote network, within bounds; no loop over flows.

Remotes are many: while a minute is added up some keep their name (named.py), and of those each minute and interface keeps the
largest; all others are "other". The minutes of now are in a table (dense.py), those of long flows that began before in rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.flows.dense import MINUTES, Dense, Full, Part, Rows
from agent.flows.grouping import Ints, Keys, grouped, packed
from agent.flows.remote import OTHER

__all__ = ["Aggregate", "Part", "Rows"]

TOP = 20  # remotes of a minute and interface
HELD = 1 << 18  # rows that are held before they are added up again
ROOM = 64  # interfaces the table begins with


class Aggregate:
    """What is being added up. `add` is cheap; `take` gives what is wanted and keeps the rest."""

    def __init__(self) -> None:
        self._dense: Dense | None = None
        self._interfaces = ROOM - 1
        self._held: list[Rows] = []
        self._rows = 0

    def add(self, part: Part) -> None:
        """Count these."""
        if not len(part.minute):
            return
        if self._dense is None:
            self._dense = Dense(int(part.minute.max()) - MINUTES + 2, self._interfaces)
        since = part.minute - self._dense.first
        apart = (since < 0) | (since >= MINUTES)
        if apart.any():
            for rows in _sparse(_some(part, apart)):
                self.hold(rows)
            part = _some(part, ~apart)
            if not len(part.minute):
                return
        try:
            self._dense.add(part)
        except Full:
            first = self._dense.first
            self._interfaces = max(self._interfaces, int(part.into.max()), int(part.out.max()))
            self._empty()
            self._dense = Dense(first, self._interfaces)
            self._halved(self._dense, part)

    def _halved(self, dense: Dense, part: Part) -> None:
        """Add to an empty table; what is too much for it even so goes into rows."""
        try:
            dense.add(part)
        except Full:
            for rows in _sparse(part):
                self.hold(rows)

    def _empty(self) -> None:
        if self._dense is not None:
            self.hold(self._dense.rows())
            self._dense = None

    def hold(self, rows: Rows) -> None:
        """Count what are rows already."""
        self._held.append(rows)
        self._rows += len(rows.minute)
        if self._rows > HELD:
            merged = _merged(_together(self._held))
            if len(merged.minute) > HELD // 2:
                merged = _merged(_top(merged))
            self._held, self._rows = [merged], len(merged.minute)

    def left(self) -> list[Rows]:
        """What `take` left."""
        return [rows for rows in self._held if len(rows.minute)]

    def take(self, before: int) -> Rows | None:
        """The sums of all minutes before this one, which are forgotten here; None if there are none."""
        self._empty()
        if not self._held:
            return None
        rows = _together(self._held)
        due = rows.minute < before
        kept = _some(rows, ~due)
        self._held, self._rows = [kept], len(kept.minute)
        return _merged(_top(_merged(_some(rows, due)))) if due.any() else None


def _sparse(part: Part) -> list[Rows]:
    """Rows of the interfaces by which flows came, and of those by which they left."""
    octets, packets = (column.astype(np.float64) for column in (part.octets, part.packets))
    rate = part.rate if part.rate is not None else 1.0
    found = []
    for direction, codes in enumerate((part.into, part.out)):
        way = np.full(len(codes), direction, np.uint8)
        names = (part.application, part.provider, part.remote)
        sums = (octets * rate, packets * rate, octets, packets, part.flows.astype(np.int64))
        columns: list[Any] = [part.minute, codes, way, *names, *sums]
        found.append(_merged(_some(Rows(*columns), codes > 0)))
    return found


def _together(held: list[Rows]) -> Rows:
    if len(held) == 1:
        return held[0]
    columns: list[Any] = [np.concatenate([getattr(rows, name) for rows in held]) for name in Rows._fields]
    return Rows(*columns)


def _some(rows: Any, which: NDArray[Any]) -> Any:
    """Some rows of a Part or of Rows."""
    return type(rows)(*(column[which] if column is not None else None for column in rows))


def _remotes(remote: Keys) -> tuple[Ints, int]:
    """(a small number for each remote [n], the bits it needs)."""
    places = grouped(remote, int(remote.max()).bit_length()).places
    return places, int(places.max()).bit_length()


def _minutes(rows: Rows) -> Ints:
    """A small number for each minute [n]: in a capture they may lie years apart."""
    return np.asarray(np.unique(rows.minute, return_inverse=True)[1])


def _merged(rows: Rows) -> Rows:
    """Rows of the same key added up."""
    if not len(rows.minute):
        return rows
    names = (_minutes(rows), rows.interface, rows.direction, rows.application, rows.provider)
    columns = [(column, int(column.max()).bit_length()) for column in names]
    groups = grouped(*packed([*columns, _remotes(rows.remote)]))
    return Rows(*(groups.first(column) for column in rows[:6]), *(groups.sums(column) for column in rows[6:]))


def _top(rows: Rows) -> Rows:
    """Of each minute and interface the remotes with most octets in both directions together; all others become one."""
    if not len(rows.minute):
        return rows
    minute = _minutes(rows)
    place = grouped(*packed([(minute, int(minute.max()).bit_length()), (rows.interface, 12)])).places
    number, bits = _remotes(rows.remote)
    groups = grouped(*packed([(place, int(place.max()).bit_length()), (number, bits)]))
    where, octets = groups.first(place), groups.sums(rows.octets)
    named = groups.first(rows.remote)
    octets = np.where(named == 0, np.inf, np.where(named == OTHER, -1.0, octets))
    order = np.lexsort((-octets, where))
    begin = np.searchsorted(where[order], where[order])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - begin
    dropped = rank >= TOP
    return rows._replace(remote=np.where(dropped[groups.places], np.uint64(OTHER), rows.remote))
