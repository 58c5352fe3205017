"""The whole line with a real net-snmp snmpd: polled by a real agent, judged by a real server, seen on the page."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from storage.database import Connection, connect_owner
from storage.times import to_us
from tests.fakes import lineside
from tests.fakes.snmpd import Snmpd
from tests.peers import need

SNMP = {"kind": "snmp", "community": "public", "interval": 1, "timeout": 0.3, "retries": 0}
PING = {"kind": "ping", "interval": 1, "timeout": 0.3}


class Stand(NamedTuple):
    """Everything that runs, and the owner's connection to its database."""

    server: lineside.Lineside
    snmpd: Snmpd
    con: Connection

    async def element(self, element: str) -> Any:
        return await self.con.fetchrow(
            "select p.* from element_span p join element e on e.id = p.element_id where e.external_id = $1 and p.ends_at is null",
            element,
        )

    async def service(self, service: str) -> Any:
        return await self.con.fetchrow(
            "select p.* from service_span p join service v on v.id = p.service_id where v.external_id = $1 and p.ends_at is null",
            service,
        )

    async def polls(self, element: str, sensor: str) -> list[tuple[int, float]]:
        """When the agent polled, and whether it was answered, as it recorded it."""
        rows = await self.con.fetch(
            """select d.ts, d.value from sample d join series s on s.id = d.series_id join element e on e.id = s.element_id
               where e.external_id = $1 and s.metric = 'reachable' and s.instance = $2 order by d.ts""",
            element,
            sensor,
        )
        return [(to_us(row["ts"]), row["value"]) for row in rows]


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    need("snmpd")
    snmpd = Snmpd(tmp_path / "snmpd", "public", "127.0.0.1", "")
    await snmpd.start()
    with lineside.running() as server:
        key = server.key()
        server.apply(inventory(snmpd.port), key)
        with lineside.running_agent(server, "lab", key, tmp_path / "agent"):
            con = await connect_owner(server.dsn)
            yield Stand(server, snmpd, con)
            await con.close()
    await snmpd.kill()


def inventory(port: int) -> dict[str, Any]:
    """One router that only SNMP can reach, and one that answers ping as well; each carries a service."""
    routers = {"snmp-only": [SNMP | {"port": port}], "with-ping": [PING, SNMP | {"port": port}]}
    return {
        "accounts": [{"id": "acme", "name": "Acme"}],
        "products": [{"id": "line", "name": "Line"}],
        "sites": [{"id": "lab", "name": "Lab"}],
        "elements": [
            {"id": name, "name": name, "site": "lab", "address": "127.0.0.1", "sensors": sensors}
            for name, sensors in routers.items()
        ],
        "services": [
            {"id": f"SP-{name}", "name": f"SP-{name}", "account": "acme", "product": "line", "elements": [{"element": name}]}
            for name in routers
        ],
    }


async def until(so: Callable[[], Any], what: str, patience: float = 40.0) -> Any:
    """The first true answer of `so`."""
    end = time.monotonic() + patience
    while not (answer := await so()):
        assert time.monotonic() < end, f"waited in vain until {what}"
        await asyncio.sleep(0.1)
    return answer


async def test_a_router_that_dies_takes_its_service_down_and_back_at_the_times_it_was_polled(stand: Stand) -> None:
    async def is_now(word: str) -> bool:
        rows = [await stand.service(f"SP-{name}") for name in ("snmp-only", "with-ping")]
        return all(row and row["shown"] == word for row in rows)

    await until(lambda: is_now("Up"), "both services are Up")
    await stand.snmpd.kill()

    async def is_down() -> Any:
        row = await stand.service("SP-snmp-only")
        return row if row["shown"] == "Down" else None

    down = await until(is_down, "the service is Down")
    polls = await stand.polls("snmp-only", "snmp")
    last_good = max(ts for ts, value in polls if value == 1)
    first_failed = min(ts for ts, value in polls if ts > last_good)
    assert to_us(down["since"]) == first_failed, "Down is back-dated to the first failed poll"
    (cause,) = down["cause"]
    assert (cause["name"], cause["evidence"][0]["reason"], cause["evidence"][0]["ts"]) == ("snmp-only", "timeout", first_failed)

    lost = await until(lambda: _with_reason(stand, "with-ping", "management_lost"), "SNMP alone is lost")
    assert (lost["raw"], lost["reason"]) == ("Has Issues", "management_lost"), "ping still answers"
    assert (await stand.service("SP-with-ping"))["shown"] == "Has Issues"
    await _see(stand, "SP-snmp-only", "Down", "snmp-only")

    await stand.snmpd.start()
    await until(lambda: is_now("Up"), "both services are Up again")
    polls = await stand.polls("snmp-only", "snmp")
    last_failed = max(ts for ts, value in polls if value == 0)
    first_good = min(ts for ts, value in polls if ts > last_failed)
    assert to_us((await stand.service("SP-snmp-only"))["since"]) == first_good, "Up is back-dated to the first answer"
    history = await stand.con.fetch(
        """select raw, starts_at, ends_at from service_span p join service v on v.id = p.service_id
           where v.external_id = 'SP-snmp-only' and raw <> 'No Data' order by starts_at"""
    )
    assert [row["raw"] for row in history] == ["Up", "Down", "Up"]


async def test_a_wrong_community_is_no_answer_and_check_says_what_to_look_at(stand: Stand, tmp_path: Path) -> None:
    wrong = inventory(stand.snmpd.port)
    wrong["elements"][0]["sensors"] = [SNMP | {"port": stand.snmpd.port, "community": "wrong"}]
    stand.server.apply(wrong, stand.server.key())
    lost = await until(lambda: _with_reason(stand, "snmp-only", "no_answer"), "the router does not answer")
    assert lost["evidence"][0]["reason"] == "timeout"
    environment = stand.server.environment | {"LINESIDE_AGENT_STATE": str(tmp_path / "agent")}
    done = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent.app",
        "check",
        env=environment,
        cwd=lineside.ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await done.communicate())[0].decode()
    assert "community" in said, said


async def _with_reason(stand: Stand, element: str, reason: str) -> Any:
    row = await stand.element(element)
    return row if row and row["reason"] == reason else None


async def _see(stand: Stand, service: str, *words: str) -> None:
    """Open the page as a person with the one-time link does."""
    link = stand.server.command("link")
    async with httpx2.AsyncClient(follow_redirects=True, headers={"Accept": "text/html"}) as browser:
        assert (await browser.get(link)).is_success
        page = (await browser.get(f"{stand.server.url}/services/{service}")).text
    for word in words:
        assert word in page
