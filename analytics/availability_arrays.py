"""Availability of many services at once: all their spans as flat arrays, all their periods in one sweep, no loop per span."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.availability import BUCKETS, POLICIES, STATUSES, bucket

FOREVER = np.iinfo(np.int64).max  # the end of an open span
_TIME_BITS = 46  # µs within the windows' reach: 2.2 years; the rest of 63 bits tells services apart
MOST_SERVICES = 1 << (63 - _TIME_BITS)
NOT_IN_SERVICE, NO_DATA = BUCKETS.index("not_in_service"), BUCKETS.index("no_data")

# bucket of [policy, in maintenance, status]
_TABLE = np.array([[[bucket(s, p, maintenance=m) for s in STATUSES] for m in (False, True)] for p in POLICIES], np.int8)


class SpanArrays(NamedTuple):
    """Spans of many services, shape [n] each, sorted by service and start, not overlapping within a service.

    `service`: 0 … services-1; `end`: FOREVER while the span is open; `status`: position in availability.STATUSES of the raw one.
    """

    service: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    status: NDArray[np.int8]
    maintenance: NDArray[np.bool_]


def spent_many(spans: SpanArrays, windows: NDArray[np.int64], policy: NDArray[np.int8]) -> NDArray[np.int64]:
    """µs by bucket, shape [services, periods, 6], in the order of Seconds: row by row what availability.spent says.

    `windows`: [start, end) of each service's periods, shape [services, periods, 2]; `policy`: position in POLICIES, shape
    [services]. ValueError where there are too many services for one call, or the windows reach over more than 2.2 years.
    """
    services, periods, _ = windows.shape
    base, limit = (int(windows.min()), int(windows.max())) if windows.size else (0, 0)
    if services > MOST_SERVICES or limit - base >= 1 << _TIME_BITS:
        raise ValueError(f"{services} services over {limit - base} µs do not fit into one call.")
    if not len(spans.start):
        spent = np.zeros((services, periods, len(BUCKETS)), np.int64)
        spent[:, :, NO_DATA] = np.maximum(windows[:, :, 1] - windows[:, :, 0], 0)
        return spent
    buckets = _TABLE[policy[spans.service], spans.maintenance.astype(np.int8), spans.status]
    start, end = np.clip(spans.start, base, limit) - base, np.clip(spans.end, base, limit) - base
    first = np.searchsorted(spans.service, np.arange(services))
    edges = (np.clip(windows, base, limit) - base).reshape(services, periods * 2)
    keys = (spans.service << _TIME_BITS) | start
    at = np.searchsorted(keys, (np.arange(services)[:, None] << _TIME_BITS) | edges, side="right") - 1
    inside = at >= first[:, None]  # else the edge lies before the service's first span
    here = np.where(inside, at, 0)
    part = np.where(inside, np.minimum(edges, end[here]) - start[here], 0)
    spent = np.empty((services, periods, len(BUCKETS)), np.int64)
    for number in range(len(BUCKETS)):
        mine = buckets == number
        before = np.concatenate(([0], np.cumsum(np.where(mine, end - start, 0))))
        # all spans before the one at the edge, and its own part
        until = before[at + 1 - inside] + np.where(mine[here], part, 0)
        spent[:, :, number] = until[:, 1::2] - until[:, ::2]
    _fill(spent, spans.start, first, windows)
    return spent


def _fill(spent: NDArray[np.int64], start: NDArray[np.int64], first: NDArray[np.int64], windows: NDArray[np.int64]) -> None:
    """What no span covers: not in service before a service's first span, else No Data."""
    length = np.maximum(windows[:, :, 1] - windows[:, :, 0], 0)
    known = np.append(first[1:], len(start)) > first
    begin = start[np.minimum(first, len(start) - 1)]
    unknown = np.clip(begin[:, None] - windows[:, :, 0], 0, length)
    spent[:, :, NOT_IN_SERVICE] += np.where(known[:, None], unknown, 0)
    spent[:, :, NO_DATA] += length - spent.sum(axis=2)
