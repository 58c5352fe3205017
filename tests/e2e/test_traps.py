"""net-snmp's snmptrap and snmpinform and util-linux's logger -> the agent's collectors -> the server: events, and alarms of them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.batcher import Batcher, Packed, Sink
from agent.collectors import syslog, traps
from agent.hints import Hints
from agent.plans import share
from protocols.uplink.plan import decode_plan
from server.jobs.raise_alarms import decide
from tests.fakes.world import INVENTORY, World, bearer, world
from tests.fakes.world import SECRET as AGENT
from tests.peers import need

V3 = ("-v3", "-u", "trapu", "-l", "authPriv", "-a", "SHA-256", "-A", "authpass1234", "-x", "AES", "-X", "privpass1234")
USER = {"user": "trapu", "auth": "sha256", "auth_secret": "authpass1234", "priv": "aes128", "priv_secret": "privpass1234"}
SENSORS = [
    {"kind": "ping"},
    {"kind": "snmp", "community": "public"},
    {"kind": "trap", "name": "by community", "community": "public", "senders": ["127.0.0.0/8"]},
    {"kind": "trap", "name": "by user", "version": "3", "senders": ["127.0.0.0/8"], **USER},
    {"kind": "syslog", "senders": ["127.0.0.0/8"]},
]
HEARING = INVENTORY | {"elements": [INVENTORY["elements"][0] | {"sensors": SENSORS}, INVENTORY["elements"][1]]}
LINK = ("1.3.6.1.2.1.2.2.1.1.3", "i", "3", "1.3.6.1.2.1.31.1.1.1.1.3", "s", "ge1")
DOWN, UP = ("", "1.3.6.1.6.3.1.1.5.3", *LINK), ("", "1.3.6.1.6.3.1.1.5.4", *LINK)


class Kept:
    """A lane of the spool that keeps batches in memory; `good`: whether the disk takes them."""

    def __init__(self) -> None:
        self.packed: list[Packed] = []
        self.good = True

    def append(self, packed: Packed) -> None:
        self.packed.append(packed)

    async def durable(self, packed: Packed) -> bool:
        if self.good:
            self.packed.append(packed)
        return self.good


class Ears:
    """The collectors that hear, and what came of it."""

    def __init__(self, w: World, lane: Kept, folder: Path) -> None:
        self.world, self.lane, self.folder = w, lane, folder
        self.counters: Counter[str] = Counter()
        self.hinted: list[str] = []
        self.trap_port = self.syslog_port = self._sent = 0

    async def said(self, *command: str) -> int:
        """The exit code of a peer's program."""
        process = await asyncio.create_subprocess_exec(
            need(command[0]), *command[1:], stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await asyncio.wait_for(process.wait(), 20)

    async def trap(self, *arguments: str, program: str = "snmptrap") -> int:
        start = len(arguments) - arguments[::-1].index("") - 1 if "" in arguments else len(arguments)
        where = f"udp:127.0.0.1:{self.trap_port}"
        return await self.said(program, *arguments[:start], "-r", "1", "-t", "1", where, *arguments[start:])

    async def deliver(self) -> None:
        """Give the server what was heard, and let it decide."""
        await asyncio.sleep(0.2)
        for packed in self.lane.packed[self._sent :]:
            self._sent += 1
            answer = await self.world.put(packed.body, self._sent)
            assert answer.json()["rejected"] == {}, answer.text
        while await decide(self.world.app.state.pool, self.world.tenant, self.world.now):
            pass


@contextlib.asynccontextmanager
async def ears(database: str, folder: Path) -> AsyncIterator[Ears]:
    async with world(database, folder / "server", HEARING) as w:
        w.now = time.time_ns() // 1_000
        plan = decode_plan((await w.client.get("/agent/v1/plan", headers=bearer(AGENT))).content)
        lane, hints, ports = Kept(), Hints(), asyncio.Queue()
        made = Ears(w, lane, folder)
        hints.on_hint = made.hinted.append
        sink = Sink(Batcher(lane.append), {"events": lane})
        tasks = []
        for kind, run in (
            ("trap", traps.collector(traps.Place(_free(), folder, hints, 60.0, ports.put_nowait))),
            ("syslog", syslog.collector(syslog.Place(_free(), 60.0, ports.put_nowait))),
        ):
            part = share(plan, kind)
            tasks.append(asyncio.create_task(run(part.targets, part, sink, lambda: time.time_ns() // 1_000, made.counters)))
            port = asyncio.create_task(ports.get())
            await asyncio.wait({port, tasks[-1]}, return_when=asyncio.FIRST_COMPLETED, timeout=5)
            assert port.done(), tasks[-1]
            setattr(made, f"{kind}_port", port.result())
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _free() -> int:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("snmptrap", ("-v2c", "-c", "public")),
        ("snmpinform", ("-v2c", "-c", "public")),
        ("snmptrap", (*V3, "-e", "0x8000000001020304")),
        ("snmpinform", V3),
    ],
)
async def test_a_link_goes_down_and_up(database: str, tmp_path: Path, program: str, arguments: tuple[str, ...]) -> None:
    async with ears(database, tmp_path) as e:
        assert await e.trap(*arguments, *DOWN, program=program) == 0
        await e.deliver()
        con = e.world.con
        event = await con.fetchrow("select kind, name, source, detail from event")
        kind = "inform" if program == "snmpinform" else "trap"
        assert tuple(event) == (kind, "linkDown", "127.0.0.1", '{"ifIndex.3":3,"ifName.3":"ge1"}')
        alarm = await con.fetchrow("select e.external_id, a.state from alarm a join element e on e.id = a.element_id")
        assert tuple(alarm) == ("edge1-ge1", "open")
        assert e.hinted == ["192.0.2.1"]
        assert await e.trap(*arguments, *UP, program=program) == 0
        await e.deliver()
        assert await con.fetchval("select state from alarm") == "cleared"


async def test_a_v1_trap_of_a_ups(database: str, tmp_path: Path) -> None:
    async with ears(database, tmp_path) as e:
        apc = ("1.3.6.1.4.1.318", "10.1.1.1", "6", "5", "1234", "1.3.6.1.4.1.318.2.3.3.0", "s", "on battery")
        where = f"udp:127.0.0.1:{e.trap_port}"
        assert await e.said("snmptrap", "-v1", "-c", "public", where, *apc) == 0
        await e.deliver()
        assert await e.world.con.fetchval("select condition from alarm") == "ups_on_battery"
        assert await e.world.con.fetchval("select oid from event") == "1.3.6.1.4.1.318.0.5"


async def test_what_is_not_proven_is_neither_recorded_nor_answered(database: str, tmp_path: Path) -> None:
    async with ears(database, tmp_path) as e:
        assert await e.trap("-v2c", "-c", "wrong", *DOWN) == 0
        assert await e.trap("-v2c", "-c", "wrong", *DOWN, program="snmpinform") == 1
        for wrong in ("authpass1234", "privpass1234"):
            spoilt = tuple(each + "5" if each == wrong else each for each in V3)
            assert await e.trap(*spoilt, *DOWN, program="snmpinform") == 1
        await e.deliver()
        assert await e.world.con.fetchval("select count(*) from event") == 0
        assert e.counters["trap.refused.community"] >= 2


async def test_an_inform_that_is_not_on_disk_is_not_answered(database: str, tmp_path: Path) -> None:
    async with ears(database, tmp_path) as e:
        e.lane.good = False
        assert await e.trap("-v2c", "-c", "public", *DOWN, program="snmpinform") == 1
        assert e.lane.packed == []
        e.lane.good = True
        assert await e.trap("-v2c", "-c", "public", *DOWN, program="snmpinform") == 0
        await e.deliver()
        assert await e.world.con.fetchval("select count(*) from event") == 1


async def test_a_storm_of_one_sender_is_suppressed_and_counted(database: str, tmp_path: Path) -> None:
    from tests.protocols.snmp.notifications import v2c

    async with ears(database, tmp_path) as e:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", e.trap_port))
        for _ in range(30):
            for _ in range(100):
                transport.sendto(v2c())
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        heard, suppressed = e.counters["trap.heard"], e.counters["trap.suppressed"]
        assert heard + suppressed + e.counters["trap.kernel_drops"] == 3_000
        assert 1_000 <= heard < 1_300
        transport.close()


async def test_syslog_over_udp_and_tcp(database: str, tmp_path: Path) -> None:
    async with ears(database, tmp_path) as e:
        place = ("-n", "127.0.0.1", "-P", str(e.syslog_port), "-t", "prog", "-p", "daemon.err")
        for how in (
            ("-d", "--rfc5424=notq"),
            ("-d", "--rfc3164"),
            ("-T", "--rfc5424=notq"),
            ("-T", "--octet-count", "--rfc3164"),
        ):
            assert await e.said("logger", *place, *how, "disk is full") == 0
        await e.deliver()
        rows = await e.world.con.fetch("select kind, severity, oid, name, detail from event")
        assert [tuple(row) for row in rows] == [("syslog", 3, "daemon", "prog", "disk is full")] * 4
