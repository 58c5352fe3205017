"""Requests over UDP: one non-blocking socket per address family for all peers, drained in one callback.

An answer belongs to a request if it comes from the address asked and carries that request's unpredictable id.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agent import stamps
from agent.connect import reason_of
from protocols.errors import DecodeError

RECEIVE_BUFFER = 8 << 20
_DRAIN = 256  # datagrams of one callback, so that timers keep their turn
# Where answers trickle in, to wake up for each costs more than to read it: the next ones are let wait a little.
_FEW = 4  # answers at a time
_MANY = 8  # answers missing
_PATIENCE = 0.002  # seconds
_LARGEST = 8192  # bytes of buffer that a datagram may take: no more are let wait than fit

Key = tuple[str, int, int]  # host, port, IPv6 scope
Datagram = Callable[[int], bytes]  # request-id to bytes
# Whether an answer is what was waited for; one that is not may be forged, and the right one still on its way.
Accept = Callable[["Reply"], bool]


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


class Letter:
    """A request that is posted now and then: its id, when it was sent and its answer came (seconds), and one datagram or the other."""

    __slots__ = ("data", "destination", "family", "number", "received", "sent")

    def __init__(self, address: Address) -> None:
        self.destination: tuple[object, ...] = address.destination
        self.family = address.family
        self.number = 0
        self.data = b""
        self.sent = 0.0
        self.received = 0.0


class Reply(NamedTuple):
    """An answer, the id it carries, and when it was sent for and came (seconds of the loop's clock)."""

    request_id: int
    data: bytes
    sent: float
    received: float


async def resolve(host: str, port: int) -> Address:
    """The address of `host`: a literal at once, a name by the system's resolver. Raises NoAnswer: local_error."""
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
        raise NoAnswer("local_error", f"the name {host} has no address: {error}") from None
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
    `guess` is as `identify`, cheap and sometimes wrong; it finds the answers to what was posted.
    """

    def __init__(
        self, name: str, identify: Callable[[bytes], int], counters: Counter[str], guess: Callable[[bytes], int] | None = None
    ) -> None:
        self.name = name
        self.identify = identify
        self.guess = guess or identify
        self.counters = counters
        self.granted = 0  # bytes of receive buffer: the kernel reports twice what is usable, and heeds net.core.rmem_max
        self._loop = asyncio.get_running_loop()
        self.clock = time.monotonic  # seconds, as the loop's own
        self._sockets: dict[int, socket.socket] = {}
        self._waiting: dict[tuple[Key, int], tuple[asyncio.Future[Reply], float, Accept | None]] = {}
        self._posted: dict[int, Letter] = {}
        self._numbers: list[int] = []
        self._stamps = False  # whether the kernel notes when datagrams come
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self.on_answers: Callable[[list[Letter]], None] = list.clear  # nobody waits

    async def ask(
        self,
        address: Address,
        datagram: Datagram,
        timeout: float,  # noqa: ASYNC109 - of one try
        tries: int,
        accept: Accept | None = None,
    ) -> Reply:
        """The answer to `datagram`, which is sent up to `tries` times, each with an id of its own.

        Raises NoAnswer: timeout, unreachable, local_error.
        """
        future: asyncio.Future[Reply] = self._loop.create_future()
        keys: list[tuple[Key, int]] = []
        try:
            for _ in range(tries):
                (request_id,) = self.numbers(1)
                keys.append((address.key, request_id))
                self._waiting[keys[-1]] = (future, self.clock(), accept)
                self._send(address, datagram(request_id))
                # An answer to an earlier try is as good, and its id tells which one it was.
                done, _ = await asyncio.wait({future}, timeout=timeout)
                if done:
                    return future.result()
        finally:
            for key in keys:
                self._waiting.pop(key, None)
        raise NoAnswer("timeout", f"no answer within {tries} times {timeout:g} s")

    def numbers(self, count: int) -> list[int]:
        """New request-ids that nobody can foresee: four bytes each in the shortest encoding."""
        if count > len(self._numbers):
            noise = secrets.token_bytes(4 * (count + _DRAIN))
            self._numbers = [number >> 2 | 1 << 30 for number in struct.unpack(f">{count + _DRAIN}I", noise)]
        taken = self._numbers[:count]
        del self._numbers[:count]
        return taken

    def post(self, letters: Sequence[Letter]) -> None:
        """Send each letter's `data` once, with its number in it. `on_answers` is told which were answered, unless `drop` comes first.

        What cannot be sent is as good as lost on its way.
        """
        posted, clock, sockets = self._posted, self.clock, self._sockets
        for letter in letters:
            sock = sockets.get(letter.family) or self._open(letter.family)
            posted[letter.number] = letter
            letter.sent = clock()
            try:
                sock.sendto(letter.data, letter.destination)
            except OSError:
                self.counters[f"{self.name}.send_failed"] += 1

    def drop(self, number: int) -> bool:
        """Wait no longer for the answer to a posted request; whether it was still missing."""
        return self._posted.pop(number, None) is not None

    def close(self) -> None:
        """Close the sockets; whoever still waits runs into its timeout."""
        for timer in self._pauses.values():
            timer.cancel()
        self._pauses.clear()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        self._posted.clear()

    def _send(self, address: Address, data: bytes) -> None:
        sock = self._sockets.get(address.family) or self._open(address.family)
        try:
            sock.sendto(data, address.destination)
        except BlockingIOError:
            self.counters[f"{self.name}.send_buffer_full"] += 1  # lost like any datagram; the next try is due in a moment
        except OSError as error:
            raise NoAnswer(reason_of(error), f"cannot send to {address.host}: {error.strerror}") from None

    def _open(self, family: int) -> socket.socket:
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise NoAnswer("local_error", f"this machine has no such address family: {error.strerror}") from None
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._stamps = stamps.wanted(sock)
        self._loop.add_reader(sock.fileno(), self._drain, sock)
        self._sockets[family] = sock
        return sock

    def _drain(self, sock: socket.socket, *, late: bool = False) -> None:
        """Take what has come; the answers to letters together, for they are the most. `late`: it was let wait."""
        posted, clock, guess, receive = self._posted, self.clock, self.guess, sock.recvfrom
        answered: list[Letter] = []
        ahead = stamps.ahead(clock()) if late else 0.0
        for _ in range(_DRAIN):
            try:
                if late:
                    data, notes, _, source = sock.recvmsg(65_535, stamps.ROOM)
                    received = stamps.came(notes, ahead, clock())
                else:
                    data, source = receive(65_535)
                    received = clock()
            except BlockingIOError:
                break
            except OSError:  # an ICMP error about an earlier datagram; which one is not said
                self.counters[f"{self.name}.socket_error"] += 1
                continue
            letter = posted.get(guess(data)) if posted else None
            if letter is not None and letter.destination == source:
                del posted[letter.number]
                letter.data, letter.received = data, max(received, letter.sent)
                answered.append(letter)
            else:
                self._match(data, (source[0], source[1], source[3] if len(source) > 3 else 0), received)
        if answered:
            self.on_answers(answered)
        if self._stamps and (late or len(answered) <= _FEW) and _MANY < len(posted) <= self.granted // _LARGEST:
            if not late:
                self._loop.remove_reader(sock.fileno())
            self._pauses[sock] = self._loop.call_later(_PATIENCE, self._resume, sock)
        elif late and sock.fileno() >= 0:
            self._loop.add_reader(sock.fileno(), self._drain, sock)

    def _resume(self, sock: socket.socket) -> None:
        self._pauses.pop(sock).cancel()
        if sock.fileno() >= 0:
            self._drain(sock, late=True)

    def catch_up(self) -> None:
        """Take what was let wait, before anyone is said to be silent."""
        for sock in list(self._pauses):
            self._resume(sock)

    def _match(self, data: bytes, source: Key, received: float) -> None:
        try:
            request_id = self.identify(data)
        except DecodeError as error:
            self.counters[f"{self.name}.undecodable.{error.kind}"] += 1
            return
        waiting = self._waiting.get((source, request_id))
        if waiting is None or waiting[0].done():
            self.counters[f"{self.name}.unmatched"] += 1
            return
        future, sent, accept = waiting
        reply = Reply(request_id, data, sent, max(received, sent))
        if accept is None or accept(reply):
            del self._waiting[source, request_id]
            future.set_result(reply)
