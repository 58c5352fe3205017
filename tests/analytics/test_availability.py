"""Availability: every second in one bucket, the figures derived from them, and the same of many services at once."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.availability import (
    BUCKETS,
    POLICIES,
    STATUSES,
    Policy,
    Seconds,
    Terms,
    figures,
    spent,
    together,
    verdict,
    weighted,
)
from analytics.availability_arrays import FOREVER, SpanArrays, spent_many
from analytics.service_status import ServiceState
from analytics.timeline import Span


def state(status: str, *, maintenance: bool = False) -> ServiceState:
    return ServiceState(status, status, "", frozenset({"maintenance"} if maintenance else ()), 0, ())


@st.composite
def timelines(draw: st.DrawFn) -> list[Span[ServiceState]]:
    """With holes, with an open or a closed end, or without a span."""
    edges = sorted(draw(st.sets(st.integers(0, 60), max_size=12)))
    spans = [
        Span(start, end, state(draw(st.sampled_from(STATUSES)), maintenance=draw(st.booleans())))
        for start, end in pairwise(edges)
        if draw(st.integers(0, 5))
    ]
    if spans and draw(st.booleans()):
        spans[-1] = spans[-1]._replace(end=None)
    return spans


def arrays(services: list[list[Span[ServiceState]]]) -> SpanArrays:
    rows = [
        (number, span.start, FOREVER if span.end is None else span.end, STATUSES.index(span.value.raw), bool(span.value.flags))
        for number, spans in enumerate(services)
        for span in spans
    ]
    columns = list(zip(*rows, strict=True)) or [()] * 5
    kinds = (np.int64, np.int64, np.int64, np.int8, np.bool_)
    return SpanArrays(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


@given(timelines(), st.integers(-5, 65), st.integers(0, 70), st.sampled_from(POLICIES))
def test_the_buckets_sum_to_the_window(spans: list[Span[ServiceState]], start: int, length: int, policy: Policy) -> None:
    seconds = spent(spans, start, start + length, policy)
    assert sum(seconds) == length
    assert min(seconds) >= 0


@given(timelines(), st.integers(-5, 65), st.integers(0, 70), st.sampled_from(POLICIES))
def test_each_instant_falls_into_the_bucket_of_highest_priority(
    spans: list[Span[ServiceState]], start: int, length: int, policy: Policy
) -> None:
    counted = dict.fromkeys(BUCKETS, 0)
    for at in range(start, start + length):
        found = [span.value for span in spans if span.start <= at and (span.end is None or at < span.end)]
        if not found:
            counted["not_in_service" if spans and at < spans[0].start else "no_data"] += 1
            continue
        (held,) = found
        planned = bool(held.flags) and policy != "ignore" and not (policy == "honor_up" and held.raw == "Up")
        if held.raw == "Not in service":
            counted["not_in_service"] += 1
        elif planned:
            counted["maintenance"] += 1
        else:
            counted[held.raw.lower().replace(" ", "_")] += 1
    assert spent(spans, start, start + length, policy) == Seconds(**counted)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            timelines(), st.sampled_from(POLICIES), st.lists(st.tuples(st.integers(-9, 70), st.integers(0, 70)), min_size=3)
        ),
        max_size=6,
    )
)
def test_many_services_at_once_are_as_each_by_itself(
    services: list[tuple[list[Span[ServiceState]], Policy, list[tuple[int, int]]]],
) -> None:
    windows = np.array([[(a, a + n) for a, n in w[:3]] for _, _, w in services], np.int64).reshape(len(services), 3, 2)
    policy = np.array([POLICIES.index(each) for _, each, _ in services], np.int8)
    found = spent_many(arrays([spans for spans, _, _ in services]), windows, policy)
    assert (found.sum(axis=2) == windows[:, :, 1] - windows[:, :, 0]).all()
    for number, (spans, name, given_windows) in enumerate(services):
        for position, (start, length) in enumerate(given_windows[:3]):
            assert Seconds(*found[number, position].tolist()) == spent(spans, start, start + length, name)


def test_windows_that_reach_too_far_for_one_call_are_refused() -> None:
    windows = np.array([[(0, 1 << 47)]], np.int64)
    with pytest.raises(ValueError, match="do not fit"):
        spent_many(arrays([[]]), windows, np.zeros(1, np.int8))


def test_figures_of_a_day() -> None:
    day = figures(Seconds(no_data=10, down=5, has_issues=15, up=70), 80.0)
    assert day.availability == 85 / 90
    assert day.availability_up_only == 70 / 90
    assert (day.coverage, day.low, day.high) == (0.9, 0.85, 0.95)
    assert (day.percent, day.verdict) == ("94.444", "met")
    assert day.low_coverage
    assert not day.partial_period


def test_coverage_of_95_percent_is_not_flagged_and_less_is() -> None:
    assert not figures(Seconds(no_data=5, up=95)).low_coverage
    assert figures(Seconds(no_data=5_000_001, up=94_999_999)).low_coverage
    assert not figures(Seconds(no_data=5, up=94), terms=Terms(coverage_percent=90.0)).low_coverage


def test_where_nothing_was_measured_nothing_is_said() -> None:
    silent = figures(Seconds(not_in_service=5, no_data=5), 99.9)
    assert (silent.availability, silent.availability_up_only, silent.percent) == (None, None, None)
    assert (silent.coverage, silent.low, silent.high, silent.verdict) == (0.0, 0.0, 1.0, "undetermined")
    assert silent.low_coverage
    absent = figures(Seconds(not_in_service=5, maintenance=3), 99.9)
    assert (absent.availability, absent.coverage, absent.low, absent.high, absent.verdict) == (None,) * 5
    assert not absent.low_coverage
    assert absent.partial_period


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (Seconds(up=999, down=1), "met"),
        (Seconds(up=9_989, down=11), "missed"),
        (Seconds(up=998, no_data=2), "undetermined"),
        (Seconds(up=998, down=2, no_data=1), "missed"),
        (Seconds(no_data=1), "undetermined"),
        (Seconds(maintenance=9), None),
        (Seconds(up=999_000_000_000_000, down=1_000_000_000_001), "missed"),
    ],
)
def test_a_promise_of_99_9_percent(seconds: Seconds, said: str | None) -> None:
    assert verdict(seconds, 99.9) == said


def test_an_account_sums_seconds_and_weighs_them_by_revenue() -> None:
    one, other = Seconds(up=90, down=10), Seconds(up=50, no_data=50)
    assert together([one, other]) == Seconds(no_data=50, down=10, up=140)
    assert together([]) == Seconds()
    mixed = [
        (one, Decimal("30.00"), "EUR"),
        (other, Decimal("10.00"), "EUR"),
        (other, Decimal(5), "USD"),
        (one, Decimal(0), "PLN"),
    ]
    assert weighted(mixed) == {"EUR": "91.428", "USD": "100.000", "PLN": None}  # (30 × 90 + 10 × 50) / (30 × 100 + 10 × 50)
