"""The nouns status is decided about: sensors and their readings, placements and their tree."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Instant = int  # microseconds since the Unix epoch, UTC
SECOND = 1_000_000


class Sensor(NamedTuple):
    """One check of an element. `kind`: ping, tcp, http, snmp, port, or another that only measures; `role`: reachability or condition.

    `since`: when the sensor came to be, if known. From then on it is "never measured" until its first sample; without it,
    the sensor takes part in the judgement from its first sample on.
    """

    id: int
    name: str
    kind: str
    role: str
    required: bool = True
    since: Instant | None = None


class Readings(NamedTuple):
    """One series of one sensor: arrays of equal length [n], in any order, repeats allowed.

    `interval`: µs until the next sample was due, as it was in force at each sample (for a table that is polled every few
    intervals: that long). `reason`: index into protocols.uplink.batch.REASONS.
    """

    sensor_id: int
    metric: str
    instance: str
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    reason: NDArray[np.uint8]
    interval: NDArray[np.int64]


class Placement(NamedTuple):
    """An element's place in one service's tree. `parents` are ids of placements it depends on; `group` is a group's id."""

    id: int
    element_id: int
    name: str
    criticality: str
    parents: tuple[int, ...] = ()
    group: int | None = None


class Group(NamedTuple):
    """Placements of which `k` are needed. Its criticality replaces that of its members."""

    id: int
    name: str
    k: int
    criticality: str = "required"


class Tree(NamedTuple):
    """What carries a service, in the order people listed it."""

    placements: tuple[Placement, ...]
    groups: tuple[Group, ...] = ()
