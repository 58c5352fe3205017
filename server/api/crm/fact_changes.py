"""Applies facts as the inventory engine applies its document: one validation, what changes, what belongs to another owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from protocols.errors import Refused
from server import instants
from server.api.crm.facts import FACT_LISTS, Facts, MaintenanceWindow, canonical, check
from server.inventory import shape
from server.inventory.checks import references
from server.inventory.diff import Change, compare
from server.inventory.document import LISTS, Record
from server.inventory.intent import Intent, owned
from server.inventory.nearest import hint
from server.inventory.nodes import Fault, Node, Path
from server.inventory.shape import plain
from storage import inventory, maintenance, records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.database import Connection


async def apply_facts(con: Connection, tenant_id: int, root: Node, now_us: int, owner: str) -> Intent:
    """Store the facts in `root` unless something is wrong with them; with faults the caller has to roll back."""
    await inventory.lock(con, tenant_id)
    faults: list[Fault] = []
    draft = shape.read(root, faults, Facts, FACT_LISTS)
    conflicts: list[Fault] = []
    changes: list[Change] = []
    saves: dict[str, list[Record]] = {}
    for name, found in draft.records.items():
        wanted = {position: canonical(record) for position, record in found.items()}
        for position, record in wanted.items():
            faults.extend(check(record, (name, position)))
        faults.extend(await _unknown(con, tenant_id, name, wanted))
        stored = {
            row.external_id: row for row in await records.load(con, tenant_id, name, [record.id for record in found.values()])
        }
        for position, record in wanted.items():
            row = stored.get(record.id)
            old = None if row is None else stored_fact(name, row.body)
            if (change := compare(old, _as_told(record, old))) is not None:
                changes.append(change)
                saves.setdefault(name, []).append(record)
                if row is not None and row.owner != owner:
                    conflicts.append(Fault((name, position), owned(plain(FACT_LISTS[name])[1], record.id, row.owner)))
    intent = Intent(faults, conflicts, changes, sum(map(len, draft.records.values())) - len(changes), saves, {}, {})
    if not (faults or conflicts):
        await _save(con, tenant_id, intent, {name: draft.ids[name] for name in saves}, now_us, owner)
    return intent


def stored_fact(name: str, body: str) -> Record:
    """The record of a stored row of list `name`, in canonical form."""
    return canonical(msgspec.json.decode(body, type=FACT_LISTS[name]))


def _as_told(record: Record, old: Record | None) -> Record:
    """A window that says again what is stored needs not repeat why it was back-dated."""
    if isinstance(record, MaintenanceWindow) and isinstance(old, MaintenanceWindow) and not record.back_dated_reason:
        return replace(record, back_dated_reason=old.back_dated_reason)
    return record


async def _unknown(con: Connection, tenant_id: int, name: str, wanted: Mapping[int, Record]) -> list[Fault]:
    """References of the records of list `name` that lead nowhere."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for position, record in wanted.items():
        for path, target, key in references(record, (name, position)):
            found.setdefault(target, []).append((path, key))
    faults: list[Fault] = []
    for target, places in found.items():
        there = await records.known(con, tenant_id, target, {key for _, key in places})
        missing = [(path, key) for path, key in places if key not in there]
        near: Any = await records.names(con, tenant_id, target) if missing else ()
        faults += [Fault(path, f"there is no {plain(LISTS[target])[1]} {key!r}{hint(key, near)}") for path, key in missing]
    return faults


async def _save(
    con: Connection, tenant_id: int, intent: Intent, ids: Mapping[str, Mapping[str, int]], now_us: int, owner: str
) -> None:
    """Save each list; what only the database or the rules of maintenance know is added to the intent's faults and conflicts."""
    for name, found in intent.saves.items():
        if name != "maintenance_windows":
            await records.save_facts(con, tenant_id, owner, name, msgspec.json.encode(found).decode())
            continue
        for record in found:
            try:
                await maintenance.save(con, tenant_id, owner, _window(record), now_us)
            except Refused as error:
                kind = intent.conflicts if error.status == 409 else intent.faults
                kind.append(Fault((name, ids[name][record.id]), error.detail))


def _window(record: Record) -> maintenance.Change:
    if not isinstance(record, MaintenanceWindow):
        raise TypeError(record)
    return maintenance.Change(
        record.id,
        record.title,
        instants.parse(record.starts_at) or 0,
        instants.parse(record.ends_at) or 0,
        record.timezone,
        record.services,
        record.rrule,
        record.back_dated_reason,
        record.canceled,
    )
