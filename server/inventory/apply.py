"""Carries an intent out in one transaction: secrets, records in dependency order, removals, versions, dirty marks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from server.inventory import part
from server.inventory.diff import Change
from server.inventory.document import LISTS, Document
from server.inventory.intent import OWNER, Current, Intent, current, decide
from server.inventory.nodes import Node
from storage import dirty, inventory, secrets, services
from storage.database import Connection

# A change of these fields alone changes no status.
NAMES_AND_MONEY = {"name", "kind", "cost", "provider_account"}
MANY = 100  # changes after which the database counts its rows
STRUCTURE = {"fulfilment_status", "product", "elements", "groups"}


async def load(con: Connection, tenant_id: int, key: bytes) -> Current:
    """What is stored now, its secrets opened with `key`."""
    rows = await inventory.load(con, tenant_id)
    sealed = await secrets.load(con, tenant_id)
    return await asyncio.to_thread(current, rows, sealed, key, tenant_id)


async def export(con: Connection, tenant_id: int) -> Document:
    """The whole inventory as a document, without secrets."""
    now = current(await inventory.load(con, tenant_id), {}, b"", tenant_id)
    return msgspec.convert({name: tuple(records.values()) for name, records in now.records.items()}, Document)


async def apply(
    con: Connection, tenant_id: int, root: Node, key: bytes, profiles: Iterable[str], now_us: int, *, dry_run: bool
) -> Intent:
    """Decide what the document at `root` changes, and change it unless it is a dry run or something is wrong with it.

    Raises Refused 409 where the database knows a reason that no check knew.
    """
    await inventory.lock(con, tenant_id)
    now = await load(con, tenant_id, key)
    intent = await asyncio.to_thread(decide, root, now, profiles)
    if intent.changes and not (dry_run or intent.faults or intent.conflicts):
        await _carry_out(con, tenant_id, intent, key, now_us, OWNER)
    return intent


async def apply_part(
    con: Connection, tenant_id: int, root: Node, key: bytes, profiles: Iterable[str], now_us: int, owner: str
) -> Intent:
    """The same for a small document of `owner`, without `prune`: what it does not touch is not even read."""
    await inventory.lock(con, tenant_id)
    now = await part.load(con, tenant_id, root, key)
    intent = await asyncio.to_thread(decide, root, now, profiles, owner)
    if intent.changes and not (intent.faults or intent.conflicts):
        await _carry_out(con, tenant_id, intent, key, now_us, owner)
    return intent


async def remove(con: Connection, tenant_id: int, name: str, external_id: str, key: bytes, now_us: int, owner: str) -> None:
    """Delete the record of list `name`, which exists, with its history. Raises Refused 409 where something refers to it."""
    removals = {name: [external_id]}
    await _carry_out(con, tenant_id, Intent([], [], [], 0, {}, removals, {}), key, now_us, owner)


async def _carry_out(con: Connection, tenant_id: int, intent: Intent, key: bytes, now_us: int, owner: str) -> None:
    gone = intent.removals
    if intent.secrets:
        await secrets.save(con, tenant_id, key, intent.secrets)
    await inventory.release(con, tenant_id, gone.get("services", ()), gone.get("elements", ()))
    for name in LISTS:
        if records := intent.saves.get(name):
            await inventory.save(con, tenant_id, owner, name, msgspec.json.encode(records).decode())
    for name, ids in gone.items():
        await inventory.remove(con, tenant_id, name, ids)
    if gone or "elements" in intent.saves:
        await secrets.remove_unused(con, tenant_id)
    if len(intent.changes) > MANY:
        await inventory.count(con)
    saved = [record.id for record in intent.saves.get("services", ())]
    await services.note_versions(con, tenant_id, saved, now_us)
    changed = await inventory.element_ids(con, tenant_id, list(_measured_otherwise(intent.changes)))
    await dirty.mark(con, tenant_id, changed, [now_us] * len(changed))
    await inventory.judge_from(con, tenant_id, changed, now_us)
    restructured = await inventory.service_ids(con, tenant_id, list(_restructured(intent.changes)))
    await dirty.mark_services(con, tenant_id, restructured, [now_us] * len(restructured))
    await inventory.roll_up_from(con, tenant_id, restructured, now_us)


def _measured_otherwise(changes: Iterable[Change]) -> Iterable[str]:
    """Elements whose status may be another one from now on."""
    for change in changes:
        if change.noun == "element" and change.action != "remove":
            fields = {field.field.split(".")[0] for field in change.fields}
            if change.action == "create" or not fields <= NAMES_AND_MONEY:
                yield change.id


def _restructured(changes: Iterable[Change]) -> Iterable[str]:
    """Services whose status may be another one from now on."""
    for change in changes:
        fields = {field.field.split(".")[0] for field in change.fields}
        if change.noun == "service" and change.action != "remove" and (change.action == "create" or fields & STRUCTURE):
            yield change.id
