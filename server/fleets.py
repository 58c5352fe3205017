"""Series laid out for analytics.anomaly: those of one source that overlap in time become one matrix of local days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.calendar import on_local_days
from analytics.anomaly.medians import Floats
from server.series_files import HOUR_S, Series

DAY_S = 86_400
SLOTS_S = (300, 600, 900, 1200, 1800, 3600)  # what finer steps are averaged into: the first that they fill


class Fleet(NamedTuple):
    """`values` [n, days, slots], `first` day since 1970 in local time, `counts` [n]: whole numbers only."""

    names: Sequence[str]
    source: str
    first: int
    values: Floats
    counts: NDArray[np.bool_]


def slot_seconds(step: int) -> int | None:
    """Length of the slots that samples every `step` seconds are put into; None where they do not fit into hours."""
    if step > HOUR_S or HOUR_S % step:
        return None
    return step if step >= SLOTS_S[0] else next(slot for slot in SLOTS_S if slot % step == 0)


def fleets(series: Iterable[Series], zone: tzinfo = UTC) -> Iterator[Fleet]:
    """One fleet for each source, slot length and stretch of time without a hole. Steps must be ones of `slot_seconds`."""
    kinds: dict[tuple[str, int], list[tuple[int, int, Series]]] = {}
    for each in series:
        slot = slot_seconds(each.step)
        if slot and len(each.values):
            end = each.start + each.step * (len(each.values) - 1)
            kinds.setdefault((each.source, slot), []).append(
                (_local(each.start, zone) // DAY_S, _local(end, zone) // DAY_S, each)
            )
    for (source, slot), members in kinds.items():
        for together in _overlapping(sorted(members, key=lambda member: member[:2])):
            yield _fleet(source, slot, together, zone)


def instant(fleet: Fleet, slot: int, zone: tzinfo = UTC) -> datetime:
    """When a slot of the fleet begins, counted from the start of its first day."""
    length = DAY_S // fleet.values.shape[2]
    wall = datetime.fromtimestamp(fleet.first * DAY_S + slot * length, UTC).replace(tzinfo=zone)
    return wall.astimezone(UTC)


def _overlapping(members: Sequence[tuple[int, int, Series]]) -> Iterator[Sequence[tuple[int, int, Series]]]:
    together: list[tuple[int, int, Series]] = []
    reach = 0
    for member in members:
        if together and member[0] > reach:
            yield together
            together = []
        reach = max(reach, member[1]) if together else member[1]
        together.append(member)
    if together:
        yield together


def _fleet(source: str, slot: int, members: Sequence[tuple[int, int, Series]], zone: tzinfo) -> Fleet:
    first, last = members[0][0], max(member[1] for member in members)
    values = np.full((len(members), (last - first + 1) * DAY_S // slot), np.nan)
    for row, (_, _, series) in enumerate(members):
        at = (_local_instants(series, zone) - first * DAY_S) // slot
        values[row] = on_local_days(series.values[None], at, values.shape[1])[0]
    whole = np.array([bool((member[2].values[np.isfinite(member[2].values)] % 1 == 0).all()) for member in members])
    return Fleet([member[2].name for member in members], source, first, values.reshape(len(members), -1, DAY_S // slot), whole)


def _local(instant_s: int, zone: tzinfo) -> int:
    """Seconds since 1970 of the wall clock."""
    there = datetime.fromtimestamp(instant_s, zone)
    return instant_s + round((there.utcoffset() or timedelta(0)).total_seconds())


def _local_instants(series: Series, zone: tzinfo) -> NDArray[np.int64]:
    instants = series.start + series.step * np.arange(len(series.values), dtype=np.int64)
    if zone is UTC:
        return instants
    quarters, place = np.unique(instants // 900, return_inverse=True)  # clocks change at whole quarters of an hour
    offsets = np.array([_local(quarter * 900, zone) - quarter * 900 for quarter in quarters.tolist()])
    return np.asarray(instants + offsets[place])
