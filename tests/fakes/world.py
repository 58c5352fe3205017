"""The server in this process, on a database of the test's own, with a clock the test moves and one enrolled agent."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from protocols.uplink.batch import Batch, Samples, encode
from server import setup
from server.app import ROUTES
from server.config import Settings
from server.jobs.decide_status import decide
from server.web import create_app
from storage.database import Connection, connect_owner

START = 1_790_000_000_000_000  # 2026-09-21T14:13:20Z
SECOND = 1_000_000
SECRET = "ab" * 32
EPOCH = "0123456789abcdef"

INVENTORY: dict[str, Any] = {
    "accounts": [{"id": "acme", "name": "Acme"}],
    "products": [{"id": "line", "name": "Line"}],
    "sites": [{"id": "hq", "name": "Headquarters"}],
    "elements": [
        {
            "id": "edge1",
            "name": "edge1",
            "site": "hq",
            "address": "192.0.2.1",
            "sensors": [{"kind": "ping"}, {"kind": "snmp", "community": "public"}],
        },
        {"id": "edge1-ge1", "name": "edge1 ge1", "device": "edge1", "port": "ge1"},
    ],
    "services": [
        {
            "id": "SP-1",
            "name": "SP-1",
            "account": "acme",
            "product": "line",
            "elements": [{"element": "edge1"}, {"element": "edge1-ge1", "parent": ["edge1"]}],
        }
    ],
}


class World:
    """`now` is the server's clock in µs; `con` is the owner's connection."""

    def __init__(self, client: httpx2.AsyncClient, con: Connection, app: Any) -> None:
        self.now = START
        self.client, self.con, self.app = client, con, app
        self.key = self.link = ""
        self.tenant = 0

    def clock(self) -> int:
        return self.now

    async def apply(self, inventory: dict[str, Any]) -> None:
        answer = await self.client.put("/api/v1/inventory", json=inventory, headers=bearer(self.key))
        assert answer.status_code == 200, answer.text

    async def token(self, site: str = "hq") -> str:
        answer = await self.client.post("/api/v1/enrol-tokens", json={"site": site}, headers=bearer(self.key))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def enrol(self, token: str, secret: str = SECRET, name: str = "box") -> httpx2.Response:
        return await self.client.post("/agent/v1/enrol", json={"token": token, "secret": secret, "name": name})

    async def put(self, body: bytes, seq: int = 1, secret: str = SECRET, **headers: str) -> httpx2.Response:
        sent = {"Content-Encoding": "zstd", "X-Sent-At": repr(self.now / SECOND), **bearer(secret)}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.put(f"/agent/v1/ingest/metrics/{EPOCH}/{seq}", content=body, headers=sent)

    async def sensors(self) -> dict[str, int]:
        """Sensor numbers by "element name"."""
        rows = await self.con.fetch(
            "select e.external_id || ' ' || s.name as name, s.id from sensor s join element e on e.id = s.element_id"
        )
        return {row["name"]: row["id"] for row in rows}

    async def decide(self) -> None:
        await decide(self.app.state.pool, self.tenant, self.now)

    async def status(self, service: str = "SP-1") -> Any:
        """The open span of a service, or None."""
        return await self.con.fetchrow(
            "select p.* from service_span p join service v on v.id = p.service_id where v.external_id = $1 and p.ends_at is null",
            service,
        )


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def batch(rows: Sequence[tuple[int, str, str, int, float]], interval: float = 60.0, reason: int = 0) -> bytes:
    """A packed batch of (sensor, metric, instance, ts µs, value)."""
    metrics = sorted({row[1] for row in rows})
    instances = sorted({row[2] for row in rows})
    sensors = sorted({row[0] for row in rows})
    samples = Samples(
        np.array([row[0] for row in rows], np.uint32),
        np.array([metrics.index(row[1]) for row in rows], np.uint16),
        np.array([instances.index(row[2]) for row in rows], np.uint32),
        np.array([row[3] for row in rows], np.int64),
        np.array([row[4] for row in rows], np.float64),
        np.full(len(rows), interval, np.float32),
        np.full(len(rows), reason, np.uint8),
        metrics,
        instances,
        np.array(sensors, np.uint32),
        np.full(len(sensors), interval, np.float32),
    )
    return encode(Batch(samples=samples))


@contextlib.asynccontextmanager
async def world(dsn: str, folder: Path, inventory: dict[str, Any] | None = None) -> AsyncIterator[World]:
    """A served database with the inventory above and one enrolled agent."""
    settings = Settings(database_url=dsn, data=str(folder), host="127.0.0.1")
    con = await connect_owner(dsn)
    try:
        holder: list[World] = []
        app = create_app(settings, dsn, ROUTES, lambda: holder[0].now if holder else START)
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            made = World(client, con, app)
            holder.append(made)
            made.link = await setup.prepare(con, settings, START, lambda _: None)
            made.tenant = await con.fetchval("select id from tenant")
            made.key = await setup.new_key(con, made.tenant, "test", ["admin"], START)
            async with app.router.lifespan_context(app):
                await made.apply(INVENTORY if inventory is None else inventory)
                answer = await made.enrol(await made.token())
                assert answer.status_code == 200, answer.text
                yield made
    finally:
        await con.close()
