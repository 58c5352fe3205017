"""The element tree of a service as lines: parents before children, the members of a group under its heading."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storage.views import ElementRow

USABLE = {"Up", "Has Issues"}  # what counts as up in a redundancy group
DEEPEST = 6  # deeper lines are not indented further


class Group(NamedTuple):
    """The heading of a redundancy group: `up` of `n` members are usable, `down` are Down, `k` are needed."""

    id: int
    name: str
    k: int
    n: int
    up: int
    down: int
    criticality: str


class Line(NamedTuple):
    """One line of the tree: a group's heading or an element. `behind` names all parents."""

    depth: int
    group: Group | None
    element: ElementRow | None
    behind: tuple[str, ...]


def lines(rows: Sequence[ElementRow]) -> list[Line]:
    """The tree in reading order, each placement once, under the last of its parents, so that all of them stand above it."""
    by_id = {row.placement_id: row for row in rows}
    below: dict[int | None, list[ElementRow]] = {}
    for row in rows:
        below.setdefault(next((p for p in reversed(row.parents) if p in by_id), None), []).append(row)
    found = list(_walk(below, by_id))
    seen = {line.element.placement_id for line in found if line.element}
    # Parents that form a ring have no root; what hangs there is shown all the same.
    return found + [Line(0, None, row, _behind(row, by_id)) for row in rows if row.placement_id not in seen]


def _walk(below: dict[int | None, list[ElementRow]], by_id: dict[int, ElementRow]) -> Iterator[Line]:
    """Depth first from the roots; a stack of our own, since how deep a tree is was decided by somebody else."""
    waiting = _siblings(below.get(None, []), by_id, 0)[::-1]
    while waiting:
        depth, line = waiting.pop()
        yield line
        if line.element:
            waiting += _siblings(below.get(line.element.placement_id, []), by_id, depth + 1)[::-1]


def _siblings(rows: Sequence[ElementRow], by_id: dict[int, ElementRow], depth: int) -> list[tuple[int, Line]]:
    """Lines of placements under one parent, each with its true depth; a group's members follow its heading, one deeper."""
    out: list[tuple[int, Line]] = []
    for row in rows:
        if row.group_id is None:
            out.append((depth, Line(min(depth, DEEPEST), None, row, _behind(row, by_id))))
        elif all(line.group is None or line.group.id != row.group_id for _, line in out):
            out.append((depth, Line(min(depth, DEEPEST), _group(row, list(by_id.values())), None, ())))
            members = [r for r in rows if r.group_id == row.group_id]
            out += [(depth + 1, Line(min(depth + 1, DEEPEST), None, r, _behind(r, by_id))) for r in members]
    return out


def _group(row: ElementRow, rows: Sequence[ElementRow]) -> Group:
    """Unmanaged members are dropped, as the roll-up drops them."""
    members = [r for r in rows if r.group_id == row.group_id and r.raw != "Unmanaged"]
    up = sum(r.raw in USABLE for r in members)
    down = sum(r.raw == "Down" for r in members)
    return Group(row.group_id or 0, row.group_name, row.group_k, len(members), up, down, row.group_criticality)


def _behind(row: ElementRow, by_id: dict[int, ElementRow]) -> tuple[str, ...]:
    return tuple(by_id[p].name for p in row.parents if p in by_id)
