"""A simulated SNMP v2c device: system, interfaces, storage and processors, with counters that grow as on a working day.

Its faults are attributes a test sets. It answers by our own codec; the real snmpd is there to keep both honest.
"""

from __future__ import annotations

import asyncio
import bisect
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid
from protocols.snmp.message import Message, Value, VarBind

Leaf = Callable[[], tuple[int, Value]]
DAY = 86_400.0


@dataclass
class Port:
    """One interface. `mean_in` and `mean_out` in bit/s."""

    index: int
    name: str
    speed: int = 1_000_000_000
    mean_in: float = 80e6
    mean_out: float = 30e6
    admin: int = 1
    oper: int = 1
    hc: bool = True  # whether it has ifXTable's 64-bit counters
    high_speed: int | None = None  # ifHighSpeed where it is not speed / 10^6
    discontinuity: int = 0
    octets: dict[str, float] = field(default_factory=lambda: {"in": 0.0, "out": 0.0})  # until `since`
    since: float = 0.0


def carried(mean: float, start: float, end: float) -> float:
    """Octets of a line that carries `mean` bit/s on average, most in the afternoon, with ten-minute waves. Exact integral."""

    def until(t: float) -> float:
        daily = -0.6 * DAY / math.tau * math.cos(math.tau * (t / DAY - 9 / 24))
        waves = -0.15 * 600 / math.tau * math.cos(math.tau * t / 600)
        return t + daily + waves

    return mean / 8 * (until(end) - until(start))


class SnmpDevice:
    """One device. `clock` in seconds since the epoch."""

    def __init__(
        self, name: str, ports: Sequence[Port] = (), community: str = "public", clock: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self.ports = list(ports)
        self.community = community.encode()
        self.clock = clock
        self.boots = 1
        self.booted = clock()
        self.uptime_offset = 0.0  # seconds it claims to have been up before
        self.boot_known = True  # whether it has snmpEngineBoots and snmpEngineTime
        self.silent = False
        self.swallows_over: int | None = None  # varbinds of a request that gets no answer
        self.too_big_over: int | None = None  # varbinds of an answer that becomes tooBig
        self.goes_backwards = False  # in a walk
        self.blames = True  # whether an error status says which varbind it is about
        self.errors: dict[bytes, int] = {}  # OID -> error-status
        self.mangle: Callable[[bytes], bytes] | None = None
        self.requests: list[Message] = []
        self.disk_used = 120e9
        self.transport: asyncio.DatagramTransport | None = None
        for port in self.ports:
            port.since = self.booted
        self.build()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the port it got."""
        device = self

        class Protocol(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                answer = device.answer(data)
                if answer is not None and device.transport is not None:
                    device.transport.sendto(answer, addr)

        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(Protocol, local_addr=(host, port))
        bound: int = self.transport.get_extra_info("sockname")[1]
        return bound

    def close(self) -> None:
        """Stop listening for good."""
        if self.transport:
            self.transport.close()

    def reboot(self) -> None:
        """Counters and uptime begin again."""
        self.boots += 1
        self.booted = self.clock()
        self.uptime_offset = 0.0
        for port in self.ports:
            port.octets = {"in": 0.0, "out": 0.0}
            port.since = self.booted

    def set_port(self, name: str, *, up: bool) -> None:
        """Pull the cable of a port, or put it back; a port that is down counts nothing."""
        port = next(port for port in self.ports if port.name == name)
        port.octets = {way: self.octets(port, way) for way in ("in", "out")}
        port.since = self.clock()
        port.oper = 1 if up else 2

    def octets(self, port: Port, way: str) -> float:
        """What went through so far."""
        mean = port.mean_in if way == "in" else port.mean_out
        grown = carried(mean, port.since, self.clock()) if port.oper == 1 else 0.0
        return port.octets[way] + grown

    @property
    def uptime(self) -> int:
        """sysUpTime."""
        return int((self.clock() - self.booted + self.uptime_offset) * 100) % (1 << 32)

    def build(self) -> None:
        """Lay out what can be asked; again after ports were added or renamed."""
        leaves: dict[str, Leaf] = {
            "1.3.6.1.2.1.1.1.0": lambda: (ber.OCTET_STRING, f"Simulated router {self.name}".encode()),
            "1.3.6.1.2.1.1.2.0": lambda: (ber.OBJECT_IDENTIFIER, oid.parse("1.3.6.1.4.1.8072.3.2.10")),
            "1.3.6.1.2.1.1.3.0": lambda: (message.TIME_TICKS, self.uptime),
            "1.3.6.1.2.1.1.5.0": lambda: (ber.OCTET_STRING, self.name.encode()),
        }
        if self.boot_known:
            leaves["1.3.6.1.6.3.10.2.1.2.0"] = lambda: (ber.INTEGER, self.boots)
            leaves["1.3.6.1.6.3.10.2.1.3.0"] = lambda: (ber.INTEGER, int(self.clock() - self.booted + self.uptime_offset))
        for port in self.ports:
            leaves |= self._port(port)
        leaves |= self._storage()
        for cpu in (1, 2):
            leaves[f"1.3.6.1.2.1.25.3.3.1.2.{cpu}"] = lambda cpu=cpu: (ber.INTEGER, self._load(cpu))  # type: ignore[misc]
        self._leaves = {oid.parse(name): leaf for name, leaf in leaves.items()}
        self._order = sorted((oid.arcs(name), name) for name in self._leaves)

    def _load(self, cpu: int) -> int:
        return int(25 + 10 * cpu + 12 * math.sin(math.tau * (self.clock() / DAY - 9 / 24)))

    def _port(self, p: Port) -> dict[str, Leaf]:
        table, extended = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"

        def low(way: str, size: float = 1) -> Leaf:
            return lambda: (message.COUNTER32, int(self.octets(p, way) / size) % (1 << 32))

        def high(way: str, size: float = 1) -> Leaf:
            return lambda: (message.COUNTER64, int(self.octets(p, way) / size))

        def errors(per_second: float) -> Leaf:
            return lambda: (message.COUNTER32, int(per_second * max(0.0, self.clock() - self.booted)))

        leaves: dict[str, Leaf] = {
            f"{table}.1": lambda: (ber.INTEGER, p.index),
            f"{table}.2": lambda: (ber.OCTET_STRING, p.name.encode()),
            f"{table}.5": lambda: (message.GAUGE32, min(p.speed, (1 << 32) - 1)),
            f"{table}.7": lambda: (ber.INTEGER, p.admin),
            f"{table}.8": lambda: (ber.INTEGER, p.oper),
            f"{table}.10": low("in"),
            f"{table}.11": low("in", 800),
            f"{table}.13": errors(0.02),
            f"{table}.14": errors(0.01),
            f"{table}.16": low("out"),
            f"{table}.17": low("out", 700),
            f"{table}.19": errors(0.03),
            f"{table}.20": errors(0.0),
        }
        if p.hc:
            speed = p.speed // 1_000_000 if p.high_speed is None else p.high_speed
            leaves |= {
                f"{extended}.1": lambda: (ber.OCTET_STRING, p.name.encode()),
                f"{extended}.6": high("in"),
                f"{extended}.7": high("in", 800),
                f"{extended}.10": high("out"),
                f"{extended}.11": high("out", 700),
                f"{extended}.15": lambda: (message.GAUGE32, speed),
                f"{extended}.18": lambda: (ber.OCTET_STRING, f"to {p.name}".encode()),
                f"{extended}.19": lambda: (message.TIME_TICKS, p.discontinuity),
            }
        return {f"{name}.{p.index}": leaf for name, leaf in leaves.items()}

    def _storage(self) -> dict[str, Leaf]:
        table = "1.3.6.1.2.1.25.2.3.1"
        ram, disk = "1.3.6.1.2.1.25.2.1.2", "1.3.6.1.2.1.25.2.1.4"

        def row(index: int, kind: str, name: str, sizes: tuple[int, int, Callable[[], float]]) -> dict[str, Leaf]:
            unit, size, used = sizes

            def wrapped(number: float) -> int:  # as an Integer32, which a large disk lets run negative
                low = int(number) & 0xFFFF_FFFF
                return low - (1 << 32) if low >> 31 else low

            return {
                f"{table}.1.{index}": lambda: (ber.INTEGER, index),
                f"{table}.2.{index}": lambda: (ber.OBJECT_IDENTIFIER, oid.parse(kind)),
                f"{table}.3.{index}": lambda: (ber.OCTET_STRING, name.encode()),
                f"{table}.4.{index}": lambda: (ber.INTEGER, unit),
                f"{table}.5.{index}": lambda: (ber.INTEGER, wrapped(size)),
                f"{table}.6.{index}": lambda: (ber.INTEGER, wrapped(used() / unit)),
            }

        memory = row(1, ram, "Physical memory", (1024, 4 << 20, lambda: 1.2e9 + 2e8 * math.sin(math.tau * self.clock() / 3600)))
        # 12 TiB in units of 4 KiB: more than 2^31 of them.
        return memory | row(31, disk, "/", (4096, 3 << 30, lambda: self.disk_used))

    def answer(self, data: bytes) -> bytes | None:
        """The answer to one datagram; None is silence."""
        try:
            request = message.decode(data)
        except DecodeError:
            return None
        known = request.version == message.V2C and request.community == self.community
        asks = request.pdu in {message.GET, message.GET_NEXT, message.GET_BULK}
        if self.silent or not known or not asks:
            return None
        self.requests.append(request)
        if self.swallows_over is not None and len(request.varbinds) > self.swallows_over:
            return None
        encoded = message.encode(self._respond(request))
        return self.mangle(encoded) if self.mangle else encoded

    def _respond(self, request: Message) -> Message:
        def response(status: int, blamed: int, binds: Sequence[VarBind]) -> Message:
            return Message(request.version, request.community, message.RESPONSE, request.request_id, status, blamed, tuple(binds))

        for position, bind in enumerate(request.varbinds, 1):
            if bind.oid in self.errors:
                return response(self.errors[bind.oid], position if self.blames else 0, request.varbinds)
        exact = request.pdu == message.GET
        binds = [self._get(bind.oid) for bind in request.varbinds] if exact else self._next(request)
        if self.too_big_over is not None and len(binds) > self.too_big_over:
            return response(message.TOO_BIG, 0, ())
        return response(0, 0, binds)

    def _get(self, name: bytes) -> VarBind:
        leaf = self._leaves.get(name)
        if leaf:
            return VarBind(name, *leaf())
        column = oid.arcs(name)[:-1]
        place = bisect.bisect_left(self._order, (column, b""))
        known = place < len(self._order) and self._order[place][0][: len(column)] == column
        return VarBind(name, message.NO_SUCH_INSTANCE if known else message.NO_SUCH_OBJECT)

    def _next(self, request: Message) -> list[VarBind]:
        bulk = request.pdu == message.GET_BULK
        single, rounds = (max(0, request.status), max(0, request.blamed)) if bulk else (len(request.varbinds), 0)
        binds = [self._after(bind.oid) for bind in request.varbinds[:single]]
        names = [bind.oid for bind in request.varbinds[single:]]
        for _ in range(rounds if names else 0):
            found = [self._after(name) for name in names]
            binds += found
            names = [bind.oid for bind in found]
            # An agent sends what fits (RFC 3416 section 4.2.3), and stops where nothing follows.
            if sum(len(message.encode_varbind(bind)) for bind in binds) > 1300:
                break
            if all(bind.tag == message.END_OF_MIB_VIEW for bind in found):
                break
        return binds

    def _after(self, name: bytes) -> VarBind:
        arcs = oid.arcs(name)
        place = bisect.bisect_right(self._order, (arcs, name))
        if self.goes_backwards and name in self._leaves:
            place = max(0, place - 1)
        if place == len(self._order):
            return VarBind(name, message.END_OF_MIB_VIEW)
        following = self._order[place][1]
        return VarBind(following, *self._leaves[following]())
