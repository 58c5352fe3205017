"""Requests over UDP: one non-blocking socket per address family for all peers, drained in one callback.

An answer belongs to a request if it comes from the address asked and carries that request's unpredictable id.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from protocols.errors import DecodeError

RECEIVE_BUFFER = 8 << 20
_DRAIN = 256  # datagrams of one callback, so that timers keep their turn

Key = tuple[str, int, int]  # host, port, IPv6 scope
Datagram = Callable[[int], bytes]  # request-id to bytes


class NoAnswer(Exception):  # noqa: N818 - a state of the world, not a fault of ours
    """Nothing usable came back; `reason` is one of batch.REASONS, the message is for a person."""

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class Address(NamedTuple):
    """Where to send: what the socket wants, and the family."""

    family: int
    host: str
    port: int
    scope: int = 0

    @property
    def key(self) -> Key:
        """What an answer's source is compared with."""
        return (self.host, self.port, self.scope)

    @property
    def destination(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """The address as the socket takes it."""
        return (self.host, self.port) if self.family == socket.AF_INET else (self.host, self.port, 0, self.scope)


class Reply(NamedTuple):
    """An answer, the id it carries, and when it was sent for and came (seconds of the loop's clock)."""

    request_id: int
    data: bytes
    sent: float
    received: float


async def resolve(host: str, port: int) -> Address:
    """The address of `host`: a literal at once, a name by the system's resolver. Raises NoAnswer: unreachable."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        if isinstance(literal, ipaddress.IPv4Address):
            return Address(socket.AF_INET, str(literal), port)
        if literal.ipv4_mapped is not None:
            return Address(socket.AF_INET, str(literal.ipv4_mapped), port)
        if literal.scope_id is None:
            return Address(socket.AF_INET6, str(literal), port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer("unreachable", f"the name {host} has no address: {error}") from None
    family, _, _, _, where = found[0]
    return Address(family, str(where[0]), port, int(where[3]) if len(where) > 3 else 0)


async def refused(address: Address) -> bool:
    """Whether the machine at `address` says that nobody listens there: only a connected socket is told (ICMP)."""
    loop = asyncio.get_running_loop()
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.connect(address.destination)
            sock.send(b"")
            async with asyncio.timeout(0.5):
                await loop.sock_recv(sock, 1)
    except ConnectionRefusedError:
        return True
    except (OSError, TimeoutError):
        return False
    return False


class Exchange:
    """All questions of one agent to its peers by one UDP protocol; `identify` reads the id out of an answer.

    Counts under `name`: unmatched (late, repeated or forged answers), undecodable, send_buffer_full, socket_error.
    """

    def __init__(self, name: str, identify: Callable[[bytes], int], counters: Counter[str]) -> None:
        self.name = name
        self.identify = identify
        self.counters = counters
        self.granted = 0  # bytes of receive buffer: the kernel reports twice what is usable, and heeds net.core.rmem_max
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[int, socket.socket] = {}
        self._waiting: dict[tuple[Key, int], tuple[asyncio.Future[Reply], float]] = {}

    async def ask(self, address: Address, datagram: Datagram, timeout: float, tries: int) -> Reply:  # noqa: ASYNC109
        """The answer to `datagram`, which is sent up to `tries` times, each with an id of its own.

        Raises NoAnswer: timeout, unreachable, local_error.
        """
        future: asyncio.Future[Reply] = self._loop.create_future()
        keys: list[tuple[Key, int]] = []
        try:
            for _ in range(tries):
                # Four bytes in the shortest encoding, whatever the number.
                request_id = secrets.randbits(30) | 1 << 30
                keys.append((address.key, request_id))
                self._waiting[keys[-1]] = (future, self._loop.time())
                self._send(address, datagram(request_id))
                # An answer to an earlier try is as good, and its id tells which one it was.
                done, _ = await asyncio.wait({future}, timeout=timeout)
                if done:
                    return future.result()
        finally:
            for key in keys:
                self._waiting.pop(key, None)
        raise NoAnswer("timeout", f"no answer within {tries} times {timeout:g} s")

    def close(self) -> None:
        """Close the sockets; whoever still waits runs into its timeout."""
        for sock in self._sockets.values():
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()

    def _send(self, address: Address, data: bytes) -> None:
        sock = self._sockets.get(address.family) or self._open(address.family)
        try:
            sock.sendto(data, address.destination)
        except BlockingIOError:
            self.counters[f"{self.name}.send_buffer_full"] += 1  # lost like any datagram; the next try is due in a moment
        except OSError as error:
            reason = "local_error" if isinstance(error, PermissionError) else "unreachable"
            raise NoAnswer(reason, f"cannot send to {address.host}: {error.strerror}") from None

    def _open(self, family: int) -> socket.socket:
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise NoAnswer("local_error", f"this machine has no such address family: {error.strerror}") from None
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._loop.add_reader(sock.fileno(), self._drain, sock)
        self._sockets[family] = sock
        return sock

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(_DRAIN):
            try:
                data, source = sock.recvfrom(65_535)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error about an earlier datagram; which one is not said
                self.counters[f"{self.name}.socket_error"] += 1
                continue
            self._match(data, (source[0], source[1], source[3] if len(source) > 3 else 0))

    def _match(self, data: bytes, source: Key) -> None:
        try:
            request_id = self.identify(data)
        except DecodeError as error:
            self.counters[f"{self.name}.undecodable.{error.kind}"] += 1
            return
        waiting = self._waiting.pop((source, request_id), None)
        if waiting is None or waiting[0].done():
            self.counters[f"{self.name}.unmatched"] += 1
            return
        future, sent = waiting
        future.set_result(Reply(request_id, data, sent, self._loop.time()))
