"""Spans, their splicing, their storage, and availability."""

from __future__ import annotations

import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.availability import Seconds, availability, availability_up_only, available_percent, percent, spent
from analytics.element_status import ElementState
from analytics.rules import Rules, limits, lookback, reach, with_thresholds
from analytics.sensor_status import Evidence
from analytics.service_status import Cause, ServiceState
from analytics.stored_state import (
    cause_from_json,
    cause_to_json,
    element_from_json,
    evidence_from_json,
    evidence_to_json,
    seed_to_json,
    service_from_json,
)
from analytics.timeline import Span, at_instant, clip, spans_of, splice, until

SEEN = Evidence(7, "ping", "reachable", "", 1_750_000_000_000_000, 0.0, "timeout")


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2))), st.integers(0, 10))
def test_spans_of_points_say_at_each_instant_what_the_last_point_says(points: list[tuple[int, int]], start: int) -> None:
    points = [(0, 9), *sorted(points, key=lambda point: point[0])]
    spans = spans_of(points, start)
    for at in range(start, 35):
        span = at_instant(spans, at)
        assert span is not None
        assert span.value == [value for when, value in points if when <= at][-1]
    assert at_instant(spans, start - 1) is None
    assert all(one.value != other.value for one, other in pairwise(spans))


def test_until_leaves_the_last_known_span_open_and_names_the_next_change() -> None:
    spans = [Span(0, 5, "a"), Span(5, 9, "b"), Span(9, None, "c")]
    assert until(spans, 5) == ([Span(0, 5, "a"), Span(5, None, "b")], 9)
    assert until(spans, 9) == (spans, None)


def test_a_decision_leaves_no_cut_where_it_began() -> None:
    fresh = [Span(5, 9, "a"), Span(9, None, "b")]
    assert splice(Span(2, None, "a"), fresh) == [Span(2, 9, "a"), Span(9, None, "b")]
    assert splice(Span(2, None, "x"), fresh) == [Span(2, 5, "x"), *fresh]
    assert splice(None, fresh) == fresh
    assert splice(Span(5, None, "x"), fresh) == fresh


def test_clip_gives_parts_with_a_definite_end() -> None:
    assert clip([Span(0, 5, "a"), Span(5, None, "b")], 3, 8) == [(3, 5, "a"), (5, 8, "b")]
    assert clip([Span(0, 5, "a")], 5, 8) == []


def service(status: str) -> ServiceState:
    return ServiceState(status, "Has Issues", "", frozenset(), 0, ())


def test_buckets_sum_to_the_window_and_use_the_raw_status() -> None:
    spans = [Span(10, 20, service("Up")), Span(20, 25, service("Down")), Span(25, 30, service("Not in service"))]
    assert spent(spans, 0, 40) == Seconds(not_in_service=15, no_data=10, down=5, has_issues=0, up=10)
    assert spent([], 0, 40) == Seconds(no_data=40)


def test_availability_counts_has_issues_as_available() -> None:
    seconds = Seconds(not_in_service=10, no_data=10, down=1, has_issues=1, up=2)
    assert availability(seconds) == 0.75
    assert availability_up_only(seconds) == 0.5
    assert availability(Seconds(no_data=5)) is None
    assert availability_up_only(Seconds(no_data=5)) is None
    assert available_percent(Seconds(no_data=5)) is None


@pytest.mark.parametrize(
    ("good", "measured", "places", "text"),
    [
        (999_996, 1_000_000, 3, "99.999"),
        (1, 1, 3, "100.000"),
        (8, 18, 1, "44.4"),
        (2, 3, 0, "66"),
        (0, 7, 2, "0.00"),
        (86_399_999_999 * 400, 86_400_000_000 * 400, 3, "99.999"),
    ],
)
def test_per_cent_are_truncated_never_rounded_up(good: int, measured: int, places: int, text: str) -> None:
    assert percent(good, measured, places) == text


def test_a_state_survives_its_storage() -> None:
    state = ElementState(
        "Down", "Has Issues", "flapping", frozenset({"flapping"}), (SEEN,), ((7, "failed"), (9, "ok")), (5, 6), "Down"
    )
    evidence, seed = (json.loads(json.dumps(part)) for part in (evidence_to_json(state.evidence), seed_to_json(state)))
    assert element_from_json(state.raw, state.shown, state.reason, ["flapping"], evidence, seed) == state
    assert evidence_from_json(evidence) == (SEEN,)


def test_an_empty_stored_seed_is_one_without_sensors() -> None:
    assert element_from_json("No Data", "No Data", "never", [], [], {}).sensors == ()


def test_a_cause_survives_its_storage() -> None:
    cause = (Cause(1, 2, "edge1", "Down", "stale", "router", (SEEN,)),)
    stored = json.loads(json.dumps(cause_to_json(cause)))
    assert cause_from_json(stored) == cause
    assert service_from_json("Down", "Down", "stale", [], 5, stored) == ServiceState(
        "Down", "Down", "stale", frozenset(), 5, cause
    )


def test_rules_come_and_go_as_json_and_refuse_nonsense() -> None:
    rules = Rules(down_after=4, thresholds={"cpu.load": (80.0, 60.0)})
    assert msgspec.json.decode(msgspec.json.encode(rules), type=Rules) == rules
    assert msgspec.json.decode(b"{}", type=Rules) == Rules()
    for wrong in (b'{"down_after": 0}', b'{"clear_factor": 1.5}', b'{"colour": 1}', b'{"states": {"reachable": {"0": "odd"}}}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=Rules)


def test_limits_of_negative_and_falling_figures() -> None:
    rules = with_thresholds(
        Rules(), {"power": {"raise": -10.0}, "charge": {"raise": 30.0, "clear": 50.0}, "cpu.load": {"raise": None}}
    )
    power, charge = limits(rules, "power"), limits(rules, "charge")
    assert power is not None
    assert charge is not None
    assert power.clear_at == pytest.approx(-11.0)
    assert not power.lower
    assert (charge.clear_at, charge.lower) == (50.0, True)
    assert limits(rules, "cpu.load") is None
    assert limits(Rules(), "no.such.metric") is None


def test_how_far_a_decision_looks_back() -> None:
    minute = 60_000_000
    assert reach(Rules(), minute) == 3 * minute
    assert reach(Rules(), 5 * minute) == 15 * minute
    assert lookback(Rules(), 5 * minute) == 45 * minute
