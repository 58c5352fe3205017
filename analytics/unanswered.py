"""Ports of a device that does not answer: what its SNMP sensor missed is missed for each of its ports."""

from __future__ import annotations

import numpy as np

from analytics.network import Readings
from analytics.rules import Rules

OPER_STATUS = "if.oper_status"
UNKNOWN = 4.0  # RFC 2863, ifOperStatus unknown(4)


def with_unanswered(sensor_id: int, own: Readings | None, polls: Readings, rules: Rules) -> Readings | None:
    """The operational status of a port (`own`, series of `sensor_id`), unknown(4) at each confirmed failure of its device's polls.

    Only runs of at least `down_after` consecutive failures count, all of them: one lost answer says nothing about a port, and a
    confirmed silence is back-dated to its first. None where nothing is known at all.
    """
    order = np.argsort(polls.ts, kind="stable")
    failed = polls.value[order] == 0
    edges = np.flatnonzero(np.diff(np.concatenate(([False], failed, [False])).astype(np.int8)))
    long = [(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if last - first >= rules.down_after]
    if not long:
        return own
    missed = order[np.concatenate([np.arange(first, last) for first, last in long])]
    gap = Readings(
        sensor_id,
        OPER_STATUS,
        "",
        polls.ts[missed],
        np.full(len(missed), UNKNOWN),
        polls.reason[missed],
        polls.interval[missed],
    )
    if own is None:
        return gap
    return Readings(
        sensor_id,
        OPER_STATUS,
        "",
        np.concatenate((own.ts, gap.ts)),
        np.concatenate((own.value, gap.value)),
        np.concatenate((own.reason, gap.reason)),
        np.concatenate((own.interval, gap.interval)),
    )
