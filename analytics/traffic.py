"""Traffic of a service: which of a meter's two counters is what was sold as down and as up, and several meters as one."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Facing = Literal["customer", "network"]
Values = NDArray[np.float64]


class Traffic(NamedTuple):
    """Shape [n] each, bit/s; NaN is a gap. `ts`: when a step begins, µs.

    Of several meters means are added up, and maxima too, whose sum the real maximum cannot exceed. Where only some of them were
    measured, it is the sum of those and `whole` is False. `metered`: the service has a meter; without one all is a gap.
    `down_bytes`, `up_bytes`: what went through in the step, by the seconds that were measured.
    """

    ts: NDArray[np.int64]
    down_mean: Values
    down_max: Values
    up_mean: Values
    up_max: Values
    whole: NDArray[np.bool_]
    metered: bool
    down_bytes: Values
    up_bytes: Values


class Column(NamedTuple):
    """One direction of all meters, shape [meters, n] each."""

    mean: NDArray[np.floating]
    max: NDArray[np.floating]
    seconds: NDArray[np.floating]


def directions(metric: str, facing: Facing) -> tuple[str, str | None]:
    """(metric that is sold as down, as up) of a meter: down is what leaves a customer-facing port or enters a network-facing one.

    `metric` is either counter of the port ("if.in" and "if.out" mean the same meter). One without a direction in its name
    counts what was sold as down, and nothing is known of up.
    """
    stem, _, last = metric.rpartition(".")
    if not stem or last not in ("in", "out"):
        return metric, None
    pair = f"{stem}.out", f"{stem}.in"
    return pair if facing == "customer" else (pair[1], pair[0])


def together(ts: NDArray[np.int64], down: Column, up: Column, *, metered: bool) -> Traffic:
    """All meters as one; each series is given once, however many placements name it."""
    whole = np.isfinite(down.mean).all(axis=0) & np.isfinite(up.mean).all(axis=0) & metered
    rates = (_sum(down.mean), _sum(down.max), _sum(up.mean), _sum(up.max))
    return Traffic(ts, *rates, whole, metered, *(_sum(each.mean * each.seconds / 8) for each in (down, up)))


def _sum(values: NDArray[np.floating]) -> Values:
    """Of what is measured; NaN where nothing is."""
    known = np.isfinite(values)
    return np.where(known.any(axis=0), np.where(known, values, 0).sum(axis=0, dtype=np.float64), np.nan)
