"""One SNMP sensor over time: what its device has, and the last reading of each counter."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from agent import access, discovery, interfaces, profiles, readings, steady
from agent.bank import Bank
from agent.batcher import Row
from agent.device import UPTIME, Device, Part
from agent.profiles import Entry
from agent.rates import Rates, elapsed
from agent.readings import Said, Stamp
from agent.steady import Flight, Past, Steady
from agent.udp import Exchange, NoAnswer, resolve
from protocols.errors import ConfigError
from protocols.snmp import message
from protocols.snmp.message import VarBind
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Profile, Snmp, Target

DISCOVERY = 900.0  # seconds between two looks at what a device has
YOUNG = 300.0  # seconds: a device up for less is still finding its parts,
YOUNG_DISCOVERY = 60.0  # seconds: so look again sooner
_PATIENCE = 6  # doublings of the polls between two attempts to go by rote


def phase(number: int) -> float:
    """Where in its interval a sensor is polled, 0 to 1: spread evenly, and the same after a restart."""
    return int.from_bytes(hashlib.blake2b(number.to_bytes(4, "big"), digest_size=4).digest(), "big") / (1 << 32)


class Poller:
    """See above. With a `bank`, a device that answers as before becomes steady: then it is polled by rounds.py."""

    def __init__(
        self, exchange: Exchange, target: Target, sensor: Snmp, known: dict[str, Profile], bank: Bank | None = None
    ) -> None:
        self.exchange = exchange
        self.target = target
        self.sensor = sensor
        self.known = known
        self.device: Device | None = None
        self.entries: list[Entry] = []
        self.rates = Rates()
        self._polls = 0
        self._discovered = -DISCOVERY  # seconds of the loop's clock
        self._stale = True
        self._patience = sensor.interval  # seconds before a device that seems changed is looked at again
        self._lost = False
        self._young = False
        self._only_every_poll = False
        self._last: Part | None = None
        self.bank = bank
        self.steady: dict[int, Steady] = {}  # by how many polls lie between two of them
        self.trusted = False  # whether going by rote was found right since the last discovery
        self.flight: Flight | None = None  # what to ask by rote, if that is the same each time
        self._missed = 0  # times in a row that going by rote did not work
        self._by_rote_from = 0  # the poll before which it is not tried again
        self.due = 0.0  # when it is polled next, seconds of the loop's clock

    async def poll(self, ts: int) -> list[Row]:
        """The rows of one careful poll that begins at `ts` (µs since the epoch); the first one is `reachable`."""
        try:
            device = await self.connect()
            if not self.entries and self._stale:
                await self.discover(device)
            due = self._due()
            parts = await device.gather(list(due.values()) or [[]])
        except NoAnswer as error:
            self.exchange.counters[f"snmp.failed.{error.reason}"] += 1
            self._lost = True
            self.flight = None
            return [Row(self.sensor.number, "reachable", "", ts, 0.0, 0.0, REASON_CODE[error.reason])]
        return self.take(parts, ts)

    def _due(self) -> dict[int, list[bytes]]:
        """What is to be asked now, by how many polls lie between."""
        due: dict[int, dict[bytes, None]] = {}
        for entry in self.entries:
            if self._polls % entry.every == 0:
                due.setdefault(entry.every, {}).update(dict.fromkeys(entry.oids))
        return {every: list(names) for every, names in due.items()}

    def take(self, parts: list[Part], ts: int) -> list[Row]:
        """The rows of a poll that brought `parts`, and what follows from it."""
        groups = list(self._due()) or [1]
        self.leave(groups)
        due = [entry for entry in self.entries if entry.every in groups]
        rows = self._rows(due, parts, ts)
        self._polls += 1
        if not self._stale and self._polls > self._by_rote_from:
            self._settle(groups, due, parts)
        return rows

    def _settle(self, groups: Sequence[int], due: Sequence[Entry], parts: Sequence[Part]) -> None:
        if self.bank is None or self.device is None:
            return
        who, past = (self.sensor.number, self.device.address), Past(self.rates, self.sensor.interval)
        for k, every in enumerate(groups):
            entries = [entry for entry in due if entry.every == every]
            found = steady.settle(self.bank, who, entries, [part for part in parts if part.group == k], past)
            if found is not None:
                found.proven = self.trusted
                self.steady[every] = found

    def by_rote(self) -> Flight | None:
        """What to ask by rote now; None if something needs care."""
        if self._stale or self._lost or not self.steady or self.device is None:
            return None
        due = self._due()
        found = [self.steady[every] for every in due if every in self.steady]
        flight = Flight(self, self.device.session, found) if found and len(found) == len(due) else None
        self.flight = flight if self._only_every_poll else None
        return flight

    def trust(self) -> None:
        """Going by rote was found to bring what care brings."""
        self.trusted = True
        for one in self.steady.values():
            one.proven = True
        self.flight = None

    def answered(self, uptime: int) -> None:
        """A poll by rote went well."""
        self._polls += 1
        self._missed = 0
        self._young = uptime < YOUNG * 100

    def missed(self) -> None:
        """A poll by rote did not work: try again later, and later still."""
        self._missed = min(self._missed + 1, _PATIENCE)
        self._by_rote_from = self._polls + (1 << self._missed) - 2

    def distrust(self) -> None:
        """Go by rote no more, until the device is discovered anew."""
        self.exchange.counters["snmp.rote.differs"] += 1
        self.leave(list(self.steady))
        self._by_rote_from = 1 << 62

    def leave(self, groups: Sequence[int]) -> None:
        """Go by rote no longer."""
        self.flight = None
        for every in groups:
            if self.bank is not None and (old := self.steady.pop(every, None)):
                steady.leave(self.bank, old, self.rates)

    def odd_rows(self, one: Steady, said: Said, ts: int) -> list[Row]:
        """The rows of what is not read by numbers."""
        return readings.rows(one.odd, said, self.rates, Stamp(self.sensor.number, ts, self.sensor.interval))

    async def connect(self) -> Device:
        """The device, with what was learnt about it; after a failure its name is looked up again."""
        if self.device is None or self._lost:
            address = await resolve(self.target.address, self.sensor.port)
            if self.device is None:
                waits = (self.sensor.timeout, self.sensor.retries)
                try:
                    self.device = Device(self.exchange, address, access.of_sensor(self.sensor), waits, self.sensor.varbinds)
                except ConfigError as error:
                    raise NoAnswer("authentication", str(error)) from None
            self.device.address = address
            self._lost = False
        return self.device

    def _rows(self, due: list[Entry], parts: list[Part], ts: int) -> list[Row]:
        said = {name: (bind, part.mark) for part in parts for name, bind in part.values.items()}
        said[UPTIME] = (VarBind(UPTIME, message.TIME_TICKS, parts[0].mark.uptime), parts[0].mark)
        restarted = self._last is not None and self._last.mark.uptime >= 0 and elapsed(self._last.mark, parts[0].mark) is None
        self._last = parts[0]
        self._young = 0 <= parts[0].mark.uptime < YOUNG * 100
        self._stale |= restarted or any(readings.changed(entry, said) or readings.gone(entry, said) for entry in due)
        if not self._stale:
            self._patience = self.sensor.interval
        stamp = Stamp(self.sensor.number, ts, self.sensor.interval)
        return [
            Row(stamp.sensor, "reachable", "", ts, 1.0, 0.0),
            Row(stamp.sensor, "rtt", "", ts, parts[0].rtt, 0.0),
            *readings.rows(due, said, self.rates, stamp),
        ]

    def curious(self, now: float) -> bool:
        """Whether to look again at what the device has, because that is due or something there changed."""
        enough = self._patience if self._stale else YOUNG_DISCOVERY if self._young else DISCOVERY
        return self.device is not None and now - self._discovered >= enough

    async def rediscover(self, now: float) -> None:
        """Look again, if `curious`. What cannot be seen now, stays."""
        if self.device and self.curious(now):
            if self._stale:  # a device may for ever deny in a Get what it shows in a walk
                self._patience = min(2 * self._patience, DISCOVERY)
            try:
                await self.discover(self.device)
            except NoAnswer as error:
                self.exchange.counters[f"snmp.discovery.{error.reason}"] += 1
                self._discovered = now  # not before another interval

    async def discover(self, device: Device) -> None:
        """Find the entries that the profiles want and the device has. Raises NoAnswer; then the old ones stay."""
        device.forget()
        wanted = profiles.chosen(self.sensor.profiles, self.known, await discovery.object_id(device))
        found = await discovery.entries(device, wanted, self.entries)
        self.leave(list(self.steady))
        self.entries = found
        interfaces.known.learn(self.target.address, interfaces.named(found))
        self.trusted = False
        self._only_every_poll = all(entry.every == 1 for entry in found)
        self.rates.keep({(entry.instance, cell.oid) for entry in self.entries for cell in entry.cells})
        self._discovered = asyncio.get_running_loop().time()
        self._stale = False
        self._by_rote_from = min(self._by_rote_from, self._polls + 1)
