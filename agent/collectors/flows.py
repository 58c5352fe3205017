"""Hears NetFlow, IPFIX and sFlow and leaves sums of each minute in the `flows` lane (agent/flows/path.py)."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path as File
from typing import Any

from agent import hearing
from agent.batcher import Clock, Sink
from agent.disk import save
from agent.flows import cloud
from agent.flows.minutes import MINUTE
from agent.flows.path import Memory, Path, Watched
from agent.hearing import Came, Ear
from agent.plans import Run
from agent.senders import plain
from agent.udp import NoAnswer, resolve
from protocols.errors import ConfigError, DecodeError
from protocols.uplink import batch
from protocols.uplink.listeners import Flow
from protocols.uplink.plan import Plan, Target

log = logging.getLogger(__name__)

TEMPLATES = "flow-templates"  # in the state folder
LARGEST = 8 << 20  # bytes of it
FLUSH = 0.5  # s
MANY = 2_000  # datagrams that are read at once
SETTLE = 5_000_000  # µs after a minute before it is told
SOME = 5_000  # rows that are packed at once
KEEP = 300.0  # s between two looks at templates and at the cloud table
Names = Callable[[str, int], str]  # (target's address, ifIndex) -> ifName


class Place:
    """Where to listen, and what a change of the plan leaves as it is. `opened` is told the ports."""

    def __init__(
        self, ports: Sequence[int], state: File | None, names: Names, opened: Callable[[list[int]], object] = str
    ) -> None:
        self.ports, self.state, self.names, self.opened = ports, state, names, opened
        self.memory: Memory | None = None
        self.clouds = b""  # the cloud table's file as it was read


def collector(place: Place) -> Run:
    """The collector at `place`."""
    return partial(_run, place)


async def _run(place: Place, targets: Sequence[Target], plan: Plan, sink: Sink, clock: Clock, counters: Counter[str]) -> None:
    """Hear every flow sensor of `targets` until cancelled. Raises ConfigError: the ports, the cloud table."""
    del plan
    if not place.ports:
        raise ConfigError("flows are not heard: flow_ports is empty in the settings of this agent.")
    path = await _path(place, targets, clock, counters)
    listener = Listener(place, path, sink, clock, counters)
    try:
        await listener.run(targets)
    finally:
        listener.close()


async def watched(targets: Sequence[Target], counters: Counter[str]) -> list[Watched]:
    """The sensors of flows and who sends to them; a name that has no address now is left out and counted."""
    found = []
    for target in targets:
        senders: tuple[str, ...] = ()
        try:
            senders = ((await resolve(target.address, 0)).host,)
        except NoAnswer:
            counters["listener.unknown_name"] += 1
        found += [
            Watched(sensor.number, (*senders, *sensor.senders), sensor.sampling, sensor.inside, target.address)
            for sensor in target.sensors
            if isinstance(sensor, Flow)
        ]
    return found


async def _path(place: Place, targets: Sequence[Target], clock: Clock, counters: Counter[str]) -> Path:
    clouds = cloud.load(place.state)
    try:
        path = Path(await watched(targets, counters), clouds, counters, place.memory)
    except ValueError as error:
        raise ConfigError(f"flows are not heard: {error}.") from None
    path.name = place.names
    if place.memory is None and place.state is not None:
        try:
            path.decoder.restore((place.state / TEMPLATES).read_bytes()[:LARGEST], clock())
        except FileNotFoundError:
            pass
        except (OSError, DecodeError) as error:
            log.warning("the templates of flow exporters are waited for anew: %s", error)
    place.memory = Memory(path.decoder, path.told)
    return path


class Listener:
    """The sockets and what is waiting to be read."""

    def __init__(self, place: Place, path: Path, sink: Sink, clock: Clock, counters: Counter[str]) -> None:
        self._place, self.path, self._sink, self._clock, self._counters = place, path, sink, clock, counters
        self._waiting: list[tuple[str, bytes]] = []
        self._told = 0  # the minute before which all is told
        self._ears: list[Bulk] = []
        try:
            for port in place.ports:
                self._ears.append(Bulk(hearing.bind(max(port, 0), "flows"), self._waiting, self.flush, counters))
        except ConfigError:
            self.close()
            raise
        place.opened([ear.port for ear in self._ears])

    async def run(self, targets: Sequence[Target]) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        keep, table = loop.time() + KEEP, cloud.stamp(self._place.state)
        while True:
            await asyncio.sleep(FLUSH)
            self.flush()
            minute, into = divmod(self._clock(), MINUTE)
            if into >= SETTLE and minute > self._told:
                await self._tell_beside(minute)
            if loop.time() >= keep:
                keep = loop.time() + KEEP
                await asyncio.to_thread(self._keep)
                if (now := cloud.stamp(self._place.state)) != table:
                    self._tell(minute + 1)
                    table, self.path = now, await _path(self._place, targets, self._clock, self._counters)

    def flush(self) -> None:
        """Read what has come."""
        if self._waiting:
            datagrams = self._waiting.copy()
            self._waiting.clear()
            self.path.take(datagrams, self._clock())

    def _tell(self, before: int) -> None:
        self._told = before
        rows = self.path.rows(before)
        if rows is not None:
            self._sink.later("flows", batch.Batch(flows=rows))

    async def _tell_beside(self, before: int) -> None:
        """As `_tell`, in a thread: with many rows it takes longer than the socket's buffer lasts."""
        self._told = before
        sums = self.path.detached()
        rows = await asyncio.to_thread(self.path.told_by, sums, before)
        self.path.give_back(sums)
        whole = batch.Batch(flows=rows)
        for at in range(0, whole.rows, SOME):
            self._sink.later("flows", batch.cut(whole, at, min(at + SOME, whole.rows)))
            await asyncio.sleep(0)  # what has come meanwhile is read

    def _keep(self) -> None:
        if self._place.state is None:
            return
        snapshot = self.path.decoder.snapshot()
        if len(snapshot) <= LARGEST:
            try:
                save(self._place.state / TEMPLATES, snapshot)
            except OSError as error:
                log.warning("the templates of flow exporters cannot be kept: %s", error.strerror)

    def close(self) -> None:
        """Read and tell what is there, keep the templates, hear no more."""
        for ear in self._ears:
            ear.close()
        self.flush()
        self._tell(1 << 40)
        self._keep()


class Bulk(Ear):
    """As an Ear, but datagrams go to a list that is read together: what one costs is what counts here."""

    def __init__(
        self, sockets: list[socket.socket], waiting: list[Any], full: Callable[[], None], counters: Counter[str]
    ) -> None:
        self._waiting, self._full = waiting, full
        self._plain: dict[str, str] = {}
        super().__init__("flow", sockets, _nothing, counters)

    def _drain(self, sock: socket.socket) -> None:
        waiting, receive, known = self._waiting, sock.recvfrom, self._plain
        if len(known) > 65_536:
            known.clear()
        try:
            data, notes, _, where = sock.recvmsg(65_535, 64)
            self._note(sock, notes)
            for _ in range(MANY - len(waiting)):
                host = where[0]
                waiting.append((known.get(host) or known.setdefault(host, plain(host)), data))
                data, where = receive(65_535)
            waiting.append((plain(where[0]), data))
        except BlockingIOError:
            pass
        except OSError:
            self._counters["flow.socket_error"] += 1
        if len(waiting) >= MANY:
            self._full()


def _nothing(data: bytes, came: Came, now: float) -> None:
    del data, came, now


async def check(target: Target, sensor: Flow, plan: Plan) -> str:
    """Whose flows are taken, in one sentence."""
    del plan
    more = f" and from {', '.join(sensor.senders)}" if sensor.senders else ""
    rate = f", 1 in {sensor.sampling} packets where it does not say" if sensor.sampling else ""
    return f"{target.name} ({target.address}) may send NetFlow, IPFIX and sFlow{more}{rate}."
