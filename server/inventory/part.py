"""What a small document touches of a large inventory: its own records, what they refer to, and what they may collide with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from server.inventory import shape
from server.inventory.checks import references
from server.inventory.document import LISTS, Element, Service
from server.inventory.intent import Current, current
from server.inventory.nodes import Node
from server.inventory.shape import Draft
from storage import inventory, records, secrets
from storage.database import Connection
from storage.nouns import Row

MAX_ROUNDS = 100  # as far as a chain of replaced services is followed by its check
_FOLLOWED = {"services": "replaced_with", "price_book_entries": "template"}  # what is asked of a record that is referred to


async def load(con: Connection, tenant_id: int, root: Node, key: bytes) -> Current:
    """As much of what is stored as decides about the document at `root`, its secrets opened with `key`.

    A list in which something is missing is loaded whole, so that the fault can name the nearest id.
    """
    draft = shape.read(root, [])
    wanted = _wanted(draft)
    needed = {name: ids - draft.ids[name].keys() for name, ids in wanted.items()}
    await _add_rivals(con, tenant_id, draft, wanted)
    rows: dict[str, dict[str, Row]] = {name: {} for name in LISTS}
    asked: dict[str, set[str]] = {name: set() for name in LISTS}
    for _ in range(MAX_ROUNDS):
        for name in LISTS:
            news = wanted[name] - asked[name]
            asked[name] |= news
            for row in await records.load(con, tenant_id, name, news):
                rows[name][row.external_id] = row
                if name in _FOLLOWED and (behind := msgspec.json.decode(row.body).get(_FOLLOWED[name])):
                    wanted["services" if name == "services" else "templates"].add(behind)
        if wanted == asked:
            break
    for name, ids in needed.items():
        if ids - rows[name].keys():
            every = await con.fetch(inventory.NOUNS[name].load, tenant_id)
            rows[name] = {row.external_id: row for row in (Row(*record) for record in every)}
    sealed = await secrets.load(con, tenant_id, _secrets(draft, rows["elements"].values()))
    found = {name: list(each.values()) for name, each in rows.items()}
    return await asyncio.to_thread(current, found, sealed, key, tenant_id)


def _wanted(draft: Draft) -> dict[str, set[str]]:
    wanted = {name: {record.id for record in draft.records[name].values()} for name in LISTS}
    for each in draft.records.values():
        for record in each.values():
            for _, target, key in references(record, ()):
                wanted[target].add(key)
    return wanted


async def _add_rivals(con: Connection, tenant_id: int, draft: Draft, wanted: dict[str, set[str]]) -> None:
    """What may have the name of a service of the document, or be the port that one of its elements is."""
    names = [record.name for record in draft.records["services"].values() if isinstance(record, Service)]
    ports = [
        (record.device, record.port)
        for record in draft.records["elements"].values()
        if isinstance(record, Element) and record.device and record.port
    ]
    if names or ports:
        services, elements = await records.rivals(con, tenant_id, names, ports)
        wanted["services"].update(services)
        wanted["elements"].update(elements)


def _secrets(draft: Draft, stored: Iterable[Row]) -> list[str]:
    """The names under which secrets of these elements' sensors are stored."""
    names = {
        secrets.of_sensor(element.id, sensor.name or sensor.kind)
        for element in draft.records["elements"].values()
        for sensor in element.sensors or ()
    }
    for row in stored:
        for sensor in msgspec.json.decode(row.body)["sensors"]:
            names.add(secrets.of_sensor(row.external_id, sensor["name"]))
    return sorted(names)
