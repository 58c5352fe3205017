"""The plan of an agent, made from the inventory: targets, sensors by number, profiles once, secrets opened."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from protocols.uplink.listeners import Flow, Radius, Syslog, Trap
from protocols.uplink.plan import (
    Dns,
    Http,
    Ping,
    Plan,
    Profile,
    Sensor,
    Snmp,
    Target,
    Tcp,
    encode_json,
)
from server.inventory.sensor_secrets import unpacked
from server.profiles import AUTO
from storage import hash_keys, plans, secrets
from storage.agents import SILENT_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.agents import AgentRow
    from storage.database import Connection
    from storage.plans import SensorRow

KINDS: dict[str, type[Sensor]] = {
    "ping": Ping,
    "tcp": Tcp,
    "http": Http,
    "dns": Dns,
    "snmp": Snmp,
    "flow": Flow,
    "trap": Trap,
    "syslog": Syslog,
    "radius": Radius,
}
# What an SNMP sensor asks for when its inventory names nothing.
USUAL_PROFILES = (AUTO,)


async def make_plan(con: Connection, agent: AgentRow, profiles: Mapping[str, Profile], key: bytes, now_us: int) -> Plan:
    """What `agent` shall measure now; nothing where another agent of its site has taken over."""
    site = await plans.site_name(con, agent.tenant_id, agent.site_id)
    rows = []
    if await plans.measuring_agent(con, agent.tenant_id, agent.site_id, now_us - SILENT_US) == agent.id:
        rows = await plans.targets(con, agent.tenant_id, agent.site_id)
    sealed = await secrets.load(con, agent.tenant_id)
    used_secrets = {sensor.secret_id for target in rows for sensor in target.sensors}
    opened = {s.id: secrets.unseal(key, agent.tenant_id, s) for s in sealed.values() if s.id in used_secrets}
    targets = tuple(Target(t.element, t.name, t.address, tuple(_sensor(s, opened) for s in t.sensors)) for t in rows)
    used = {name for t in targets for s in t.sensors if isinstance(s, Snmp) for name in s.profiles}
    plan = Plan(revision="", site=site, targets=targets, profiles=_with_parents(used, profiles))
    if any(isinstance(s, Radius) for t in targets for s in t.sensors):
        plan = msgspec.structs.replace(plan, hash_key=await hash_keys.hash_key(con, agent.tenant_id, key))
    return msgspec.structs.replace(plan, revision=hashlib.sha256(encode_json(plan)).hexdigest()[:16])


def _sensor(row: SensorRow, opened: Mapping[int, str]) -> Sensor:
    kind = KINDS[row.kind]
    values: dict[str, Any] = {name: value for name, value in row.settings.items() if name in kind.__struct_fields__}
    values |= {"number": row.id, "interval": row.interval_seconds}
    if kind is Snmp:
        secret = opened[row.secret_id] if row.secret_id else "public"
        values |= unpacked(secret, row.kind, str(values.get("version", "")))
        values["profiles"] = tuple(values.get("profiles") or USUAL_PROFILES)
    elif row.secret_id:
        values |= unpacked(opened[row.secret_id], row.kind, str(values.get("version", "")))
    return msgspec.convert(values, kind)


def _with_parents(names: set[str], profiles: Mapping[str, Profile]) -> dict[str, Profile]:
    """The named profiles and all that they extend."""
    found: dict[str, Profile] = {}
    todo = sorted(names & profiles.keys())
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = profiles[name]
            todo += profiles[name].extends
    return dict(sorted(found.items()))
