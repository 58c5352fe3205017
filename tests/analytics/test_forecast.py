"""What forecasts promise: the examples to the day, and what must hold for any series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.forecast.answer import forecast, trial
from analytics.forecast.windows import centred_median, rolling_median, trailing_median
from server.forecasting import shipped_fleet

FLEET = shipped_fleet()
KINDS = ("rate", "storage", "count")


def one(values, kind, threshold, known=None):
    known = None if known is None else np.array([known])
    return forecast(np.array([values], dtype=float), [kind], np.array([threshold], dtype=float), FLEET, known)[0]


def probabilities(matrix, limits, rate):
    return trial(matrix, limits[:, None], FLEET, rate=rate)[0][:, 0]


def noisy(days=180, n=40, seed=1, growth=0.002, noise=0.05):
    """Positive series with a weekday shape, growth and noise, [n, days]."""
    chance = np.random.default_rng(seed)
    week = np.tile(np.where(np.arange(7) < 5, 1.0, 0.7), days // 7 + 1)[:days]
    return 100 * np.exp(growth * np.arange(days) + noise * chance.normal(size=(n, days))) * week


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [28, 60, 180, 400])
@pytest.mark.parametrize(("today", "threshold", "expected"), [(50, 70, 60), (60, 80, 60), (60, 90, 90)])
def test_ten_points_a_month_reach_the_threshold_to_the_day(kind, days, today, threshold, expected):
    values = today + (np.arange(days) - days + 1) / 3
    values = np.where(values > 0, values, np.nan)
    found = one(values, kind, threshold)
    early, middle, late = found.date
    assert middle == expected
    assert early is not None
    assert early < middle
    assert late is None or late > middle
    assert found.state == "ok"


def test_a_line_that_is_there_already_began_in_the_past():
    values = 50 + np.arange(60) / 3
    found = one(values, "storage", 65)
    assert found.state == "already_above"
    assert found.date == (-14, -14, -14)
    assert found.p_cross == (1, 1, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_probability_rises_with_days_and_falls_with_the_threshold(kind):
    matrix = noisy()
    before = np.full((len(matrix), 180), 2.0)
    for factor in (1.0, 1.1, 1.3, 2.0, 5.0):
        now = probabilities(matrix, matrix[:, -1] * factor, rate=kind != "storage")
        assert (np.diff(now, axis=1) >= -1e-9).all()
        assert ((now >= 0) & (now <= 1)).all()
        assert (now <= before + 1e-9).all()
        before = now


@pytest.mark.parametrize("rate", [True, False])
def test_the_unit_does_not_matter(rate):
    matrix = noisy(growth=0.003)
    limits = matrix[:, -1] * 1.2
    plain, scaled = (probabilities(matrix * unit, limits * unit, rate=rate) for unit in (1.0, 1e6))
    assert np.allclose(plain, scaled, atol=0.02)


def test_a_row_says_the_same_alone_and_among_others():
    matrix = noisy(n=12)
    matrix[3, :100] = np.nan
    matrix[5, 60:70] = np.nan
    kinds = [KINDS[row % 3] for row in range(12)]
    limits = matrix[:, -1] * 1.3
    together = forecast(matrix, kinds, limits, FLEET)
    for row, kind in enumerate(kinds):
        assert forecast(matrix[row : row + 1], [kind], limits[row : row + 1], FLEET)[0] == together[row]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(-1e9, 1e12), st.just(0.0), st.just(float("inf"))), min_size=1, max_size=200),
    st.sampled_from(KINDS),
    st.one_of(st.none(), st.floats(1e-6, 1e12)),
)
def test_whatever_a_series_holds_there_is_an_answer(values, kind, threshold):
    values = [np.nan if value is None else value for value in values]
    found = one(values, kind, np.nan if threshold is None else threshold)
    assert found.threshold == threshold
    if found.p_cross is not None:
        assert list(found.p_cross) == sorted(found.p_cross)
    told = [day for day in found.date if day is not None]
    assert told == sorted(told)
    assert np.isfinite([each for day in found.fan for each in day]).all()


@pytest.mark.parametrize(
    ("days", "state", "p", "dated"),
    [
        (2, "collecting", False, False),
        (3, "prior", True, False),
        (13, "prior", True, False),
        (14, "prior", True, True),
        (28, "ok", True, True),
    ],
)
def test_a_short_history_says_no_more_than_it_knows(days, state, p, dated):
    found = one(noisy(28, 1, noise=0.1)[0, 28 - days :], "rate", 101)
    assert found.state == state
    assert (found.p_cross is not None) == p
    assert any(day is not None for day in found.date) == dated


def test_storage_has_no_date_before_three_weeks():
    found = one(noisy(20, 1, noise=0.1)[0], "storage", 140)
    assert found.state == "prior"
    assert found.date == (None, None, None)


def test_silence_and_a_missing_threshold_have_their_own_states():
    values = noisy(60, 1)[0]
    assert one(values, "rate", np.nan).state == "no_threshold"
    values[-3:] = np.nan
    silent = one(values, "rate", 500)
    assert silent.state == "stale"
    assert silent.p_cross is None
    assert silent.date == (None, None, None)


def after_a_shift(days_after, n=200, factor=1.5):
    matrix = noisy(120, n, seed=3, growth=0.0, noise=0.06)
    matrix[:, -days_after:] *= factor
    return matrix


@pytest.mark.parametrize("days_after", [10, 14, 21])
def test_a_level_shift_is_no_growth(days_after):
    matrix = after_a_shift(days_after)
    level = np.median(matrix[:, -7:], axis=1)
    p = probabilities(matrix, level * 1.4, rate=True)
    assert (p[:, 29] >= 0.4).mean() < 0.1


def test_a_shift_of_a_few_days_ago_is_told():
    found = one(after_a_shift(5, 1, 2.0)[0], "rate", 300)
    assert found.state == "shift_recent"
    days_ago, size = found.evidence.last_shift
    assert days_ago == 4
    assert size > 20


def test_a_known_change_of_product_is_a_shift_however_small():
    values = noisy(120, 1, growth=0.0, noise=0.02)[0]
    values[-20:] *= 1.06
    assert one(values, "rate", 300).evidence.last_shift is None
    assert one(values, "rate", 300, known=19).evidence.last_shift[0] == 19


@pytest.mark.parametrize("width", range(1, 14))
def test_rolling_medians_are_medians(width):
    values = np.random.default_rng(width).normal(size=(5, 40))
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=1)
    assert np.allclose(rolling_median(values, width), np.median(windows, axis=2))
    assert trailing_median(values).shape == centred_median(values, 7).shape == values.shape
