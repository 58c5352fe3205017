"""A tenant's rules: the newest version of each kind, or the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from analytics.rules import Rules

if TYPE_CHECKING:
    from storage.database import Connection

DECIDING = frozenset({"reachable", "if.oper_status", "if.admin_status"})


async def status_rules(con: Connection, tenant_id: int) -> Rules:
    """The rules of status in force."""
    parameters = await con.fetchval(
        "select parameters from rule_set where tenant_id = $1 and kind = 'status' order by version desc limit 1", tenant_id
    )
    return Rules() if parameters is None else msgspec.convert(parameters, Rules)


async def status_metrics(con: Connection, tenant_id: int) -> frozenset[str]:
    """The metrics a status may depend on: what says an element answers, and everything that has a threshold."""
    return DECIDING | frozenset((await status_rules(con, tenant_id)).thresholds)
