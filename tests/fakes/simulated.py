"""A device of the demo that speaks real SNMP, v2c or v3: what it says is its patterns at this moment, as its MIBs say it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from protocols.snmp import ber, message, oid
from protocols.snmp.message import Value
from protocols.snmp.usm import User
from tests.fakes import patterns
from tests.fakes.devices import Device, Line, Measure, inside
from tests.fakes.patterns import Pattern
from tests.fakes.snmp_device import Leaf, Port, SnmpDevice
from tests.fakes.v3_agent import Engine

# Kind -> (sysObjectID, sysDescr)
KINDS = {
    "router": ("1.3.6.1.4.1.2636.1.1.1.2.57", "Simulated edge router"),
    "switch": ("1.3.6.1.4.1.9.1.2494", "Simulated access switch"),
    "firewall": ("1.3.6.1.4.1.12356.101.1.1006", "Simulated firewall"),
    "controller": ("1.3.6.1.4.1.14179.1.1.4.3", "Simulated wireless controller"),
    "access point": ("1.3.6.1.4.1.14823.1.2.111", "Simulated access point"),
    "server": ("1.3.6.1.4.1.8072.3.2.10", "Simulated server"),
    "ups": ("1.3.6.1.4.1.850.1", "Simulated uninterruptible power supply"),
    "cable modem": ("1.3.6.1.4.1.4115.820", "Simulated cable modem"),
    "voice gateway": ("1.3.6.1.4.1.8072.3.2.10", "Simulated voice gateway"),
}
USER = "lineside"
IF, FORTINET, WLC, AP = "1.3.6.1.2.1.2.2.1", "1.3.6.1.4.1.12356.101", "1.3.6.1.4.1.14179.2.2", "1.3.6.1.4.1.14823.2.3.3.1.2"
UPS, STORAGE, DOCSIS = "1.3.6.1.2.1.33.1", "1.3.6.1.2.1.25.2.3.1", "1.3.6.1.2.1.10.127.1.1"
RAM, DISK = "1.3.6.1.2.1.25.2.1.2", "1.3.6.1.2.1.25.2.1.4"
# (kind or "", metric) -> (OID of a scalar, what one unit of the metric is there)
SCALARS = {
    ("firewall", "cpu.load"): (f"{FORTINET}.4.1.3.0", 1),
    ("server", "cpu.load"): ("1.3.6.1.2.1.25.3.3.1.2.1", 1),
    ("", "firewall.sessions"): (f"{FORTINET}.4.1.8.0", 1),
    ("", "ups.charge"): (f"{UPS}.2.4.0", 1),
    ("", "ups.output_load"): (f"{UPS}.4.4.1.5.1", 1),
    ("", "ups.output_source"): (f"{UPS}.4.1.0", 1),
    ("", "docsis.down.power"): (f"{DOCSIS}.1.1.6.1", 10),
    ("", "docsis.snr"): (f"{DOCSIS}.4.1.5.1", 10),
}


class Counter:
    """What a pattern's value adds up to from the first look on."""

    def __init__(self, pattern: Pattern, scale: float, now: float) -> None:
        self._pattern, self._scale, self._last, self._total = pattern, scale, now, 0.0

    def read(self, now: float, *, counts: bool = True) -> int:
        if now > self._last:
            grown = patterns.carried(self._pattern, max(self._last, now - patterns.HOUR), now) if counts else 0.0
            self._total += self._scale * grown
            self._last = now
        return int(self._total)


class Simulated(SnmpDevice):
    """See above. `secrets`: the passwords of the v3 user."""

    def __init__(self, device: Device, community: str, secrets: tuple[str, str], clock: Callable[[], float]) -> None:
        self.device = device
        now = clock()
        self._counters: dict[tuple[str, str], Counter] = {}
        for line in device.lines:
            self._counters[line.name, "in"] = Counter(line.rate_in, 1 / 8, now)
            self._counters[line.name, "out"] = Counter(line.rate_out, 1 / 8, now)
            self._counters[line.name, "errors"] = Counter(line.errors, 1, now)
        for each in device.measures:
            if each.metric.startswith("vpn.") and each.metric != "vpn.status":
                self._counters[each.instance, each.metric] = Counter(each.pattern, 1 / 8, now)
        ports = [Port(index, line.name, int(line.speed)) for index, line in enumerate(device.lines, 1)]
        super().__init__(device.name, ports, community, clock)
        self.engine: Engine | None = None
        self.web: asyncio.Server | None = None
        if device.v3:
            user = User(USER.encode(), "sha256", secrets[0].encode(), "aes128", secrets[1].encode())
            identity = b"\x80\x00\x1f\x88\x04" + device.name.encode()
            self.engine = Engine(identity, user, lambda: (self.boots, int(self.clock() - self.booted)), self._respond)

    def value(self, pattern: Pattern) -> float:
        return float(patterns.values(pattern, np.array([self.clock()]))[0])

    def build(self) -> None:
        object_id, description = KINDS[self.device.kind]
        leaves: dict[str, Leaf] = {
            "1.3.6.1.2.1.1.1.0": lambda: (ber.OCTET_STRING, f"{description} {self.name}".encode()),
            "1.3.6.1.2.1.1.2.0": lambda: (ber.OBJECT_IDENTIFIER, oid.parse(object_id)),
            "1.3.6.1.2.1.1.3.0": lambda: (message.TIME_TICKS, self.uptime),
            "1.3.6.1.2.1.1.5.0": lambda: (ber.OCTET_STRING, self.name.encode()),
            "1.3.6.1.6.3.10.2.1.2.0": lambda: (ber.INTEGER, self.boots),
            "1.3.6.1.6.3.10.2.1.3.0": lambda: (ber.INTEGER, int(self.clock() - self.booted)),
        }
        for port, line in zip(self.ports, self.device.lines, strict=True):
            leaves |= self._port(port) | self._own(port, line)
        for number, each in enumerate(self.device.measures, 1):
            leaves |= dict(self._measure(number, each))
        self._leaves = {oid.parse(name): leaf for name, leaf in leaves.items()}
        self._order = sorted((oid.arcs(name), name) for name in self._leaves)

    def octets(self, port: Port, way: str) -> float:
        line = self.device.lines[port.index - 1]
        return self._counters[port.name, way].read(self.clock(), counts=self._is_up(port, line))

    def _is_up(self, port: Port, line: Line) -> bool:
        return port.oper == 1 and not inside(line.outages, np.array([self.clock()]))[0]

    def _own(self, port: Port, line: Line) -> dict[str, Leaf]:
        """What of a port follows the patterns: its state and its errors."""
        return {
            f"{IF}.8.{port.index}": lambda: (ber.INTEGER, 1 if self._is_up(port, line) else 2),
            f"{IF}.13.{port.index}": lambda: (message.COUNTER32, 0),
            f"{IF}.14.{port.index}": lambda: (message.COUNTER32, self._counters[line.name, "errors"].read(self.clock())),
            f"{IF}.19.{port.index}": lambda: (message.COUNTER32, 0),
        }

    def _measure(self, number: int, each: Measure) -> Iterator[tuple[str, Leaf]]:
        def gauge(scale: float = 1) -> Leaf:
            return lambda: (message.GAUGE32, round(scale * self.value(each.pattern)))

        found = SCALARS.get((self.device.kind, each.metric)) or SCALARS.get(("", each.metric))
        if found is not None:
            yield found[0], gauge(found[1])
        elif each.metric in {"memory.used_percent", "storage.used_percent"}:
            yield from self._storage_row(number, each)
        elif each.metric == "wifi.clients":
            yield from self._radio(each, gauge())
        elif each.metric.startswith("vpn."):
            yield from self._tunnel(each, gauge())

    def _storage_row(self, number: int, each: Measure) -> Iterator[tuple[str, Leaf]]:
        kind = RAM if each.metric.startswith("memory") else DISK
        unit = 65_536 if each.size > 8e12 else 4096
        blocks = int(each.size / unit)

        def wrapped(blocks: float) -> tuple[int, Value]:  # as an Integer32, which a large disk lets run negative
            low = int(blocks) & 0xFFFF_FFFF
            return ber.INTEGER, low - (1 << 32) if low >> 31 else low

        yield f"{STORAGE}.1.{number}", lambda: (ber.INTEGER, number)
        yield f"{STORAGE}.2.{number}", lambda: (ber.OBJECT_IDENTIFIER, oid.parse(kind))
        yield f"{STORAGE}.3.{number}", lambda: (ber.OCTET_STRING, each.instance.encode())
        yield f"{STORAGE}.4.{number}", lambda: (ber.INTEGER, unit)
        yield f"{STORAGE}.5.{number}", lambda: wrapped(blocks)
        yield f"{STORAGE}.6.{number}", lambda: wrapped(blocks * self.value(each.pattern) / 100)

    def _radio(self, each: Measure, clients: Leaf) -> Iterator[tuple[str, Leaf]]:
        """`instance` is "NAME radio N"; a controller has the access points of others, one has its own."""
        name, _, slot = each.instance.rpartition(" radio ")
        mac = ".".join(str(byte) for byte in b"\x02\x00" + zlib.crc32(name.encode()).to_bytes(4, "big"))
        if self.device.kind == "controller":
            yield f"{WLC}.1.1.3.{mac}", lambda: (ber.OCTET_STRING, name.encode())
            yield f"{WLC}.2.1.12.{mac}.{slot}", lambda: (ber.INTEGER, 2)
            yield f"{WLC}.2.1.15.{mac}.{slot}", clients
        else:
            yield f"{AP}.1.1.2.{mac}", lambda: (ber.OCTET_STRING, name.encode())
            yield f"{AP}.2.1.20.{mac}.{slot}", lambda: (ber.INTEGER, 1)
            yield f"{AP}.2.1.21.{mac}.{slot}", clients

    def _tunnel(self, each: Measure, gauge: Leaf) -> Iterator[tuple[str, Leaf]]:
        column = {"vpn.status": 20, "vpn.in": 18, "vpn.out": 19}[each.metric]
        table = f"{FORTINET}.12.2.2.1"
        yield f"{table}.3.1", lambda: (ber.OCTET_STRING, each.instance.encode())
        if each.metric == "vpn.status":
            yield f"{table}.20.1", gauge
        else:
            counter = self._counters[each.instance, each.metric]
            yield f"{table}.{column}.1", lambda: (message.COUNTER64, counter.read(self.clock()))

    def answer(self, data: bytes) -> bytes | None:
        if self.silent or inside(self.device.outages, np.array([self.clock()]))[0]:
            return None
        self.requests.clear()
        return self.engine.answer(data) if self.engine is not None else super().answer(data)

    async def serve_web(self, host: str, port: int, seconds: Pattern) -> asyncio.Server:
        """A page that takes as long as `seconds` says."""

        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
                if self.silent:
                    return
                await asyncio.sleep(self.value(seconds))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nregistered")
                await writer.drain()
            except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass
            finally:
                writer.close()

        return await asyncio.start_server(visit, host, port)
