"""Inventories for tests: reading them, applying them to a database, and asking for what came of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import msgspec

from server.inventory import apply as work
from server.inventory.intent import Intent
from server.inventory.nodes import from_json
from server.inventory.reader import Reading, read, resolver
from storage.database import Pool, as_tenant, connect, connect_owner

KEY = bytes(range(32))
NOW = 1_750_000_000_000_000
MINUTE = 60_000_000
DEMO = Path(__file__).resolve().parents[2] / "packaging" / "demo" / "inventory.yaml"
COMMUNITY = "s3cret-community"
ENVIRONMENT = {"COMMUNITY": COMMUNITY, "LINESIDE_DEMO_COMMUNITY": COMMUNITY}

SMALL = """
accounts:
  - id: acme
    name: Acme
products:
  - id: net
    name: Net
    down_bps: 100 Mbit/s
sites:
  - id: hq
    name: HQ
elements:
  - id: edge
    name: Edge
    site: hq
    address: 192.0.2.1
    sensors:
      - kind: ping
      - kind: snmp
        community: env:COMMUNITY
        interval: 5m
  - id: edge-ge1
    name: Edge ge1
    device: edge
    port: ge1
services:
  - id: S-1
    name: Service one
    account: acme
    product: net
    mrr: 49.90 EUR
    elements:
      - element: edge
      - element: edge-ge1
        parent: edge
"""


def demo() -> str:
    """The demo's inventory with ports filled in."""
    return Template(DEMO.read_text()).substitute(edge1_port=16101, edge2_port=16102, core1_port=16103)


def reading(text: str, stored: Any = None) -> Reading:
    """`text` read as inventory.yaml in an empty folder, with ENVIRONMENT."""
    return read(text, "inventory.yaml", resolver(ENVIRONMENT, Path("/nonexistent")), stored)


def body(text: str) -> bytes:
    """The request body that the command line makes of a file without faults."""
    found = reading(text)
    assert found.faults == []
    return msgspec.json.encode(found.document)


class World(NamedTuple):
    """A tenant of its own in a database that several tests share."""

    pool: Pool
    tenant: int


@contextlib.asynccontextmanager
async def new_tenant(dsn: str) -> AsyncIterator[World]:
    """A fresh tenant, and a pool of the application's role."""
    con = await connect_owner(dsn)
    tenant = await con.fetchval("insert into tenant (external_id, name) values (gen_random_uuid(), 'T') returning id")
    await con.close()
    pool = await connect(dsn, "lineside_app", 2)
    try:
        yield World(pool, tenant)
    finally:
        await pool.close()


async def put(world: World, text: str, now: int = NOW, *, dry_run: bool = False, key: bytes = KEY) -> Intent:
    """Apply `text` as PUT does."""
    async with as_tenant(*world) as con:
        return await work.apply(con, world.tenant, from_json(body(text)), key, (), now, dry_run=dry_run)


async def ask(world: World, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """The rows of a query, as that tenant."""
    async with as_tenant(*world) as con:
        return [tuple(row) for row in await con.fetch(query, *arguments)]


async def run(world: World, statement: str, *arguments: Any) -> None:
    """Execute one statement as that tenant."""
    async with as_tenant(*world) as con:
        await con.execute(statement, *arguments)


def actions(intent: Intent) -> list[str]:
    """The changes in short: `create element edge`."""
    return [f"{change.action} {change.noun} {change.id}" for change in intent.changes]
