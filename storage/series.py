"""Series: what (element, metric, instance) of a source the samples of an agent belong to. Made at ingest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage.times import to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection


class SensorRow(NamedTuple):
    """A sensor an agent may report for. `ports`: instance name -> (element, sensor) of the ports placed on its device."""

    id: int
    element_id: int
    name: str
    ports: dict[str, tuple[int, int]]
    thresholds: frozenset[str]  # metrics the element, or one of its ports, has thresholds of its own for


async def sensors_of_site(con: Connection, tenant_id: int, site_id: int) -> dict[int, SensorRow]:
    """All sensors an agent of the site may report for, by number."""
    rows = await con.fetch(
        """select s.id, s.element_id, s.name, s.kind, e.thresholds,
             coalesce((select jsonb_object_agg(p.port, jsonb_build_array(p.id, ps.id, p.thresholds)) from element p
               join sensor ps on ps.tenant_id = p.tenant_id and ps.element_id = p.id and ps.kind = 'port'
               where p.tenant_id = e.tenant_id and p.device_id = e.id), '{}') as ports
           from sensor s join element e on e.tenant_id = s.tenant_id and e.id = s.element_id
           where s.tenant_id = $1 and e.site_id = $2 and s.kind <> 'port'""",
        tenant_id,
        site_id,
    )
    return {
        row["id"]: SensorRow(
            row["id"],
            row["element_id"],
            row["name"],
            {port: (element, sensor) for port, (element, sensor, _) in row["ports"].items()}
            if row["kind"] in ("snmp", "flow")
            else {},
            frozenset(row["thresholds"]).union(*(thresholds for _, _, thresholds in row["ports"].values())),
        )
        for row in rows
    }


async def ensure(
    con: Connection, tenant_id: int, wanted: Sequence[tuple[int, int, str, str]], source: str = "agent"
) -> list[int]:
    """The ids of the series `wanted` = (element, sensor, metric, instance), made where missing; in the same order."""
    columns = list(zip(*wanted, strict=True))
    # a sensor that was renamed, or another one that measures the same, goes on with the same series
    await con.execute(
        """update series s set sensor_id = w.sensor
           from unnest($2::bigint[], $3::int[], $4::text[], $5::text[]) as w (element, sensor, metric, instance)
           where s.tenant_id = $1 and s.element_id = w.element and s.metric = w.metric and s.instance = w.instance
             and s.source = $6 and s.sensor_id is distinct from w.sensor""",
        tenant_id,
        *columns,
        source,
    )
    await con.execute(
        """insert into series (tenant_id, id, element_id, sensor_id, metric, instance, source)
           select $1, $1::bigint << 40 | nextval('series_serial'), w.element, w.sensor, w.metric, w.instance, $6
           from (select distinct on (element, metric, instance) *
                 from unnest($2::bigint[], $3::int[], $4::text[], $5::text[]) as u (element, sensor, metric, instance)) w
           where not exists (select from series s where s.tenant_id = $1 and s.element_id = w.element
                             and s.metric = w.metric and s.instance = w.instance and s.source = $6)
           on conflict do nothing""",
        tenant_id,
        *columns,
        source,
    )
    rows = await con.fetch(
        """select s.id from unnest($2::bigint[], $3::text[], $4::text[]) with ordinality as u (element, metric, instance, i)
           join series s on s.tenant_id = $1 and s.element_id = u.element and s.metric = u.metric
             and s.instance = u.instance and s.source = $5 order by u.i""",
        tenant_id,
        columns[0],
        columns[2],
        columns[3],
        source,
    )
    return [row["id"] for row in rows]


async def note_intervals(con: Connection, tenant_id: int, changes: Sequence[tuple[int, int, float]]) -> None:
    """Record that `sensor` is polled every `seconds` from an instant on: (sensor, from µs, seconds)."""
    await con.executemany(
        """insert into sensor_interval (tenant_id, sensor_id, valid_from, seconds)
           select $1, $2, $3, $4 where exists (select from sensor where tenant_id = $1 and id = $2) on conflict do nothing""",
        [(tenant_id, sensor, to_datetime(at), seconds) for sensor, at, seconds in changes],
    )


async def intervals(con: Connection, tenant_id: int, sensor_ids: Sequence[int]) -> dict[int, float]:
    """The latest interval of each sensor, seconds."""
    rows = await con.fetch(
        """select distinct on (sensor_id) sensor_id, seconds from sensor_interval
           where tenant_id = $1 and sensor_id = any($2) order by sensor_id, valid_from desc""",
        tenant_id,
        sensor_ids,
    )
    return {row["sensor_id"]: row["seconds"] for row in rows}
