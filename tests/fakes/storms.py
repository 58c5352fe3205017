"""A whole server under load: how soon a status follows what was measured (one outage of many services, staleness, steady load)."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx2

from server.auth import sha256
from storage.database import Connection, connect_owner
from tests.fakes import lineside
from tests.fakes.world import batch

SECRET = "57012e" + "0" * 58
SECOND = 1_000_000
EPOCH = "57" * 8
STEP = 5_000  # µs between the polls of one report, so that none lies in the future
STALE_SECONDS = 12  # in these tests' rules, so that nobody waits three minutes


class Sizes(NamedTuple):
    """How large: services behind one element, elements that go stale together, samples a second, probes under that load."""

    services: int
    stale: int
    rate: int
    probes: int


class Site:
    """One agent's worth of a running server: elements by name with one sensor each, and a way to report for them."""

    def __init__(self, url: str, con: Connection) -> None:
        self._url, self.con = url, con
        self._client = httpx2.AsyncClient(timeout=60)
        self._seq = 0
        self.sensors: dict[str, int] = {}

    async def seed(self, services: int, stale: int, load: int) -> None:
        """`core` below every service, `probe` below one more, `stale0…` and `load0…` in services of their own."""
        con = self.con
        tenant = await con.fetchval("select id from tenant")
        await con.execute("insert into rule_set values ($1, 'status', 1, $2, now())", tenant, {"stale_seconds": STALE_SECONDS})
        site = await con.fetchval(
            "insert into site (tenant_id, external_id, name, owner) values ($1, 'x', 'x', 'api') returning id", tenant
        )
        agent = await con.fetchval(
            "insert into agent (tenant_id, external_id, site_id, name, enrolled_at) values ($1, 'a', $2, 'a', now()) returning id",
            tenant,
            site,
        )
        await con.execute("insert into agent_secret values ($1, $2, $3, now())", tenant, agent, sha256(SECRET))
        names = ["core", "probe", *(f"stale{n}" for n in range(stale)), *(f"load{n}" for n in range(load))]
        await con.execute(
            """insert into element (tenant_id, external_id, owner, name, site_id, address)
               select $1, n, 'api', n, $2, '127.0.0.1' from unnest($3::text[]) n""",
            tenant,
            site,
            names,
        )
        await con.execute(
            """insert into sensor (tenant_id, element_id, name, kind, role, interval_seconds)
               select tenant_id, id, 'ping', 'ping', 'reachability', 1 from element where tenant_id = $1 and external_id = any($2)""",
            tenant,
            names,
        )
        await self._services(tenant, services, names)
        rows = await con.fetch("select e.external_id, s.id from sensor s join element e on e.id = s.element_id")
        self.sensors = {row["external_id"]: row["id"] for row in rows}

    async def _services(self, tenant: int, services: int, names: list[str]) -> None:
        con = self.con
        account = await con.fetchval(
            "insert into account (tenant_id, external_id, owner, name) values ($1, 'a', 'api', 'a') returning id", tenant
        )
        product = await con.fetchval(
            "insert into product (tenant_id, external_id, owner, name) values ($1, 'p', 'api', 'p') returning id", tenant
        )
        carried = ["core"] * services + names[1:]
        await con.execute(
            """with made as (
                 insert into service (tenant_id, external_id, owner, name, account_id, product_id, fulfilment_status)
                 select $1, 's' || n, 'api', 's' || n, $2, $3, 'In Service' from generate_series(1, $4::int) n returning id, external_id, product_id),
               dated as (
                 insert into service_version select $1, id, now() - interval '1 day', 'In Service', product_id from made returning service_id)
               insert into placement (tenant_id, service_id, element_id, criticality)
               select $1, m.id, e.id, 'required' from made m join unnest($5::text[]) with ordinality as c (name, n) on m.external_id = 's' || c.n
               join element e on e.tenant_id = $1 and e.external_id = c.name""",
            tenant,
            account,
            product,
            len(carried),
            carried,
        )

    async def report(self, names: list[str], values: list[float], at_us: int) -> None:
        """Polls of each element, STEP apart, the last at `at_us`; returns when the server has stored them."""
        rows = [
            (self.sensors[name], "reachable", "", at_us - (len(values) - 1 - n) * STEP, value)
            for name in names
            for n, value in enumerate(values)
        ]
        self._seq += 1
        answer = await self._client.put(
            f"{self._url}/agent/v1/ingest/metrics/{EPOCH}/{self._seq}",
            content=batch(rows, interval=1.0),
            headers={"Authorization": f"Bearer {SECRET}", "Content-Encoding": "zstd", "X-Sent-At": str(time.time())},
        )
        if answer.json().get("result") != "stored":
            raise RuntimeError(answer.text)

    async def count(self, word: str, name: str = "") -> int:
        """Services (of an element) whose raw status is `word` now: a probe that changes so often is shown as flapping."""
        return int(
            await self.con.fetchval(
                """select count(*) from service_span p where ends_at is null and raw = $1 and ($2 = '' or service_id in (
                     select c.service_id from placement c join element e on e.id = c.element_id where e.external_id like $2))""",
                word,
                name,
            )
        )

    async def until(self, word: str, number: int, name: str, patience: float = 60.0) -> float:
        """Seconds until so many services have the raw status `word`."""
        begin = time.monotonic()
        while await self.count(word, name) < number:
            if time.monotonic() - begin > patience:
                raise RuntimeError(f"{number} services did not become {word} within {patience} s")
            await asyncio.sleep(0.02)
        return time.monotonic() - begin

    async def close(self) -> None:
        await self._client.aclose()


def now() -> int:
    return time.time_ns() // 1000


def run(sizes: Sizes, say: Callable[[str], None] = print) -> dict[str, Any]:
    """The figures storm_s, due_s and batch_to_status_s, seconds."""
    with lineside.running() as server:
        return asyncio.run(_run(server, sizes, say))


async def _run(server: lineside.Lineside, sizes: Sizes, say: Callable[[str], None]) -> dict[str, Any]:
    con = await connect_owner(server.dsn)
    site = Site(server.url, con)
    await site.seed(sizes.services, sizes.stale, 400)
    say("seeded; one outage of many services")
    figures: dict[str, Any] = {"storm_services": sizes.services}
    await site.report(["core"], [1.0, 1.0], now())
    await site.until("Up", sizes.services, "core")
    await site.report(["core"], [0.0, 0.0, 0.0], now())
    figures["storm_s"] = round(await site.until("Down", sizes.services, "core"), 3)
    say(f"storm_s {figures['storm_s']}; elements that go stale together")
    figures |= {"due_elements": sizes.stale, "due_s": await _stale(site, sizes.stale)}
    say(f"due_s {figures['due_s']}; statuses under {sizes.rate} samples/s")
    figures |= await _under_load(site, sizes, say)
    await site.close()
    await con.close()
    return figures


async def _stale(site: Site, elements: int) -> float:
    """Seconds after its due time until the last of the elements is No Data."""
    names = [f"stale{n}" for n in range(elements)]
    at = now()
    for first in range(0, elements, 5_000):
        await site.report(names[first : first + 5_000], [1.0, 1.0], at)
    await site.until("Up", elements, "stale%", STALE_SECONDS - 0.5)
    await site.until("No Data", elements, "stale%")
    return round((now() - at) / SECOND - STALE_SECONDS, 3)


async def _under_load(site: Site, sizes: Sizes, say: Callable[[str], None]) -> dict[str, Any]:
    """The times from a stored batch to the committed status of a probe, while others report `rate` samples a second."""
    stop = asyncio.Event()
    load = asyncio.create_task(_load(site, sizes.rate, stop))
    waits = []
    try:
        await asyncio.sleep(1.0)
        for number in range(sizes.probes):
            values, word = ([0.0] * 3, "Down") if number % 2 else ([1.0] * 3, "Up")
            await site.report(["probe"], values, now())
            waits.append(await site.until(word, 1, "probe"))
    finally:
        stop.set()
        sent, seconds = await load
    waits.sort()
    p99 = waits[min(len(waits) - 1, round(0.99 * len(waits)))]
    say(f"batch_to_status_s median {statistics.median(waits):.3f}, p99 {p99:.3f}")
    return {
        "batch_to_status_s": {"p50": round(statistics.median(waits), 3), "p99": round(p99, 3), "probes": len(waits)},
        "samples_per_s": round(sent / seconds),
    }


async def _load(site: Site, rate: int, stop: asyncio.Event) -> tuple[int, float]:
    """400 elements report traffic of 12 ports each, and whether they answer, as fast as asked; rows sent and seconds."""
    rows_each = 12 * 4 + 2
    names = [f"load{n}" for n in range(400)]
    per_batch = 400 * rows_each
    client = httpx2.AsyncClient(timeout=60)
    begin, sent, seq = time.monotonic(), 0, 1 << 40
    at = now()
    url = f"{site._url}/agent/v1/ingest/metrics/{EPOCH}"
    while not stop.is_set():
        at = max(at + STEP, now())
        rows = [(site.sensors[name], metric, instance, at, 1.0) for name in names for metric, instance in _SHAPE]
        body = await asyncio.to_thread(batch, rows, 1.0)
        headers = {"Authorization": f"Bearer {SECRET}", "Content-Encoding": "zstd", "X-Sent-At": str(time.time())}
        answer = await client.put(f"{url}/{seq}", content=body, headers=headers)
        if answer.json().get("rows") != per_batch:
            raise RuntimeError(answer.text)
        seq, sent = seq + 1, sent + per_batch
        ahead = sent / rate - (time.monotonic() - begin)
        if ahead > 0:
            await asyncio.sleep(ahead)
    await client.aclose()
    return sent, time.monotonic() - begin


_SHAPE = [("reachable", ""), ("rtt", "")] + [
    (metric, f"ge{n}") for n in range(12) for metric in ("if.in", "if.out", "if.in.packets", "if.out.packets")
]
