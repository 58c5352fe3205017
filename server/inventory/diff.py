"""The difference between what is stored and what is wanted, as data and as lines for a terminal. Secrets never appear in it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from server.inventory import units
from server.inventory.document import Record
from server.inventory.fields import SECRETS
from server.inventory.shape import plain

# What identifies an item of a list of mappings; a list of anything else, and the upgrade path, is told by position.
KEYS = ("element", "role", "name", "product")
UNITS = {"interval": "s", "timeout": "s", "bps": "bit/s", "bytes": "B", "ms": "ms", "percent": "%", "days": "d"}
MARKS = {"create": "+", "change": "~", "remove": "-"}
COLOURS = {"create": "\x1b[32m", "change": "\x1b[33m", "remove": "\x1b[31m"}
PLAIN = "\x1b[0m"


class Field(Struct, frozen=True):
    """A field that differs, in readable words; None = nothing there. A secret has neither old nor new."""

    field: str
    old: str | None = None
    new: str | None = None
    secret: bool = False


class Change(Struct, frozen=True):
    """What happens to one record."""

    action: Literal["create", "change", "remove"]
    noun: str
    id: str
    name: str
    fields: tuple[Field, ...] = ()


class Summary(Struct, frozen=True):
    """How many records each thing happens to."""

    create: int
    change: int
    remove: int
    unchanged: int

    def __str__(self) -> str:
        return f"{self.create} to create, {self.change} to change, {self.remove} to remove, {self.unchanged} unchanged"


class Difference(Struct, frozen=True):
    """The answer of PUT /api/v1/inventory."""

    changes: tuple[Change, ...]
    applied: bool
    summary: Summary


def difference(changes: list[Change], unchanged: int, *, applied: bool) -> Difference:
    """The changes with their numbers."""
    counts = {action: sum(change.action == action for change in changes) for action in MARKS}
    return Difference(tuple(changes), applied, Summary(**counts, unchanged=unchanged))


def compare(old: Record | None, new: Record | None) -> Change | None:
    """What leads from `old` to `new`, records of one kind and id, both complete; None if nothing does."""
    record = new if new is not None else old
    if record is None:
        return None
    noun, name = plain(type(record))[1], str(getattr(record, "name", ""))
    if new is None:
        return Change("remove", noun, record.id, name)
    before, after = {} if old is None else flat(old), flat(new)
    if old is None:
        usual = {name for name, value in _defaults(type(new)).items() if getattr(new, name) == value} | {"id", "name"}
        after = {path: text for path, text in after.items() if path[0] not in usual}
    fields = tuple(
        Field(".".join(path), secret=True) if path[-1] in SECRETS else Field(".".join(path), before.get(path), after.get(path))
        for path in [*after, *(path for path in before if path not in after)]
        if before.get(path) != after.get(path)
    )
    if old is None:
        return Change("create", noun, record.id, name, fields)
    return Change("change", noun, record.id, name, fields) if fields else None


@functools.cache
def _defaults(record: type[Record]) -> dict[str, Any]:
    return {
        item.name: item.default if item.default_factory is msgspec.NODEFAULT else item.default_factory()
        for item in msgspec.structs.fields(record)
    }


def flat(record: Record) -> dict[tuple[str, ...], str]:
    """The record's fields as text by their path, without empty ones; lists of mappings by what identifies an item."""
    return dict(_flat((), msgspec.to_builtins(record)))


def _flat(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    if value is None or value == "":
        return
    if isinstance(value, dict):
        if value.keys() == {"amount", "currency"}:
            yield path, f"{value['amount']} {value['currency']}"
            return
        for inner, item in value.items():
            yield from _flat((*path, inner), item)
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        for position, item in enumerate(value):
            word = next((word for word in KEYS if item.get(word)), "")
            name = (*path, item[word] if word else str(position))
            inside = list(_flat(name, {inner: what for inner, what in item.items() if inner != word}))
            yield from inside or [(name, "present")]
    elif isinstance(value, (list, tuple)):
        if value:
            shown = [repr(item) if ", " in str(item) else str(item) for item in value]
            yield path, ", ".join(sorted(set(shown)) if path[-1] == "parent" else shown)
    else:
        yield path, _show(path[-1], value)


def _show(key: str, value: Any) -> str:
    """Exact: two values that differ look different."""
    if isinstance(value, bool):
        return "true" if value else "false"
    unit = UNITS.get(key.rsplit("_", 1)[-1])
    if isinstance(value, (int, float)) and unit is not None:
        return units.show(value, unit)
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def render(found: Difference, *, colour: bool) -> Iterator[str]:
    """The lines a person reads: each change, its fields, and a summary."""
    for change in found.changes:
        start, end = (COLOURS[change.action], PLAIN) if colour else ("", "")
        name = f" ({change.name})" if change.name not in {"", change.id} else ""
        yield f"{start}{MARKS[change.action]} {change.noun} {change.id}{name}{end}"
        for field in change.fields:
            if field.secret:
                yield f"    {field.field}: {'set' if change.action == 'create' else 'changed'} (secret)"
            elif change.action == "create":
                yield f"    {field.field}: {field.new}"
            else:
                yield f"    {field.field}: {field.old or 'nothing'} -> {field.new or 'nothing'}"
    if found.changes:
        yield ""
    yield f"{found.summary}{'' if found.applied else ' (dry run: nothing was changed)'}"
