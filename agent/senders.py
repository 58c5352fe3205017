"""Whose datagram this is: the sensors that hear a sender, by the target's address or by the networks of the sensor."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from agent.udp import NoAnswer, resolve
from protocols.uplink.listeners import Flow, Radius, Syslog, Trap
from protocols.uplink.plan import Target

Listener = TypeVar("Listener", Flow, Trap, Syslog, Radius)
MOST_REMEMBERED = 65_536  # addresses


class Owner(NamedTuple, Generic[Listener]):
    """A sensor and its target."""

    target: Target
    sensor: Listener


class Senders(Generic[Listener]):
    """All sensors of one kind; `find` is a look-up for whoever sent before."""

    def __init__(self, known: list[tuple[int, int, int, Owner[Listener]]]) -> None:
        """`known`: (IP version, first address, bits, owner)."""
        self._tables: dict[tuple[int, int], dict[int, list[Owner[Listener]]]] = {}
        for version, first, bits, owner in known:
            self._tables.setdefault((version, bits), {}).setdefault(first, []).append(owner)
        self._found: dict[str, tuple[Owner[Listener], ...]] = {}

    def find(self, host: str) -> tuple[Owner[Listener], ...]:
        """The sensors whose network holds `host` and is the smallest that does; none for a stranger."""
        found = self._found.get(host)
        if found is None:
            found = self._look_up(host)
            if len(self._found) >= MOST_REMEMBERED:
                self._found.clear()
            self._found[host] = found
        return found

    def _look_up(self, host: str) -> tuple[Owner[Listener], ...]:
        address = ipaddress.ip_address(host.partition("%")[0])
        width, number = address.max_prefixlen, int(address)
        for bits in range(width, -1, -1):
            table = self._tables.get((address.version, bits))
            if table and (owners := table.get(number >> width - bits << width - bits)):
                return tuple(owners)
        return ()


def plain(host: str) -> str:
    """An address as it is written everywhere here: IPv4 also where it came through an IPv6 socket."""
    return host.removeprefix("::ffff:") if host.startswith("::ffff:") and "." in host else host


async def of(targets: Sequence[Target], kind: type[Listener], counters: Counter[str]) -> Senders[Listener]:
    """The senders of the sensors of `kind`; a host name that has no address now is left out and counted."""
    known: list[tuple[int, int, int, Owner[Listener]]] = []
    for target in targets:
        owners = [Owner(target, sensor) for sensor in target.sensors if isinstance(sensor, kind)]
        for owner in owners:
            for given in owner.sensor.senders:
                network = ipaddress.ip_network(given, strict=False)
                known.append((network.version, int(network.network_address), network.prefixlen, owner))
        if not owners:
            continue
        try:
            address = ipaddress.ip_address((await resolve(target.address, 0)).host.partition("%")[0])
        except NoAnswer:
            counters["listener.unknown_name"] += 1
            continue
        known += [(address.version, int(address), address.max_prefixlen, owner) for owner in owners]
    return Senders(known)
