"""The first bytes of sampled packets, all at once: Ethernet, VLANs, IPv4, IPv6, TCP, UDP, ICMP as columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH = 192  # bytes of a header that are looked at: two VLANs, IPv6 with extensions and TCP fit
ETHERNET, IPV4, IPV6 = 1, 11, 12  # what a sampled header begins with
HEADER = np.dtype(
    [("source_mac", "u8"), ("destination_mac", "u8"), ("vlan", "u2"), ("ethertype", "u2"), ("family", "u1"), ("tos", "u1"),
     ("protocol", "u1"), ("flags", "u1"), ("source_port", "u2"), ("destination_port", "u2"), ("ip_length", "u4"),
     ("fragment", "u2"), ("source4", "u4"), ("destination4", "u4"), ("source6", "u8", 2), ("destination6", "u8", 2)]
)  # fmt: skip
_TAGS = (0x8100, 0x88A8, 0x9100)
_EXTENSIONS = (0, 43, 60)


def headers(packets: list[bytes], kinds: list[int]) -> NDArray[Any]:
    """HEADER [n]. `kinds`: what each packet begins with. What does not fit into the bytes that are there is zero."""
    count = len(packets)
    found = np.zeros(count, HEADER)
    if not count:
        return found
    raw = b"".join([packet[:WIDTH].ljust(WIDTH, b"\0") for packet in packets])
    cells = _Cells(np.frombuffer(raw, np.uint8).reshape(count, WIDTH), np.fromiter(map(len, packets), np.int64, count))
    kind = np.array(kinds, np.int64)
    at = np.where(kind == ETHERNET, 14, 0)
    _ethernet(cells, found, kind == ETHERNET, at)
    found["ethertype"] = np.where(kind == IPV4, 0x0800, np.where(kind == IPV6, 0x86DD, found["ethertype"]))
    first = cells.number(at, 1) >> 4
    four, six = (found["ethertype"] == 0x0800) & (first == 4), (found["ethertype"] == 0x86DD) & (first == 6)
    found["family"] = np.where(four, 4, np.where(six, 6, 0))
    behind = np.where(four, at + 4 * (cells.number(at, 1) & 15), at + 40)
    _network(cells, found, at, four, six)
    _transport(cells, found, behind)
    return found


class _Cells:
    """Numbers anywhere in a matrix of bytes; zero where they do not lie within a row's length."""

    def __init__(self, cells: NDArray[np.uint8], sizes: NDArray[np.int64]) -> None:
        self.cells = cells
        self.sizes = np.minimum(sizes, cells.shape[1])
        self.rows = np.arange(len(cells))

    def number(self, at: NDArray[np.int64], width: int) -> NDArray[np.int64]:
        """Big-endian, of up to 8 bytes."""
        value = np.zeros(len(self.rows), np.int64)
        start = np.clip(at, 0, self.cells.shape[1] - width)
        for step in range(width):
            value = value << 8 | self.cells[self.rows, start + step]
        return np.where((at >= 0) & (at + width <= self.sizes), value, 0)


def _ethernet(cells: _Cells, found: NDArray[Any], ethernet: NDArray[np.bool_], at: NDArray[np.int64]) -> None:
    """Addresses, VLAN of the outer tag, type; moves `at` behind the tags."""
    zero = np.zeros(len(at), np.int64)
    found["destination_mac"] = np.where(ethernet, cells.number(zero, 6), 0)
    found["source_mac"] = np.where(ethernet, cells.number(zero + 6, 6), 0)
    kind = np.where(ethernet, cells.number(at - 2, 2), 0)
    vlan = np.zeros(len(at), np.int64)
    for _ in range(3):
        tagged = np.isin(kind, _TAGS)
        if not tagged.any():
            break
        vlan = np.where(tagged & (vlan == 0), cells.number(at, 2) & 0xFFF, vlan)
        kind = np.where(tagged, cells.number(at + 2, 2), kind)
        at += np.where(tagged, 4, 0)
    found["vlan"], found["ethertype"] = vlan, kind


def _network(cells: _Cells, found: NDArray[Any], at: NDArray[np.int64], four: NDArray[np.bool_], six: NDArray[np.bool_]) -> None:
    word = cells.number(at, 4)
    found["tos"] = np.where(four, word >> 16 & 0xFF, np.where(six, word >> 20 & 0xFF, 0))
    found["ip_length"] = np.where(four, word & 0xFFFF, np.where(six, cells.number(at + 4, 2) + 40, 0))
    found["fragment"] = np.where(four, cells.number(at + 6, 2) & 0x1FFF, 0)
    found["protocol"] = np.where(four, cells.number(at + 9, 1), np.where(six, cells.number(at + 6, 1), 0))
    found["source4"] = np.where(four, cells.number(at + 12, 4), 0)
    found["destination4"] = np.where(four, cells.number(at + 16, 4), 0)
    for half in (0, 1):
        found["source6"][:, half] = np.where(six, cells.number(at + 8 + 8 * half, 8), 0).view(np.uint64)
        found["destination6"][:, half] = np.where(six, cells.number(at + 24 + 8 * half, 8), 0).view(np.uint64)


def _transport(cells: _Cells, found: NDArray[Any], at: NDArray[np.int64]) -> None:
    kind, six = found["protocol"].astype(np.int64), found["family"] == 6
    for _ in range(4):
        extended = six & np.isin(kind, _EXTENSIONS)
        part = six & (kind == 44)
        if not (extended | part).any():
            break
        found["fragment"] = np.where(part, cells.number(at + 2, 2) >> 3, found["fragment"])
        step = np.where(extended, 8 + 8 * cells.number(at + 1, 1), 8)
        kind = np.where(extended | part, cells.number(at, 1), kind)
        at = at + np.where(extended | part, step, 0)
    found["protocol"] = kind
    first = found["fragment"] == 0
    ported = first & np.isin(kind, (6, 17, 132)) & (found["family"] != 0)
    found["source_port"] = np.where(ported, cells.number(at, 2), 0)
    found["destination_port"] = np.where(ported, cells.number(at + 2, 2), 0)
    found["flags"] = np.where(ported & (kind == 6), cells.number(at + 13, 1), 0)
