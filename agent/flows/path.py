"""The way of flows through the agent: datagrams -> records -> who and what -> sums of minutes -> rows of a batch.

    path = Path(watched, clouds, counters)
    path.take([("192.0.2.1", payload), …], now)     # now: µs since 1970; some 0.25 to 1 s of datagrams, or 2,000
    rows = path.rows(minute)                        # batch.Flows of all minutes before `minute`, or None

counters: those of the decoders with "flow." before them, and flow.{sender_unknown, clock_off, time_off, told, told_refused,
too_many_interfaces}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.flows import minutes, table
from agent.flows.aggregate import Aggregate, Part, Rows
from agent.flows.classify import Applications, shipped
from agent.flows.cloud import Clouds
from agent.flows.interfaces import Interfaces
from agent.flows.remote import Networks, words
from agent.flows.table import Flows
from agent.flows.told import Told
from protocols.netflow.columns import addresses
from protocols.netflow.decoder import Decoded, Decoder
from protocols.netflow.facts import boots
from protocols.netflow.records import Records
from protocols.netflow.times import spans
from protocols.sflow import columns as samples
from protocols.uplink import batch
from protocols.wire import text

KNOWN = 4_096  # addresses of senders that are remembered
_SFLOW = b"\0\0"
Datagrams = list[tuple[str, bytes]]
Name = Callable[[str, int], str]  # (target's address, ifIndex) -> ifName, "" = not known


class Watched(NamedTuple):
    """A sensor of flows: who sends to it (CIDR), 1 in how many packets it samples where it does not say, what is inside."""

    number: int
    senders: tuple[str, ...]
    sampling: int = 0
    inside: tuple[str, ...] = ()
    address: str = ""  # of its target, by which interfaces are named


class Memory(NamedTuple):
    """What outlives a change of the plan."""

    decoder: Decoder
    told: Told


class Path:
    """State over time: templates, what exporters told, sums of minutes that are not over."""

    def __init__(self, watched: Sequence[Watched], clouds: Clouds, counters: Counter[str], memory: Memory | None = None) -> None:
        """`memory` is taken over from an earlier one. Raises ValueError for a network that is none."""
        self.watched = list(watched)
        self.counters = counters
        self.decoder, self.told = memory or Memory(Decoder(), Told(counters))
        self.name: Name = _nameless
        self._samples: Counter[str] = Counter()
        self._networks = {one.inside: Networks(clouds, one.inside) for one in self.watched} or {(): Networks(clouds)}
        self._inside = [list(self._networks).index(one.inside) for one in self.watched]
        self._applications = Applications(shipped(), next(iter(self._networks.values())).providers)
        self._interfaces = Interfaces(len(self.watched), counters)
        self._sums = Aggregate()
        self._senders = sorted(
            ((ip_network(net, strict=False), place) for place, one in enumerate(self.watched) for net in one.senders),
            key=lambda pair: -pair[0].prefixlen,
        )
        self._places: dict[str, int] = {}

    def who(self, address: str) -> int:
        """The place of the sensor that a sender belongs to, by the longest network; -1 = nobody's."""
        place = self._places.get(address)
        if place is None:
            if len(self._places) >= KNOWN:
                self._places.clear()
            place = self._places[address] = self._find(address)
        return place

    def _find(self, address: str) -> int:
        try:
            found = ip_address(address)
        except ValueError:
            return -1
        mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
        return next((place for network, place in self._senders if (mapped or found) in network), -1)

    def take(self, datagrams: Datagrams, now: int) -> None:
        """Count all flows of (sender, payload). Those of unknown senders are counted, not read."""
        places = self._places
        known = [pair for pair in datagrams if places.get(pair[0], -1) >= 0 or self.who(pair[0]) >= 0]
        self.counters["flow.sender_unknown"] += len(datagrams) - len(known)
        sampled = [pair for pair in known if pair[1][:2] == _SFLOW]
        if sampled:
            self._take_samples(sampled, now)
            known = [pair for pair in known if pair[1][:2] != _SFLOW]
        decoded = self.decoder.decode(known, now)
        if decoded.options:
            self.told.take(decoded)
        for records in decoded.flows:
            self._take_records(records, decoded, now)

    def _take_records(self, records: Records, decoded: Decoded, now: int) -> None:
        heads = decoded.heads[records.heads]
        senders = np.array([self.who(name) for name in decoded.exporters], np.int64)
        if self.told.selves:
            domains = {(h[0], h[1]) for h in heads[["exporter", "domain"]].tolist()}
            by_domain = {pair: self._place(decoded.exporters[pair[0]], pair[1], int(senders[pair[0]])) for pair in domains}
            places = np.array([by_domain[h[0], h[1]] for h in heads[["exporter", "domain"]].tolist()], np.int64)
        else:
            places = senders[heads["exporter"]]
        sensor = np.repeat(places, records.counts).astype(np.uint16)
        if not records.layout.keys.isdisjoint(("0.130", "0.131")):
            sensor = self._identified(records, sensor)
        known = boots(records, decoded, self.told.boots) if self.told.boots else None
        skew = np.repeat(heads["exported"] - now, records.counts)
        times = minutes.right(spans(records, decoded.heads, known), skew, now, self.counters)
        rate = self.told.sampling(records, decoded, lambda name: self.watched[self.who(name)].sampling)
        named = self.told.application_codes(records, decoded, self._applications.named)
        for flows in table.of_netflow(records, sensor, times, (rate, named)):
            self._count(flows, now)

    def _place(self, exporter: str, domain: int, place: int) -> int:
        """The sensor of what an exporter says it is, if it is one; else that of its address."""
        said = self.who(self.told.selves.get((exporter, domain), ""))
        return said if said >= 0 else place

    def _identified(self, records: Records, sensor: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """With the sensors of those that records themselves name as exporters (elements 130 and 131)."""
        four, six = addresses(records, "exporter")
        found = sensor.copy()
        if four is not None:
            for value in np.unique(four).tolist() if four.any() else ():
                place = self.who(str(IPv4Address(value))) if value else -1
                if place >= 0:
                    found[four == value] = place
        elif six is not None:
            for high, low in np.unique(six, axis=0).tolist():
                place = self.who(str(IPv6Address(high << 64 | low)))
                if place >= 0:
                    found[(six[:, 0] == high) & (six[:, 1] == low)] = place
        return found

    def _take_samples(self, datagrams: Datagrams, now: int) -> None:
        by_sender: dict[str, Datagrams] = {}
        for pair in datagrams:
            by_sender.setdefault(pair[0], []).append(pair)
        for sender, own in by_sender.items():
            sampled = samples.decode(own, self._samples)
            if len(sampled.flows):
                agents = [self.who(agent) for agent in sampled.exporters]
                places = np.array([place if place >= 0 else self.who(sender) for place in agents], np.uint16)
                self._count(table.of_sflow(sampled, places[sampled.flows["exporter"]], now), now)

    def _count(self, flows: Flows, now: int) -> None:
        """Flows of sensors that may differ in what they have inside."""
        sets = list(self._networks.values())
        if len(sets) == 1:
            self._classify(flows, sets[0], now)
            return
        which = np.array(self._inside)[flows.sensor]
        for number in np.unique(which).tolist():
            self._classify(table.some(flows, which == number), sets[number], now)

    def _classify(self, flows: Flows, networks: Networks, now: int) -> None:
        applications, interfaces = self._applications, self._interfaces
        place, there = applications.service(flows.ports)
        remote = networks.remote(flows.ends, there)
        application = applications.classify(flows.ports, place, remote.provider)
        applications.rtp(flows.ports, application, (flows.octets, flows.packets), flows.end - flows.start)
        if flows.application is not None:
            application = np.where(flows.application > 0, flows.application, application)
        into, out = interfaces.codes(flows.sensor, flows.input), interfaces.codes(flows.sensor, flows.output)
        into, out = interfaces.views(into, out, flows.metered, now)
        neither = np.flatnonzero((flows.input == 0) & (flows.output == 0))
        if len(neither):
            only, inbound = interfaces.unnamed(flows.sensor[neither]), remote.inbound[neither]
            into[neither], out[neither] = np.where(inbound, only, 0), np.where(inbound, 0, only)
        spread = minutes.spread(flows.start, flows.end, flows.octets, flows.packets)
        counted = np.ones(len(spread.minute), np.uint8)
        columns: list[Any] = [into, out, application, remote.provider, remote.key]
        rate = flows.rate
        if len(spread.row):
            counted[len(flows.start) :] = 0
            columns = [np.concatenate([column, column[spread.row]]) for column in columns]
            rate = np.concatenate([rate, rate[spread.row]]) if rate is not None else None
        columns = [spread.minute, *columns, spread.octets, spread.packets, rate, counted]
        self._sums.add(Part(*columns))

    def rows(self, before: int) -> batch.Flows | None:
        """The rows of all minutes before this one (since 1970), and what the decoders counted into `counters`."""
        for name in self.decoder.counters.keys() | self._samples.keys():
            self.counters[f"flow.{name}"] = self.decoder.counters[name] + self._samples[name]
        sums = self.detached()
        rows = self.told_by(sums, before)
        self.give_back(sums)
        return rows

    def detached(self) -> Aggregate:
        """The sums so far; counting goes on in new ones, so that these can be told in another thread."""
        sums, self._sums = self._sums, Aggregate()
        return sums

    def told_by(self, sums: Aggregate, before: int) -> batch.Flows | None:
        """The rows of all minutes before this one in `sums`."""
        rows = sums.take(before)
        return self._batch(rows) if rows is not None else None

    def give_back(self, sums: Aggregate) -> None:
        """Go on with what is left in `sums`."""
        for rows in sums.left():
            self._sums.hold(rows)

    def _batch(self, rows: Rows) -> batch.Flows:
        codes, which = np.unique(rows.interface, return_inverse=True)
        of = [self._interfaces.of[code] for code in codes.tolist()]
        numbers = [self.watched[place].number for place, _ in of]
        names = [self._named(place, index) for place, index in of]
        remotes, remote = np.unique(rows.remote, return_inverse=True)
        providers = next(iter(self._networks.values())).providers
        return batch.Flows(
            sensor=np.array(numbers, np.uint32)[which],
            interface=np.array([index for _, index in of], np.uint32)[which],
            name=which.astype(np.uint32),
            direction=rows.direction,
            application=rows.application,
            provider=rows.provider,
            remote=remote.astype(np.uint32),
            ts=rows.minute * minutes.MINUTE,
            octets=rows.octets,
            packets=rows.packets,
            measured_octets=rows.measured_octets,
            measured_packets=rows.measured_packets,
            flows=rows.flows.astype(np.uint32),
            names=names,
            applications=list(self._applications.names),
            providers=list(providers),
            remotes=[words(key) for key in remotes.tolist()],
        )

    def _named(self, place: int, index: int) -> str:
        """The name of an interface: as SNMP has it, as its exporter says, else "if" and its number."""
        name = self.name(self.watched[place].address, index)
        if not name:
            said = self.told.interfaces.items()
            name = next((name for (who, at), name in said if at == index and self.who(who) == place), "")
        return text((name or f"if{index}").encode(), 120)


def _nameless(address: str, index: int) -> str:
    del address, index
    return ""
