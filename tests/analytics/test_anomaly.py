"""Anomalies: what is found, what only looks like it, and the properties that hold whatever the values are."""

import numpy as np
import pytest

from analytics.anomaly import events, learning, polling, profile, replay
from analytics.anomaly.calendar import SATURDAY, alike, days, on_local_days, references
from analytics.anomaly.learning import scale
from analytics.anomaly.thresholds import limits

MONDAY = 19_723  # 2024-01-01
SLOTS = 96
RATES = np.zeros(1, bool)


def offices(count=12, length=42, slots=SLOTS, seed=3, holidays=()):
    """Traffic of offices: a busy working day, quiet nights and weekends, and noise that lasts some polls."""
    random = np.random.default_rng(seed)
    hour = np.arange(slots) * 24 / slots
    shape = 0.1 + np.exp(-0.5 * ((hour - 11) / 2) ** 2) + np.exp(-0.5 * ((hour - 15) / 2) ** 2)
    day = np.arange(length)
    weight = np.where((day % 7 >= 5) | np.isin(day, holidays), 0.2, 1)
    noise = random.normal(0, 0.08, (count, length, slots))
    return np.exp(random.normal(16, 1, (count, 1, 1))) * weight[:, None] * shape * np.exp(noise)


def judged(values, free=(), counts=None, **options):
    known = days(MONDAY, values.shape[1], [MONDAY + day for day in free])
    counted = np.zeros(len(values), bool) if counts is None else counts
    return replay.replay(values, known, counted, **options)


def told(values, free=()):
    """Events as (row, day, side)."""
    found = replay.found(judged(values, free).signed)
    return [(int(row), int(start) // values.shape[2], int(side)) for row, start, side in zip(*found[:2], found.side, strict=True)]


@pytest.fixture(scope="module")
def usual():
    return offices()


def change(values, row, day, hours, make):
    changed = values.copy()
    part = slice(*(round(hour * values.shape[2] / 24) for hour in hours))
    changed[row, day, part] = make(changed[row, day, part])
    return changed


def test_usual_weeks_say_next_to_nothing(usual):
    months = len(usual) * (usual.shape[1] - profile.SETTLING) / 30
    assert len(told(usual)) <= 2 * months


def test_a_surge_is_high_and_an_outage_is_low(usual):
    changed = change(usual, 2, 30, (10, 12), lambda values: values * 2.2)
    changed = change(changed, 5, 31, (10, 12), lambda values: values * 0.02)
    assert {(2, 30, 1), (5, 31, -1)} <= set(told(changed))


def test_a_throttled_transfer_that_never_passes_the_usual_peak_is_found(usual):
    peak = np.quantile(usual[4], 0.95)
    changed = change(usual, 4, 29, (1, 19), lambda values: np.maximum(values, np.minimum(values + 0.4 * peak, peak)))
    assert changed[4, 29].max() <= max(peak, usual[4, 29].max())
    assert (4, 29, 1) in told(changed)


def test_a_third_more_for_six_hours_is_found_on_steady_traffic(usual):
    changed = change(usual, 7, 32, (9, 15), lambda values: values * 1.3)
    assert (7, 32, 1) in told(changed)


def test_a_holiday_in_the_calendar_is_no_event_and_no_reference():
    values = offices(holidays=(23, 30))
    with_calendar = [event for event in told(values, free=(23, 30)) if event[1] in (23, 30, 37)]
    without = [event for event in told(values) if event[1] in (23, 30)]
    assert len(without) >= 12
    assert len(with_calendar) <= 2


def test_one_bad_poll_of_five_minutes_is_no_event():
    values = offices(count=3, length=28, slots=288)
    before = told(values)
    changed = values.copy()
    changed[1, 20, 130] *= 4  # what slips through after a counter was reset
    assert told(changed) == before


def test_a_counter_reset_that_leaves_a_gap_is_no_event(usual):
    changed = usual.copy()
    changed[3, 25, 40:48] = np.nan
    assert told(changed) == told(usual) or len(told(changed)) <= len(told(usual))


def test_nothing_is_told_in_the_first_fourteen_days(usual):
    changed = change(usual, 0, 12, (8, 20), lambda values: values * 20)
    assert not [event for event in told(changed) if event[1] < profile.SETTLING]


def test_a_young_series_in_an_old_fleet_has_its_own_fourteen_days(usual):
    changed = usual.copy()
    changed[6, :20] = np.nan
    changed = change(changed, 6, 30, (8, 20), lambda values: values * 20)
    assert not [event for event in told(changed) if event[0] == 6 and event[1] < 34]


def test_a_one_off_does_not_become_the_rule(usual):
    backup = change(usual, 1, 23, (2, 5), lambda values: values * 15)
    assert (1, 23, 1) in told(backup)
    assert not [event for event in told(backup) if event[0] == 1 and event[1] in (30, 37) and event[2] == -1]


def test_the_hour_that_a_clock_change_skips_stays_empty_and_the_repeated_one_is_a_mean():
    at = np.array([0, 1, 3, 4, 4, 5])
    placed = on_local_days(np.array([[1.0, 2, 3, 4, 6, np.nan]]), at, 7)
    np.testing.assert_array_equal(placed, [[1, 2, np.nan, 3, 5, np.nan, np.nan]])


def test_scores_do_not_depend_on_the_unit_of_rates(usual):
    np.testing.assert_allclose(judged(usual).signed, judged(usual * 1e-3).signed, rtol=1e-3, atol=1e-3)


def test_one_service_alone_is_as_in_the_fleet_where_the_limits_are_given(usual):
    together = judged(usual)
    fleet = together.learned.highest
    whole, alone = judged(usual, fleet=fleet), judged(usual[3:4], fleet=fleet)
    np.testing.assert_allclose(alone.signed[0], whole.signed[3], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(alone.planned[0], whole.planned[3], rtol=1e-6)
    np.testing.assert_allclose(alone.learned.slot[:, 0], whole.learned.slot[:, 3], rtol=1e-5)
    np.testing.assert_allclose(alone.learned.highest[:, :, 0], whole.learned.highest[:, :, 3], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fill", [np.nan, 0.0])
def test_a_series_of_gaps_or_of_nothing_says_nothing(usual, fill):
    values = usual.copy()
    values[0] = fill
    result = judged(values)
    assert np.isfinite(result.signed).all()
    assert (np.abs(result.signed[0]) < 1e-6).all()


def test_few_clients_more_are_chance():
    random = np.random.default_rng(5)
    clients = random.poisson(4, (10, 35, 24)).astype(float)
    counted = replay.found(judged(clients, counts=np.ones(10, bool)).signed)
    assert len(counted.row) <= 2 * 10 * 21 / 30


def test_a_lower_budget_tells_less(usual):
    assert (np.abs(judged(usual, alpha=0.1).signed) <= np.abs(judged(usual, alpha=5).signed) + 1e-6).all()


def test_a_monday_is_compared_with_mondays_first_and_never_with_a_holiday():
    known = days(MONDAY, 36, [MONDAY + 21])
    chosen, weights = references(known, 35)
    assert set(chosen[np.argsort(weights)[-4:]]) == {28, 14, 7, 0}
    assert 21 not in chosen
    assert not np.isin(chosen[known.kind[chosen] >= 5], chosen).any()


def test_an_event_goes_on_over_a_short_pause_and_ends_after_a_long_one():
    signed = np.zeros((2, 96))
    signed[0, [10, 11, 20, 50]] = [1.2, 2, 1.1, -3]
    found = events.sustained(signed, SLOTS)
    assert [tuple(part.tolist()) for part in found] == [(0, 0), (10, 50), (21, 51), (1, -1), (2.0, 3.0)]
    assert not len(events.sustained(signed * 0, SLOTS).row)


def test_events_told_slot_by_slot_are_those_of_the_whole_stretch():
    random = np.random.default_rng(1)
    signed = np.where(random.random((20, 400)) < 0.03, random.normal(0, 2, (20, 400)), 0)
    state, seen = events.quiet(20), []
    for slot in range(500):
        state, done = events.advance(state, signed[:, slot] if slot < 400 else np.zeros(20), slot, SLOTS)
        seen += zip(*(part.tolist() for part in done), strict=True)
    whole = zip(*(part.tolist() for part in events.sustained(signed, SLOTS)), strict=True)
    assert sorted(seen) == sorted(whole)


def test_polls_say_what_the_replay_says():
    values = offices(count=5, length=30, slots=288)
    values[1, 29, 100:140] *= 3
    values[2, 29, 50:60] = np.nan
    known = days(MONDAY, 30)
    before = replay.replay(np.where(np.arange(30)[None, :, None] < 29, values, np.nan), known, np.zeros(5, bool))
    whole = replay.replay(values, known, np.zeros(5, bool))
    past = replay.replay(values[:, :29], days(MONDAY, 29), np.zeros(5, bool)).learned
    day = polling.Day(
        before.planned[:, 28:].reshape(5, -1).T,
        scale(past, bool(known.kind[29] >= SATURDAY), alike(known, 29)).transpose(0, 2, 1),
        limits(past.highest),
        profile.constants(values, np.zeros(5, bool)),
        np.ones(5, bool),
        0,
    )
    state = polling.prepare(day, values[:, 28], events.quiet(5))
    signed = []
    for slot in range(288):
        state, now, _ = polling.poll(day, state, values[:, 29, slot], slot)
        signed.append(now)
    np.testing.assert_allclose(np.stack(signed, 1), whole.signed[:, 29], rtol=2e-3, atol=2e-3)
    assert (whole.signed[1, 29, 103:140] >= 1).all()


def test_limits_of_a_fleet_do_not_move_with_a_tenth_of_bad_days():
    random = np.random.default_rng(2)
    highest = random.gumbel(3, 0.5, (2, learning.STATISTICS, 40, 28))
    bad = highest + 30 * (random.random((40, 28)) < 0.1)
    clean, moved = limits(highest), limits(bad)
    assert np.median(moved / clean) < 1.25


def test_limits_of_no_past_are_those_of_the_prior():
    nothing = np.full((2, learning.STATISTICS, 3, 28), np.nan)
    limit = limits(nothing)
    assert np.isfinite(limit).all()
    assert (limit >= 3).all()
