"""Maintenance windows: occurrences across clock changes, versions, what counts as back-dating, and the flag."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.maintenance import (
    END,
    Window,
    changes_past,
    fault_of,
    flagged,
    in_maintenance,
    merged,
    next_due,
    next_edge,
    occurrences,
    planned,
)
from analytics.periods import instant, local
from analytics.service_status import ServiceState
from analytics.timeline import Span, at_instant

WARSAW, NEW_YORK = ZoneInfo("Europe/Warsaw"), ZoneInfo("America/New_York")
HOUR = 3_600_000_000
DAY = 24 * HOUR


def at(text: str, zone: ZoneInfo = WARSAW) -> int:
    return instant(datetime.fromisoformat(text).replace(tzinfo=zone))


def window(start: str, hours: float = 2, rrule: str = "", zone: ZoneInfo = WARSAW, recorded: int = 0) -> Window:
    begin = at(start, zone)
    return Window(begin, begin + int(hours * HOUR), zone, rrule, recorded)


def starts(one: Window, count: int) -> list[str]:
    return [f"{local(start, one.zone):%Y-%m-%d %H:%M%z}" for start, _ in islice(occurrences(one, 0, END), count)]


def test_a_weekly_window_keeps_its_local_time_across_clock_changes() -> None:
    sundays = window("2026-03-22 01:00", rrule="FREQ=WEEKLY;BYDAY=SU")
    assert starts(sundays, 3) == ["2026-03-22 01:00+0100", "2026-03-29 01:00+0100", "2026-04-05 01:00+0200"]


def test_a_start_that_the_clock_skips_or_repeats_is_kept() -> None:
    daily = window("2026-03-28 02:30", hours=1, rrule="FREQ=DAILY")
    assert starts(daily, 3) == ["2026-03-28 02:30+0100", "2026-03-29 03:30+0200", "2026-03-30 02:30+0200"]
    autumn = window("2026-10-24 02:30", hours=1, rrule="FREQ=DAILY")
    assert starts(autumn, 3) == ["2026-10-24 02:30+0200", "2026-10-25 02:30+0200", "2026-10-26 02:30+0100"]


def test_an_occurrence_lasts_elapsed_time() -> None:
    (one, *_) = occurrences(window("2026-03-29 01:00", hours=2), 0, END)
    assert f"{local(one[1], WARSAW):%H:%M}" == "04:00"


@pytest.mark.parametrize(
    ("rrule", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=1SU", ["02-01", "03-01", "04-05"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", []),
        ("FREQ=WEEKLY;INTERVAL=2;UNTIL=20260228T235959Z", ["02-01", "02-15"]),
        ("FREQ=DAILY;UNTIL=20260202", ["02-01", "02-02"]),
        ("FREQ=DAILY;UNTIL=20260203T010000", ["02-01", "02-02", "02-03"]),
        ("FREQ=DAILY;UNTIL=20260203T000000Z;COUNT=9", ["02-01", "02-02", "02-03"]),
        ("FREQ=DAILY;COUNT=2", ["02-01", "02-02"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SU;BYSETPOS=1", ["02-01", "03-01", "04-01"]),
    ],
)
def test_rules_of_recurrence(rrule: str, days: list[str]) -> None:
    one = window("2026-02-01 01:00", rrule=rrule)
    if not days:
        assert fault_of(one) == f"The window does not begin on a day of its rule {rrule!r}."
        return
    assert fault_of(one) is None
    assert [each[5:10] for each in starts(one, 3)] == days


@pytest.mark.parametrize(
    ("rrule", "words"),
    [
        ("FREQ=HOURLY", "not recur more often than daily"),
        ("every sunday", "is no rule"),
        ("FREQ=WEEKLY;BYDAY=XX", "is no rule"),
        ("FREQ=WEEKLY;BYEASTER=1", "is no rule"),
        ("FREQ=WEEKLY;FREQ=DAILY", "is no rule"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=DAILY;BYMONTH=13", "is no rule"),
        ("FREQ=DAILY;BYSETPOS=2;BYDAY=SU", "MONTHLY and YEARLY only"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL and COUNT lie between"),
        ("FREQ=DAILY;UNTIL=20261301", "is no rule"),
        ("FREQ=DAILY;COUNT=-1", "INTERVAL and COUNT lie between"),
        ("FREQ=DAILY;INTERVAL=99999999999", "INTERVAL and COUNT lie between"),
    ],
)
def test_a_rule_that_cannot_be_used_is_answered_in_a_sentence(rrule: str, words: str) -> None:
    said = fault_of(window("2026-02-01 01:00", rrule=rrule))
    assert said is not None
    assert words in said


@given(st.text(alphabet="FREQ=DAILYWKMONTH;BCUSPINV0123456789,-", max_size=40))
def test_no_rule_makes_the_check_fail(text: str) -> None:
    fault_of(window("2026-02-01 01:00", rrule=text))
    fault_of(window("2026-02-01 01:00", rrule=f"FREQ=DAILY;{text}"))


def test_a_window_ends_after_it_begins() -> None:
    assert fault_of(window("2026-02-01 01:00", hours=0)) == "A maintenance window ends after it begins."


def test_the_next_edge_is_a_start_or_the_end_of_what_runs() -> None:
    daily = window("2026-02-01 01:00", rrule="FREQ=DAILY;COUNT=2")
    noon = at("2026-02-01 12:00")
    assert next_edge([daily], 0) == daily.start
    assert next_edge([daily], daily.start) == daily.end
    assert next_edge([daily], noon) == daily.start + DAY
    assert next_edge([daily], daily.end + DAY) is None
    assert next_edge([daily, daily._replace(canceled=True, recorded=noon)], noon) is None
    assert next_edge([], noon) is None
    long = window("2026-02-01 01:00", hours=30, rrule="FREQ=DAILY")  # an occurrence begins while the one before runs
    assert next_edge([long], long.start) == long.start + DAY
    assert next_edge([long], long.start + DAY) == long.end


def test_touching_and_overlapping_windows_are_one() -> None:
    assert merged([(5, 9), (0, 3), (3, 4), (6, 7)]) == [Span(0, 4, None), Span(5, 9, None)]
    long = window("2026-02-01 01:00", hours=30, rrule="FREQ=DAILY;COUNT=2")
    assert in_maintenance([long], 0, END) == [Span(long.start, long.end + DAY, None)]


def test_a_version_counts_from_when_it_was_saved() -> None:
    first = window("2026-02-01 01:00", rrule="FREQ=DAILY")
    change = at("2026-02-02 12:00")
    later = first._replace(start=first.start + 3 * DAY, end=first.end + 3 * DAY + HOUR, recorded=change)
    found = in_maintenance([first, later], 0, first.start + 4 * DAY)
    hours = [(span.start - first.start) / HOUR for span in found]
    assert hours == [0, 24, 72]
    assert found[2] == Span(later.start, later.end, None)
    redone = later._replace(back_dated=True)
    assert in_maintenance([first, redone], 0, first.start + 4 * DAY) == [Span(later.start, later.end, None)]


def test_a_running_window_can_be_ended_or_made_longer() -> None:
    first = window("2026-02-01 01:00", hours=2)
    half = first.start + HOUR
    assert in_maintenance([first, first._replace(canceled=True, recorded=half)], 0, END) == [Span(first.start, half, None)]
    longer = first._replace(end=first.end + HOUR, recorded=half)
    assert in_maintenance([first, longer], 0, END) == [Span(first.start, longer.end, None)]
    assert not changes_past([first], longer)


def test_what_changes_the_past_needs_a_reason() -> None:
    first = window("2026-02-01 01:00", rrule="FREQ=WEEKLY")
    month = first.start + 30 * DAY
    assert changes_past([], first._replace(recorded=month))
    assert not changes_past([], first)
    assert changes_past([first], first._replace(end=first.end + HOUR, recorded=month))
    assert not changes_past([first], first._replace(canceled=True, recorded=month))
    assert not changes_past([first], first._replace(recorded=month))
    assert not changes_past([first], first._replace(start=month + DAY, end=month + 2 * DAY, recorded=month))


def test_what_is_open_now_has_no_end_yet() -> None:
    first = window("2026-02-01 01:00", hours=2)
    other = window("2026-02-01 02:00", hours=2)
    assert planned([[first], [other]], 0, first.start - 1) == []
    for now in (first.start, first.start + HOUR, first.end, other.end - 1):
        assert planned([[first], [other]], 0, now) == [Span(first.start, None, None)]
    assert planned([[first], [other]], 0, other.end) == [Span(first.start, other.end, None)]
    assert planned([[first], [other]], first.start + 5, other.end) == [Span(first.start + 5, other.end, None)]
    assert next_due([[first], [other]], first.start) == other.start
    assert next_due([], first.start) is None


STATE = ServiceState("Up", "Up", "", frozenset({"flapping"}), 0, ())
DOWN = STATE._replace(raw="Down", shown="Down")


def test_the_flag_stands_beside_the_status_and_goes_by_itself() -> None:
    spans = [Span(0, 10, STATE), Span(10, None, DOWN)]
    both = frozenset({"flapping", "maintenance"})
    assert flagged(spans, [Span(5, 15, None)]) == [
        Span(0, 5, STATE),
        Span(5, 10, STATE._replace(flags=both)),
        Span(10, 15, DOWN._replace(flags=both)),
        Span(15, None, DOWN),
    ]
    assert flagged(spans, []) == spans


@given(
    st.sets(st.integers(1, 30), max_size=5),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=4),
    st.integers(0, 40),
)
def test_at_each_instant_the_flag_says_whether_a_window_is_open(
    edges: set[int], windows: list[tuple[int, int]], instant_: int
) -> None:
    points = [0, *sorted(edges)]
    spans = [Span(a, b, DOWN if n % 2 else STATE) for n, (a, b) in enumerate(zip(points, [*points[1:], None], strict=True))]
    found = at_instant(flagged(spans, merged((start, start + length) for start, length in windows)), instant_)
    plain = at_instant(spans, instant_)
    assert found is not None
    assert plain is not None
    open_now = any(start <= instant_ < start + length for start, length in windows)
    assert ("maintenance" in found.value.flags) == open_now
    assert found.value._replace(flags=STATE.flags) == plain.value


def test_an_edge_years_ahead_is_found() -> None:
    rare = window("2026-02-01 01:00", rrule="FREQ=YEARLY;INTERVAL=3;COUNT=2")
    assert next_edge([rare], rare.end) == at("2029-02-01 01:00")
    assert next_edge([rare], at("2029-02-01 01:00")) == at("2029-02-01 03:00")
    assert next_edge([rare], at("2029-02-01 03:00")) is None
    once = window("2029-02-01 01:00")
    assert next_edge([once], 0) == once.start
    assert next_edge([once], once.end) is None


@given(st.integers(0, 2_000), st.integers(1, 500), st.sampled_from(["FREQ=WEEKLY", "FREQ=DAILY;COUNT=90", "FREQ=MONTHLY"]))
def test_what_is_remembered_is_what_the_rule_says(since: int, days: int, rrule: str) -> None:
    one = window("2026-02-01 01:00", hours=30, rrule=rrule)
    first = one.start + (since - 900) * DAY
    long = [each for each in occurrences(one, first - 3_000 * DAY, first + 3_000 * DAY) if each[1] > first]
    wanted = [each for each in long if each[0] < first + days * DAY]
    assert list(occurrences(one, first, first + days * DAY)) == wanted
