"""A real FreeRADIUS writes radacct to a real PostgreSQL and MariaDB: the sessions read there are those that the listener hears."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from agent import senders
from agent.collectors import radacct, radius
from agent.session_rows import Report, columns, disguise
from protocols.uplink.batch import Batch
from protocols.uplink.listeners import Radius
from protocols.uplink.plan import Plan, Target
from tests.fakes import lineside
from tests.fakes.radiusd import QUERIES, SECRET, Radiusd, radclient
from tests.fakes.world import INVENTORY, World, world
from tests.peers import find, need

PLAN = Plan("", hash_key="ab" * 32)
PEOPLE = 50


class Disk:
    """A sink that keeps in memory what it is given."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    async def durable(self, lane: str, whole: Batch) -> bool:
        self.batches.append(whole)
        return True


def requests(status: str, at: int, numbers: range, **more: object) -> str:
    extra = "".join(f",{name.replace('_', '-')}={value}" for name, value in more.items())
    return "\n\n".join(
        f'Acct-Status-Type={status},Acct-Session-Id="s{n}",User-Name="user{n % 7}",NAS-IP-Address=127.0.0.1,NAS-Port={n},'
        f'Called-Station-Id="02-00-00-00-00-0{n % 3}:Guest",Calling-Station-Id="AA-BB-CC-00-00-{n:02X}",Event-Timestamp={at}{extra}'
        for n in numbers
    )


async def reported(ask: radacct.Ask, followed: radacct.Followed) -> list[Report]:
    by = disguise(PLAN)
    return [report for row in await followed.look(ask) for report in radacct.reports(1, row, by)]


async def sessions(w: World, batches: list[Any]) -> list[tuple[Any, ...]]:
    """What the server makes of the batches."""
    from storage import sessions as stored

    element = await w.con.fetchval("select id from element where external_id = 'edge1'")
    import numpy as np

    for part in batches:
        await stored.take(w.con, w.tenant, part, np.full(len(part.ts), element, np.int64))
    rows = await w.con.fetch(
        "select nas, session, part, user_name, station, ap, ssid, starts_at, last_at, ended_at, ended_by, octets_in, octets_out, cause "
        "from radius_session order by session"
    )
    await w.con.execute("delete from radius_session")
    return [tuple(row) for row in rows]


async def story(w: World, folder: Path, sql: dict[str, str], url: str) -> None:
    server = Radiusd(folder / "radiusd", lineside.free_port(), 0, sql)
    await server.start()
    sock, disk, counters = radius.bound(0), Disk(), Counter[str]()
    target = Target("nas", "nas", "127.0.0.1", (Radius(number=1, secret=SECRET),))
    known = await senders.of([target], Radius, counters)
    listener = radius.Listener(sock, known, PLAN, disk, lambda: time.time_ns() // 1_000, counters)  # type: ignore[arg-type]
    task = asyncio.create_task(listener.run())
    try:
        ports = (server.port, sock.getsockname()[1])
        followed, read, now = radacct.Followed(), [], int(time.time())
        everyone, half = range(PEOPLE), range(PEOPLE // 2)
        octets = {"Acct_Input_Octets": 7, "Acct_Input_Gigawords": 2, "Acct_Output_Octets": 9}
        steps = [
            requests("Start", now - 200, everyone),
            requests("Interim-Update", now - 100, everyone, Acct_Session_Time=100, **octets),
            requests("Stop", now - 50, half, Acct_Session_Time=150, Acct_Terminate_Cause="Idle-Timeout", **octets),
            requests("Start", now - 40, range(PEOPLE, PEOPLE + 5))
            + "\n\n"
            + requests("Stop", now - 30, range(PEOPLE, PEOPLE + 5), Acct_Session_Time=10, Acct_Terminate_Cause="User-Request"),
        ]
        async with radacct.connected(url) as ask:
            for step in steps:
                for port in ports:
                    said = await radclient(folder, port, step, together=1)
                    assert said["lost"] == 0
                read.append(await reported(ask, followed))
            assert await reported(ask, followed) == [], "nothing is told twice"
            with pytest.raises(Exception, match=r"(?i)read.only"):
                await ask("delete from radacct")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.kill()
    heard = await sessions(w, [batch.sessions for batch in disk.batches])
    seen = await sessions(w, [columns(each) for each in read if each])
    assert len(heard) == PEOPLE + 5
    assert seen == heard


async def test_radacct_in_postgresql(database: str, empty_database: str, tmp_path: Path) -> None:
    need("freeradius")
    con = await asyncpg.connect(empty_database)
    await con.execute(Path(f"{QUERIES}/postgresql/schema.sql").read_text(encoding="utf-8"))
    user, name = await con.fetchrow("select current_user::text, current_database()::text")
    await con.close()
    host = empty_database.split("host=")[1]
    connection = f'server = "{host}"\nlogin = "{user}"\npassword = ""\nradius_db = "dbname={name} host={host} user={user}"'
    async with world(database, tmp_path, INVENTORY) as w:
        await story(w, tmp_path, {"dialect": "postgresql", "connection": connection}, empty_database)


@contextlib.asynccontextmanager
async def mariadb(folder: Path) -> AsyncIterator[int]:
    """A MariaDB of its own, with FreeRADIUS's schema and a user `radius`; its port."""
    data, port = folder / "mariadb", lineside.free_port()
    install = find("mariadb-install-db") or "mariadb-install-db"
    common = ["--no-defaults", f"--datadir={data}", "--user=root"]
    done = await asyncio.create_subprocess_exec(
        install, *common, "--skip-test-db", "--auth-root-authentication-method=normal", stdout=-1
    )
    await done.communicate()
    setup = folder / "setup.sql"
    schema = Path(f"{QUERIES}/mysql/schema.sql").read_text(encoding="utf-8")
    setup.write_text(
        f"create database radius; create user radius@'%' identified by 'radius'; grant all on radius.* to radius@'%';\nuse radius;\n{schema}"
    )
    process = await asyncio.create_subprocess_exec(
        find("mariadbd") or "mariadbd",
        *common,
        f"--port={port}",
        f"--socket={folder}/m.sock",
        "--bind-address=127.0.0.1",
        f"--pid-file={folder}/m.pid",
        "--innodb-buffer-pool-size=32M",
        stdout=-3,
        stderr=-3,
        env={**os.environ},
    )
    try:
        client = find("mariadb") or "mariadb"
        async with asyncio.timeout(60):
            while True:
                done = await asyncio.create_subprocess_exec(
                    client, "--no-defaults", f"--socket={folder}/m.sock", "-uroot", stdin=-1, stderr=-1
                )
                await done.communicate(setup.read_bytes())
                if done.returncode == 0:
                    break
                await asyncio.sleep(0.3)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def test_radacct_in_mariadb(database: str, tmp_path: Path) -> None:
    need("freeradius")
    need("mariadbd")
    async with mariadb(tmp_path) as port, world(database, tmp_path, INVENTORY) as w:
        connection = f'server = "127.0.0.1"\nport = {port}\nlogin = "radius"\npassword = "radius"\nradius_db = "radius"'
        url = f"mysql://radius:radius@127.0.0.1:{port}/radius"
        await story(w, tmp_path, {"dialect": "mysql", "connection": connection}, url)
