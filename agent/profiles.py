"""Profiles compiled for one device: which columns to walk, and from what the walk found, which instances to ask each poll.

Pure: what the device said goes in, entries come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.plan import Column, Profile, Table
from protocols.wire import text

NAME_LENGTH = 128  # characters of an instance's name
MAX_ENTRIES = 10_000  # of one table

Walked = Mapping[bytes, Mapping[bytes, VarBind]]  # column -> index -> what the device said


class Cell(NamedTuple):
    """One value to ask for, and the column that says what becomes of it."""

    oid: bytes
    column: Column
    scale: float
    multiplier: bytes | None = None
    of: bytes | None = None


class Entry(NamedTuple):
    """One row of a table, or one scalar: asked together, believed together."""

    table: str
    instance: str
    cells: tuple[Cell, ...]
    identity: tuple[bytes, VarBind] | None = None  # where the name stands, and what stood there
    discontinuity: bytes | None = None
    speed: Cell | None = None
    every: int = 1
    reduce: str = ""

    @property
    def oids(self) -> tuple[bytes, ...]:
        """All it takes, each once; the name and the discontinuity time first, near the counters they vouch for."""
        wanted = [self.identity[0] if self.identity else None, self.discontinuity]
        for cell in (*((self.speed,) if self.speed else ()), *self.cells):
            wanted += [cell.oid, cell.multiplier, cell.of]
        return tuple(dict.fromkeys(name for name in wanted if name is not None))


def chosen(names: Iterable[str], profiles: Mapping[str, Profile], object_id: bytes | None) -> list[Profile]:
    """The profiles `names` and all they extend, without those that are for other devices than `object_id` (sysObjectID)."""
    found: dict[str, Profile] = {}
    todo = list(names)
    while todo:
        profile = profiles[todo.pop(0)]
        if profile.name not in found and _matches(profile, object_id):
            found[profile.name] = profile
            todo += profile.extends
    return list(found.values())


def _matches(profile: Profile, object_id: bytes | None) -> bool:
    return not profile.match or (object_id is not None and any(object_id.startswith(oid.parse(p)) for p in profile.match))


def scalar_oids(profile: Profile) -> tuple[bytes, ...]:
    """Every scalar the profile might use."""
    return tuple(dict.fromkeys(oid.parse(name) for column in profile.scalars for name in _oids(column)))


def scalars(profile: Profile, answered: Walked) -> list[Entry]:
    """An entry for each scalar the device has; `answered` as for `entries`, with no bytes for the index."""
    cells = (_cell(column, b"", answered) for column in profile.scalars)
    return [Entry("", "", (cell,)) for cell in cells if cell]


def columns(table: Table) -> tuple[bytes, ...]:
    """Every column the walk must visit."""
    wanted: list[str] = [*table.name_oids, *table.filter, *([table.discontinuity] if table.discontinuity else [])]
    for column in (*([table.speed] if table.speed else ()), *table.columns):
        wanted += [column.oid, *column.fallback, *(name for name in (column.multiplier, column.of) if name)]
    return tuple(oid.parse(name) for name in dict.fromkeys(wanted))


def entries(table: Table, walked: Walked) -> list[Entry]:
    """The rows of `table` that the device has and the filter keeps, in the order of their index, names made unique."""
    indices: set[bytes] = set().union(*(walked.get(oid.parse(name), {}) for column in table.columns for name in _oids(column)))
    found: list[Entry] = []
    taken: set[str] = set()
    for index in sorted(indices, key=oid.index_arcs)[:MAX_ENTRIES]:
        if not all(_kept(walked.get(oid.parse(name), {}).get(index), keep) for name, keep in table.filter.items()):
            continue
        cells = tuple(cell for column in table.columns if (cell := _cell(column, index, walked)))
        if cells:
            found.append(_entry(table, index, cells, walked, taken))
    return found


def _entry(table: Table, index: bytes, cells: tuple[Cell, ...], walked: Walked, taken: set[str]) -> Entry:
    identity, instance = _named(table.name_oids, index, walked)
    if instance in taken:  # devices repeat names; the lowest index keeps the plain one
        instance = f"{instance} #{oid.index(index)}"
    taken.add(instance)
    discontinuity = oid.parse(table.discontinuity) if table.discontinuity else None
    return Entry(
        table=table.name,
        instance=instance,
        cells=cells,
        identity=identity,
        discontinuity=discontinuity + index if discontinuity and index in walked.get(discontinuity, {}) else None,
        speed=_speed(table.speed, index, walked) if table.speed else None,
        every=table.poll_every,
        reduce=table.reduce,
    )


def _named(name_oids: Sequence[str], index: bytes, walked: Walked) -> tuple[tuple[bytes, VarBind] | None, str]:
    for column in map(oid.parse, name_oids):
        bind = walked.get(column, {}).get(index)
        name = text(bind.value, NAME_LENGTH) if bind and isinstance(bind.value, bytes) else ""
        if bind and name:
            return (column + index, bind), name
    return None, oid.index(index)


def _oids(column: Column) -> tuple[str, ...]:
    return (column.oid, *column.fallback)


def _cell(column: Column, index: bytes, walked: Walked, *, nonzero: bool = False) -> Cell | None:
    """The first of the column's OIDs that the device has in this row."""
    for name in _oids(column):
        base = oid.parse(name)
        bind = walked.get(base, {}).get(index)
        if bind is not None and bind.tag not in message.ABSENT and not (nonzero and bind.value == 0):
            scale = column.scale if name == column.oid or column.fallback_scale is None else column.fallback_scale
            multiplier, of = (oid.parse(other) + index if other else None for other in (column.multiplier, column.of))
            return Cell(base + index, column, scale, multiplier, of)
    return None


def _speed(column: Column, index: bytes, walked: Walked) -> Cell | None:
    """As `_cell`, but a speed of 0, which many ports that are up report, is as good as none where a fallback says more."""
    return _cell(column, index, walked, nonzero=True) or _cell(column, index, walked)


def _kept(bind: VarBind | None, keep: Sequence[int | str]) -> bool:
    if bind is None:
        return False
    return any(bind.value == (oid.parse(value) if isinstance(value, str) else value) for value in keep)
