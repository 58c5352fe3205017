"""A stand for SNMP tests: a poller on a real socket against a device on loopback, time in the test's hands where it matters."""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable

from agent.batcher import Row
from agent.collectors.snmp import Poller, phase
from agent.udp import Exchange
from protocols.snmp import message
from protocols.uplink.plan import Plan, Snmp, Target
from server.profiles import load_profiles
from tests.fakes.snmp_device import SnmpDevice

PROFILES = load_profiles()
EARLY = next(number for number in itertools.count(1) if phase(number) < 0.001)  # a sensor that is polled at once
ALL = ("system", "if_mib", "host_resources")


def target(port: int, host: str = "127.0.0.1", name: str = "edge1", number: int = EARLY, **sensor: object) -> Target:
    """A target with one SNMP sensor, quick to give up."""
    settings: dict[str, object] = {"community": "public", "profiles": ALL, "interval": 1.0, "timeout": 0.15, "retries": 1}
    return Target(name, name, host, (Snmp(number, port=port, **(settings | sensor)),))  # type: ignore[arg-type]


def plan(*targets: Target) -> Plan:
    return Plan("1", "", targets, PROFILES)


@contextlib.asynccontextmanager
async def polled(device: SnmpDevice, host: str = "127.0.0.1", **sensor: object) -> AsyncIterator[Poller]:
    """A poller for `device`, which listens on a free port."""
    port = await device.start(host)
    exchange = Exchange("snmp", message.request_id, Counter())
    where = target(port, host, **sensor)
    (settings,) = where.sensors
    assert isinstance(settings, Snmp)
    try:
        yield Poller(exchange, where, settings, PROFILES)
    finally:
        exchange.close()
        device.close()


def by_name(rows: Iterable[Row]) -> dict[tuple[str, str], float]:
    """(metric, instance) -> value."""
    return {(row.metric, row.instance): row.value for row in rows}


class Ticking:
    """A clock for a simulated device: real time, and whatever a test adds."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1", 0))
        return True
    return False
