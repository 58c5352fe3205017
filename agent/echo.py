"""ICMP echo over one socket a family for all targets: an answer must have the address, number and payload of its question."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections import Counter
from typing import NamedTuple

from agent.batcher import Clock
from agent.connect import reason_of
from agent.resolve import Address
from protocols import icmp
from protocols.errors import ConfigError, DecodeError

SYSCTL = (
    "this agent may not send ICMP echo: run `sysctl -w net.ipv4.ping_group_range='0 2147483647'` "
    "(and keep it in /etc/sysctl.d), or give the agent CAP_NET_RAW."
)
DRAIN = 512  # datagrams read before other work has its turn
BUFFER = 1 << 20
PAYLOAD = 16  # random bytes
# linux/in.h, linux/in6.h, asm-generic/socket.h; the socket module does not name them in Python 3.11
IP_RECVERR, IPV6_RECVERR, SO_TIMESTAMPNS = 11, 25, 35
_TIMESPEC = struct.Struct("@ll")


class Outcome(NamedTuple):
    """`reason` is one of batch.REASONS, "" = answered in `seconds`."""

    reason: str
    seconds: float = 0.0


class _Probe(NamedTuple):
    address: bytes
    payload: bytes
    sent: float  # s, monotonic
    sent_at: int  # µs since the epoch
    done: asyncio.Future[Outcome]


class Pinger:
    """The sockets, and the questions that wait for an answer. Use inside the event loop; `close` at the end."""

    def __init__(self, counters: Counter[str], clock: Clock = lambda: 0) -> None:
        """With the machine's own `clock` a time ends when the answer came in, not when this process got to read it."""
        self._counters, self._clock = counters, clock
        self._channels: dict[int, _Channel] = {}

    async def ping(self, address: Address, limit: float) -> Outcome:
        """One echo request. Raises ConfigError when this process may not send any."""
        channel = self._channels.get(address.family)
        if channel is None:
            channel = self._channels[address.family] = _Channel(address.family, self._counters, self._clock)
        return await channel.ping(address, limit)

    def close(self) -> None:
        """Let go of the sockets."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


def _open(family: int) -> tuple[socket.socket, bool]:
    """An ICMP socket, and whether it is a raw one."""
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    flags = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    try:
        sock, raw = socket.socket(family, socket.SOCK_DGRAM | flags, protocol), False
    except PermissionError:
        try:
            sock, raw = socket.socket(family, socket.SOCK_RAW | flags, protocol), True
        except PermissionError:
            raise ConfigError(SYSCTL) from None
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    if not raw:
        v6 = family == socket.AF_INET6
        sock.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, IPV6_RECVERR if v6 else IP_RECVERR, 1)
    return sock, raw


def _stamp(aside: list[tuple[int, int, bytes]]) -> int:
    """When the kernel took a datagram in, ns since the epoch; 0 = it does not say."""
    for level, kind, data in aside:
        if (level, kind, len(data)) == (socket.SOL_SOCKET, SO_TIMESTAMPNS, _TIMESPEC.size):
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


class _Channel:
    """One family's socket."""

    def __init__(self, family: int, counters: Counter[str], clock: Clock) -> None:
        self._v6 = family == socket.AF_INET6
        self._family, self._counters, self._clock = family, counters, clock
        self._loop = asyncio.get_running_loop()
        self._sock, self._raw = _open(family)
        self._identifier = secrets.randbits(16)  # a datagram socket's kernel writes its own over it
        self._sequence = secrets.randbits(16)
        self._waiting: dict[int, _Probe] = {}
        self._loop.add_reader(self._sock, self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self._sock)
        self._sock.close()

    async def ping(self, address: Address, limit: float) -> Outcome:
        sequence = self._free()
        if sequence is None:
            return Outcome("local_error")
        payload = secrets.token_bytes(PAYLOAD)
        packed = socket.inet_pton(self._family, address.sockaddr[0].partition("%")[0])
        probe = _Probe(packed, payload, self._loop.time(), self._clock(), self._loop.create_future())
        self._waiting[sequence] = probe
        try:
            self._send(icmp.echo(self._identifier, sequence, payload, v6=self._v6), address)
            async with asyncio.timeout(limit):
                return await probe.done
        except TimeoutError:
            return Outcome("timeout")
        except BlockingIOError:
            self._counters["ping.send_buffer_full"] += 1
            return Outcome("local_error")
        except OSError as error:  # no route from here, or a local firewall rule: nothing was sent
            return Outcome(reason_of(error))
        finally:
            del self._waiting[sequence]

    def _send(self, packet: bytes, address: Address) -> None:
        try:
            self._sock.sendto(packet, address.sockaddr)
        except BlockingIOError:
            raise
        except OSError:  # the kernel also tells here what became of an earlier packet, to whomever that was: but once
            self._errors()
            self._sock.sendto(packet, address.sockaddr)

    def _free(self) -> int | None:
        """A sequence number that no waiting question has; None when all 65,536 are taken."""
        for _ in range(0x1_0000):
            self._sequence = (self._sequence + 1) & 0xFFFF
            if self._sequence not in self._waiting:
                return self._sequence
        return None

    def _readable(self) -> None:
        for _ in range(DRAIN):
            try:
                data, aside, _, source = self._sock.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except OSError:  # an error waits in the queue of its own
                self._errors()
                continue
            self._take(data, source[0], _stamp(aside))

    def _take(self, data: bytes, source: str, stamp: int) -> None:
        try:
            message = icmp.decode(icmp.strip_ipv4(data) if self._raw and not self._v6 else data, v6=self._v6)
        except DecodeError as error:
            self._counters[f"ping.bad.{error.kind}"] += 1
            return
        if message is None or (self._raw and message.identifier != self._identifier):
            return  # a raw socket hears everybody's
        probe = self._waiting.get(message.sequence)
        if isinstance(message, icmp.Unreachable):
            if probe is not None and probe.address == message.destination:
                self._finish(probe, Outcome("unreachable"))
            return
        address = socket.inet_pton(self._family, source.partition("%")[0])
        if probe is None or probe.address != address or probe.payload != message.payload:
            self._counters["ping.unmatched"] += 1
            return
        self._finish(probe, Outcome("", self._seconds(probe, stamp)))

    def _seconds(self, probe: _Probe, stamp: int) -> float:
        """From the question to its answer: by the kernel's stamp, unless the clock was set meanwhile, or is another one."""
        waited = self._loop.time() - probe.sent
        stamped = (stamp - probe.sent_at * 1_000) / 1e9 if stamp and probe.sent_at else waited
        return stamped if 0 < stamped < waited else waited

    def _errors(self) -> None:
        """The error queue of a datagram socket: the echo request that failed comes back with each error."""
        for _ in range(DRAIN):
            try:
                data, _, _, source = self._sock.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            payload = data[-PAYLOAD:]
            address = socket.inet_pton(self._family, source[0].partition("%")[0]) if source else b""
            for probe in self._waiting.values():
                if probe.payload == payload and probe.address == address:
                    self._finish(probe, Outcome("unreachable"))

    @staticmethod
    def _finish(probe: _Probe, outcome: Outcome) -> None:
        if not probe.done.done():
            probe.done.set_result(outcome)
