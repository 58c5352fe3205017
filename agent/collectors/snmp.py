"""Polls devices by SNMP v2c (RFC 3416, RFC 1901): each on its own interval, by the profiles of the plan."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence

from agent import profiles, readings
from agent.batcher import Clock, Emit, Row
from agent.device import UPTIME, Device, Part
from agent.profiles import Entry
from agent.rates import Rates, elapsed
from agent.readings import Stamp
from agent.udp import Exchange, NoAnswer, refused, resolve
from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Plan, Profile, Snmp, Table, Target
from protocols.wire import text

DISCOVERY = 900.0  # seconds between two looks at what a device has
YOUNG = 300.0  # seconds: a device up for less is still finding its parts,
YOUNG_DISCOVERY = 60.0  # seconds: so look again sooner
AGAIN = 30.0  # seconds: the latest next try after a failure

_OBJECT_ID = oid.parse("1.3.6.1.2.1.1.2.0")  # sysObjectID
_NAME = oid.parse("1.3.6.1.2.1.1.5.0")  # sysName


async def run(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    """Poll every SNMP sensor of `targets` until cancelled; a device that does not answer delays no other."""
    exchange = Exchange("snmp", message.request_id, counters)
    try:
        async with asyncio.TaskGroup() as group:
            for target in targets:
                for sensor in target.sensors:
                    if isinstance(sensor, Snmp):
                        group.create_task(watch(Poller(exchange, target, sensor, plan.profiles), emit, clock))
    finally:
        exchange.close()


async def watch(poller: Poller, emit: Emit, clock: Clock) -> None:
    """Poll one sensor for ever, on its own grid of times, so that slow answers do not add up."""
    loop = asyncio.get_running_loop()
    interval = poller.sensor.interval
    due = loop.time() + phase(poller.sensor.number) * interval
    while True:
        await asyncio.sleep(due - loop.time())
        rows = await poller.poll(clock())
        emit(rows, interval)
        now = loop.time()
        if rows[0].value == 0:
            due = now + min(interval, AGAIN)
        else:
            await poller.rediscover(now)
            due += interval * max(1, -(-(loop.time() - due) // interval))


def phase(number: int) -> float:
    """Where in its interval a sensor is polled, 0 to 1: spread evenly, and the same after a restart."""
    return int.from_bytes(hashlib.blake2b(number.to_bytes(4, "big"), digest_size=4).digest(), "big") / (1 << 32)


class Poller:
    """One SNMP sensor over time: what its device has, and the last reading of each counter."""

    def __init__(self, exchange: Exchange, target: Target, sensor: Snmp, known: dict[str, Profile]) -> None:
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
        self._last: Part | None = None

    async def poll(self, ts: int) -> list[Row]:
        """The rows of one poll that begins at `ts` (µs since the epoch); the first one is `reachable`."""
        try:
            device = await self.connect()
            if not self.entries and self._stale:
                await self.discover(device)
            due = [entry for entry in self.entries if self._polls % entry.every == 0]
            parts = await device.get(list(dict.fromkeys(name for entry in due for name in entry.oids)))
        except NoAnswer as error:
            self.exchange.counters[f"snmp.failed.{error.reason}"] += 1
            self._lost = True
            return [Row(self.sensor.number, "reachable", "", ts, 0.0, 0.0, REASON_CODE[error.reason])]
        self._polls += 1
        return self._rows(due, parts, ts)

    async def connect(self) -> Device:
        """The device, with what was learnt about it; after a failure its name is looked up again."""
        if self.device is None or self._lost:
            address = await resolve(self.target.address, self.sensor.port)
            if self.device is None:
                waits = (self.sensor.timeout, self.sensor.retries)
                self.device = Device(self.exchange, address, self.sensor.community, waits)
            self.device.address = address
            self._lost = False
        return self.device

    def _rows(self, due: list[Entry], parts: list[Part], ts: int) -> list[Row]:
        said = {name: (bind, part.mark) for part in parts for name, bind in part.values.items()}
        said[UPTIME] = (VarBind(UPTIME, message.TIME_TICKS, parts[0].mark.uptime), parts[0].mark)
        restarted = self._last is not None and elapsed(self._last.mark, parts[0].mark) is None
        self._last = parts[0]
        self._stale |= restarted or any(readings.changed(entry, said) or readings.gone(entry, said) for entry in due)
        if not self._stale:
            self._patience = self.sensor.interval
        stamp = Stamp(self.sensor.number, ts, self.sensor.interval)
        return [
            Row(stamp.sensor, "reachable", "", ts, 1.0, 0.0),
            Row(stamp.sensor, "rtt", "", ts, parts[0].rtt, 0.0),
            *readings.rows(due, said, self.rates, stamp),
        ]

    async def rediscover(self, now: float) -> None:
        """Look again at what the device has, if that is due or something there changed. What cannot be seen now, stays."""
        age = now - self._discovered
        young = self._last is not None and self._last.mark.uptime < YOUNG * 100
        enough = self._patience if self._stale else YOUNG_DISCOVERY if young else DISCOVERY
        if self.device and age >= enough:
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
        (first, *_) = await device.get([_OBJECT_ID])
        identity = first.values.get(_OBJECT_ID)
        object_id = identity.value if identity and isinstance(identity.value, bytes) else None
        entries: list[Entry] = []
        for profile in profiles.chosen(self.sensor.profiles, self.known, object_id):
            answered: dict[bytes, dict[bytes, VarBind]] = {}
            if wanted := profiles.scalar_oids(profile):
                for part in await device.get(wanted):
                    answered.update({name: {b"": bind} for name, bind in part.values.items()})
                    answered[UPTIME] = {b"": VarBind(UPTIME, message.TIME_TICKS, part.mark.uptime)}
            entries += profiles.scalars(profile, answered)
            for table in profile.tables:
                entries += await self._rows_of(device, table, profile.max_repetitions)
        self.entries = entries
        self.rates.keep({(entry.instance, cell.oid) for entry in entries for cell in entry.cells})
        self._discovered = asyncio.get_running_loop().time()
        self._stale = False

    async def _rows_of(self, device: Device, table: Table, repetitions: int) -> list[Entry]:
        """The entries of one table; if the device cannot be walked there, those of the last time."""
        try:
            return profiles.entries(table, await device.walk(profiles.columns(table), repetitions))
        except NoAnswer as error:
            if error.reason != "bad_answer":
                raise
            return [entry for entry in self.entries if entry.table == table.name]


async def check(target: Target, sensor: Snmp, plan: Plan) -> str:
    """What is right or wrong between here and one device, in one plain sentence."""
    exchange = Exchange("snmp", message.request_id, Counter())
    where = f"{target.name} ({target.address}, UDP port {sensor.port})"
    poller = Poller(exchange, target, sensor, plan.profiles)
    try:
        device = await poller.connect()
        (first, *_) = await device.get([_NAME])
        await poller.discover(device)
    except NoAnswer as error:
        listens = poller.device is None or not await refused(poller.device.address)
        return _advice(where, error, listens=listens)
    finally:
        exchange.close()
    name = first.values.get(_NAME)
    called = text(name.value, profiles.NAME_LENGTH) if name and isinstance(name.value, bytes) else ""
    instances = len({(entry.table, entry.instance) for entry in poller.entries})
    return (
        f"{where} answers SNMP in {first.rtt * 1000:.1f} ms as {called or 'a device without a name'}; "
        f"{instances} instances are polled by {', '.join(sensor.profiles) or 'no profile'}."
    )


def _advice(where: str, error: NoAnswer, *, listens: bool) -> str:
    if not listens:
        return f"{where}: the machine is there, but nothing listens on this UDP port: start its SNMP agent or correct the port."
    if error.reason == "timeout":
        return (
            f"{where} gives no answer to SNMP ({error}): check the address, that this UDP port is open from here, "
            "and the community, for a device is silent to a wrong one."
        )
    return f"{where} cannot be polled by SNMP: {error}."
