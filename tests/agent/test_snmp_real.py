"""The SNMP collector against the real net-snmp snmpd: what we read is what its own programs print."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agent.access import by_community
from agent.batcher import Row
from agent.collectors import snmp
from agent.device import Device
from agent.udp import Exchange, resolve
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.batch import REASON_CODE
from tests.agent.snmp_stand import by_name, has_ipv6, plan, target
from tests.fakes.snmpd import Snmpd, snmpd
from tests.peers import need

MOVING = {message.COUNTER32, message.COUNTER64, message.TIME_TICKS}


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Snmpd]:
    need("snmpd")
    async with snmpd(tmp_path / "edge1") as running:
        yield running


def printed(daemon: Snmpd, program: str, *oids: str) -> dict[str, str]:
    """OID -> value as net-snmp's `program` prints it, bare."""
    command = [need(program), "-v2c", "-c", daemon.community, "-On", "-Oe", "-Oq", "-Ot", "-Ox", "-m", "", daemon.agent, *oids]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # A long string in hexadecimal goes over several lines.
    entries = re.split(r"^\.(?=\d+\.\d)", output, flags=re.MULTILINE)[1:]
    pairs = (entry.replace("\n", "").partition(" ") for entry in entries)
    return {name: value for name, _, value in pairs}


def shown(bind: VarBind) -> str:
    """A value in the form of `printed`."""
    if isinstance(bind.value, int):
        return str(bind.value)
    assert bind.value is not None
    if bind.tag == ber.OBJECT_IDENTIFIER:
        return f".{oid.dotted(bind.value)}"
    return f'"{bind.value.hex(" ").upper()} "' if bind.value else '""'


async def walked(daemon: Snmpd, *columns: str) -> dict[str, VarBind]:
    exchange = Exchange("snmp", message.request_id, Counter())
    try:
        device = Device(exchange, await resolve(daemon.host, daemon.port), by_community(daemon.community), (1.0, 2))
        found = await device.walk([oid.parse(column) for column in columns], 20)
    finally:
        exchange.close()
    return {oid.dotted(column + index): bind for column, rows in found.items() for index, bind in rows.items()}


@pytest.mark.parametrize("root", ["1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1", "1.3.6.1.2.1.25.2.3.1", "1.3.6.1.2.1.1"])
async def test_a_walk_finds_what_snmpwalk_prints(daemon: Snmpd, root: str) -> None:
    theirs = await asyncio.to_thread(printed, daemon, "snmpwalk", root)
    ours = await walked(daemon, root)
    assert list(ours) == list(theirs)
    still = [name for name, bind in ours.items() if bind.tag not in MOVING and "1.3.6.1.2.1.25.2.3.1.6" not in name]
    assert {name: shown(ours[name]) for name in still} == {name: theirs[name] for name in still}
    assert len(still) > 5


async def test_columns_walked_at_once_are_the_columns_walked_alone(daemon: Snmpd) -> None:
    columns = [f"1.3.6.1.2.1.2.2.1.{n}" for n in range(1, 23)]
    together = await walked(daemon, *columns)
    alone = [found for column in columns for found in await walked(daemon, column)]
    assert list(together) == alone


async def test_the_rows_of_a_poll_are_the_values_snmpget_prints(daemon: Snmpd) -> None:
    where = target(daemon.port, interval=60.0, timeout=1.0)
    rows: list[Row] = []
    await polled_until(where, rows, lambda: bool(rows))
    values = by_name(rows)
    names = await asyncio.to_thread(printed, daemon, "snmpwalk", "1.3.6.1.2.1.31.1.1.1.1")
    oper = await asyncio.to_thread(printed, daemon, "snmpwalk", "1.3.6.1.2.1.2.2.1.8")
    size = await asyncio.to_thread(printed, daemon, "snmpwalk", "1.3.6.1.2.1.25.2.3.1.5")
    unit = await asyncio.to_thread(printed, daemon, "snmpwalk", "1.3.6.1.2.1.25.2.3.1.4")
    interfaces = {name.rpartition(".")[2]: bytes.fromhex(value.strip('"')).decode() for name, value in names.items()}
    assert "lo" in interfaces.values()
    for index, name in interfaces.items():
        assert values["if.oper_status", name] == int(oper[f"1.3.6.1.2.1.2.2.1.8.{index}"])
    memory = int(size["1.3.6.1.2.1.25.2.3.1.5.1"]) * int(unit["1.3.6.1.2.1.25.2.3.1.4.1"])
    assert values["memory.size", "Physical memory"] == memory
    assert 0 < values["memory.used_percent", "Physical memory"] < 100
    assert 0 <= values["system.uptime", ""] < 60


async def polled_until(where: snmp.Target, rows: list[Row], enough: Callable[[], bool]) -> None:
    """Run the collector until `enough`, at most 20 s."""
    task = asyncio.create_task(snmp.run([where], plan(where), lambda new, _: rows.extend(new), lambda: len(rows), Counter()))
    async with asyncio.timeout(20):
        while not enough():
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait([task])


async def test_traffic_over_loopback_is_measured(daemon: Snmpd) -> None:
    """lo counts our own datagrams; snmpd refreshes its interfaces only every few seconds."""
    where = target(daemon.port, timeout=1.0, profiles=("if_mib",))
    rows: list[Row] = []

    def counted() -> bool:
        return any(row.metric == "if.in" and row.instance == "lo" for row in rows)

    await polled_until(where, rows, counted)
    told = [row for row in rows if row.metric == "if.in"]
    assert all(0 <= row.value < 1e12 and 0.5 < row.seconds < 5 for row in told)


async def test_kill_9_makes_it_unreachable_and_a_new_start_brings_it_back(daemon: Snmpd) -> None:
    where = target(daemon.port, timeout=0.3)
    rows: list[Row] = []

    def said(value: float) -> bool:
        return any(row.metric == "reachable" and row.value == value for row in rows)

    async def story() -> None:
        while not said(1.0):
            await asyncio.sleep(0.02)
        await daemon.kill()
        while not said(0.0):
            await asyncio.sleep(0.02)
        rows.clear()
        await daemon.start()

    playing = asyncio.create_task(story())
    await polled_until(where, rows, lambda: playing.done() and said(1.0))
    failures = [row for row in rows if row.value == 0 and row.metric == "reachable"]
    assert {row.reason for row in failures} <= {REASON_CODE["timeout"]}


async def test_a_wrong_community_is_a_timeout_and_check_says_what_to_look_at(daemon: Snmpd) -> None:
    where = target(daemon.port, community="wrong")
    rows: list[Row] = []
    await polled_until(where, rows, lambda: bool(rows))
    assert (rows[0].metric, rows[0].value, rows[0].reason) == ("reachable", 0.0, REASON_CODE["timeout"])
    (sensor,) = where.sensors
    assert isinstance(sensor, snmp.Snmp)
    assert "community" in await snmp.check(where, sensor, plan(where))


async def test_check_names_a_device_that_answers(daemon: Snmpd) -> None:
    where = target(daemon.port, timeout=1.0)
    (sensor,) = where.sensors
    assert isinstance(sensor, snmp.Snmp)
    assert " as edge1; " in await snmp.check(where, sensor, plan(where))


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_ipv6(tmp_path: Path) -> None:
    need("snmpd")
    async with snmpd(tmp_path / "edge6", host="::1") as daemon:
        where = target(daemon.port, host="::1", timeout=1.0)
        rows: list[Row] = []
        await polled_until(where, rows, lambda: bool(rows))
    assert by_name(rows)["if.oper_status", "lo"] == 1
