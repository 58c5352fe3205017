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
    seen: set[int] = set()
    out = list(_walk(below, by_id, None, 0, seen))
    # Parents that form a ring have no root; what hangs there is shown all the same.
    lost = [row for row in rows if row.placement_id not in seen]
    return out + [Line(0, None, row, _behind(row, by_id)) for row in lost]


def _walk(
    below: dict[int | None, list[ElementRow]], by_id: dict[int, ElementRow], parent: int | None, depth: int, seen: set[int]
) -> Iterator[Line]:
    rows = [row for row in below.get(parent, []) if row.placement_id not in seen]
    groups_done: set[int] = set()
    for row in rows:
        if row.group_id is None:
            yield from _one(row, below, by_id, depth, seen)
        elif row.group_id not in groups_done:
            groups_done.add(row.group_id)
            yield Line(min(depth, DEEPEST), _group(row, list(by_id.values())), None, ())
            for member in (r for r in rows if r.group_id == row.group_id):
                yield from _one(member, below, by_id, depth + 1, seen)


def _one(
    row: ElementRow, below: dict[int | None, list[ElementRow]], by_id: dict[int, ElementRow], depth: int, seen: set[int]
) -> Iterator[Line]:
    seen.add(row.placement_id)
    yield Line(min(depth, DEEPEST), None, row, _behind(row, by_id))
    yield from _walk(below, by_id, row.placement_id, depth + 1, seen)


def _group(row: ElementRow, rows: Sequence[ElementRow]) -> Group:
    """Unmanaged members are dropped, as the roll-up drops them."""
    members = [r for r in rows if r.group_id == row.group_id and r.status != "Unmanaged"]
    up = sum(r.status in USABLE for r in members)
    down = sum(r.status == "Down" for r in members)
    return Group(row.group_id or 0, row.group_name, row.group_k, len(members), up, down, row.group_criticality)


def _behind(row: ElementRow, by_id: dict[int, ElementRow]) -> tuple[str, ...]:
    return tuple(by_id[p].name for p in row.parents if p in by_id)
