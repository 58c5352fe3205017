"""RADIUS accounting (RFC 2866) and Status-Server (RFC 5997): each request is answered only after its record is on disk."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from agent import senders
from agent.batcher import Clock, Sink
from agent.plans import Run
from agent.radius_clients import Answers, Client, Key
from agent.senders import Owner, Senders
from agent.session_rows import Report, columns, disguise, disguised
from protocols.errors import ConfigError, DecodeError
from protocols.radius import packet
from protocols.radius.accounting import accounting, event_time
from protocols.uplink.batch import Batch
from protocols.uplink.listeners import Radius
from protocols.uplink.plan import Plan, Target

log = logging.getLogger(__name__)

RECEIVE_BUFFER = 8 << 20
TURN = 256  # datagrams of one callback, so that timers keep their turn
TOGETHER = 2_000  # records of one batch
WAITING = 20_000  # records that may wait for the disk; of more the NAS hears nothing and sends again
CLIENTS = 65_536  # senders of which anything is remembered

Notes = list[tuple[int, int, bytes]]  # to which of our addresses it was sent: the answer must come from there


class Waiting(NamedTuple):
    """A record that is not on disk yet, and what to send to whom when it is."""

    report: Report
    key: Key
    answer: bytes
    source: tuple[str, int, int, int]
    notes: Notes


def listener(port: int, beside: Run | None = None) -> Run:
    """The collector that hears RADIUS on UDP `port` (0 = it hears none) and runs what else brings accounting `beside` it."""

    async def run(targets: Sequence[Target], plan: Plan, sink: Sink, clock: Clock, counters: Counter[str]) -> None:
        if not port and beside is None:
            raise ConfigError("RADIUS is not heard: radius_port is 0 in the settings of this agent.")
        known = await senders.of(targets, Radius, counters)
        works = [beside(targets, plan, sink, clock, counters)] if beside else []
        if port:
            works.append(Listener(bound(port), known, plan, sink, clock, counters).run())
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return run


def bound(port: int) -> socket.socket:
    """The socket for both families. Raises ConfigError: nobody else may have the port."""
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    except OSError:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind(("", port))
    except OSError as error:
        sock.close()
        raise ConfigError(f"the RADIUS port {port} (UDP) cannot be opened: {error.strerror}.") from None
    return sock


class Listener:
    """The socket, what waits for the disk, and who asked."""

    def __init__(
        self, sock: socket.socket, known: Senders[Radius], plan: Plan, sink: Sink, clock: Clock, counters: Counter[str]
    ) -> None:
        self._sock, self._known, self._sink, self._clock, self._counters = sock, known, sink, clock, counters
        self._disguise = disguise(plan)
        self._loop = asyncio.get_running_loop()
        self._answers = Answers()
        self._clients: dict[str, Client] = {}
        self._waiting: list[Waiting] = []
        self._some = asyncio.Event()

    async def run(self) -> None:
        """Hear and answer until cancelled."""
        self._loop.add_reader(self._sock.fileno(), self._drain)
        try:
            while True:
                await self._some.wait()
                taken, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                if not self._waiting:
                    self._some.clear()
                await self._keep(taken)
        finally:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    async def _keep(self, taken: list[Waiting]) -> None:
        """Write the records of `taken`, then answer; without an answer the NAS sends them again."""
        kept = await self._sink.durable("events", Batch(sessions=columns([waiting.report for waiting in taken])))
        if not kept:
            self._counters["radius.not_kept"] += len(taken)
        for waiting in taken:
            self._answers.ended(waiting.key, waiting.answer if kept else b"")
            if kept:
                self._send(waiting.answer, waiting.source, waiting.notes)

    def _drain(self) -> None:
        now = self._loop.time()
        for _ in range(TURN):
            try:
                data, notes, _, source = self._sock.recvmsg(packet.LARGEST + 1, 64)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error about an earlier answer; which one is not said
                self._counters["radius.socket_error"] += 1
                continue
            self._take(data, source, notes, now)

    def _take(self, data: bytes, source: tuple[str, int, int, int], notes: Notes, now: float) -> None:
        host = senders.plain(source[0])
        owners = self._known.find(host)
        if not owners:
            self._counters["radius.unknown_sender"] += 1
            return
        client = self._clients.get(host)
        if client is None:
            if len(self._clients) >= CLIENTS:
                self._clients.clear()
            client = self._clients[host] = Client(now)
        if not client.admitted(now):
            self._counters["radius.suppressed"] += 1
            return
        owner = owners[0]
        try:
            self._request(data, (host, source, notes), owner, client, now)
        except DecodeError as error:
            self._counters[f"radius.{error.kind}"] += 1
            if error.kind in ("authenticator", "message_authenticator"):
                self._wrong(owner, client.signed(False, now), client, host)

    def _request(
        self,
        data: bytes,
        where: tuple[str, tuple[str, int, int, int], Notes],
        owner: Owner[Radius],
        client: Client,
        now: float,
    ) -> None:
        """Answer a repeated request as before, a Status-Server at once, and let a record wait for the disk. Raises DecodeError."""
        host, source, notes = where
        whole = packet.bounded(data)
        key = (host, source[1], whole[1], whole[4:20])
        known = self._answers.get(key, now)
        if known is not None:
            self._counters["radius.repeated"] += 1
            if known:
                self._send(known, source, notes)
            return
        request = packet.request(whole, owner.sensor.secret.encode())
        client.signed(True, now)
        if request.code == packet.STATUS_SERVER:
            self._send(request.answer, source, notes)
            return
        said = accounting(request.attributes)
        if len(self._waiting) >= WAITING:
            self._counters["radius.busy"] += 1
            return
        ts = event_time(self._clock(), said.timestamp, said.delay)
        report = Report(owner.sensor.number, ts, disguised(said, self._disguise))
        self._answers.began(key, now)
        self._waiting.append(Waiting(report, key, request.answer, source, notes))
        self._some.set()

    def _wrong(self, owner: Owner[Radius], new: bool, client: Client, host: str) -> None:
        """Say once, and count for the heartbeat, that a client and the plan do not share a secret."""
        if new:
            log.warning(
                "wrong shared secret: requests of %s (%s) are not signed with the secret of the plan", owner.target.name, host
            )
        if client.wrong:
            self._counters[f"radius.wrong shared secret: {owner.target.name[:150]} ({host})"] += 1

    def _send(self, answer: bytes, source: tuple[str, int, int, int], notes: Notes) -> None:
        try:
            self._sock.sendmsg([answer], [_origin(note) for note in notes], 0, source)
        except OSError:  # as good as lost on its way: the NAS asks again
            self._counters["radius.send_failed"] += 1


def _origin(note: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    """The address that was asked, for the answer; through which interface is the routing's choice but for a link's own address."""
    level, kind, info = note
    return level, kind, info if info[:2] == b"\xfe\x80" else info[:16] + bytes(4)


async def check(target: Target, sensor: Radius, plan: Plan) -> str:
    """Whose accounting is taken, in one sentence; whether the port is free only the running agent can say."""
    del plan
    short = "" if len(sensor.secret) >= 16 else "; its shared secret is short, use 16 characters or more"
    return f"{target.name} ({target.address}) may send RADIUS accounting{short}."
