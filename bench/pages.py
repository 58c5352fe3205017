"""Pages: how long the first visit of each takes, and what it weighs, with 10,000 services of 1,000 accounts.

A real web process behind a socket and a real database with a year of timelines; the pages are fetched one after another as a
browser fetches them, gzipped, with a session's cookie and without an ETag, so that nothing is answered from what was known. A
second figure is the poll of an open tab while nothing has changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx2
import numpy as np

from bench import harness
from server import auth
from storage import callers
from storage.database import Connection, connect_owner
from storage.embedded import Embedded
from storage.migrate import migrate
from tests.fakes import service_years

SETTINGS = {"shared_buffers": "'512MB'", "max_wal_size": "'8GB'"}
TROUBLED = 120  # services of 10,000 that are Down or have issues now
STATIC = ("app.css", "frame.js", "live.js", "vendor/htmx.min.js", "icon.svg")


class World(NamedTuple):
    """What is asked: addresses by name, the cookie that may, and how many services and accounts there are."""

    places: Mapping[str, str]
    cookie: str
    services: int
    accounts: int


async def more_accounts(con: Connection, tenant: int, accounts: int) -> None:
    """As many accounts as wanted: those of the usual size share their services with new ones."""
    await con.execute(
        """with small as (select account_id as id, row_number() over (order by account_id) - 1 as r, count(*) over () as m
             from service where tenant_id = $1 group by account_id having count(*) <= $3),
           fresh as (insert into account (tenant_id, external_id, owner, name, timezone)
             select $1, 'b' || n, 'api', 'b' || n, 'Europe/Warsaw'
             from generate_series(0, $2::int - 1 - (select count(*)::int from account where tenant_id = $1)) n
             returning id, substr(external_id, 2)::int as n)
           update service s set account_id = f.id from small, fresh f
           where s.tenant_id = $1 and s.account_id = small.id and s.id % 3 > 0 and f.n = small.r + small.m * (s.id % 3 - 1)""",
        tenant,
        accounts,
        service_years.SMALL,
    )
    await con.execute(
        """insert into account_span (tenant_id, account_id, starts_at, raw, shown, measured, services, services_down)
           select tenant_id, id, '2026-01-01', 'Up', 'Up', 10, 10, 0 from account where tenant_id = $1""",
        tenant,
    )


async def fill(con: Connection, services: int, now: int) -> World:
    """Years of timelines, then what the CRM and the operators say; a part of it in trouble now."""
    tenant = await service_years.seed(con, services, now)
    await more_accounts(con, tenant, services // 10)
    await con.execute("update service set mrr = 20 + id % 480, fulfilment_status = 'In Service' where tenant_id = $1", tenant)
    await con.execute(
        """update service_span set raw = 'Down', shown = 'Down' where tenant_id = $1 and ends_at is null
           and service_id in (select id from service where tenant_id = $1 order by id % 97, id limit $2)""",
        tenant,
        TROUBLED * services // 10_000,
    )
    await con.execute(
        """insert into support_case (tenant_id, external_id, owner, account_id, service_id, subject, status, opened_at)
           select tenant_id, 'C-' || id, 'crm', account_id, id, 'No Internet', case when id % 3 = 0 then 'Closed' else 'New' end,
             now() - interval '1 hour' * (id % 99) from service where tenant_id = $1 and id % 20 = 0""",
        tenant,
    )
    await con.execute("analyze")
    link, cookie = auth.new_secret(), auth.new_secret()
    await callers.add_link(con, tenant, auth.sha256(link), auth.LINK_SCOPES, now + auth.LINK_US)
    await callers.redeem_link(con, auth.sha256(link), auth.sha256(cookie), now, now + auth.SESSION_US)
    accounts = await con.fetchval("select count(*) from account where tenant_id = $1", tenant)
    return World(await addresses(con, tenant), cookie, services, accounts)


async def addresses(con: Connection, tenant: int) -> dict[str, str]:
    """The pages by name: an account of about ten services, and the largest."""
    names = await con.fetchrow(
        """select a.external_id as account, count(*) as n, min(s.external_id) as service from account a
           join service s on s.tenant_id = a.tenant_id and s.account_id = a.id where a.tenant_id = $1
           group by a.id, a.external_id order by abs(count(*) - 10), a.id limit 1""",
        tenant,
    )
    large = await con.fetchval(
        """select a.external_id from account a join service s on s.tenant_id = a.tenant_id and s.account_id = a.id
           where a.tenant_id = $1 group by a.id, a.external_id order by count(*) desc, a.id limit 1""",
        tenant,
    )
    return {
        "overview": "/",
        "accounts": "/accounts",
        "account": f"/accounts/{names['account']}",
        "large_account": f"/accounts/{large}",
        "services": "/services",
        "services_search": "/services?q=gdynia",
        "services_cases": "/services?view=cases",
        "service": f"/services/{names['service']}",
    }


@contextlib.asynccontextmanager
async def web(dsn: str, folder: Path) -> AsyncIterator[str]:
    """A web process of its own on a free port of loopback: its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SERVE, dsn, str(folder), str(port)]
    process = subprocess.Popen(command, cwd=harness.ROOT, start_new_session=True)  # noqa: ASYNC220
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient() as client:
            for _ in range(200):
                with contextlib.suppress(httpx2.TransportError):
                    if (await client.get(f"{address}/readyz")).status_code == 200:
                        break
                await asyncio.sleep(0.1)
            else:
                raise RuntimeError("the web process does not answer")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


_SERVE = """
import asyncio, sys
from server.app import ROUTES, clock
from server.config import Settings
from server.web import create_app, serve
settings = Settings(database_url=sys.argv[1], data=sys.argv[2], host="127.0.0.1", port=int(sys.argv[3]))
asyncio.run(serve(create_app(settings, sys.argv[1], ROUTES, clock), settings, None))
"""


async def visit(address: str, world: World, rounds: int) -> tuple[dict[str, list[float]], dict[str, int], dict[str, float]]:
    """Milliseconds of each visit by page, gzipped bytes of each page, and milliseconds of a poll that is answered by 304."""
    took: dict[str, list[float]] = {name: [] for name in world.places}
    weight: dict[str, int] = {}
    polls: dict[str, float] = {}
    headers = {"accept": "text/html", "accept-encoding": "gzip", "cookie": f"{auth.COOKIE}={world.cookie}"}
    async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
        for number in range(-2, rounds):
            for name, place in world.places.items():
                begin = time.perf_counter()
                async with client.stream("GET", place) as answer:
                    raw = b"".join([part async for part in answer.aiter_raw()])
                ms = (time.perf_counter() - begin) * 1_000
                if answer.status_code != 200 or answer.headers["content-encoding"] != "gzip":
                    raise RuntimeError(f"{place} answers {answer.status_code}: {raw[:200]!r}")
                weight[name] = len(raw)
                if number >= 0:
                    took[name].append(ms)
        for name, place in world.places.items():
            polls[name] = await poll(client, place)
    return took, weight, polls


async def poll(client: httpx2.AsyncClient, place: str) -> float:
    """Milliseconds of a poll while nothing has changed: the median of 20."""
    part = {"hx-request": "true"}
    known = (await client.get(place, headers=part)).headers["etag"]
    took = []
    for _ in range(20):
        begin = time.perf_counter()
        answer = await client.get(place, headers=part | {"if-none-match": known})
        took.append((time.perf_counter() - begin) * 1_000)
        known = answer.headers["etag"]
        if answer.status_code != 304:
            raise RuntimeError(f"{place}: a poll is answered by {answer.status_code} though nothing has changed")
    return float(np.median(took))


def static_kb(names: tuple[str, ...] = STATIC) -> float:
    """What every page's first visit loads besides itself, gzipped, kB."""
    folder = harness.ROOT / "server" / "pages" / "static"
    return sum(len(gzip.compress((folder / name).read_bytes(), 9)) for name in names) / 1_000


async def run(dsn: str, services: int, rounds: int, folder: Path) -> dict[str, object]:
    con = await connect_owner(dsn)
    await migrate(con)
    now = time.time_ns() // 1_000
    begin = time.perf_counter()
    world = await fill(con, services, now)
    await con.close()
    harness.progress(f"{world.services} services of {world.accounts} accounts ({time.perf_counter() - begin:.0f} s)")
    async with web(dsn, folder) as address:
        took, weight, polls = await visit(address, world, rounds)
    files = static_kb()
    pages = {
        name: {
            "p50_ms": round(float(np.percentile(values, 50)), 1),
            "p95_ms": round(float(np.percentile(values, 95)), 1),
            "page_kb": round(weight[name] / 1_000, 1),
            "kb": round(weight[name] / 1_000 + files, 1),
            "unchanged_ms": round(polls[name], 2),
        }
        for name, values in took.items()
    }
    return {
        "first_page_p95_ms": pages["overview"]["p95_ms"],
        "worst_p95_ms": max(page["p95_ms"] for page in pages.values()),
        "services": world.services,
        "accounts": world.accounts,
        "static_kb": round(files, 1),
        "pages": pages,
    }


async def measure(folder: Path, rounds: int) -> dict[str, object]:
    database = Embedded(folder / "data", SETTINGS)
    dsn = await database.start()
    try:
        return await run(dsn, 10_000, rounds, folder)
    finally:
        await database.stop()


def main() -> None:
    given = harness.options("pages")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # as root the database runs as another user, who must reach its data
        figures = asyncio.run(measure(Path(folder), 12 if given.quick else 60))
    harness.report(given, figures)


if __name__ == "__main__":
    main()
