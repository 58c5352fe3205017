"""RADIUS accounting by real peers: radclient, and a FreeRADIUS that relays its detail files, to a real agent and a real server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from storage.database import Connection, connect_owner
from tests.fakes import lineside
from tests.fakes.radiusd import SECRET, Radiusd, radclient
from tests.peers import need

REQUESTS = 20_000
NAS = {
    "accounts": [{"id": "acme", "name": "Acme"}],
    "products": [{"id": "wifi", "name": "Wi-Fi"}],
    "sites": [{"id": "lab", "name": "Lab"}],
    "elements": [
        {
            "id": "wlc",
            "name": "Controller",
            "site": "lab",
            "address": "127.0.0.1",
            "sensors": [{"kind": "radius", "secret": SECRET}],
        }
    ],
    "services": [
        {"id": "SP-1", "name": "SP-1", "account": "acme", "product": "wifi", "elements": [{"element": "wlc"}]},
    ],
}


class Stand(NamedTuple):
    """What runs: the agent's RADIUS port, and the owner's connection to the database."""

    server: lineside.Lineside
    port: int
    con: Connection
    folder: Path


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    need("radclient")
    port = lineside.free_port()
    with lineside.running({"LINESIDE_AGENT_RADIUS_PORT": str(port)}) as server:
        key = server.key()
        server.apply(NAS, key)
        with lineside.running_agent(server, "lab", key, tmp_path / "agent"):
            con = await connect_owner(server.dsn)
            await until(lambda: listening(port), "the agent hears RADIUS")
            yield Stand(server, port, con, tmp_path)
            await con.close()


async def listening(port: int) -> bool:
    return f":{port:04X} " in Path("/proc/net/udp6").read_text()


async def until(so: Callable[[], Any], what: str, patience: float = 60.0) -> Any:
    """The first true answer of `so`."""
    end = time.monotonic() + patience
    while not (answer := await so()):
        assert time.monotonic() < end, f"waited in vain until {what}"
        await asyncio.sleep(0.1)
    return answer


def lines(first: int, last: int, status: str = "Start", **more: str) -> str:
    """Accounting requests of many sessions, in FreeRADIUS's own text."""
    extra = "".join(f",{name.replace('_', '-')}={value}" for name, value in more.items())
    return "\n\n".join(
        f'Acct-Status-Type={status},Acct-Session-Id="s{n}",User-Name="user{n}",NAS-Identifier="wlc",NAS-Port={n},'
        f'Called-Station-Id="02-00-00-00-00-{n % 20:02X}:Guest",Calling-Station-Id="AA-BB-CC-{n >> 16 & 255:02X}-{n >> 8 & 255:02X}'
        f'-{n & 255:02X}",Framed-IP-Address=192.0.2.1,Acct-Unique-Session-Id="u{n}"{extra}'
        for n in range(first, last)
    )


async def test_radclient_loses_none_of_many_requests_and_none_is_stored_twice(stand: Stand) -> None:
    begun = time.monotonic()
    said = await radclient(stand.folder, stand.port, lines(0, REQUESTS))
    took = time.monotonic() - begun
    assert said == {"accepted": REQUESTS, "lost": 0}

    async def stored() -> bool:
        return await stand.con.fetchval("select count(*) from radius_session") >= REQUESTS

    await until(stored, "all are stored")
    assert await stand.con.fetchval("select count(*) from radius_session") == REQUESTS
    row = await stand.con.fetchrow("select *, ended_at is null as open from radius_session where session = 's7'")
    assert (row["nas"], row["ap"], row["ssid"], row["open"]) == ("wlc", "020000000007", "Guest", True)
    assert len(row["user_name"]) == 32
    assert row["user_name"] != "user7"
    assert row["address"] == ""
    print(f"{REQUESTS / took:.0f} requests a second")


async def test_a_relay_that_is_killed_in_mid_drain_loses_nothing_and_doubles_nothing(stand: Stand) -> None:
    need("freeradius")
    relay = Radiusd(stand.folder / "radiusd", lineside.free_port(), stand.port)
    await relay.start()
    try:
        count = 3_000
        said = await radclient(stand.folder, relay.port, lines(0, count), together=50)
        assert said == {"accepted": count, "lost": 0}

        async def some() -> bool:
            return await stand.con.fetchval("select count(*) from radius_session") > count // 10

        await until(some, "the relay drains")
        await relay.kill()
        before = await stand.con.fetchval("select count(*) from radius_session")
        assert before < count, "it was killed too late"
        await relay.start()
        said = await radclient(stand.folder, relay.port, lines(0, count, "Stop", Acct_Session_Time="60"), together=50)
        assert said == {"accepted": count, "lost": 0}

        async def all_ended() -> bool:
            return await stand.con.fetchval("select count(*) from radius_session where ended_by = 'stop'") >= count

        await until(all_ended, "all have ended", 240)
        assert await stand.con.fetchval("select count(*) from radius_session") == count
    finally:
        await relay.kill()
