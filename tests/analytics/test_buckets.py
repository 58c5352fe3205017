"""Five-minute buckets, against a slow reading of the same rules in plain Python."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.buckets import BUCKET_US, BUCKETS, DAY_US, Packed, merge, pack, percentile95, roll_up

DAY = 20_000 * DAY_US
SECOND = 1_000_000

Row = tuple[int, int, float, float]  # series, µs from the start of the day, value, seconds

instants = st.one_of(
    st.integers(-DAY_US, 2 * DAY_US),
    st.integers(-300, 600).map(lambda n: n * BUCKET_US),  # on the edge of a bucket, of the day
    st.integers(-60, 60).map(lambda n: DAY_US + n * SECOND),
)
lengths = st.one_of(st.just(0.0), st.sampled_from([1.0, 60.0, 300.0, 3600.0, 90_000.0]), st.floats(0, 4_000, width=32))
values = st.floats(-1e12, 1e12).map(lambda v: float(np.float32(v)))
days = st.lists(st.tuples(st.integers(0, 2), instants, values, lengths), max_size=25, unique_by=lambda row: row[:2])


def packed(rows: list[Row], series: int = 3) -> Packed:
    row, ts, value, seconds = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pack(
        np.array(row, np.int64),
        np.array(ts, np.int64) + DAY,
        np.array(value, np.float64),
        np.array(seconds, np.float32),
        DAY,
        series,
    )


def slowly(rows: list[Row], series: int, bucket: int) -> tuple[float, float, int] | None:
    """(mean, max, seconds) of one bucket by the rules as they are written."""
    start, end = bucket * BUCKET_US, (bucket + 1) * BUCKET_US
    spans, points = [], []
    for row, ts, value, seconds in rows:
        length = min(round(float(np.float32(seconds)) * 1e6), DAY_US)
        overlap = min(ts, end) - max(ts - length, start)
        if row == series and length and overlap > 0:
            spans.append((overlap, value))
        if row == series and not length and start <= ts < end:
            points.append(value)
    if spans:
        covered = sum(overlap for overlap, _ in spans)
        mean = sum(Fraction(value) * overlap for overlap, value in spans) / covered
        return float(mean), max(value for _, value in spans), min(max(round(covered / 1e6), 1), 300)
    return (float(sum(map(Fraction, points)) / len(points)), max(points), 300) if points else None


@given(days)
def test_buckets_are_what_the_rules_say(rows):
    day = packed(rows)
    largest = max((abs(row[2]) for row in rows), default=0.0)
    for series in range(3):
        expected = [slowly(rows, series, bucket) for bucket in range(BUCKETS)]
        gap = np.array([each is None for each in expected])
        assert np.array_equal(np.isnan(day.mean[series]), gap)
        assert np.array_equal(np.isnan(day.max[series]), gap)
        assert day.seconds[series].tolist() == [0 if each is None else each[2] for each in expected]
        known = [each for each in expected if each is not None]
        assert day.mean[series][~gap] == pytest.approx([each[0] for each in known], rel=1e-6, abs=1e-7 * largest)
        assert day.max[series][~gap].tolist() == [each[1] for each in known]


@given(days, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    for one, other in zip(packed(rows), packed(shuffled), strict=True):
        assert np.array_equal(one, other, equal_nan=True)


@given(days)
def test_hours_and_days_are_what_their_buckets_say(rows):
    day = packed(rows)
    for buckets in (12, 288):
        rolled = roll_up(day, buckets)
        for series in range(3):
            for period in range(BUCKETS // buckets):
                part = slice(period * buckets, (period + 1) * buckets)
                each = [
                    (float(mean), float(top), int(seconds))
                    for mean, top, seconds in zip(*(c[series][part] for c in day), strict=True)
                    if seconds
                ]
                got = [float(column[series, period]) for column in rolled]
                if not each:
                    assert np.isnan(got[:5]).all()
                    assert got[5] == 0
                    continue
                covered, amount = sum(e[2] for e in each), sum(Fraction(e[0]) * e[2] for e in each)
                ranked = sorted(e[0] for e in each)
                p95 = next(v for v in ranked if sum(m <= v for m in ranked) * 20 >= 19 * len(ranked))
                expected = [float(amount / covered), max(e[1] for e in each), ranked[0], p95, float(amount), covered]
                scale = max(abs(ranked[0]), abs(ranked[-1]))
                assert got == pytest.approx(expected, rel=1e-12, abs=1e-9 * scale * covered)


@given(days, days)
def test_two_parts_merged_cover_what_both_cover(rows, more):
    mine = [row for row in rows if row[3] > 0.001]
    other = [row for row in more if row[3] > 0.001 and row[:2] not in {r[:2] for r in mine}]
    both, merged = packed(mine + other), merge(packed(mine), packed(other))
    assert np.array_equal(both.max, merged.max, equal_nan=True)
    assert np.array_equal(np.isnan(both.mean), np.isnan(merged.mean))
    assert (np.abs(both.seconds.astype(int) - merged.seconds) <= 1).all()


def test_a_rate_over_midnight_gives_each_day_its_part():
    before = packed([(0, DAY_US + 30 * SECOND, 100.0, 60.0)])
    assert (before.mean[0, -1], before.seconds[0, -1], before.seconds.sum()) == (100.0, 30, 30)
    after = packed([(0, 30 * SECOND, 100.0, 60.0)])
    assert (after.mean[0, 0], after.seconds[0, 0], after.seconds.sum()) == (100.0, 30, 30)


def test_a_sample_exactly_at_midnight_belongs_to_the_day_before_it():
    assert packed([(0, 0, 1.0, 60.0)]).seconds.sum() == 0
    assert packed([(0, DAY_US, 1.0, 60.0)]).seconds.sum() == 60
    assert packed([(0, 0, 1.0, 0.0)]).seconds[0, 0] == 300  # a point at midnight opens the new one
    assert packed([(0, DAY_US, 1.0, 0.0)]).seconds.sum() == 0


def test_the_volume_of_a_day_is_kept_when_rates_span_many_buckets():
    rows = [(0, n * 3_600 * SECOND, float(n), 3_600.0) for n in range(1, 25)]
    assert roll_up(packed(rows), 288).amount[0, 0] == pytest.approx(sum(range(1, 25)) * 3_600)


def test_points_have_a_plain_mean_and_count_for_nothing_beside_spans():
    points = packed([(0, 10 * SECOND, 1.0, 0.0), (0, 20 * SECOND, 0.0, 0.0)])
    assert (points.mean[0, 0], points.max[0, 0], points.seconds[0, 0]) == (0.5, 1.0, 300)
    beside = packed([(0, 10 * SECOND, 7.0, 5.0), (0, 20 * SECOND, 100.0, 0.0)])
    assert (beside.mean[0, 0], beside.max[0, 0], beside.seconds[0, 0]) == (7.0, 7.0, 5)


def test_values_that_are_not_finite_are_gaps_and_too_large_ones_stay_finite():
    day = packed([(0, 10 * SECOND, float("nan"), 5.0), (1, 10 * SECOND, float("inf"), 5.0), (2, 10 * SECOND, 1e300, 5.0)])
    assert day.measured().tolist() == [False, False, True]
    assert np.isfinite(day.mean[2, 0])


def test_of_a_days_288_means_the_14_largest_are_set_aside():
    assert percentile95(np.arange(1.0, 289.0)) == 274
    assert percentile95(np.arange(1.0, 21.0)) == 19
    assert percentile95(np.array([5.0, np.nan])) == 5
    assert np.isnan(percentile95(np.array([np.nan])))
