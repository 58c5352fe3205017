"""Hears syslog lines over UDP and TCP and records them as events (protocols/syslog.py)."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from agent import senders
from agent.batcher import Clock, Sink
from agent.happenings import BURST, KIND, RATE, TELL, TOTAL, Happening, Recorder, tell_suppressed
from agent.hearing import Buckets, Came, Ear, bind
from agent.plans import Run
from agent.senders import Senders, plain
from protocols import syslog
from protocols.errors import ConfigError, DecodeError
from protocols.uplink import listeners
from protocols.uplink.plan import Plan, Target

CONNECTIONS = 256  # at once
SILENT = 3_600.0  # seconds after which a silent connection is closed
TRUSTED = 300_000_000  # µs that a stated time may differ from ours; beyond, ours counts
_READ = 65_536


class Place(NamedTuple):
    """Where to listen; whoever logs is not polled for it, for lines come all the time."""

    port: int
    tell: float = TELL
    opened: Callable[[int], object] = str  # is told the port


def collector(place: Place) -> Run:
    """The collector at `place`."""
    return partial(_run, place)


async def _run(place: Place, targets: Sequence[Target], plan: Plan, sink: Sink, clock: Clock, counters: Counter[str]) -> None:
    """Hear every syslog sensor of `targets` until cancelled. Raises ConfigError: the port."""
    del plan
    if not place.port:
        raise ConfigError("syslog is not heard: syslog_port is 0 in the settings of this agent.")
    listener = Listener(await senders.of(targets, listeners.Syslog, counters), Recorder(sink), clock, counters)
    udp = bind(place.port, "syslog")
    try:
        streams = bind(udp[0].getsockname()[1], "syslog", socket.SOCK_STREAM)
    except ConfigError:
        for sock in udp:
            sock.close()
        raise
    ear = Ear("syslog", udp, listener.take, counters)
    servers = [await asyncio.start_server(listener.stream, sock=sock) for sock in streams]
    place.opened(ear.port)
    try:
        while True:
            await asyncio.sleep(place.tell)
            listener.tell()
    finally:
        ear.close()
        for server in servers:
            server.close()
        listener.close()
        listener.tell()
        await listener.recorder.close()


class Listener:
    """What is done with one line. Counts by what happened to it, under `syslog.`."""

    def __init__(self, known: Senders[listeners.Syslog], recorder: Recorder, clock: Clock, counters: Counter[str]) -> None:
        self.recorder = recorder
        self.buckets = Buckets(RATE, BURST, TOTAL)
        self._senders, self._clock, self._counters = known, clock, counters
        self._open: set[asyncio.StreamWriter] = set()

    def take(self, data: bytes, came: Came, now: float) -> None:
        """One datagram, which is one line."""
        self._line(data, came.host, now)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until its end, a line that cannot be framed, or silence."""
        host = plain(writer.get_extra_info("peername")[0])
        if not self._senders.find(host) or len(self._open) >= CONNECTIONS:
            self._counters["syslog.unknown_sender" if len(self._open) < CONNECTIONS else "syslog.too_many_connections"] += 1
            writer.close()
            return
        self._open.add(writer)
        frames, time = syslog.Frames(), asyncio.get_running_loop().time
        try:
            while data := await asyncio.wait_for(reader.read(_READ), SILENT):
                for line in frames.take(data):
                    self._line(line, host, time())
            if last := frames.last():
                self._line(last, host, time())
        except DecodeError as error:
            self._counters[f"syslog.refused.{error.kind}"] += 1
        except (OSError, TimeoutError):
            self._counters["syslog.broken_off"] += 1
        finally:
            self._open.discard(writer)
            writer.close()

    def _line(self, data: bytes, host: str, now: float) -> None:
        owners = self._senders.find(host)
        if not owners:
            self._counters["syslog.unknown_sender"] += 1
            return
        if not self.buckets.admit(host, now):
            self._counters["syslog.suppressed"] += 1
            return
        at = self._clock()
        try:
            line = syslog.decode(data, at)
        except DecodeError as error:
            self._counters[f"syslog.refused.{error.kind}"] += 1
            return
        # a time of RFC 3164 has no zone
        stated = line.ts if line.zoned and line.ts is not None and abs(line.ts - at) <= TRUSTED else at
        said = f"{line.message} {line.data}".strip()[:2_000] if line.data else line.message
        row = (owners[0].sensor.number, stated, KIND["syslog"], line.severity, host)
        self.recorder.add(Happening(*row, syslog.FACILITIES[line.facility], line.program or "syslog", said))
        self._counters["syslog.heard"] += 1

    def close(self) -> None:
        """End all connections."""
        for writer in list(self._open):
            writer.close()

    def tell(self) -> None:
        """Record how many of each sender were suppressed since the last call."""
        tell_suppressed(self.buckets, self._senders, self.recorder, self._clock(), "syslog lines")


async def check(target: Target, sensor: listeners.Syslog, plan: Plan) -> str:
    """Whose lines are taken, in one sentence."""
    del sensor, plan
    return f"{target.name} ({target.address}) may send syslog over UDP and TCP."
