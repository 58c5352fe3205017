"""Which rows of a batch beside its samples may be stored: of sensors the agent may report for, at instants that can be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from storage.series import SensorRow


def check(
    part: Any, ts: NDArray[np.int64], sensors: Mapping[int, SensorRow], bounds: tuple[int, int]
) -> tuple[NDArray[np.bool_], dict[str, tuple[int, str]]]:
    """Which rows may be stored, shape [n], and of the others reason -> (rows, an example). `bounds`: oldest and latest, µs."""
    known = np.isin(part.sensor, np.fromiter(sensors, np.int64, len(sensors)))
    keep = np.ones(len(ts), np.bool_)
    rejected = {}
    faults = (("unknown_sensor", ~known), ("in_the_future", ts > bounds[1]), ("too_old", ts < bounds[0]))
    for reason, bad in faults:
        hit = bad & keep
        if hit.any():
            row = int(hit.argmax())
            example = f"{type(part).__name__.lower()} of sensor {part.sensor[row]} at {part.ts[row]}"
            rejected[reason] = (int(hit.sum()), example)
            keep &= ~bad
    return keep, rejected


def some(part: Any, keep: NDArray[np.bool_], ts: NDArray[np.int64]) -> Any:
    """The rows `keep` of `part` with the instants `ts`; its dictionaries as they are."""
    return type(part)(*(each[keep] if isinstance(each, np.ndarray) else each for each in part._replace(ts=ts)))


def elements(part: Any, sensors: Mapping[int, SensorRow]) -> NDArray[np.int64]:
    """The element of each row; the loop runs over sensors, not rows."""
    numbers, back = np.unique(part.sensor, return_inverse=True)
    return np.array([sensors[number].element_id for number in numbers.tolist()], np.int64)[back]
