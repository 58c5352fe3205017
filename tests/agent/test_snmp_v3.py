"""SNMPv3 (and v1) against the real snmpd: users of every kind, and every wrong one."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.access import Access, by_community
from agent.batcher import Row
from agent.collectors import snmp
from agent.device import Device
from agent.udp import Exchange, NoAnswer, resolve
from protocols.snmp import message, oid
from tests.agent.snmp_stand import plan, target
from tests.fakes import snmp_users
from tests.fakes.snmpd import Snmpd, snmpd
from tests.peers import need

NAME = oid.parse("1.3.6.1.2.1.1.5.0")
SYSTEM = oid.parse("1.3.6.1.2.1.1")


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Snmpd]:
    need("snmpd")
    async with snmpd(tmp_path / "edge1", extra=snmp_users.config()) as running:
        yield running


@contextlib.asynccontextmanager
async def device(daemon: Snmpd, access: Access, patience: float = 1.0) -> AsyncIterator[Device]:
    exchange = Exchange("snmp", message.request_id, Counter())
    try:
        yield Device(exchange, await resolve(daemon.host, daemon.port), access, (patience, 0))
    finally:
        exchange.close()


async def name(daemon: Snmpd, access: Access) -> object:
    async with device(daemon, access) as asked:
        (part,) = await asked.get([NAME])
    return part.values[NAME].value


async def test_users_of_every_kind_are_answered(daemon: Snmpd) -> None:
    for auth, priv in snmp_users.KINDS:
        assert await name(daemon, snmp_users.access(auth, priv)) == b"edge1", (auth, priv)


@pytest.mark.parametrize(
    ("auth", "priv", "changed", "words"),
    [
        ("sha1", "aes128", {"name": b"nobody"}, "does not know the SNMPv3 user"),
        ("sha1", "aes128", {"auth_secret": b"wrong-wrong"}, "authentication password"),
        ("sha1", "aes128", {"auth": "sha256"}, "authentication protocol"),
        ("sha1", "aes128", {"priv_secret": b"wrong-wrong"}, "privacy password"),
        ("sha1", "des", {"priv_secret": b"wrong-wrong"}, "privacy password"),
        ("sha1", "aes256", {"priv": "aes256c"}, "privacy protocol"),
        ("sha1", "", {"priv": "aes128", "priv_secret": b"wrong-wrong"}, "security level"),
        ("sha1", "aes128", {"priv": ""}, "lets us read nothing"),
    ],
)
async def test_what_is_wrong_is_said(daemon: Snmpd, auth: str, priv: str, changed: dict[str, object], words: str) -> None:
    async with device(daemon, snmp_users.access(auth, priv, **changed), 0.3) as asked:
        with pytest.raises(NoAnswer, match=words) as failure:
            await asked.get([NAME])
    assert failure.value.reason == "authentication"


async def test_check_names_the_user_and_what_is_wrong(daemon: Snmpd) -> None:
    settings = {"version": "3", "user": "u-sha1-aes128", "auth": "sha1", "auth_secret": snmp_users.AUTH_SECRET}
    settings |= {"priv": "aes128", "priv_secret": "wrong-wrong", "timeout": 0.3}
    where = target(daemon.port, **settings)
    (sensor,) = where.sensors
    assert isinstance(sensor, snmp.Snmp)
    assert "the privacy password, or the privacy protocol, is wrong (SNMPv3 user u-sha1-aes128)" in await snmp.check(
        where, sensor, plan(where)
    )
    short = target(daemon.port, **(settings | {"priv_secret": "short"}))
    (sensor,) = short.sensors
    assert isinstance(sensor, snmp.Snmp)
    assert "at least 8 characters" in await snmp.check(short, sensor, plan(short))


@pytest.mark.parametrize(("auth", "priv"), [("sha256", "aes128"), ("md5", "des"), ("sha512", "aes256")])
async def test_a_v3_walk_finds_what_snmpwalk_prints(daemon: Snmpd, auth: str, priv: str) -> None:
    command = [need("snmpwalk"), *snmp_users.options(auth, priv), "-On", "-Oq", "-m", "", daemon.agent, oid.dotted(SYSTEM)]
    printed = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
    names = [line.split()[0].removeprefix(".") for line in printed.stdout.splitlines() if line.startswith(".1.3.6.1.2.1.1.")]
    async with device(daemon, snmp_users.access(auth, priv)) as asked:
        found = await asked.walk([SYSTEM], 10)
    assert [oid.dotted(SYSTEM + index) for index in found[SYSTEM]] == names
    assert len(names) > 7


async def test_a_device_that_was_started_anew_is_known_again(daemon: Snmpd) -> None:
    async with device(daemon, snmp_users.access("sha1", "aes128"), 0.5) as asked:
        await asked.get([NAME])
        await daemon.kill()
        with pytest.raises(NoAnswer):
            await asked.get([NAME])
        await daemon.start()
        (part,) = await asked.get([NAME])
    assert part.values[NAME].value == b"edge1"


async def test_v1_drops_what_the_device_has_not_and_walks_to_the_end(daemon: Snmpd) -> None:
    nothing, index = oid.parse("1.3.6.1.4.1.99999.1.0"), oid.parse("1.3.6.1.2.1.2.2.1.1")
    async with device(daemon, by_community(daemon.community, message.V1)) as asked:
        (part,) = await asked.get([nothing, NAME])
        ours = await asked.walk([index, oid.parse("1.3.6.1.2.1.2.2.1.10")], 10)
        last = await asked.walk([oid.parse("1.3.6.1.6.3.16.1.5.2.1.6"), index], 10)  # the end of all there is
    assert part.values[NAME].value == b"edge1"
    assert nothing in asked.refused
    async with device(daemon, by_community(daemon.community)) as asked:
        theirs = await asked.walk([index], 10)
    assert ours[index] == theirs[index] == last[index] != {}
    assert "snmp.v3.digest" not in asked.counters


async def test_a_v3_sensor_is_polled_by_rote(daemon: Snmpd) -> None:
    where = target(daemon.port, version="3", user="u-sha256-aes128", auth="sha256", auth_secret=snmp_users.AUTH_SECRET,
                   priv="aes128", priv_secret=snmp_users.PRIV_SECRET, timeout=1.0, profiles=("if_mib",))  # fmt: skip
    rows: list[Row] = []
    counters: Counter[str] = Counter()
    running = asyncio.create_task(snmp.run([where], plan(where), lambda new, _: rows.extend(new), lambda: 0, counters))
    async with asyncio.timeout(20):
        while sum(row.metric == "reachable" for row in rows) < 5:
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait([running])
    assert all(row.value == 1 for row in rows if row.metric == "reachable")
    assert {row.instance for row in rows if row.metric == "if.in"} >= {"lo"}
    assert counters["snmp.rote.differs"] == counters["snmp.rote.silent"] == 0
