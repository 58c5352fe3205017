"""Reading samples back: the series that decide a status, as arrays. Every query names its tenant, since samples carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analytics.network import Readings
from storage.times import SECOND_US, to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from storage.database import Connection


class Intervals(NamedTuple):
    """The interval of one sensor over time, shape [n]: from when (µs, ascending) and how long (µs)."""

    since: NDArray[np.int64]
    length: NDArray[np.int64]

    def at(self, ts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The interval in force at each instant, shape of `ts`."""
        return self.length[np.maximum(np.searchsorted(self.since, ts, "right") - 1, 0)]


async def intervals(con: Connection, tenant_id: int, sensors: Mapping[int, int]) -> dict[int, Intervals]:
    """How often each sensor was polled: {sensor: configured interval in µs} -> its history."""
    rows = await con.fetch(
        """select sensor_id, valid_from, seconds from sensor_interval where tenant_id = $1 and sensor_id = any($2)
           order by sensor_id, valid_from""",
        tenant_id,
        list(sensors),
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for row in rows:
        found.setdefault(row["sensor_id"], []).append((to_us(row["valid_from"]), round(row["seconds"] * SECOND_US)))
    table = {sensor: found.get(sensor) or [(0, configured)] for sensor, configured in sensors.items()}
    return {sensor: Intervals(*(np.array(c, np.int64) for c in zip(*steps, strict=True))) for sensor, steps in table.items()}


async def polls(
    con: Connection, tenant_id: int, wanted: Mapping[int, tuple[int, int]], known: Mapping[int, Intervals]
) -> dict[int, Readings]:
    """Whether a sensor was answered: wanted[key] = (sensor, from µs) -> its `reachable` series from then on, by the same key."""
    rows = await con.fetch(
        """select w.key, s.sensor_id, s.instance, d.ts, d.value, d.reason
           from unnest($2::bigint[], $3::int[], $4::timestamptz[]) as w (key, sensor, start)
           join series s on s.tenant_id = $1 and s.sensor_id = w.sensor and s.metric = 'reachable' and s.id >> 40 = $1
           cross join lateral (
             select array_agg((extract(epoch from ts) * 1000000)::bigint order by ts) as ts,
                    array_agg(value order by ts) as value, array_agg(reason order by ts) as reason
             from sample where series_id = s.id and ts >= w.start) d where d.ts is not null""",
        tenant_id,
        list(wanted),
        [sensor for sensor, _ in wanted.values()],
        [to_datetime(us) for _, us in wanted.values()],
    )
    found = {}
    for row in rows:
        ts = np.array(row["ts"], np.int64)
        values, reasons = np.array(row["value"], np.float64), np.array(row["reason"], np.uint8)
        found[row["key"]] = Readings(
            row["sensor_id"], "reachable", row["instance"], ts, values, reasons, known[row["sensor_id"]].at(ts)
        )
    return found


async def readings(
    con: Connection, tenant_id: int, starts: Mapping[int, int], metrics: Sequence[str], known: Mapping[int, Intervals]
) -> dict[int, list[Readings]]:
    """Per element, every series of `metrics` with its samples from starts[element] (µs) on, in order of time."""
    rows = await con.fetch(
        """select s.element_id, s.sensor_id, s.metric, s.instance, d.ts, d.value, d.reason
           from unnest($2::bigint[], $3::timestamptz[]) as e (id, start)
           join series s on s.tenant_id = $1 and s.element_id = e.id and s.metric = any($4) and s.id >> 40 = $1
             and s.sensor_id = any($5)
           cross join lateral (
             select array_agg((extract(epoch from ts) * 1000000)::bigint order by ts) as ts,
                    array_agg(value order by ts) as value, array_agg(reason order by ts) as reason
             from sample where series_id = s.id and ts >= e.start) d""",
        tenant_id,
        list(starts),
        [to_datetime(us) for us in starts.values()],
        metrics,
        list(known),
    )
    found: dict[int, list[Readings]] = {element: [] for element in starts}
    for row in rows:
        ts = np.array(row["ts"] or (), np.int64)
        interval = known[row["sensor_id"]].at(ts)
        values, reasons = np.array(row["value"] or (), np.float64), np.array(row["reason"] or (), np.uint8)
        found[row["element_id"]].append(Readings(row["sensor_id"], row["metric"], row["instance"], ts, values, reasons, interval))
    return found
