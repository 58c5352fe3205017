"""Datagrams that come unasked: sockets on a port of our own, drained in bulk, and a limit for each sender before decoding."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from agent.senders import plain
from protocols.errors import ConfigError

RECEIVE_BUFFER = 8 << 20
_FORCED = 33  # SO_RCVBUFFORCE: beyond net.core.rmem_max, where we may
_OVERFLOW = 40  # SO_RXQ_OVFL: how many datagrams the kernel dropped
_DRAIN = 500  # datagrams of one callback, so that timers keep their turn
SOURCES = 20_000  # senders whose limits are remembered


class Came(NamedTuple):
    """A datagram's sender, and how to answer it."""

    host: str
    port: int
    where: Any  # as the socket takes it
    socket: socket.socket


# `now` is of the loop's clock, seconds
Take = Callable[[bytes, Came, float], None]


def bind(port: int, what: str, kind: socket.SocketKind = socket.SOCK_DGRAM) -> list[socket.socket]:
    """Sockets on `port` (0 = any, the same for both) of both address families. Raises ConfigError in a plain sentence."""
    found: list[socket.socket] = []
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - devices are to reach it
        try:
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        except OSError:
            continue  # the machine has no such family
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
        except OSError as error:
            sock.close()
            if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL:
                continue  # IPv6 is switched off
            for other in found:
                other.close()
            raise ConfigError(_sentence(port, what, error)) from None
        port = sock.getsockname()[1]
        found.append(sock)
    if not found:
        raise ConfigError(f"{what} cannot be heard: this machine has neither IPv4 nor IPv6.")
    return found


def _sentence(port: int, what: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{what} cannot be heard: another program has port {port}. Stop it, or choose another port in the settings."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{what} cannot be heard on port {port}: ports below 1024 need CAP_NET_BIND_SERVICE, which the packaged unit has."
    return f"{what} cannot be heard on port {port}: {error.strerror}."


class Ear:
    """Drains `sockets` into `take` until closed; counts what the kernel dropped under `name`.kernel_drops."""

    def __init__(self, name: str, sockets: list[socket.socket], take: Take, counters: Counter[str]) -> None:
        self._name, self._take, self._counters = name, take, counters
        self._loop = asyncio.get_running_loop()
        self._dropped: dict[int, int] = {}
        self._sockets = sockets
        for sock in sockets:
            prepare(sock)
            self._loop.add_reader(sock.fileno(), self._drain, sock)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._sockets[0].getsockname()[1])

    def close(self) -> None:
        """Hear no more."""
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()

    def _drain(self, sock: socket.socket) -> None:
        take, receive, now = self._take, sock.recvfrom, self._loop.time()
        try:
            data, notes, _, where = sock.recvmsg(65_535, 64)
            self._note(sock, notes)
            for _ in range(_DRAIN):
                take(data, Came(plain(where[0]), where[1], where, sock), now)
                data, where = receive(65_535)
            take(data, Came(plain(where[0]), where[1], where, sock), now)
        except BlockingIOError:
            return
        except OSError:
            self._counters[f"{self._name}.socket_error"] += 1

    def _note(self, sock: socket.socket, notes: list[tuple[int, int, bytes]]) -> None:
        for level, kind, value in notes:
            if level == socket.SOL_SOCKET and kind == _OVERFLOW:
                total = int.from_bytes(value[:4], "little")
                self._counters[f"{self._name}.kernel_drops"] += (total - self._dropped.get(sock.fileno(), 0)) & 0xFFFF_FFFF
                self._dropped[sock.fileno()] = total


def prepare(sock: socket.socket) -> int:
    """Ask for a large buffer and a count of what does not fit; the bytes that were granted (the kernel says twice what is usable)."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _FORCED, RECEIVE_BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    with contextlib.suppress(OSError):  # another kernel: nothing is lost but a count
        sock.setsockopt(socket.SOL_SOCKET, _OVERFLOW, 1)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def granted() -> int:
    """Bytes of buffer that a socket of ours gets here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return prepare(sock) // 2


class Buckets:
    """A token bucket for each sender, and one for all: `rate` a second, `burst` at once. What is refused is counted by sender."""

    def __init__(self, rate: float, burst: float, total: float) -> None:
        self.suppressed: Counter[str] = Counter()
        self._rate, self._burst, self._total = rate, burst, total
        self._each: OrderedDict[str, list[float]] = OrderedDict()  # tokens, and when
        self._all = [total, 0.0]

    def admit(self, host: str, now: float) -> bool:
        """Whether one more from `host` is taken."""
        bucket = self._each.get(host)
        if bucket is None:
            if len(self._each) >= SOURCES:
                self._each.popitem(last=False)
            bucket = self._each[host] = [self._burst, now]
        tokens = min(self._burst, bucket[0] + (now - bucket[1]) * self._rate)
        bucket[1] = now
        whole = min(self._total, self._all[0] + (now - self._all[1]) * self._total)
        self._all[1] = now
        if tokens < 1.0 or whole < 1.0:
            bucket[0], self._all[0] = tokens, whole
            if len(self.suppressed) < SOURCES or host in self.suppressed:
                self.suppressed[host] += 1
            return False
        bucket[0], self._all[0] = tokens - 1.0, whole - 1.0
        return True

    def told(self) -> Counter[str]:
        """What was refused since the last call, by sender."""
        suppressed, self.suppressed = self.suppressed, Counter()
        return suppressed
