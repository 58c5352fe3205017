"""Which network an address belongs to: the longest of many prefixes, for columns of addresses at once."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import numpy as np
from numpy.typing import NDArray

Network = IPv4Network | IPv6Network
Labels = NDArray[np.uint16]
LARGEST = 0xFFFE  # label; the one above says that the front table does not know
_ASK = 0xFFFF


class Prefixes:
    """Labels of networks; 0 = in none. IPv4 by a table of the first 16 bits, then intervals; IPv6 by intervals of either half."""

    def __init__(self, networks: Iterable[tuple[Network, int]]) -> None:
        """`networks` with their labels, 1 to LARGEST; of the same network twice the later label counts."""
        found = dict(networks)
        if any(not 0 < label <= LARGEST for label in found.values()):
            raise ValueError("a label is a number from 1 to 65534")
        four = [(int(n.network_address), n.prefixlen, label) for n, label in found.items() if n.version == 4]
        six = [(int(n.network_address), n.prefixlen, label) for n, label in found.items() if n.version == 6]
        self._starts4, self._labels4 = _intervals(four, 32, np.uint32)
        self._front = _front(self._starts4, self._labels4)
        self._starts6, self._labels6 = _intervals(
            [(at >> 64, size, label) for at, size, label in six if size <= 64], 64, np.uint64
        )
        self._long: dict[int, tuple[NDArray[Any], Labels]] = {}
        self._lengthen([row for row in six if row[1] > 64])

    def _lengthen(self, rows: list[tuple[int, int, int]]) -> None:
        """The second table of IPv6: networks within one /64."""
        halves: dict[int, list[tuple[int, int, int]]] = {}
        for at, size, label in rows:
            halves.setdefault(at >> 64, []).append((at & 0xFFFF_FFFF_FFFF_FFFF, size - 64, label))
        for high, lows in halves.items():
            around = int(self._search(self._starts6, self._labels6, np.array([high], np.uint64))[0])
            self._long[high] = _intervals([(0, 0, around), *lows], 64, np.uint64)
        self._highs = np.array(sorted(self._long), np.uint64)

    @staticmethod
    def _search(starts: NDArray[Any], labels: Labels, addresses: NDArray[Any]) -> Labels:
        return np.asarray(labels[np.searchsorted(starts, addresses, "right") - 1])

    def four(self, addresses: NDArray[np.uint32]) -> Labels:
        """The labels [n] of IPv4 addresses [n]."""
        found: Labels = self._front[addresses >> np.uint32(16)]
        ask = np.flatnonzero(found == _ASK)
        if len(ask):
            found[ask] = self._search(self._starts4, self._labels4, addresses[ask])
        return found

    def six(self, addresses: NDArray[np.uint64]) -> Labels:
        """The labels [n] of IPv6 addresses [n, 2], the high half first."""
        high = addresses[:, 0]
        found = self._search(self._starts6, self._labels6, high)
        for half in self._highs[np.isin(self._highs, high)].tolist() if len(self._highs) else ():
            rows = np.flatnonzero(high == half)
            found[rows] = self._search(*self._long[half], addresses[rows, 1])
        return found


def _intervals(rows: list[tuple[int, int, int]], bits: int, kind: Any) -> tuple[NDArray[Any], Labels]:
    """(starts, labels) of intervals that cover everything, of (address, prefix length, label)."""
    starts, labels, inside = [0], [0], [(1 << bits, 0)]

    def begin(at: int, label: int) -> None:
        if at >= 1 << bits:
            return
        if starts[-1] == at:
            labels[-1] = label
        elif labels[-1] != label:
            starts.append(at)
            labels.append(label)

    for at, size, label in sorted(rows):
        while inside[-1][0] <= at:
            end, _ = inside.pop()
            begin(end, inside[-1][1])
        inside.append((at + (1 << (bits - size)), label))
        begin(at, label)
    while len(inside) > 1:
        end, _ = inside.pop()
        begin(end, inside[-1][1])
    return np.array(starts, kind), np.array(labels, np.uint16)


def _front(starts: NDArray[Any], labels: Labels) -> Labels:
    edges = np.arange(1 << 16, dtype=np.uint32) << np.uint32(16)
    low = np.searchsorted(starts, edges, "right") - 1
    high = np.searchsorted(starts, edges + np.uint32(0xFFFF), "right") - 1
    return np.where(low == high, labels[low], _ASK).astype(np.uint16)
