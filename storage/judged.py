"""What a decision about status needs of the inventory: an element's sensors, a service's tree, and when an agent was silent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analytics.network import Group, Placement, Sensor, Tree
from analytics.timeline import Span
from storage.times import SECOND_US, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.database import Connection


class Judged(NamedTuple):
    """One element: its sensors with their configured interval (µs), its own thresholds, and the site whose agent measures it.

    `via`: for a port, the SNMP sensor of its device, whose answers carry the port's state. `since`: from when on all this
    holds (µs).
    """

    managed: bool
    site_id: int | None
    thresholds: dict[str, Any]
    sensors: list[Sensor]
    intervals: dict[int, int]
    via: int | None
    since: int


class JudgedService(NamedTuple):
    """One service: what carries it since an instant (µs), and its fulfilment status over time."""

    tree: Tree
    fulfilment: list[Span[str]]
    since: int


async def elements(con: Connection, tenant_id: int, ids: Sequence[int]) -> dict[int, Judged]:
    """The elements of `ids` that still exist. A port is measured by its device's site."""
    rows = await con.fetch(
        """select e.id, e.managed, e.judged_since, coalesce(d.site_id, e.site_id) as site_id, e.thresholds,
             s.id as sensor_id, s.name, s.kind, s.role, s.required, coalesce(via.interval_seconds, s.interval_seconds) as seconds,
             via.id as via
           from element e
           left join element d on d.tenant_id = e.tenant_id and d.id = e.device_id
           left join sensor s on s.tenant_id = e.tenant_id and s.element_id = e.id and s.role <> 'listener'
           left join lateral (select v.id, v.interval_seconds from sensor v where v.tenant_id = e.tenant_id and v.element_id = e.device_id
             and v.kind = 'snmp' and s.kind = 'port' order by v.id limit 1) via on true
           where e.tenant_id = $1 and e.id = any($2) order by e.id, s.id""",
        tenant_id,
        ids,
    )
    found: dict[int, Judged] = {}
    for row in rows:
        judged = found.setdefault(
            row["id"], Judged(row["managed"], row["site_id"], row["thresholds"], [], {}, None, to_us(row["judged_since"]))
        )
        if row["via"] is not None:
            judged = found[row["id"]] = judged._replace(via=row["via"])
        if row["sensor_id"] is not None:
            judged.sensors.append(Sensor(row["sensor_id"], row["name"], row["kind"], row["role"], row["required"]))
            judged.intervals[row["sensor_id"]] = round(row["seconds"] * SECOND_US)
    return found


async def ports_of(con: Connection, tenant_id: int, device_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(port, device) for every port element of these devices."""
    rows = await con.fetch(
        "select id, device_id from element where tenant_id = $1 and device_id = any($2)", tenant_id, device_ids
    )
    return [(row["id"], row["device_id"]) for row in rows]


async def services_of(con: Connection, tenant_id: int, element_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(service, element) for every placement of these elements."""
    rows = await con.fetch(
        "select service_id, element_id from placement where tenant_id = $1 and element_id = any($2)", tenant_id, element_ids
    )
    return [(row["service_id"], row["element_id"]) for row in rows]


async def services(con: Connection, tenant_id: int, ids: Sequence[int]) -> dict[int, JudgedService]:
    """The services of `ids` that still exist."""
    fulfilment = await con.fetch(
        """select v.service_id, v.valid_from, v.fulfilment_status, s.tree_since,
             lead(v.valid_from) over (partition by v.service_id order by v.valid_from) as valid_to
           from service_version v join service s on s.tenant_id = v.tenant_id and s.id = v.service_id
           where v.tenant_id = $1 and v.service_id = any($2) order by v.service_id, v.valid_from""",
        tenant_id,
        ids,
    )
    placements = await con.fetch(
        """select p.service_id, p.id, p.element_id, e.name, p.criticality, p.group_id,
             array(select parent_id from placement_parent h where h.tenant_id = $1 and h.placement_id = p.id order by 1) as parents
           from placement p join element e on e.tenant_id = p.tenant_id and e.id = p.element_id
           where p.tenant_id = $1 and p.service_id = any($2) order by p.id""",
        tenant_id,
        ids,
    )
    groups = await con.fetch(
        "select service_id, id, name, k, criticality from redundancy_group where tenant_id = $1 and service_id = any($2) order by id",
        tenant_id,
        ids,
    )
    versions: dict[int, list[Span[str]]] = {}
    since = {row["service_id"]: to_us(row["tree_since"]) for row in fulfilment}
    for row in fulfilment:
        end = None if row["valid_to"] is None else to_us(row["valid_to"])
        versions.setdefault(row["service_id"], []).append(Span(to_us(row["valid_from"]), end, row["fulfilment_status"]))
    placed: dict[int, list[Placement]] = {service: [] for service in versions}
    for p in placements:
        placement = Placement(p["id"], p["element_id"], p["name"], p["criticality"], tuple(p["parents"]), p["group_id"])
        placed.setdefault(p["service_id"], []).append(placement)
    grouped: dict[int, list[Group]] = {}
    for g in groups:
        grouped.setdefault(g["service_id"], []).append(Group(g["id"], g["name"], g["k"], g["criticality"]))
    return {
        service: JudgedService(Tree(tuple(placed[service]), tuple(grouped.get(service, ()))), spans, since[service])
        for service, spans in versions.items()
    }
