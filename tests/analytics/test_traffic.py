"""What was sold as down and up by the way a port faces, and several meters as one: figures by hand."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.traffic import Column, Facing, directions, together

NAN = float("nan")
TS = np.array([0, 300_000_000, 600_000_000])


@pytest.mark.parametrize(
    ("metric", "facing", "down", "up"),
    [
        ("if.out", "customer", "if.out", "if.in"),
        ("if.in", "customer", "if.out", "if.in"),
        ("if.in", "network", "if.in", "if.out"),
        ("if.out", "network", "if.in", "if.out"),
        ("tunnel.bytes", "customer", "tunnel.bytes", None),
        ("in", "network", "in", None),
    ],
)
def test_down_leaves_a_port_that_faces_the_customer_and_enters_one_that_faces_the_network(
    metric: str, facing: Facing, down: str, up: str | None
) -> None:
    assert directions(metric, facing) == (down, up)


def _column(*rows: list[float]) -> Column:
    values = np.array(rows, np.float32)
    return Column(values, values * 2, np.where(np.isfinite(values), 240, 0))


def test_two_lines_add_up_and_one_that_is_not_measured_is_said() -> None:
    found = together(TS, _column([10, NAN, NAN], [1, 2, NAN]), _column([5, 6, NAN], [1, 1, NAN]), metered=True)
    assert np.array_equal(found.down_mean, [11, 2, NAN], equal_nan=True)
    assert np.array_equal(found.down_max, [22, 4, NAN], equal_nan=True)
    assert np.array_equal(found.up_mean, [6, 7, NAN], equal_nan=True)
    assert found.whole.tolist() == [True, False, False]
    assert np.array_equal(found.down_bytes, [11 * 30, 2 * 30, NAN], equal_nan=True)  # 240 s of bit/s


def test_no_meter_is_no_traffic_rather_than_none_at_all() -> None:
    nothing = Column(*(np.empty((0, 3)) for _ in Column._fields))
    found = together(TS, nothing, nothing, metered=False)
    assert not found.metered
    assert np.isnan(found.down_mean).all()
    assert np.isnan(found.up_max).all()
    assert not found.whole.any()
