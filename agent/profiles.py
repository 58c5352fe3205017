"""Profiles compiled for one device: which columns to walk, and from what the walk found, which instances to ask each poll.

Pure: what the device said goes in, entries come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from agent import labels
from agent.labels import NAME_LENGTH, Walked
from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.plan import Column, Power, Profile, Table

__all__ = ["MAX_ENTRIES", "NAME_LENGTH", "Cell", "Entry", "Walked", "chosen", "columns", "details", "entries", "scalars"]

MAX_ENTRIES = 10_000  # of one table
MAX_EXPONENT = 30  # of a factor that a row states: beyond it, it is nonsense


class Cell(NamedTuple):
    """One value to ask for, and the column that says what becomes of it."""

    oid: bytes
    column: Column
    scale: float
    multiplier: bytes | None = None
    of: tuple[bytes, ...] = ()  # the whole, or its parts
    plus: tuple[bytes, ...] = ()
    minus: tuple[bytes, ...] = ()

    @property
    def simple(self) -> bool:
        """Whether it takes no other value of the row."""
        return not (self.multiplier or self.of or self.plus or self.minus)

    @property
    def oids(self) -> tuple[bytes, ...]:
        """All it takes."""
        return (self.oid, *((self.multiplier,) if self.multiplier else ()), *self.of, *self.plus, *self.minus)


class Entry(NamedTuple):
    """One row of a table, or one scalar: asked together, believed together."""

    table: str  # profile and table
    instance: str
    cells: tuple[Cell, ...]
    identity: tuple[bytes, VarBind] | None = None  # where the name stands, and what stood there
    discontinuity: bytes | None = None
    speed: Cell | None = None
    every: int = 1
    reduce: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def oids(self) -> tuple[bytes, ...]:
        """All it takes, each once; the name and the discontinuity time first, near the counters they vouch for."""
        wanted = [self.identity[0] if self.identity else None, self.discontinuity]
        for cell in (*((self.speed,) if self.speed else ()), *self.cells):
            wanted += cell.oids
        return tuple(dict.fromkeys(name for name in wanted if name is not None))


def chosen(names: Iterable[str], profiles: Mapping[str, Profile], object_id: bytes | None) -> list[Profile]:
    """The profiles `names` and all they extend, without those that are for other devices than `object_id` (sysObjectID).

    Those for this very device come first, then by rank.
    """
    found: dict[str, Profile] = {}
    todo = list(names)
    while todo:
        profile = profiles[todo.pop(0)]
        if profile.name not in found and _matches(profile, object_id):
            found[profile.name] = profile
            todo += profile.extends
    return sorted(found.values(), key=lambda profile: (not profile.match, profile.rank))


def _matches(profile: Profile, object_id: bytes | None) -> bool:
    return not profile.match or (object_id is not None and any(object_id.startswith(oid.parse(p)) for p in profile.match))


def scalar_oids(profile: Profile) -> tuple[bytes, ...]:
    """Every scalar the profile might use."""
    return tuple(
        oid.parse(name) for name in dict.fromkeys(n for column in profile.scalars for n in (*_oids(column), *_others(column)))
    )


def scalars(profile: Profile, answered: Walked) -> list[Entry]:
    """An entry for each scalar the device has; `answered` as for `entries`, with no bytes for the index."""
    cells = (_cell(column, b"", answered) for column in profile.scalars)
    return [Entry(profile.name, "", (cell,)) for cell in cells if cell]


def columns(table: Table) -> tuple[bytes, ...]:
    """The columns whose rows are the table's: where none of them has any, the device has no such table."""
    asked = (*table.columns, *((table.alone,) if table.alone else ()))
    return _parsed([*(name for column in asked for name in _oids(column))])


def details(table: Table) -> tuple[bytes, ...]:
    """The columns that say more about the rows."""
    wanted = [*labels.columns(labels.sources(table)), *table.filter, *table.skip]
    wanted += [table.discontinuity] if table.discontinuity else []
    wanted += [*_oids(table.speed), *_others(table.speed)] if table.speed else []
    wanted += [name for column in table.columns for name in _others(column)]
    return tuple(name for name in _parsed(wanted) if name not in columns(table))


def entries(table: Table, walked: Walked, profile: str = "") -> list[Entry]:
    """The rows of `table` that the device has and the filter keeps, in the order of their index, names made unique."""
    indices: set[bytes] = set().union(*(walked.get(name, {}) for name in columns(table)))
    found: list[Entry] = []
    taken: set[str] = set()
    for index in sorted(indices, key=oid.index_arcs)[:MAX_ENTRIES]:
        if not _wanted(table, index, walked):
            continue
        cells = tuple(cell for column in table.columns if (cell := _cell(column, index, walked)))
        if not cells and table.alone and (cell := _cell(table.alone, index, walked)):
            cells = (cell,)
        if cells:
            found.append(_entry(table, index, cells, walked, taken)._replace(table=f"{profile}.{table.name}"))
    return found


def _entry(table: Table, index: bytes, cells: tuple[Cell, ...], walked: Walked, taken: set[str]) -> Entry:
    named = labels.name(table, index, walked)
    instance = named.text
    while instance in taken:  # devices repeat names; the lowest index keeps the plain one
        instance = f"{instance} #{oid.index(index)}"
    taken.add(instance)
    discontinuity = oid.parse(table.discontinuity) if table.discontinuity else None
    tags = ((tag, labels.read(source, index, walked).text) for tag, source in table.tags.items())
    return Entry(
        table=table.name,
        instance=instance,
        cells=cells,
        identity=named.identity,
        discontinuity=discontinuity + index if discontinuity and index in walked.get(discontinuity, {}) else None,
        speed=_speed(table.speed, index, walked) if table.speed else None,
        every=table.poll_every,
        reduce=table.reduce,
        tags=tuple((tag, shown) for tag, shown in tags if shown),
    )


def _parsed(names: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(oid.parse(name) for name in dict.fromkeys(names))


def _oids(column: Column) -> tuple[str, ...]:
    return (column.oid, *column.fallback)


def _whole(column: Column) -> tuple[str, ...]:
    return column.of if isinstance(column.of, tuple) else (column.of,) if column.of else ()


def _others(column: Column) -> tuple[str, ...]:
    """What else of the row the column takes."""
    factors = (*((column.multiplier,) if column.multiplier else ()), *(power.oid for power in column.powers))
    return (*factors, *_whole(column), *column.plus, *column.minus)


def _cell(column: Column, index: bytes, walked: Walked, *, nonzero: bool = False) -> Cell | None:
    """The first of the column's OIDs that the device has in this row."""
    for name in _oids(column):
        base = oid.parse(name)
        bind = walked.get(base, {}).get(index)
        if bind is not None and bind.tag not in message.ABSENT and not (nonzero and bind.value == 0):
            scale = column.scale if name == column.oid or column.fallback_scale is None else column.fallback_scale
            factor = _factor(column.powers, index, walked)
            return None if factor is None else _with_others(Cell(base + index, column, scale * factor), index, walked)
    return None


def _with_others(cell: Cell, index: bytes, walked: Walked) -> Cell:
    column = cell.column
    # What the device does not have is left out of sums; a whole or a factor that is missing leaves no value (readings.py).
    plus, minus = (
        tuple(oid.parse(name) + index for name in names if _has(name, index, walked)) for names in (column.plus, column.minus)
    )
    of = tuple(oid.parse(name) + index for name in _whole(column))
    multiplier = oid.parse(column.multiplier) + index if column.multiplier else None
    return cell._replace(multiplier=multiplier, of=of, plus=plus, minus=minus)


def _has(name: str, index: bytes, walked: Walked) -> bool:
    bind = walked.get(oid.parse(name), {}).get(index)
    return bind is not None and bind.tag not in message.ABSENT


def _factor(powers: Sequence[Power], index: bytes, walked: Walked) -> float | None:
    factor = 1.0
    for power in powers:
        bind = walked.get(oid.parse(power.oid), {}).get(index)
        if bind is None or not isinstance(bind.value, int):
            continue
        exponent = bind.value - power.zero
        if abs(exponent) > MAX_EXPONENT:
            return None
        factor = factor * power.base**exponent if power.base >= 1 else factor / (1 / power.base) ** exponent
    return factor


def _speed(column: Column, index: bytes, walked: Walked) -> Cell | None:
    """As `_cell`, but a speed of 0, which many ports that are up report, is as good as none where a fallback says more."""
    return _cell(column, index, walked, nonzero=True) or _cell(column, index, walked)


def _wanted(table: Table, index: bytes, walked: Walked) -> bool:
    def among(name: str, values: Sequence[int | str]) -> bool:
        bind = walked.get(oid.parse(name), {}).get(index)
        return bind is not None and any(bind.value == (oid.parse(v) if isinstance(v, str) else v) for v in values)

    kept = all(among(name, values) for name, values in table.filter.items())
    return kept and not any(among(name, values) for name, values in table.skip.items())
