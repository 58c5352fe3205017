"""What an inventory document would change here: decided from what is stored and what is wanted, without doing any of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from protocols.errors import ConfigError
from server.inventory import sensor_secrets, shape
from server.inventory.checks import check, references
from server.inventory.complete import canonical
from server.inventory.diff import Change, compare
from server.inventory.document import LISTS, Element, Record
from server.inventory.fields import SECRETS
from server.inventory.nodes import Fault, Node
from server.inventory.scope import Scope
from server.inventory.shape import Draft, plain
from storage import secrets
from storage.nouns import Row
from storage.secrets import Sealed

OWNER = "yaml"
OWNERS = {"crm": "the CRM", "api": "the API", "yaml": "an inventory file"}


class Current(NamedTuple):
    """What is stored: list -> id -> record, its owner, and the opened secrets by name."""

    records: dict[str, dict[str, Any]]
    owners: dict[str, dict[str, str]]
    secrets: dict[str, str]


class Intent(NamedTuple):
    """What is to be done. With `faults` or `conflicts` (records of another owner) nothing is."""

    faults: list[Fault]
    conflicts: list[Fault]
    changes: list[Change]
    unchanged: int
    saves: dict[str, list[Record]]
    removals: dict[str, list[str]]
    secrets: dict[str, str]


def current(rows: Mapping[str, list[Row]], sealed: Mapping[str, Sealed], key: bytes, tenant_id: int) -> Current:
    """The stored rows as records. A secret that cannot be opened counts as not there: it has to be sent again."""
    opened: dict[str, str] = {}
    for name, secret in sealed.items():
        try:
            opened[name] = secrets.unseal(key, tenant_id, secret)
        except ConfigError:
            continue
    records: dict[str, dict[str, Any]] = {}
    for name, kind in LISTS.items():
        decoder = msgspec.json.Decoder(kind)
        records[name] = {row.external_id: canonical(decoder.decode(row.body)) for row in rows[name]}
    records["elements"] = {key: with_secrets(element, opened) for key, element in records["elements"].items()}
    owners = {name: {row.external_id: row.owner for row in rows[name]} for name in LISTS}
    return Current(records, owners, opened)


def with_secrets(element: Element, opened: Mapping[str, str]) -> Element:
    """The element with the communities that are stored for its sensors, where it says none."""
    sensors = tuple(
        sensor_secrets.with_stored(sensor, opened, secrets.of_sensor(element.id, sensor.name)) for sensor in element.sensors or ()
    )
    return replace(element, sensors=sensors)


def decide(root: Node, now: Current, profiles: Iterable[str], owner: str = OWNER) -> Intent:
    """The intent of the document at `root`, which `owner` sends."""
    faults: list[Fault] = []
    draft = shape.read(root, faults)
    gone = {name: _gone(name, draft, now, owner) for name in LISTS}
    kept = {name: {key: item for key, item in now.records[name].items() if key not in gone[name]} for name in LISTS}
    check(Scope(draft, kept), faults, profiles)
    for position, element in draft.records["elements"].items():
        draft.records["elements"][position] = with_secrets(element, now.secrets)
    faults.extend(_secret_faults(draft))
    faults.extend(_still_used(draft, gone, kept))
    conflicts: list[Fault] = []
    changes: list[Change] = []
    saves: dict[str, list[Record]] = {}
    for name, records in draft.records.items():
        for position, record in records.items():
            change = compare(now.records[name].get(record.id), record)
            if change is None:
                continue
            keeper = now.owners[name].get(record.id, owner)
            if keeper != owner:
                conflicts.append(Fault((name, position), owned(plain(LISTS[name])[1], record.id, keeper)))
            changes.append(change)
            saves.setdefault(name, []).append(record)
    unchanged = sum(map(len, draft.records.values())) - len(changes)
    for name in reversed(LISTS):
        changes += [change for key in gone[name] if (change := compare(now.records[name][key], None))]
    removals = {name: gone[name] for name in reversed(LISTS) if gone[name]}
    return Intent(faults, conflicts, changes, unchanged, saves, removals, _new_secrets(saves.get("elements", ()), now))


def _gone(name: str, draft: Draft, now: Current, owner: str) -> list[str]:
    if not draft.prune:
        return []
    return [key for key, keeper in now.owners[name].items() if keeper == owner and key not in draft.ids[name]]


def owned(noun: str, key: str, owner: str) -> str:
    """Why a record cannot be changed from here."""
    return f"{noun} {key!r} is owned by {OWNERS[owner]}: change it there, or leave it out here"


def _secret_faults(draft: Draft) -> Iterator[Fault]:
    for position, element in draft.records["elements"].items():
        for i, sensor in enumerate(element.sensors or ()):
            path = ("elements", position, "sensors", i)
            for key in sensor_secrets.missing(sensor):
                yield Fault(path, f"{sensor.kind} sensor {sensor.name!r} of element {element.id!r} needs its {key!r}")
            for key in sorted(SECRETS):
                if (getattr(sensor, key) or "").startswith(("env:", "file:")):
                    yield Fault((*path, key), "the sender resolves env: and file: itself; here the secret is expected")


def _still_used(draft: Draft, gone: Mapping[str, list[str]], kept: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """Records of other owners that refer to something that would be removed."""
    if not any(gone.values()):
        return
    sets = {name: frozenset(keys) for name, keys in gone.items()}
    for name, records in kept.items():
        for key, record in records.items():
            for _, target, used in references(record, ()) if key not in draft.ids[name] else ():
                if used in sets[target]:
                    user = f"{plain(LISTS[name])[1]} {key!r}"
                    yield Fault((), f"{plain(LISTS[target])[1]} {used!r} cannot be removed: {user} refers to it")


def _new_secrets(elements: Iterable[Record], now: Current) -> dict[str, str]:
    """The secrets of `elements` that are not stored as they are wanted, by name."""
    wanted = {
        secrets.of_sensor(element.id, sensor.name): secret
        for element in elements
        if isinstance(element, Element)
        for sensor in element.sensors or ()
        if (secret := sensor_secrets.packed(sensor)) is not None
    }
    return {name: secret for name, secret in wanted.items() if now.secrets.get(name) != secret}
