"""Service status at one instant: rules 1 to 7 of the roll-up as a pure function of small tuples, so that it can be cached."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from analytics.element_status import DOWN, HAS_ISSUES, NO_DATA, UNMANAGED, UP
from analytics.network import Tree


class Shape(NamedTuple):
    """A tree without its names, by position: services made from one template share it, and with it the cache.

    `groups`: (k, criticality) of each; `member`: the position of a placement's group, or -1.
    """

    criticality: tuple[str, ...]
    parents: tuple[tuple[int, ...], ...]
    member: tuple[int, ...]
    groups: tuple[tuple[int, str], ...]


class Verdict(NamedTuple):
    """The status, and by position: the placements that decide it, root first; what each counts as; by whom it is implied (-1)."""

    status: str
    reason: str
    deciding: tuple[int, ...]
    counts_as: tuple[str, ...]
    implied_by: tuple[int, ...]
    flags: frozenset[str]


class _Item(NamedTuple):
    """What rule 5 weighs: a placement or a whole group."""

    criticality: str
    status: str
    reason: str
    deciding: tuple[int, ...]


@lru_cache(maxsize=65_536)
def shape_of(tree: Tree) -> Shape:
    """The tree by positions. A parent that is not in the tree is no parent."""
    position = {placement.id: index for index, placement in enumerate(tree.placements)}
    group = {each.id: index for index, each in enumerate(tree.groups)}
    member = tuple(-1 if each.group is None else group.get(each.group, -1) for each in tree.placements)
    return Shape(
        tuple(
            each.criticality if of < 0 else tree.groups[of].criticality for each, of in zip(tree.placements, member, strict=True)
        ),
        tuple(tuple(position[parent] for parent in each.parents if parent in position) for each in tree.placements),
        member,
        tuple((each.k, each.criticality) for each in tree.groups),
    )


@lru_cache(maxsize=262_144)
def roll_up(shape: Shape, statuses: tuple[str, ...]) -> Verdict:
    """The service's status from its elements' statuses, shape [placements] each; for a service whose fulfilment is In Service."""
    kept = [index for index, status in enumerate(statuses) if status != UNMANAGED and shape.criticality[index] != "informational"]
    if not kept:
        return Verdict(NO_DATA, "never", (), statuses, (-1,) * len(statuses), frozenset())
    parents, depth = _paths(shape, frozenset(kept))
    counts_as, implied_by, contradicted = _imply(sorted(kept, key=depth.__getitem__), parents, statuses)
    flags = {"contradicted"} if contradicted else set()
    single = [index for index in kept if shape.member[index] < 0]
    items = [_Item(shape.criticality[index], counts_as[index], "", (index,)) for index in single]
    for number, (k, criticality) in enumerate(shape.groups):
        members = tuple(index for index in kept if shape.member[index] == number)
        if members:
            item, unverified = _group(k, criticality, members, counts_as)
            items.append(item)
            flags |= {"redundancy_unverified"} if unverified else set()
    status, deciding = _weigh(items)
    chosen = {index for item in deciding for index in item.deciding}
    chosen |= {implied_by[index] for index in chosen if implied_by[index] >= 0}
    order = tuple(sorted(chosen, key=lambda index: (depth[index], index)))
    reason = next((item.reason for item in deciding if order and order[0] in item.deciding), "")
    return Verdict(status, reason, order, tuple(counts_as), tuple(implied_by), frozenset(flags))


def redundancy(k: int, up: int, issues: int, down: int, missing: int) -> tuple[str, str, bool]:
    """A group's status, reason, and whether its redundancy is unverified: every case falls into exactly one line of rule 4.

    `up` counts members fully Up, `issues` those with Has Issues: both are usable. `k` beyond the monitored members means all
    of them: what is not monitored can be neither needed nor missed.
    """
    usable = up + issues
    needed = min(k, usable + down + missing)
    if usable >= needed:
        unverified = missing > 0 and down == 0
        if down:
            return HAS_ISSUES, "redundancy_lost", unverified
        return (UP, "", unverified) if up >= needed else (HAS_ISSUES, "redundancy_degraded", unverified)
    return (NO_DATA, "", False) if usable + missing >= needed else (DOWN, "", False)


def _paths(shape: Shape, kept: frozenset[int]) -> tuple[dict[int, tuple[int, ...]], dict[int, int]]:
    """Parents with the dropped ones replaced by theirs, and each placement's depth. A cycle is cut where it closes."""
    parents: dict[int, tuple[int, ...]] = {}
    depth: dict[int, int] = {}

    def above(index: int, seen: frozenset[int]) -> list[int]:
        found: list[int] = []
        for parent in shape.parents[index]:
            if parent not in seen:
                found += [parent] if parent in kept else above(parent, seen | {parent})
        return list(dict.fromkeys(found))

    def measure(index: int, seen: frozenset[int]) -> int:
        if index not in depth:
            parents[index] = tuple(each for each in above(index, seen) if each not in seen)
            depth[index] = 1 + max((measure(each, seen | {each}) for each in parents[index]), default=-1)
        return depth[index]

    for index in sorted(kept):
        measure(index, frozenset({index}))
    return parents, depth


def _imply(order: list[int], parents: dict[int, tuple[int, ...]], statuses: tuple[str, ...]) -> tuple[list[str], list[int], bool]:
    """What each placement counts as when all paths above it are Down, by which root, and whether one still answers there."""
    counts_as, implied_by, contradicted = list(statuses), [-1] * len(statuses), False
    for index in order:
        above = parents[index]
        if not above or any(counts_as[parent] != DOWN for parent in above):
            continue
        if statuses[index] in (DOWN, NO_DATA):
            counts_as[index] = DOWN
            implied_by[index] = implied_by[above[0]] if implied_by[above[0]] >= 0 else above[0]
        else:
            contradicted = True
    return counts_as, implied_by, contradicted


def _group(k: int, criticality: str, members: tuple[int, ...], counts_as: list[str]) -> tuple[_Item, bool]:
    """Rule 4 for one group, and which members decide."""
    having = {
        status: tuple(index for index in members if counts_as[index] == status) for status in (UP, HAS_ISSUES, DOWN, NO_DATA)
    }
    status, reason, unverified = redundancy(k, *(len(having[each]) for each in (UP, HAS_ISSUES, DOWN, NO_DATA)))
    if status == DOWN or reason == "redundancy_lost":
        deciding = having[DOWN]
    elif status == NO_DATA:
        deciding = having[DOWN] + having[NO_DATA]
    else:
        deciding = having[HAS_ISSUES]
    return _Item(criticality, status, reason, deciding), unverified


def _weigh(items: list[_Item]) -> tuple[str, list[_Item]]:
    """Rule 5: the status, and the items that decide it."""
    required = [item for item in items if item.criticality == "required"]
    for status in (DOWN, NO_DATA):
        found = [item for item in required if item.status == status]
        if found:
            return status, found
    found = [item for item in required if item.status == HAS_ISSUES]
    found += [item for item in items if item.criticality == "degrading" and item.status in (DOWN, HAS_ISSUES)]
    return (HAS_ISSUES, found) if found else (UP, [])
