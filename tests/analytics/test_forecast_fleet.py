"""The tables of errors: made of what forecasts got wrong, shipped as few bytes, found for every history."""

import numpy as np
import pytest

from analytics.forecast.answer import forecast
from analytics.forecast.fleet import BUCKETS, KNOTS, PATHS, STRATA, bucket_of, fleet, nearest, past_errors
from analytics.forecast.packing import packed, unpacked
from analytics.forecast.prepare import fill
from analytics.forecast.windows import trailing_median
from bench.forecast_series import rates, stores
from server.forecasting import shipped_fleet


@pytest.fixture(scope="module")
def own():
    found = []
    for kind, made in (("rate", rates(150, 360, 1)[0]), ("storage", stores(150, 360, 1)[0])):
        names = [str(number) for number in range(150)]
        found.append(past_errors(made[:, :180], made[:, 180:], names, kind=kind))
    return fleet(found, "own", 1)


def test_days_of_history_find_their_table():
    assert bucket_of(np.array([0, 2, 3, 6, 7, 27, 28, 119, 120, 180])).tolist() == [-1, -1, 0, 0, 1, 2, 3, 4, 5, 5]


def test_what_ships_has_a_table_for_every_history_and_class():
    shipped = shipped_fleet()
    assert set(shipped.tables) == {
        (kind, b, s) for kind, strata in STRATA.items() for b in range(len(BUCKETS)) for s in range(strata)
    }
    for paths, bands in shipped.tables.values():
        assert paths.shape == (PATHS, len(KNOTS))
        assert (np.diff(bands, axis=0) >= 0).all()


def test_a_fleet_of_ones_own_answers_for_histories_it_has_not_seen(own):
    assert nearest(own, "storage", 0, 1) == ("storage", 5, 1)
    matrix = rates(3, 60, 2)[0][:, -20:]
    assert [each.evidence.fleet for each in forecast(matrix, ["rate"] * 3, matrix[:, -1] * 2, own)] == [
        "own: 120 or more days"
    ] * 3


def test_the_same_errors_and_seed_make_the_same_tables(own):
    errors = past_errors(rates(40, 360, 3)[0][:, :180], rates(40, 360, 3)[0][:, 180:], [str(n) for n in range(40)], kind="rate")
    first, second = (fleet([errors], "own", 7) for _ in range(2))
    assert all((first.tables[key][0] == second.tables[key][0]).all() for key in first.tables)


def test_too_few_errors_of_a_class_leave_it_the_other_tables(own):
    errors = past_errors(rates(40, 360, 3)[0][:, :180], rates(40, 360, 3)[0][:, 180:], [str(n) for n in range(40)], kind="rate")
    mixed = fleet([errors], "new", 7, otherwise=own)
    assert mixed.tables["storage", 5, 1] is own.tables["storage", 5, 1]
    assert mixed.tables["rate", 5, 0] is not own.tables["rate", 5, 0]


def test_packing_loses_little(own):
    again = unpacked(packed(own))
    assert again.name == "own"
    for key, (paths, bands) in own.tables.items():
        assert np.abs(again.tables[key][0] - paths).max() <= 0.01 * np.abs(paths).max()
        assert (again.tables[key][1] == bands).all()


@pytest.mark.parametrize("kind", ["rate", "storage"])
def test_dates_cover_what_comes_of_series_never_seen(kind):
    made = (rates if kind == "rate" else stores)(300, 360, 99)[0]
    history = made[:, :180]
    answers = forecast(history, [kind] * 300, np.nanmedian(history[:, -7:], axis=1) * 1.15, shipped_fleet())
    hit = []
    whole = fill(made).values
    course = trailing_median(whole) if kind == "rate" else whole
    for answer, event in zip(answers, course[:, 180:], strict=True):
        early, _, late = answer.date
        if answer.state == "already_above" or early is None:
            continue
        reached = np.flatnonzero(event >= answer.threshold)
        day = reached[0] + 1 if len(reached) else 181
        hit.append(early <= day <= (late or 181))
    assert len(hit) > 100
    assert 0.7 <= np.mean(hit) <= 0.95
