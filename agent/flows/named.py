"""Which remotes keep their name while a minute is added up: a few, those with the largest share of some interface's octets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agent.flows.grouping import Ints, Keys, grouped
from agent.flows.remote import OTHER

SLOTS = 128
SAMPLE = 1 << 14  # flows of one part that are looked at for new remotes
_SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)
_TABLE = 16  # bits
Slots = NDArray[np.uint16]


class Named:
    """Slots of remotes: 0 is all others, 1 is none at all (both ends inside)."""

    def __init__(self) -> None:
        self.keys = np.zeros(SLOTS, np.uint64)
        self.keys[0] = OTHER
        self._table = np.zeros(1 << _TABLE, np.uint16)
        self._table[0], self._used = 1, 2  # the key 0 is at place 0

    def slots(self, remote: Keys, interface: NDArray[np.uint16], octets: Ints) -> Slots:
        """The slots [n] of remotes; newcomers get one while there are any."""
        found = self._look_up(remote)
        if self._used < SLOTS:
            stranger = np.flatnonzero(found == 0)
            if len(stranger) and self._admit(remote, interface, octets, stranger):
                found[stranger] = self._look_up(remote[stranger])
        return found

    def _look_up(self, remote: Keys) -> Slots:
        found: Slots = self._table[remote * _SPREAD >> np.uint64(64 - _TABLE)]
        found[self.keys[found] != remote] = 0
        return found

    def _admit(self, remote: Keys, interface: NDArray[np.uint16], octets: Ints, stranger: Ints) -> bool:
        """Give slots to the most important of those that have none; of many only to some, so that later ones find room."""
        step = -(-len(remote) // SAMPLE)
        whole = np.bincount(interface[::step], octets[::step] + 1.0, int(interface.max()) + 1)
        some = stranger[:: -(-len(stranger) // SAMPLE)]
        share = (octets[some] + 1.0) / np.maximum(whole[interface[some]], 1.0)
        groups = grouped(remote[some], int(remote[some].max()).bit_length())
        keys, shares = groups.first(remote[some]), groups.sums(share)
        free = SLOTS - self._used
        if len(keys) > free:
            free = -(-free // 2)
            keys = keys[np.argpartition(shares, len(shares) - free)[-free:]]
        places = (keys * _SPREAD >> np.uint64(64 - _TABLE)).tolist()
        for key, place in zip(keys.tolist(), places, strict=True):
            if not self._table[place]:
                self.keys[self._used] = key
                self._table[place] = self._used
                self._used += 1
        return True
