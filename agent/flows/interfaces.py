"""Interfaces by a small number of their own, whoever has them, and who looks at what passes them."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

MOST = 4_095  # interfaces of all sensors together; those beyond are not counted by themselves
_TABLE = 1 << 16  # ifIndex up to which a table knows them
WINDOW = 600_000_000  # µs for which an interface whose traffic was looked at itself counts as such
Codes = NDArray[np.uint16]


class Interfaces:
    """Codes from 1 for (sensor, ifIndex); 0 is none. `counters`: flow.too_many_interfaces."""

    def __init__(self, sensors: int, counters: Counter[str]) -> None:
        """For sensors 0 to `sensors` - 1."""
        self.of: list[tuple[int, int]] = [(0, 0)]  # (sensor's place, ifIndex) by code
        self._table = np.zeros(max(sensors, 1) * _TABLE, np.uint16)
        self._rest: dict[tuple[int, int], int] = {}
        self._counters = counters
        self._looked = np.full((2, MOST + 1), -WINDOW, np.int64)  # µs, by direction

    def codes(self, sensor: NDArray[np.uint16], index: NDArray[np.uint32]) -> Codes:
        """Codes [n] of interfaces; 0 where `index` is 0."""
        place = sensor.astype(np.int64) * _TABLE + np.minimum(index, np.uint32(_TABLE - 1))
        found: Codes = self._table[place]
        unknown = np.flatnonzero((found == 0) & (index > 0))
        if len(unknown):
            keys, which = np.unique(sensor[unknown].astype(np.uint64) << np.uint64(32) | index[unknown], return_inverse=True)
            known = np.array([self._code(key >> 32, key & 0xFFFF_FFFF) for key in keys.tolist()], np.uint16)
            found[unknown] = known[which]
        return found

    def unnamed(self, sensor: NDArray[np.uint16]) -> Codes:
        """Codes [n] of the interface 0 of sensors, which stands for an exporter that names none."""
        keys, which = np.unique(sensor, return_inverse=True)
        return np.array([self._code(key, 0) for key in keys.tolist()], np.uint16)[which]

    def _code(self, sensor: int, index: int) -> int:
        code = self._rest.get((sensor, index))
        if code is None:
            if len(self.of) > MOST:
                self._counters["flow.too_many_interfaces"] += 1
                return 0
            code = self._rest[sensor, index] = len(self.of)
            self.of.append((sensor, index))
            if 0 < index < _TABLE - 1:
                self._table[sensor * _TABLE + index] = code
        return code

    def views(self, into: Codes, out: Codes, metered: NDArray[np.uint8], now: int) -> tuple[Codes, Codes]:
        """(interface that it counts for as ingress, as egress) [n] each, 0 = for none.

        A flow that is looked at on its way in also tells what leaves by the other interface, unless that is looked at itself.
        """
        leaving = metered == 1
        entering = ~leaving
        self._looked[0][into[entering]] = now
        if leaving.any():
            self._looked[1][out[leaving]] = now
        since = now - WINDOW
        itself = self._looked > since
        return (
            np.where(entering | ~itself[0][into], into, np.uint16(0)),
            np.where(leaving | ~itself[1][out], out, np.uint16(0)),
        )
