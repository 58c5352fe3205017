"""Rows of flows made ready: (element, interface, direction, application, provider, remote) -> id, a whole batch at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from storage import flows
from storage.times import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from protocols.uplink.kinds import Flows
    from storage.database import Connection
    from storage.flows import FlowKey
    from storage.kept import Kept, Write
    from storage.series import SensorRow

# A key is exact, never a hash: 20 bits of interface, 1 of direction, 20 of application with provider, 23 of remote network.
INTERFACES_MAX = CLASSES_MAX = 1 << 20
REMOTES_MAX = 1 << 23


async def prepare(con: Connection, kept: Kept) -> Write:
    """Ids of the keys, made where they are new, and room for the days."""
    known: FlowMap = kept.memory.setdefault("flows", FlowMap(kept.tenant_id))
    part: Flows = kept.part
    ids = await known.map(con, part, kept.sensors)
    await flows.ensure_days(con, np.unique(part.ts // DAY_US).tolist())

    async def write(con: Connection) -> None:
        await flows.copy(con, kept.tenant_id, ids, part)

    return write


class FlowMap:
    """The keys of the flows of one agent, kept in memory between its batches."""

    def __init__(self, tenant_id: int) -> None:
        self.tenant_id = tenant_id
        self._lock = asyncio.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered."""
        self._interfaces: dict[tuple[int, str], int] = {}
        self._classes: dict[tuple[str, str], int] = {}
        self._remotes: dict[str, int] = {}
        self._keys = np.empty(0, np.uint64)
        self._ids = np.empty(0, np.int64)

    async def map(self, con: Connection, part: Flows, sensors: Mapping[int, SensorRow]) -> NDArray[np.int64]:
        """The id of each row, shape [n]. Every sensor is one of `sensors`."""
        async with self._lock:
            keys = self._keys_of(part)
            at, known = self._look_up(keys)
            if not known.all():
                new, first = np.unique(keys[~known], return_index=True)
                rows = np.flatnonzero(~known)[first]
                made = await flows.ensure_keys(con, self.tenant_id, [_key(part, sensors, row) for row in rows.tolist()])
                self._add(new, made)
                at, _ = self._look_up(keys)
            return self._ids[at]

    def _keys_of(self, part: Flows) -> NDArray[np.uint64]:
        n = len(part.ts)
        sizes = ((self._interfaces, INTERFACES_MAX), (self._classes, CLASSES_MAX), (self._remotes, REMOTES_MAX))
        if any(len(known) + n > most for known, most in sizes):
            self.forget()
        interface = part.sensor.astype(np.uint64) << np.uint64(32) | part.name.astype(np.uint64)
        pairs, back = np.unique(interface, return_inverse=True)
        names = [(pair >> 32, part.names[pair & 0xFFFF_FFFF]) for pair in pairs.tolist()]
        port = np.array([self._interfaces.setdefault(name, len(self._interfaces)) for name in names], np.uint64)[back]
        both, back = np.unique(part.application.astype(np.uint32) << 16 | part.provider, return_inverse=True)
        classes = [(part.applications[each >> 16], part.providers[each & 0xFFFF]) for each in both.tolist()]
        kind = np.array([self._classes.setdefault(each, len(self._classes)) for each in classes], np.uint64)[back]
        used, back = np.unique(part.remote, return_inverse=True)
        remotes = [part.remotes[each] for each in used.tolist()]
        remote = np.array([self._remotes.setdefault(each, len(self._remotes)) for each in remotes], np.uint64)[back]
        way = (part.direction != 0).astype(np.uint64)
        keys: NDArray[np.uint64] = port << np.uint64(44) | way << np.uint64(43) | kind << np.uint64(23) | remote
        return keys

    def _look_up(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Position of each key among the known ones, and whether it is there."""
        if not len(self._keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return at, self._keys[at] == keys

    def _add(self, keys: NDArray[np.uint64], ids: list[int]) -> None:
        every = np.concatenate([self._keys, keys])
        order = np.argsort(every)
        self._keys = every[order]
        self._ids = np.concatenate([self._ids, np.array(ids, np.int64)])[order]


def _key(part: Flows, sensors: Mapping[int, SensorRow], row: int) -> FlowKey:
    """What one row is about; an interface that is an element of its own stands for itself."""
    sensor = sensors[int(part.sensor[row])]
    name = part.names[int(part.name[row])] or f"if{part.interface[row]}"
    element, interface = (sensor.ports[name][0], "") if name in sensor.ports else (sensor.element_id, name)
    return flows.FlowKey(
        element,
        interface,
        int(part.direction[row] != 0),
        part.applications[int(part.application[row])],
        part.providers[int(part.provider[row])],
        part.remotes[int(part.remote[row])],
    )
