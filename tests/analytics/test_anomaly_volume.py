"""Transferred volume: a heavy day, a heavy week, and what grows too slowly for any profile."""

import numpy as np

from analytics.anomaly.calendar import days
from analytics.anomaly.volume import judge, transferred

MONDAY = 19_723


def volumes(count=4, length=120, growth=0.0):
    random = np.random.default_rng(8)
    day = np.arange(length)
    weekly = np.where(day % 7 >= 5, 0.3, 1)
    return 1e9 * weekly * (1 + growth) ** day * np.exp(random.normal(0, 0.05, (count, length)))


def test_volume_is_rate_times_time_and_a_gap_counts_as_the_mean():
    rates = np.full((1, 2, 24), 10.0)
    rates[0, 0, :6] = np.nan
    rates[0, 1, :12] = np.nan
    found = transferred(rates)
    assert found[0, 0] == 10 * 86_400
    assert np.isnan(found[0, 1])


def test_a_heavy_day_is_heavy_against_its_weekday():
    made = volumes()
    made[1, 100] *= 1.6
    found = judge(made, days(MONDAY, 120))
    assert found.day.score[1, 100] > 5
    assert np.nanmax(np.abs(found.day.score[0, 60:])) < 5


def test_weeks_do_not_mind_weekends():
    found = judge(volumes(), days(MONDAY, 120))
    assert np.nanmax(np.abs(found.week.ratio[:, 60:])) < 0.1


def test_slow_drift_is_seen_against_earlier_months_though_no_day_stands_out():
    found = judge(volumes(growth=0.006), days(MONDAY, 120))
    assert (found.drift.ratio[:, -1] > 0.25).all()
    assert np.nanmax(found.day.score[:, -20:]) < 5


def test_short_histories_say_nothing():
    found = judge(volumes(length=30), days(MONDAY, 30))
    assert np.isnan(found.drift.ratio).all()
    assert np.isnan(found.week.ratio[:, :7]).all()


def test_the_unit_does_not_matter():
    made = volumes()
    one, other = judge(made, days(MONDAY, 120)), judge(made * 8, days(MONDAY, 120))
    np.testing.assert_allclose(one.day.score, other.day.score, rtol=1e-6, equal_nan=True)
