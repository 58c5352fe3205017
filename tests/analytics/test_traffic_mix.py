"""Shares of traffic: directions by where a meter faces, each packet once, nothing lost in the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.traffic_mix import Octets, check, cloud_share, octets, ranking, stacked


def rows(*each):
    element, direction, counted = (np.array(column) for column in zip(*each, strict=True))
    return element, direction, counted.astype(float)


@pytest.mark.parametrize(("facing", "down", "up"), [("customer", 5, 2), ("network", 2, 5)])
def test_down_is_what_leaves_towards_the_customer_or_enters_from_the_network(facing, down, up):
    found = octets(*rows((1, 1, 5), (1, 0, 2), (9, 1, 100)), {1: facing})
    assert (found.down.sum(), found.up.sum(), found.total.sum()) == (down, up, 7)


def test_without_a_facing_what_comes_in_counts_once_and_has_no_direction():
    found = octets(*rows((1, 0, 5), (1, 1, 5), (2, 1, 5)), {1: None, 2: None})
    assert (found.down.sum(), found.up.sum(), found.total.sum()) == (0, 0, 5)


def test_where_only_what_leaves_is_exported_that_counts():
    found = octets(*rows((1, 1, 5), (2, 1, 3)), {1: None, 2: None})
    assert found.total.sum() == 8


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**9)), max_size=40), st.integers(1, 4))
def test_a_ranking_is_sorted_and_with_its_rest_is_everything(values, most):
    code, total = (np.array([row[i] for row in values], np.int64) for i in (0, 1))
    of = Octets(np.zeros(len(total)), total.astype(float), total.astype(float))
    names = [f"n{i}" for i in range(6)]
    found = ranking(names, code, of, most)
    parts = [*found.parts, *([found.rest] if found.rest else [])]
    assert sum(part.total for part in parts) == found.whole.total == total.sum()
    assert [part.total for part in found.parts] == sorted((part.total for part in found.parts), reverse=True)
    assert sum(part.share for part in parts) == pytest.approx(1 if total.sum() else 0)
    drawn = stacked(np.zeros(len(code), np.int64), 1, code, [names.index(part.name) for part in found.parts], of.total)
    assert drawn[:, 0].tolist() == [part.total for part in found.parts] + [found.rest.total if found.rest else 0]


def test_the_share_of_clouds_is_told_day_by_day():
    days, cloud = np.array([0, 0, 2]), np.array([True, False, False])
    assert cloud_share(days, 3, cloud, np.array([30.0, 70.0, 5.0])).tolist() == pytest.approx([0.3, np.nan, 0], nan_ok=True)


def test_only_hours_that_both_know_are_compared():
    flows = np.array([0, 90, 0, 90, 90, 0.0])
    found = check(flows, np.array([100, 100, 100, 100, 100, 100.0]), np.array([True, True, True, False, True, True]))
    assert (found.flows, found.counted, found.hours, found.factor) == (180, 300, 3, 0.6)
    assert check(np.zeros(3), np.ones(3), np.ones(3, bool)).factor is None
