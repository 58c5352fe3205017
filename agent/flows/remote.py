"""Which end of a flow is remote, whose network that is, and what may be said of it: a /24, a /48 or an AS, never an address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.flows.cloud import Clouds
from agent.flows.grouping import Keys
from agent.flows.prefixes import Labels, Prefixes

# What is nobody's on the Internet, so never remote: whatever a customer says is inside.
NOWHERE = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32", "::1/128", "fe80::/10", "ff00::/8")
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
INSIDE = 1_000  # label; smaller ones are codes of providers
_AS, _SIX = 1 << 33, 1 << 50  # kinds of a remote's key, above its number; without them an IPv4 /24, plus one
Sides = tuple[NDArray[np.uint32], NDArray[np.uint32]]


class Ends(NamedTuple):
    """Both ends of flows: IPv4 addresses [n], IPv6 addresses [n, 2], or both and which rows are IPv6; AS numbers if told."""

    four: tuple[NDArray[np.uint32], NDArray[np.uint32]] | None
    six: tuple[NDArray[np.uint64], NDArray[np.uint64]] | None
    wide: NDArray[np.bool_] | None = None
    numbers: Sides | None = None


class Remote(NamedTuple):
    """For each flow [n]: whether it comes from outside, its provider's code, and the key of its remote end (0: none)."""

    inbound: NDArray[np.bool_]
    provider: Labels
    key: Keys


class Networks:
    """Providers and AS numbers, with the inside of one customer."""

    def __init__(self, clouds: Clouds, inside: Iterable[str] = ()) -> None:
        """`inside` in CIDR; nothing: the private networks."""
        self.providers = ["", *clouds.providers]
        rows = [(ip_network(text), code) for code, one in enumerate(clouds.providers.values(), 1) for text in one.networks]
        own = [ip_network(text, strict=False) for text in (*NOWHERE, *(tuple(inside) or PRIVATE))]
        self._prefixes = Prefixes([*rows, *((network, INSIDE) for network in own)])
        numbers = {n: code for code, one in enumerate(clouds.providers.values(), 1) for n in one.numbers}
        self._numbers = np.array(sorted(numbers), np.uint32)
        self._of_number = np.array([numbers[n] for n in self._numbers.tolist()], np.uint16)

    def labels(self, ends: Ends, side: int) -> Labels:
        """The label of an end's network [n]: a provider's code, INSIDE, or 0."""
        found: Labels | None = self._prefixes.four(ends.four[side]) if ends.four is not None else None
        if ends.six is None:
            return found if found is not None else np.zeros(0, np.uint16)
        if found is None:
            return self._prefixes.six(ends.six[side])
        wide = np.flatnonzero(ends.wide) if ends.wide is not None else np.zeros(0, np.int64)
        found[wide] = self._prefixes.six(ends.six[side][wide])
        return found

    def remote(self, ends: Ends, there: NDArray[np.bool_]) -> Remote:
        """The remote end; `there`: flows whose service is at the destination, which decides where both ends are outside."""
        source, destination = self.labels(ends, 0), self.labels(ends, 1)
        out, into = source == INSIDE, destination == INSIDE
        far = out | (~into & there)  # the remote end is the destination
        both = np.flatnonzero(~out & ~into)
        if len(both):  # neither is inside: the one that a provider has is remote, else the one with the service
            known = (source[both] > 0) != (destination[both] > 0)
            far[both] = np.where(known, destination[both] > 0, far[both])
        label = np.where(far, destination, source)
        local = out & into
        key = self._keys(ends, far)
        if ends.numbers is not None:
            label, key = self._by_number(ends.numbers, far, label, key)
        if local.any():
            key[local] = 0
            label[local] = 0
        return Remote(~far, label, key)

    def _keys(self, ends: Ends, far: NDArray[np.bool_]) -> Keys:
        if ends.four is not None:
            near = np.where(far, ends.four[1], ends.four[0])
            key = ((near >> np.uint32(8)) + np.uint32(1)).astype(np.uint64)
            if ends.six is None or ends.wide is None:
                return key
            rows = np.flatnonzero(ends.wide)
            key[rows] = _wide(ends.six, far)[rows]
            return key
        return _wide(ends.six, far) if ends.six is not None else np.zeros(len(far), np.uint64)

    def _by_number(self, numbers: Sides, far: NDArray[np.bool_], label: Labels, key: Keys) -> tuple[Labels, Keys]:
        number = np.where(far, numbers[1], numbers[0]).astype(np.uint32)
        told = np.flatnonzero((number > 0) & (number < 0xFFFF_FFFF) & (label != INSIDE))
        if not len(told):
            return label, key
        known = number[told]
        key[told] = known.astype(np.uint64) + np.uint64(_AS)
        if len(self._numbers):
            place = np.minimum(np.searchsorted(self._numbers, known), len(self._numbers) - 1)
            by_number = np.where(self._numbers[place] == known, self._of_number[place], 0).astype(np.uint16)
            label[told] = np.where(label[told] == 0, by_number, label[told])
        return label, key


def _wide(six: tuple[NDArray[np.uint64], NDArray[np.uint64]], far: NDArray[np.bool_]) -> Keys:
    near = np.where(far, six[1][:, 0], six[0][:, 0])
    return (near >> np.uint64(16)) + np.uint64(_SIX)


@lru_cache(1 << 16)
def words(key: int) -> str:
    """What a key says: a network in CIDR or "AS64500"; "" for none, "other" for 1 << 63."""
    if key == OTHER:
        return "other"
    if key >= _SIX:
        return f"{IPv6Address((key - _SIX) << 80)}/48"
    if key >= _AS:
        return f"AS{key - _AS}"
    return f"{IPv4Address((key - 1) << 8)}/24" if key else ""


OTHER = (1 << 51) - 1 + (1 << 51)


def inside_of(sensors: Mapping[int, tuple[str, ...]]) -> dict[tuple[str, ...], list[int]]:
    """Sensors by what they have inside: one table serves all with the same."""
    found: dict[tuple[str, ...], list[int]] = {}
    for number, inside in sensors.items():
        found.setdefault(inside, []).append(number)
    return found
