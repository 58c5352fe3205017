"""Open RADIUS sessions as a page and the API show them: counts by access point and SSID, and a list without people's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage.times import to_us

if TYPE_CHECKING:
    from storage.database import Connection


class Place(NamedTuple):
    """What is open now at an element, or at one of its SSIDs or access points (`ap:…`, `ssid:…`; "" = all of the element).

    `counted`: its counts are kept over time, which begins some minutes after its first session.
    """

    element: str
    name: str
    instance: str
    sessions: int
    users: int
    counted: bool


class OpenSession(NamedTuple):
    """A session that goes on; instants in µs."""

    id: int
    name: str
    nas: str
    ssid: str
    ap: str
    starts: int
    last: int
    octets_in: int
    octets_out: int


async def places(con: Connection, most: int) -> list[Place]:
    """Elements with their SSIDs and access points that have sessions or had some within a day, the busiest first."""
    rows = await con.fetch(
        """select e.external_id, e.name, i as instance, count(*) filter (where s.ended_at is null) as sessions,
             count(distinct nullif(s.user_name, '')) filter (where s.ended_at is null) as users,
             exists (select from series x where x.tenant_id = e.tenant_id and x.element_id = e.id and x.instance = i
               and x.metric = 'wifi.sessions') as counted
           from radius_session s join element e on e.tenant_id = s.tenant_id and e.id = s.element_id,
           lateral unnest(array['', case when ssid <> '' then 'ssid:' || ssid end, case when ap <> '' then 'ap:' || ap end]) i
           where i is not null and (s.ended_at is null
             or s.ended_at > (select max(last_at) from radius_session) - interval '1 day')
           group by e.tenant_id, e.id, e.external_id, e.name, i order by i like 'ap:%', i <> '', 4 desc, e.name, i limit $1""",
        most,
    )
    return [Place(*row) for row in rows]


async def users(con: Connection) -> int:
    """Different users of all open sessions."""
    value: int = await con.fetchval(
        "select count(distinct user_name) from radius_session where ended_at is null and user_name <> ''"
    )
    return value


async def open_sessions(con: Connection, most: int) -> list[OpenSession]:
    """The sessions that began last."""
    rows = await con.fetch(
        """select s.id, e.name, s.nas, s.ssid, s.ap, s.starts_at, s.last_at, s.octets_in, s.octets_out
           from radius_session s join element e on e.tenant_id = s.tenant_id and e.id = s.element_id
           where s.ended_at is null order by s.starts_at desc, s.id limit $1""",
        most,
    )
    return [OpenSession._make((*row[:5], to_us(row["starts_at"]), to_us(row["last_at"]), *row[7:])) for row in rows]
