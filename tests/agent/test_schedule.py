"""When the next poll is due."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.schedule import RETRY, next_poll, phase


def test_sensors_are_spread_over_the_interval_and_stay_where_they_are() -> None:
    phases = sorted(phase(number) for number in range(1, 1_001))
    assert phases[0] < 0.01
    assert phases[-1] > 0.99
    assert max(b - a for a, b in pairwise(phases)) < 0.02
    assert phase(7) == phase(7)


@given(st.floats(1, 86_400), st.integers(1, 2**32 - 1), st.floats(0, 1e7), st.floats(0, 60), st.booleans())
def test_the_next_poll_is_never_in_the_past_nor_later_than_the_rules_say(
    interval: float, number: int, started: float, took: float, good: bool
) -> None:
    now = started + took
    due = next_poll(now, started, interval, number, good=good)
    assert due >= now - 1e-6
    if not good:
        assert due <= max(now, started + RETRY) + (interval if interval <= RETRY else 0) * 1.5
    else:
        assert due <= max(now, started + interval / 2) + interval * 1.001


def test_after_a_failure_a_slow_sensor_is_tried_again_within_30_s() -> None:
    assert next_poll(1_001.0, 1_000.0, 300.0, 5, good=False) == 1_030.0


def test_a_good_sensor_keeps_its_place() -> None:
    started = 1_000.0
    for _ in range(50):
        due = next_poll(started + 0.1, started, 60.0, 5, good=True)
        assert abs((due - phase(5) * 60.0) % 60.0) < 1e-6 or abs((due - phase(5) * 60.0) % 60.0 - 60.0) < 1e-6
        started = due
    assert abs(next_poll(started, started, 60.0, 5, good=True) - started - 60.0) < 1e-6
