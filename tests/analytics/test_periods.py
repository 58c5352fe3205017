"""The ten periods, at the edges of days, months and years, and on days that are not 24 hours long."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.periods import NAMES, Calendar, instant, local, local_date, midnight, periods

WARSAW, NEW_YORK, KATHMANDU = ZoneInfo("Europe/Warsaw"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Warsaw",
        "America/New_York",
        "America/Havana",  # changes at midnight
        "America/Santiago",
        "Asia/Beirut",
        "Africa/Cairo",
        "Australia/Lord_Howe",  # by half an hour
        "Asia/Kathmandu",
        "Pacific/Kiritimati",
    )
]
SECOND = 1_000_000


def at(text: str, zone: ZoneInfo = WARSAW) -> int:
    return instant(datetime.fromisoformat(text).replace(tzinfo=zone))


def days_of(now: str, zone: ZoneInfo = WARSAW, calendar: Calendar | None = None) -> dict[str, tuple[str, str]]:
    """Each period as local times."""
    found = periods(at(now, zone), zone, calendar or Calendar())
    return {each.name: tuple(f"{local(when, zone):%Y-%m-%d %H:%M}" for when in each[1:]) for each in found}


def test_the_ten_periods_on_15_may() -> None:
    found = days_of("2026-05-15 14:30")
    assert tuple(found) == NAMES
    assert found == {
        "Last 24 Hours": ("2026-05-14 14:30", "2026-05-15 14:30"),
        "Last 7 Days": ("2026-05-09 00:00", "2026-05-15 14:30"),
        "Last 30 Days": ("2026-04-16 00:00", "2026-05-15 14:30"),
        "Last 90 Days": ("2026-02-15 00:00", "2026-05-15 14:30"),
        "Last 365 Days": ("2025-05-16 00:00", "2026-05-15 14:30"),
        "Prior Day": ("2026-05-14 00:00", "2026-05-15 00:00"),
        "Prior Week": ("2026-05-04 00:00", "2026-05-11 00:00"),
        "Prior Month": ("2026-04-01 00:00", "2026-05-01 00:00"),
        "Prior Quarter": ("2026-01-01 00:00", "2026-04-01 00:00"),
        "Prior Year": ("2025-01-01 00:00", "2026-01-01 00:00"),
    }


def test_at_new_year_all_prior_periods_end_together() -> None:
    found = days_of("2026-01-01 00:00")
    assert found["Prior Day"] == ("2025-12-31 00:00", "2026-01-01 00:00")
    assert found["Prior Month"] == ("2025-12-01 00:00", "2026-01-01 00:00")
    assert found["Prior Quarter"] == ("2025-10-01 00:00", "2026-01-01 00:00")
    assert found["Prior Year"] == ("2025-01-01 00:00", "2026-01-01 00:00")


def test_a_leap_day_is_a_day() -> None:
    assert days_of("2028-03-01 09:00")["Prior Day"] == ("2028-02-29 00:00", "2028-03-01 00:00")
    assert days_of("2028-03-01 09:00")["Prior Month"] == ("2028-02-01 00:00", "2028-03-01 00:00")


@pytest.mark.parametrize(("week_start", "first"), [(1, "2026-05-04"), (6, "2026-05-02"), (7, "2026-05-03"), (5, "2026-05-08")])
def test_weeks_start_monday_unless_told(week_start: int, first: str) -> None:
    assert days_of("2026-05-15 14:30", calendar=Calendar(week_start=week_start))["Prior Week"][0] == f"{first} 00:00"


@pytest.mark.parametrize(
    ("now", "zone", "hours"),
    [
        ("2026-03-30 08:00", WARSAW, 23),
        ("2026-10-26 08:00", WARSAW, 25),
        ("2026-03-09 08:00", NEW_YORK, 23),
        ("2026-11-02 08:00", NEW_YORK, 25),
        ("2026-03-30 08:00", KATHMANDU, 24),
        ("2026-04-06 08:00", ZoneInfo("Australia/Lord_Howe"), 24.5),
        ("2026-03-09 08:00", ZoneInfo("America/Havana"), 23),
    ],
)
def test_the_day_of_a_clock_change_lasts_as_long_as_it_lasts(now: str, zone: ZoneInfo, hours: float) -> None:
    day = next(each for each in periods(at(now, zone), zone) if each.name == "Prior Day")
    assert day.end - day.start == hours * 3_600 * SECOND


@given(st.datetimes(datetime(2015, 1, 1), datetime(2037, 1, 1)), st.sampled_from(ZONES), st.integers(1, 7))
def test_prior_periods_are_whole_local_days_and_follow_each_other(moment: datetime, zone: ZoneInfo, week_start: int) -> None:
    now = instant(moment.replace(tzinfo=UTC))
    for each in periods(now, zone, Calendar(week_start=week_start)):
        assert each.start < each.end <= now
        if not each.name.startswith("Prior"):
            continue
        before = next(p for p in periods(each.start, zone, Calendar(week_start=week_start)) if p.name == each.name)
        assert before.end == each.start
        for edge in each[1:]:
            assert local_date(edge, zone) == local_date(edge - 1, zone) + timedelta(days=1)


@given(st.dates(date(2015, 1, 1), date(2037, 1, 1)), st.sampled_from(ZONES))
def test_a_midnight_is_the_first_instant_of_its_day(day: date, zone: ZoneInfo) -> None:
    assert local_date(midnight(day, zone), zone) == day
    assert local_date(midnight(day, zone) - 1, zone) == day - timedelta(days=1)


@given(st.integers(0, 2**51), st.sampled_from(ZONES))
def test_local_times_lead_back_to_their_instant(when: int, zone: ZoneInfo) -> None:
    assert instant(local(when, zone)) == when
