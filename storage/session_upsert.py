"""Sessions as rows: those that go on are updated, new ones inserted, and which ended by what is decided by stops and restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    import numpy as np
    from numpy.typing import NDArray

    from analytics.sessions import Sessions
    from storage.database import Connection

_UPSERT = """
with given as (
  select u.*, case when u.stopped_at is not null then 'stop' when r.at is not null then 'restart' end as ended_by,
    coalesce(u.stopped_at, r.at) as ended_at
  from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::bigint[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[], $17::int[],
    $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::interval[], $23::timestamptz[])
    as u (id, nas, session, part, multi, user_name, station, ap, ssid, address, element_id, texts_at, starts_at, last_at,
      stopped_at, cause, octets_in, octets_out, packets_in, packets_out, interim, was_ended)
  left join lateral (select min(at) as at from radius_restart r
    where r.tenant_id = $1 and r.nas = u.nas and r.at > u.last_at) r on true),
changed as (
  update radius_session s set element_id = g.element_id, multi = g.multi, user_name = g.user_name, station = g.station,
    ap = g.ap, ssid = g.ssid, address = g.address, texts_at = g.texts_at::bigint[], starts_at = g.starts_at,
    last_at = g.last_at, stopped_at = g.stopped_at, cause = g.cause, octets_in = g.octets_in, octets_out = g.octets_out,
    packets_in = g.packets_in, packets_out = g.packets_out, interim = g.interim, ended_at = g.ended_at, ended_by = g.ended_by
  from given g where s.tenant_id = $1 and s.id = g.id),
made as (
  insert into radius_session (tenant_id, nas, session, part, multi, user_name, station, ap, ssid, address, element_id, texts_at,
    starts_at, last_at, stopped_at, cause, octets_in, octets_out, packets_in, packets_out, interim, ended_at, ended_by)
  select $1, nas, session, part, multi, user_name, station, ap, ssid, address, element_id, texts_at::bigint[], starts_at, last_at,
    stopped_at, cause, octets_in, octets_out, packets_in, packets_out, interim, ended_at, ended_by from given where id < 0)
insert into radius_dirty (tenant_id, from_ts)
select $1, min(case when id < 0 then starts_at else least(ended_at, was_ended) end) from given
where id < 0 or ended_at is distinct from was_ended having count(*) > 0
"""


async def save(
    con: Connection,
    tenant_id: int,
    keys: Sequence[tuple[str, str, str]],
    texts: Sequence[str],
    made: Sessions,
    rows: NDArray[np.intp],
    ended: Mapping[int, datetime | None],
) -> None:
    """Store the sessions `rows` of `made`. `keys`: (NAS, session, part) by number; `ended`: when stored ones ended, so far."""
    ids = made.known[rows].tolist()
    key = [keys[number] for number in made.key[rows].tolist()]
    said = [[texts[number] for number in column[rows].tolist()] for column in made.texts.T[:-1]]
    await con.execute(
        _UPSERT,
        tenant_id,
        ids,
        *([part[place] for part in key] for place in range(3)),
        *said,
        made.texts[rows, -1].tolist(),
        [f"{{{','.join(map(str, when))}}}" for when in made.texts_at[rows].tolist()],
        [to_datetime(us) for us in made.began[rows].tolist()],
        [to_datetime(us) for us in made.last[rows].tolist()],
        [None if us < 0 else to_datetime(us) for us in made.stopped[rows].tolist()],
        *(column[rows].tolist() for column in (made.cause, made.octets_in, made.octets_out, made.packets_in, made.packets_out)),
        [_interval(us) for us in made.interim[rows].tolist()],
        [ended.get(number) for number in ids],
    )


async def remove(con: Connection, tenant_id: int, ids: Sequence[int]) -> None:
    """Delete sessions that turned out to be parts of others."""
    await con.execute("delete from radius_session where tenant_id = $1 and id = any($2::bigint[])", tenant_id, ids)


def _interval(us: int) -> timedelta:
    return to_datetime(us) - to_datetime(0)
