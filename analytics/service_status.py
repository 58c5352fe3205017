"""Service status over time: the roll-up swept over the changes of its elements and of its fulfilment status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from analytics.element_status import DOWN, NO_DATA, NOT_IN_SERVICE, ElementState
from analytics.indicators import Beyond, Beyonds, exceeded, limited
from analytics.network import Instant, Placement, Tree
from analytics.roll_up import Shape, Verdict, roll_up, shape_of
from analytics.rules import Rules
from analytics.sensor_status import Evidence
from analytics.timeline import Span, spans_of, until

IN_SERVICE = "In Service"


class Cause(NamedTuple):
    """One placement that decides the status: what it counts as, its own reason, the name of the ancestor that implies it
    ("" = its own samples show it), and the observations, an implied one's ancestor's included.
    """

    placement_id: int
    element_id: int
    name: str
    status: str
    reason: str
    implied_by: str
    evidence: tuple[Evidence, ...]


class ServiceState(NamedTuple):
    """A service's status and why. `since`: when the shown status began; `cause`: the deciding placements, root first."""

    raw: str
    shown: str
    reason: str
    flags: frozenset[str]
    since: Instant
    cause: tuple[Cause, ...]


_NEVER = ElementState(NO_DATA, NO_DATA, "never", frozenset(), (), ())


def service_timeline(
    tree: Tree,
    elements: Mapping[int, Sequence[Span[ElementState]]],
    fulfilment: Sequence[Span[str]],
    start: Instant,
    now: Instant,
    rules: Rules,
    seed: ServiceState | None = None,
    beyond: Mapping[int, Sequence[Span[Beyonds]]] | None = None,
) -> list[Span[ServiceState]]:
    """The service's spans from `start` to `now`, the last one open.

    `elements`: spans by element id (none = never measured), `fulfilment`: the fulfilment status (none = Not in service),
    `beyond`: by element id, what of it is beyond the product's limits.
    `since` reaches back as far as the given spans do; with `seed`, the state at `start` as decided earlier, it is the seed's
    while that status lasts. Begin one µs before the first change, so that the seed holds and the first span can be joined to it.
    """
    shape = shape_of(tree)
    states = [_NEVER] * len(tree.placements)
    over: list[Beyonds] = [()] * len(tree.placements)
    order = ""
    points: list[tuple[Instant, ServiceState]] = []
    events = _events(tree, elements, fulfilment, beyond or {}, now)
    verdict_at: Instant | None = None
    for at, position, state, word in events:
        if verdict_at is not None and at != verdict_at:
            points.append((verdict_at, _state(tree, shape, states, over, order, rules, verdict_at)))
        verdict_at = at
        if state is None:
            order = word
        elif isinstance(state, ElementState):
            states[position] = state
        else:
            over[position] = state
    begin = start if verdict_at is None else verdict_at
    points.append((begin, _state(tree, shape, states, over, order, rules, begin)))
    return _dated(points, start, now, seed)


# When, which placement, its state or what of it is beyond limits; or the fulfilment status.
_Event = tuple[Instant, int, ElementState | Beyonds | None, str]


def _events(
    tree: Tree,
    elements: Mapping[int, Sequence[Span[ElementState]]],
    fulfilment: Sequence[Span[str]],
    beyond: Mapping[int, Sequence[Span[Beyonds]]],
    now: Instant,
) -> list[_Event]:
    """All changes up to `now` in order of time; where spans leave a hole, nothing is known."""
    events: list[_Event] = []
    for position, placement in enumerate(tree.placements):
        before: Instant | None = None
        for start, end, state in elements.get(placement.element_id, ()):
            if before is not None and before < start:
                events.append((before, position, _NEVER, ""))
            events.append((start, position, state, ""))
            before = end
        if before is not None:
            events.append((before, position, _NEVER, ""))
        events += ((part.start, position, part.value, "") for part in beyond.get(placement.element_id, ()))
    for number, part in enumerate(fulfilment):
        events.append((part.start, -1, None, part.value))
        following = fulfilment[number + 1].start if number + 1 < len(fulfilment) else None
        if part.end is not None and part.end != following:
            events.append((part.end, -1, None, ""))
    events.sort(key=_when)
    while events and events[-1][0] > now:
        events.pop()
    return events


_when = itemgetter(0)


def _state(
    tree: Tree, shape: Shape, states: Sequence[ElementState], over: Sequence[Beyonds], order: str, rules: Rules, at: Instant
) -> ServiceState:
    """Rules 1 to 8 at one instant; `since` is put in afterwards."""
    if order != IN_SERVICE:
        return ServiceState(NOT_IN_SERVICE, NOT_IN_SERVICE, order, frozenset(), at, ())
    statuses = tuple([state.raw for state in states])
    raw = shown = roll_up(shape, statuses)
    flags = raw.flags
    if any(state.flags or state.shown != state.raw for state in states):
        shown = roll_up(shape, tuple([state.shown for state in states]))
        flags = shown.flags
        kept = (state for state, kind in zip(states, shape.criticality, strict=True) if kind != "informational")
        flags |= {"flapping"} if any("flapping" in state.flags for state in kept) else set()
    found = exceeded(shape, states, over) if any(over) else []
    status = limited(shown.status, found)
    if status != shown.status:
        cause = tuple(_beyond(tree.placements[index], each, status) for index, each in found if each.hard or status != DOWN)
        reason = cause[0].reason
    else:
        cause = tuple(_causes(tree.placements, states, shown, rules)) if shown.deciding else ()
        reason = shown.reason or (cause[0].reason if cause else "")
    return ServiceState(limited(raw.status, found), status, reason, flags, at, cause)


def _beyond(placement: Placement, found: Beyond, status: str) -> Cause:
    """An indicator as a cause: its reason names it, its evidence has its value and the limit."""
    return Cause(placement.id, placement.element_id, placement.name, status, found.reason, "", (found.evidence,))


def _causes(placements: Sequence[Placement], states: Sequence[ElementState], verdict: Verdict, rules: Rules) -> Iterator[Cause]:
    for index in verdict.deciding:
        placement, state, root = placements[index], states[index], verdict.implied_by[index]
        counts_as = verdict.counts_as[index]
        evidence = state.evidence
        if counts_as == DOWN:  # a raised threshold shows nothing of a Down
            evidence = tuple(each for each in evidence if each.metric in rules.states)
            if root >= 0:
                evidence += tuple(each for each in states[root].evidence if each.metric in rules.states)
        above = placements[root].name if root >= 0 else ""
        yield Cause(placement.id, placement.element_id, placement.name, counts_as, state.reason, above, evidence)


def _dated(
    points: Sequence[tuple[Instant, ServiceState]], start: Instant, now: Instant, seed: ServiceState | None
) -> list[Span[ServiceState]]:
    """Spans from `start`, each with the instant its shown status began: the earliest change from which on it is explained."""
    first = min(start, points[0][0])
    dated: list[tuple[Instant, ServiceState]] = []
    shown, since = "", first
    for at, state in points:
        if state.shown != shown:
            shown, since = state.shown, at
        dated.append((at, state if since == at else state._replace(since=since)))
    if dated[0][0] > start:
        dated.insert(0, (start, ServiceState(NOT_IN_SERVICE, NOT_IN_SERVICE, "", frozenset(), start, ())))
    known, _ = until(spans_of(dated, start), now)
    if seed is None or known[0].value.shown != seed.shown:
        return known
    old = known[0].value.since
    if old == seed.since:
        return known
    return [span._replace(value=span.value._replace(since=seed.since)) if span.value.since == old else span for span in known]
