"""The rules of status as data: a versioned row of typed parameters. The algorithm is code, its numbers are all here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from analytics.network import SECOND

SensorState = Literal["ok", "degraded", "failed", "unknown", "unmanaged"]
Count = Annotated[int, Meta(ge=1, le=1_000)]
Seconds = Annotated[int, Meta(ge=1, le=86_400 * 7)]
Threshold = tuple[float, float | None]

# RFC 2863: ifOperStatus 1 up, 2 down, 3 testing, 4 unknown, 5 dormant, 6 notPresent, 7 lowerLayerDown; ifAdminStatus 2 down.
STATES: dict[str, dict[int, SensorState]] = {
    "reachable": {0: "failed", 1: "ok"},
    "if.oper_status": {1: "ok", 2: "failed", 3: "degraded", 4: "unknown", 5: "degraded", 6: "unknown", 7: "failed"},
    "if.admin_status": {2: "unmanaged"},
}
# metric -> (raise, clear or None). A clear above its raise means that lower is worse. Per cent, seconds, days, or events a second.
THRESHOLDS: dict[str, Threshold] = {
    "cpu.load": (90.0, None),
    "memory.used_percent": (95.0, None),
    "storage.used_percent": (90.0, None),
    "loss": (5.0, None),
    "rtt": (1.0, None),
    "jitter": (0.05, None),
    "response_time": (3.0, None),
    "connect_time": (3.0, None),
    "certificate.days_left": (14.0, 15.0),
    "if.in.errors": (1.0, None),
    "if.out.errors": (1.0, None),
}


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a tenant's version of the rules says; the defaults are Lineside's own."""

    down_after: Count = 3  # consecutive failures, retried at min(interval, 30 s)
    down_after_vantage: Count = 2  # failures from independent vantage points
    up_after: Count = 2  # consecutive successes that end a failure
    stale_intervals: Count = 3
    stale_seconds: Seconds = 180
    clear_factor: Annotated[float, Meta(gt=0, le=1)] = 0.9  # of raise, where no clear is given
    dwell_intervals: Count = 2  # how many samples a threshold's crossing must last
    flap_changes: Annotated[int, Meta(ge=2, le=1_000)] = 5
    flap_seconds: Seconds = 1_800
    thresholds: dict[str, Threshold] = msgspec.field(default_factory=lambda: dict(THRESHOLDS))
    states: dict[str, dict[int, SensorState]] = msgspec.field(default_factory=lambda: {m: dict(t) for m, t in STATES.items()})


class Limits(NamedTuple):
    """A threshold ready for use: `raise_at` and `clear_at`, and whether falling to it is what is bad."""

    raise_at: float
    clear_at: float
    lower: bool


def limits(rules: Rules, metric: str) -> Limits | None:
    """The pair for `metric`, clear at `clear_factor` of raise unless given; None where no threshold is set."""
    pair = rules.thresholds.get(metric)
    if pair is None:
        return None
    raise_at, clear_at = pair
    if clear_at is None:
        # 90 % of a negative figure lies above it: step down by the same share of its size
        clear_at = raise_at - (1 - rules.clear_factor) * abs(raise_at)
    return Limits(raise_at, clear_at, clear_at > raise_at)


def with_thresholds(rules: Rules, own: Mapping[str, Mapping[str, float | None]]) -> Rules:
    """`rules` with an element's own thresholds on top: metric -> {"raise": x, "clear": y or nothing}.

    A raise of None takes the metric's default threshold away. KeyError where "raise" is missing.
    """
    if not own:
        return rules
    thresholds = dict(rules.thresholds)
    for metric, pair in own.items():
        raise_at = pair["raise"]
        if raise_at is None:
            thresholds.pop(metric, None)
        else:
            thresholds[metric] = (raise_at, pair.get("clear"))
    return msgspec.structs.replace(rules, thresholds=thresholds)


def stale_after(rules: Rules, interval: NDArray[np.int64]) -> NDArray[np.int64]:
    """How long, µs, a sample stands when no other follows: max(3 intervals, 180 s), of the intervals (µs) in force. Shape [n]."""
    return np.maximum(interval * rules.stale_intervals, rules.stale_seconds * SECOND)


def lookback(rules: Rules, interval: int) -> int:
    """How far (µs) before the first new sample a decision must start so that it equals one over all of history.

    A run of consecutive samples is cut by every stale gap, so the longest run that can still wait for its confirmation is
    this long. `interval` (µs) is the longest one in force.
    """
    run = max(rules.down_after, rules.up_after, rules.dwell_intervals)
    return run * reach(rules, interval)


def reach(rules: Rules, interval: int) -> int:
    """How far (µs) before `start` readings must be loaded, so that it is known when the last of them goes stale."""
    return max(interval * rules.stale_intervals, rules.stale_seconds * SECOND)
