"""Status: how many services a second one core decides again when elements of theirs changed. Pure analytics, nothing stored.

Every service has four elements of its own kind: a router that it shares with others or not, two lines of which one is needed,
and a switch, below the router. A change is an element that went Down or came back; each of its services is decided from there.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from analytics.element_status import DOWN, UP, ElementState
from analytics.network import Group, Instant, Placement, Tree
from analytics.rules import Rules
from analytics.sensor_status import Evidence
from analytics.service_status import ServiceState, service_timeline
from analytics.timeline import Span, at_instant, splice
from bench import harness
from tests.fakes import storms

NOW = 1_790_000_000_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE
WELL = ElementState(UP, UP, "", frozenset(), (), ((1, "ok"),), (), UP)
ALWAYS = [Span(0, None, "In Service")]
ELEMENTS = 4  # of each service
SHARED = 10  # services that hang on one shared router, where it is shared
Spans = list[Span[ServiceState]]


class Fleet(NamedTuple):
    """Services by position: their trees, the spans of their elements by id, and what was decided before the changes."""

    trees: list[Tree]
    elements: dict[int, list[Span[ElementState]]]
    stored: list[Spans]


def fleet(services: int) -> Fleet:
    """All Up for an hour. Every second service shares its router with SHARED others, so that an outage hits many at once."""
    trees = []
    for number in range(services):
        own = number * ELEMENTS + 1
        router = own if number % 2 else number // (2 * SHARED) * 2 * SHARED * ELEMENTS + 1
        group = (Group(number, "lines", 1),)
        placements = (
            Placement(own, router, f"router {router}", "required"),
            Placement(own + 1, own + 1, f"line {own}a", "required", (own,), number),
            Placement(own + 2, own + 2, f"line {own}b", "required", (own,), number),
            Placement(own + 3, own + 3, f"switch {own}", "degrading", (own,)),
        )
        trees.append(Tree(placements, group))
    begin = NOW - HOUR
    elements = {number: [Span(begin, None, WELL)] for number in range(1, services * ELEMENTS + 1)}
    rules = Rules()
    stored = [service_timeline(tree, elements, ALWAYS, begin, NOW - MINUTE, rules) for tree in trees]
    return Fleet(trees, elements, stored)


def outage(given: Fleet, changed: set[int], at: Instant) -> dict[int, list[Span[ElementState]]]:
    """The elements as they are once `changed` ones are confirmed Down since `at`."""
    elements = dict(given.elements)
    for number in changed:
        seen = Evidence(number, "ping", "reachable", "", at, 0.0, "timeout")
        down = ElementState(DOWN, DOWN, "no_answer", frozenset(), (seen,), ((1, "failed"),), (at,), DOWN)
        elements[number] = [Span(elements[number][0].start, at, WELL), Span(at, None, down)]
    return elements


def decide(given: Fleet, elements: dict[int, list[Span[ElementState]]], marked: list[int], start: Instant) -> list[Spans]:
    """What the job does for each marked service: from what is stored at `start`, decide, and join with it."""
    rules = Rules()
    found = []
    for number in marked:
        seed = at_instant(given.stored[number], start)
        state = seed.value if seed else None
        fresh = service_timeline(given.trees[number], elements, ALWAYS, start, NOW, rules, state)
        found.append(splice(seed, fresh))
    return found


def measure(services: int, rounds: int) -> dict[str, object]:
    """Rounds of outages that mark a tenth of all services each, and one that marks all."""
    given = fleet(services)
    gc.freeze()
    random = np.random.default_rng(1)
    users: dict[int, list[int]] = {}
    for number, tree in enumerate(given.trees):
        for placement in tree.placements:
            users.setdefault(placement.element_id, []).append(number)
    rates: list[float] = []
    for round_ in range(rounds):
        at = NOW - 10 * MINUTE + round_ * 1_000
        chosen = {int(each) for each in random.integers(1, services * ELEMENTS + 1, services // 12)} & users.keys()
        elements = outage(given, chosen, at)
        marked = sorted({number for element in chosen for number in users[element]})
        seconds, found = timed(lambda e=elements, m=marked, t=at: decide(given, e, m, t - 1))  # type: ignore[misc]
        if sum(spans[-1].value.raw != UP for spans in found) < len(found) // 2:
            raise RuntimeError("an outage takes services down")
        rates.append(len(marked) / seconds)
        harness.progress(f"round {round_ + 1} of {rounds}: {len(marked)} services in {seconds:.2f} s")
    everything = outage(given, set(users), NOW - 5 * MINUTE)
    seconds, _ = timed(lambda: decide(given, everything, list(range(services)), NOW - 5 * MINUTE - 1))
    return {
        "services_per_s": round(statistics.median(rates)),
        "n": services,
        "elements": len(given.elements),
        "all_at_once_per_s": round(services / seconds),
        "rounds_per_s": harness.summary(rates),
    }


def timed(call: Callable[[], list[Spans]]) -> tuple[float, list[Spans]]:
    begin = time.perf_counter()
    found = call()
    return time.perf_counter() - begin, found


def main() -> None:
    given = harness.options("status")
    services, rounds = (10_000, 5) if given.quick else (100_000, 9)
    sizes = storms.Sizes(10_000, 2_000, 50_000, 10) if given.quick else storms.Sizes(10_000, 5_000, 50_000, 100)
    live = storms.run(sizes, harness.progress)
    harness.report(given, measure(services, rounds) | live)


if __name__ == "__main__":
    main()
