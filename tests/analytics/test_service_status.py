"""The roll-up at one instant by enumeration, and service timelines for any elements."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.element_status import ElementState
from analytics.network import Group, Placement, Tree
from analytics.roll_up import redundancy, roll_up, shape_of
from analytics.rules import Rules
from analytics.sensor_status import Evidence
from analytics.service_status import ServiceState, service_timeline
from analytics.timeline import Span, at_instant

STATUSES = ("Up", "Has Issues", "Down", "No Data", "Unmanaged")
ALWAYS = [Span(0, None, "In Service")]


def element(status: str, at: int = 0) -> ElementState:
    shown = (Evidence(1, "ping", "reachable", "", at, 0.0, "timeout"),) if status == "Down" else ()
    return ElementState(status, status, "", frozenset(), shown, ())


def test_the_redundancy_table_is_complete_and_exclusive() -> None:
    """The five lines of rule 4, as they are written, for every k of n up to 4."""
    seen = set()
    for n in range(1, 5):
        for k, members in product(range(1, n + 1), product(STATUSES[:4], repeat=n)):
            up, issues, d, x = (members.count(status) for status in STATUSES[:4])
            u = up + issues
            lines = {
                "Up": u >= k and d == x == 0,
                "Has Issues": u >= k and d >= 1,
                "Up, unverified": u >= k and d == 0 and x >= 1,
                "No Data": u < k and u + x >= k,
                "Down": u + x < k,
            }
            assert sum(lines.values()) == 1
            (line,) = (name for name, holds in lines.items() if holds)
            status, reason, unverified = redundancy(k, up, issues, d, x)
            partial = line in ("Up", "Up, unverified") and up < k
            assert status == ("Has Issues" if partial else line.partition(",")[0])
            assert unverified == (line == "Up, unverified")
            assert reason == ("redundancy_degraded" if partial else "redundancy_lost" if line == "Has Issues" else "")
            seen.add(line)
    assert len(seen) == 5


def test_a_group_alone_is_its_table() -> None:
    for n in range(1, 5):
        for k, members in product(range(1, n + 1), product(STATUSES[:4], repeat=n)):
            tree = Tree(tuple(Placement(i, i, f"e{i}", "required", (), 1) for i in range(n)), (Group(1, "g", k),))
            verdict = roll_up(shape_of(tree), members)
            assert verdict.status == redundancy(k, *(members.count(status) for status in STATUSES[:4]))[0]
            if verdict.status != "Up":
                assert verdict.deciding


def test_required_and_degrading_weigh_as_rule_5_says() -> None:
    tree = Tree((Placement(1, 1, "a", "required"), Placement(2, 2, "b", "required"), Placement(3, 3, "c", "degrading")))
    for members in product(STATUSES[:4], repeat=3):
        required, degrading = members[:2], members[2]
        wanted = next(
            status
            for status, holds in (
                ("Down", "Down" in required),
                ("No Data", "No Data" in required),
                ("Has Issues", "Has Issues" in required or degrading in ("Down", "Has Issues")),
                ("Up", True),
            )
            if holds
        )
        assert roll_up(shape_of(tree), members).status == wanted


def test_a_circle_of_parents_ends() -> None:
    tree = Tree(
        (Placement(1, 1, "a", "required", (2,)), Placement(2, 2, "b", "required", (1,)), Placement(3, 3, "c", "required", (3, 2)))
    )
    for members in product(STATUSES, repeat=3):
        assert roll_up(shape_of(tree), members).status in STATUSES[:4]


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    count = draw(st.integers(0, 5))
    groups = (Group(1, "g", draw(st.integers(1, 3)), draw(st.sampled_from(("required", "degrading", "informational")))),)
    placements = tuple(
        Placement(
            number,
            number,
            f"e{number}",
            draw(st.sampled_from(("required", "degrading", "informational"))),
            tuple(draw(st.sets(st.integers(0, number - 1), max_size=2))) if number else (),
            draw(st.sampled_from((None, 1))),
        )
        for number in range(count)
    )
    return Tree(placements, groups)


@settings(deadline=None)
@given(trees(), st.data())
def test_nothing_is_down_without_an_observation(tree: Tree, data: st.DataObject) -> None:
    elements = {each.element_id: [Span(0, None, element(data.draw(st.sampled_from(STATUSES))))] for each in tree.placements}
    (span,) = service_timeline(tree, elements, ALWAYS, 0, 10, Rules())
    if span.value.raw == "Down":
        assert span.value.cause
        assert any(cause.evidence for cause in span.value.cause)
    for cause in span.value.cause:
        if cause.status == "Down":
            assert cause.evidence, cause
    if span.value.shown in ("Has Issues", "Down"):
        assert span.value.cause
    if span.value.shown == "Up":
        assert not span.value.cause


@st.composite
def histories(draw: st.DrawFn) -> tuple[Tree, dict[int, list[Span[ElementState]]], list[Span[str]]]:
    tree = draw(trees())
    elements = {}
    for each in tree.placements:
        edges = sorted(draw(st.sets(st.integers(1, 30), max_size=5)))
        starts = [0, *edges]
        ends: list[int | None] = [*edges, None]
        words = [draw(st.sampled_from(STATUSES)) for _ in starts]
        elements[each.element_id] = [
            Span(start, end, element(word, start)) for start, end, word in zip(starts, ends, words, strict=True)
        ]
    change = draw(st.integers(1, 30))
    orders = [Span(0, change, draw(st.sampled_from(("New", "In Service")))), Span(change, None, "In Service")]
    return tree, elements, orders


def pointwise(tree: Tree, elements: dict[int, list[Span[ElementState]]], orders: list[Span[str]], at: int) -> str:
    order = at_instant(orders, at)
    if order is None or order.value != "In Service":
        return "Not in service"
    held = [at_instant(elements[each.element_id], at) for each in tree.placements]
    return roll_up(shape_of(tree), tuple(span.value.raw if span else "No Data" for span in held)).status


@settings(deadline=None)
@given(histories(), st.integers(0, 35))
def test_the_sweep_says_at_each_instant_what_the_roll_up_says(
    history: tuple[Tree, dict[int, list[Span[ElementState]]], list[Span[str]]], now: int
) -> None:
    tree, elements, orders = history
    spans = service_timeline(tree, elements, orders, 0, now, Rules())
    assert spans[0].start == 0
    assert spans[-1].end is None
    for at in range(now + 1):
        span = at_instant(spans, at)
        assert span is not None
        assert span.value.raw == pointwise(tree, elements, orders, at)
        since = span.value.since
        assert all(pointwise(tree, elements, orders, each) == span.value.shown for each in range(since, at))
        assert since == 0 or pointwise(tree, elements, orders, since - 1) != span.value.shown


@settings(deadline=None)
@given(histories(), st.integers(0, 30))
def test_a_sweep_may_start_anywhere(
    history: tuple[Tree, dict[int, list[Span[ElementState]]], list[Span[str]]], start: int
) -> None:
    """With the whole spans of the elements, and also with spans cut at `start` and the stored state as its seed."""
    tree, elements, orders = history
    whole = service_timeline(tree, elements, orders, 0, 40, Rules())
    wanted = [span._replace(start=max(span.start, start)) for span in whole if span.end is None or span.end > start]
    assert service_timeline(tree, elements, orders, start, 40, Rules()) == wanted
    cut = {
        number: [span._replace(start=max(span.start, start)) for span in spans if span.end is None or span.end > start]
        for number, spans in elements.items()
    }
    late = [span._replace(start=max(span.start, start)) for span in orders if span.end is None or span.end > start]
    seed = at_instant(whole, start)
    assert seed is not None
    assert service_timeline(tree, cut, late, start, 40, Rules(), seed.value) == wanted


def test_a_service_of_unknown_elements_has_never_been_measured() -> None:
    tree = Tree((Placement(1, 77, "edge1", "required"),))
    (span,) = service_timeline(tree, {}, ALWAYS, 0, 10, Rules())
    assert (span.value.shown, span.value.reason, span.value.since) == ("No Data", "never", 0)


def test_without_a_fulfilment_status_a_service_is_not_in_service() -> None:
    assert [span.value.shown for span in service_timeline(Tree(()), {}, [], 3, 9, Rules())] == ["Not in service"]


def test_a_hole_between_spans_is_no_data() -> None:
    tree = Tree((Placement(1, 1, "edge1", "required"),))
    elements = {1: [Span(0, 3, element("Up")), Span(5, 8, element("Up"))]}
    spans: list[Span[ServiceState]] = service_timeline(tree, elements, ALWAYS, 0, 10, Rules())
    assert [(span.start, span.value.shown) for span in spans] == [(0, "Up"), (3, "No Data"), (5, "Up"), (8, "No Data")]
