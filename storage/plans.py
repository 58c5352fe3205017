"""What a site's agent has to measure: only elements placed in an active service, and devices whose ports are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from storage.times import to_datetime

if TYPE_CHECKING:
    from storage.database import Connection


class SensorRow(NamedTuple):
    """One sensor of a target; `secret_id` names its community or other secret."""

    id: int
    kind: str
    interval_seconds: float
    settings: dict[str, Any]
    secret_id: int | None


class TargetRow(NamedTuple):
    """One address to measure, with its sensors in order of number."""

    element: str
    name: str
    address: str
    sensors: list[SensorRow]


async def site_name(con: Connection, tenant_id: int, site_id: int) -> str:
    """The external id of a site."""
    value: str = await con.fetchval("select external_id from site where tenant_id = $1 and id = $2", tenant_id, site_id)
    return value


async def measuring_agent(con: Connection, tenant_id: int, site_id: int, heard_since_us: int) -> int | None:
    """The agent that measures a site: the newest heard since an instant, so that a replaced appliance takes over but one that
    was only enrolled does not; the newest of all where none was heard. Revoked ones do not count.
    """
    value: int | None = await con.fetchval(
        """select a.id from agent a where a.tenant_id = $1 and a.site_id = $2 and a.revoked_at is null
           order by exists (select from agent_presence p where p.tenant_id = $1 and p.agent_id = a.id and p.until >= $3) desc,
             a.id desc limit 1""",
        tenant_id,
        site_id,
        to_datetime(heard_since_us),
    )
    return value


async def targets(con: Connection, tenant_id: int, site_id: int) -> list[TargetRow]:
    """The targets of a site, in order of external id."""
    rows = await con.fetch(
        """select e.external_id, e.name, e.address, s.id, s.kind, s.interval_seconds, s.settings, s.secret_id
           from element e join sensor s on s.tenant_id = e.tenant_id and s.element_id = e.id
           where e.tenant_id = $1 and e.site_id = $2 and e.managed and e.address is not null and s.kind <> 'port'
             and s.source = 'agent' and exists (
               select from placement p join service v on v.tenant_id = p.tenant_id and v.id = p.service_id and v.active
               join element c on c.tenant_id = p.tenant_id and c.id = p.element_id
               where p.tenant_id = e.tenant_id and (c.id = e.id or c.device_id = e.id))
           order by e.external_id, s.id""",
        tenant_id,
        site_id,
    )
    found: dict[str, TargetRow] = {}
    for row in rows:
        target = found.setdefault(row["external_id"], TargetRow(row["external_id"], row["name"], row["address"], []))
        target.sensors.append(SensorRow(row["id"], row["kind"], row["interval_seconds"], row["settings"], row["secret_id"]))
    return list(found.values())
