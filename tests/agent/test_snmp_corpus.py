"""Recorded walks of real devices of many makers, served by the simulated one and polled by the shipped profiles."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.snmp import ber, message, oid
from protocols.snmp.message import Value
from tests.agent.snmp_stand import by_name, polled
from tests.fakes.snmp_device import SnmpDevice
from tests.peers import ROOT, corpus

OURS = ("1.3.6.1.2.1.1.", "1.3.6.1.2.1.2.", "1.3.6.1.2.1.25.", "1.3.6.1.2.1.31.", "1.3.6.1.6.3.10.")
NUMBERS = {2, 65, 66, 67, 70}


def recorded(path: Path) -> Iterator[tuple[str, int, Value]]:
    """(OID, tag, value) of the lines of a .snmprec file that our profiles could ask for."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, rest = line.partition("|")
        kind, _, value = rest.partition("|")
        if not name.startswith(OURS) or not kind.rstrip("x").isdigit():
            continue
        number = int(kind.rstrip("x"))
        if number in NUMBERS:
            yield name, number, int(value)
        elif kind.endswith("x"):
            yield name, number, bytes.fromhex(value)
        elif number == ber.OBJECT_IDENTIFIER:
            yield name, number, oid.parse(value)
        elif number == ber.OCTET_STRING:
            yield name, number, value.encode()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    folder = ROOT / os.environ.get("LINESIDE_CORPUS", "../shared")
    names = sorted(path.stem for path in (folder / "captures" / "snmp").glob("*.snmprec"))
    metafunc.parametrize("name", names or ["missing"])


async def test_a_recorded_device_is_polled(name: str) -> None:
    path = corpus() / "captures" / "snmp" / f"{name}.snmprec"
    device = SnmpDevice(path.stem)
    device._leaves = {
        oid.parse(name): lambda tag=tag, value=value: (tag, value)  # type: ignore[misc]
        for name, tag, value in recorded(path)
    }
    device._leaves[oid.parse("1.3.6.1.2.1.1.3.0")] = lambda: (message.TIME_TICKS, device.uptime)
    device._order = sorted((oid.arcs(name), name) for name in device._leaves)
    oper = oid.parse("1.3.6.1.2.1.2.2.1.8")
    indices = [name for name in device._leaves if name.startswith(oper)]
    async with polled(device, timeout=2.0) as poller:
        values = by_name(await poller.poll(0))
    assert values["reachable", ""] == 1
    ports = [instance for metric, instance in values if metric == "if.oper_status"]
    assert len(ports) == len(set(ports)) == len(indices)
    assert not any(unicodedata.category(character).startswith("C") for port in ports for character in port)
    assert all(0 <= value <= 100 for (metric, _), value in values.items() if metric.endswith("load"))
    assert all(value >= 0 for value in values.values())
    assert max(map(len, (request.varbinds for request in device.requests))) <= 40
