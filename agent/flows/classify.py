"""What a flow is: by the name its exporter gives, by network and port, by ranked ports, by its shape (RTP), by its protocol."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from protocols.wire import text

CODES = 1_024  # names of applications at most; all others are "more"
TCP, UDP = 6, 17
_UNRANKED = 255
_WORTH = 25  # packets of a flow before its shape says anything
Codes = NDArray[np.uint16]
Transport = Literal["tcp", "udp", "both"]


class Rules(msgspec.Struct, frozen=True):
    """applications.json: (name, transport, first port, last port, rank), the same with providers, protocols, other names."""

    ports: list[tuple[str, Transport, int, int, int]]
    networks: list[tuple[str, Transport, int, int, list[str]]]
    protocols: dict[str, str]
    names: dict[str, str]


@cache
def shipped() -> Rules:
    """The rules that come with the agent."""
    return msgspec.json.decode(Path(__file__).with_name("applications.json").read_bytes(), type=Rules)


class Ports:
    """The ports of many flows, and which of the two is the service: the one that ranks better, else the lower one."""

    def __init__(self, protocol: NDArray[np.uint8], source: NDArray[np.uint16], destination: NDArray[np.uint16]) -> None:
        self.protocol, self.source, self.destination = protocol, source, destination
        self.shift = np.where(protocol == UDP, np.int32(1 << 16), np.int32(0))


class Applications:
    """Names by code, in the order in which they came; code 0 is "", 1 is "more"."""

    def __init__(self, rules: Rules, providers: Sequence[str]) -> None:
        """`providers` by their code, of which 0 is none."""
        self.names = ["", "more"]
        self._codes = {"": 0, "more": 1}
        self._other = rules.names
        self._rank = np.full(1 << 17, _UNRANKED, np.uint8)
        self._port = np.zeros(1 << 17, np.uint16)
        for name, transport, first, last, rank in rules.ports:
            for shift in _shifts(transport):
                better = np.arange(shift + first, shift + last + 1)
                better = better[self._rank[better] > rank]
                self._rank[better], self._port[better] = rank, self.code(name)
        self._protocol = np.zeros(256, np.uint16)
        for number, name in rules.protocols.items():
            self._protocol[int(number)] = self.code(name)
        self._rtp = self.code("rtp")
        self._network = self._by_network(rules, providers)

    def _by_network(self, rules: Rules, providers: Sequence[str]) -> tuple[Codes, Codes]:
        """(rule of a port, 0 is none; codes [rule of the port, provider])."""
        rows: dict[int, dict[int, int]] = {}
        for name, transport, first, last, wanted in rules.networks:
            for shift in _shifts(transport):
                for port in range(shift + first, shift + last + 1):
                    for provider in wanted:
                        if provider in providers:
                            rows.setdefault(port, {}).setdefault(providers.index(provider), self.code(name))
        rule = np.zeros(1 << 17, np.uint16)
        codes = np.zeros((len(rows) + 1, max(len(providers), 1)), np.uint16)
        for place, (port, by_provider) in enumerate(rows.items(), 1):
            rule[port] = place
            for provider_code, code in by_provider.items():
                codes[place, provider_code] = code
        return rule, codes

    def code(self, name: str) -> int:
        """The code of a name; that of "more" when there are too many."""
        found = self._codes.get(name)
        if found is None:
            if len(self.names) >= CODES:
                return 1
            found = self._codes[name] = len(self.names)
            self.names.append(name)
        return found

    def named(self, name: str) -> int:
        """The code of the application that an exporter calls so."""
        plain = text(name.encode(), 40).strip().lower()
        return self.code(self._other.get(plain, plain))

    def service(self, ports: Ports) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """For each flow the place of its service's port in the tables, and whether that is the destination's."""
        source, destination = ports.source + ports.shift, ports.destination + ports.shift
        left, right = self._rank[source], self._rank[destination]
        there = (right < left) | ((right == left) & (destination <= source))
        return np.where(there, destination, source), there

    def classify(self, ports: Ports, place: NDArray[np.int32], provider: NDArray[np.uint16]) -> Codes:
        """Codes [n] by network and port, then by port, then by protocol; 0 where nothing is known."""
        found: Codes = self._port[place]
        rule, codes = self._network
        with_rule = rule[place]
        some = np.flatnonzero(with_rule * (provider > 0))
        if len(some):
            by_network = codes[with_rule[some], provider[some]]
            found[some] = np.where(by_network > 0, by_network, found[some])
        others = np.flatnonzero((ports.protocol != TCP) & (ports.protocol != UDP))
        found[others] = self._protocol[ports.protocol[others]]
        return found

    def rtp(
        self, ports: Ports, found: Codes, volume: tuple[NDArray[np.int64], NDArray[np.int64]], took: NDArray[np.int64]
    ) -> None:
        """Give RTP's code to what looks like it: UDP between two high even ports, small packets, 15 to 150 of them a second.

        `volume`: octets and packets [n]; `took`: µs.
        """
        some = np.flatnonzero((found == 0) & (ports.protocol == UDP) & (volume[1] >= _WORTH))
        if not len(some):
            return
        octets, packets, seconds = volume[0][some], volume[1][some], np.maximum(took[some], 1) / 1e6
        source, destination = ports.source[some], ports.destination[some]
        high = (source >= 1_024) & (destination >= 1_024) & (source % 2 == 0) & (destination % 2 == 0)
        size, pace = octets / packets, packets / seconds
        found[some[high & (size >= 48) & (size <= 400) & (pace >= 15) & (pace <= 150)]] = self._rtp


def _shifts(transport: Transport) -> tuple[int, ...]:
    return {"tcp": (0,), "udp": (1 << 16,), "both": (0, 1 << 16)}[transport]
