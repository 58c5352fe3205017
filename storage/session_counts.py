"""Counts of RADIUS sessions and users every five minutes, as ordinary series; and sessions that end because nothing more is heard."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from storage import late, series
from storage.times import SECOND_US, to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection

BUCKET_US = 300 * SECOND_US
MOST_US = 86_400 * SECOND_US  # what is counted again for late reports
METRICS = ("wifi.sessions", "wifi.users")


class Count(NamedTuple):
    """Five minutes that end at `ts` (µs) of one access point (`ap:…`), SSID (`ssid:…`) or, "", of all of an element."""

    element_id: int
    sensor_id: int
    instance: str
    ts: int
    sessions: float  # mean over the time
    users: int


async def end_stale(con: Connection, tenant_id: int, now: int, usual: int, silent: int) -> int:
    """End sessions at their last report when three more did not come, at the earliest after `usual` µs; after `silent` µs those
    of a NAS of which only Starts are known, since it may send nothing between Start and Stop. Returns how many.
    """
    row = await con.fetchrow(
        """with gone as (
             update radius_session s set ended_at = s.last_at, ended_by = 'stale'
             where s.tenant_id = $1 and s.ended_at is null and s.last_at < $2::timestamptz - $3::interval
               and s.last_at < $2::timestamptz - 3 * s.interim
               and (s.last_at < $2::timestamptz - $4::interval or s.last_at > s.starts_at or exists (
                 select from radius_session o where o.tenant_id = $1 and o.nas = s.nas and o.last_at > o.starts_at
                   and o.stopped_at is null and o.last_at > $2::timestamptz - $4::interval))
             returning s.last_at)
           select count(*) as n, min(last_at) as since from gone""",
        tenant_id,
        to_datetime(now),
        timedelta(microseconds=usual),
        timedelta(microseconds=silent),
    )
    if row["n"]:
        await con.execute("insert into radius_dirty (tenant_id, from_ts) values ($1, $2)", tenant_id, row["since"])
    return int(row["n"])


async def due(con: Connection, tenant_id: int, until: int) -> tuple[int, int] | None:
    """From when to when (µs, whole buckets) counts are to be made, the latest to `until`; None = nothing. Locks the progress."""
    row = await con.fetchrow(
        """insert into radius_progress as p (tenant_id, counted_to)
           select $1, coalesce(min(from_ts), $2) from radius_dirty where tenant_id = $1 having count(*) > 0
           on conflict (tenant_id) do update set counted_to = p.counted_to returning counted_to""",
        tenant_id,
        to_datetime(until),
    )
    if row is None:
        row = await con.fetchrow("select counted_to from radius_progress where tenant_id = $1 for update", tenant_id)
    if row is None:
        return None
    since = await con.fetchval(
        "with gone as (delete from radius_dirty where tenant_id = $1 returning from_ts) select min(from_ts) from gone", tenant_id
    )
    start = to_us(row["counted_to"] if since is None else min(since, row["counted_to"]))
    start = max(start, until - MOST_US) // BUCKET_US * BUCKET_US
    end = until // BUCKET_US * BUCKET_US
    await con.execute(
        "update radius_progress set counted_to = greatest(counted_to, $2) where tenant_id = $1", tenant_id, to_datetime(end)
    )
    return (start, end) if start < end else None


async def counts(con: Connection, tenant_id: int, start: int, end: int) -> list[Count]:
    """The counts of all buckets from `start` to `end` (µs), also of what has none now but had within the day before."""
    rows = await con.fetch(
        """with bucket as (select at, at + interval '5 minutes' as until
               from generate_series($2::timestamptz, $3::timestamptz - interval '5 minutes', interval '5 minutes') as at),
             near as materialized (select element_id, ap, ssid, user_name, starts_at, coalesce(ended_at, 'infinity') as ended_at
               from radius_session where tenant_id = $1 and starts_at < $3
                 and (ended_at is null or ended_at > $2::timestamptz - interval '1 day')),
             place as (select distinct element_id, i as instance from near,
               lateral unnest(array['', case when ssid <> '' then 'ssid:' || ssid end, case when ap <> '' then 'ap:' || ap end]) i
               where i is not null),
             counted as (select b.until, element_id, i as instance, count(distinct nullif(user_name, '')) as users,
                 sum(extract(epoch from least(ended_at, b.until) - greatest(starts_at, b.at))) / 300 as sessions
               from bucket b join near s on s.starts_at < b.until and s.ended_at > b.at,
               lateral unnest(array['', case when ssid <> '' then 'ssid:' || ssid end, case when ap <> '' then 'ap:' || ap end]) i
               where i is not null group by 1, 2, 3),
             sensor_of as (select element_id, min(id) as id from sensor where tenant_id = $1 and kind = 'radius' group by 1)
           select p.element_id, n.id as sensor_id, p.instance, b.until, coalesce(c.sessions, 0)::float8 as sessions,
             coalesce(c.users, 0) as users
           from place p join sensor_of n using (element_id) cross join bucket b
           left join counted c on c.until = b.until and c.element_id = p.element_id and c.instance = p.instance""",
        tenant_id,
        to_datetime(start),
        to_datetime(end),
    )
    return [Count(r["element_id"], r["sensor_id"], r["instance"], to_us(r["until"]), r["sessions"], r["users"]) for r in rows]


async def store(con: Connection, tenant_id: int, made: Sequence[Count], now: int) -> None:
    """Write the counts as samples in place of those that are there, and mark days that are packed already."""
    wanted = [(c.element_id, c.sensor_id, metric, c.instance[:255]) for c in made for metric in METRICS]
    distinct = sorted(set(wanted))
    ids = dict(zip(distinct, await series.ensure(con, tenant_id, distinct), strict=True))
    number = [ids[each] for each in wanted]
    ts = [c.ts for c in made for _ in METRICS]
    values = [float(value) for c in made for value in (c.sessions, c.users)]
    times = [to_datetime(us) for us in ts]
    await con.execute(
        "delete from sample where series_id = any($1::bigint[]) and ts >= $2 and ts <= $3",
        list(ids.values()),
        min(times),
        max(times),
    )
    await con.execute(
        """insert into sample (series_id, ts, value, seconds, reason)
           select series, ts, value, 300, 0 from unnest($1::bigint[], $2::timestamptz[], $3::float8[]) as u (series, ts, value)""",
        number,
        times,
        values,
    )
    element = np.array([c.element_id for c in made for _ in METRICS], np.int64)
    seconds = np.full(len(ts), 300, np.float32)
    await late.mark(con, tenant_id, late.days_of(element, np.array(ts, np.int64), seconds, now // MOST_US), now)
