"""What Lineside computes about services, for the CRM to read beside what it wrote; about accounts in account_fields.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from analytics.maintenance import MAINTENANCE
from analytics.margins import profit
from analytics.status import Cause as Deciding
from server import instants
from server.api.crm.account_fields import AccountFields, account_fields
from server.api.crm.money import money
from server.inventory.document import Money
from storage import computed as rows
from storage.database import Connection

__all__ = ["AccountFields", "Cause", "Observation", "ServiceFields", "account_fields", "cause_fields", "service_fields"]

Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Observation(Struct, frozen=True):
    """One measurement that shows a status. `reason` says why a poll failed; it is empty where it did not."""

    sensor: str
    metric: str
    instance: str
    at: str
    value: float
    reason: str


class Cause(Struct, frozen=True):
    """One element that decides a status, by its id. `implied_by`: the ancestor whose failure implies its own, empty if none."""

    element: str
    name: str
    status: str
    reason: str
    implied_by: str
    observations: tuple[Observation, ...]


class ServiceFields(Struct, frozen=True):
    """The computed fields of a service. Money and margins are null to resellers, and where it is not In Service; margins are
    shares from 0 to 1 (or below 0), null too where costs are in another currency.
    """

    operational_status: str
    status_since: str | None
    status_reason: str
    status_flags: tuple[str, ...]
    cause: tuple[Cause, ...]
    undergoing_maintenance: bool
    active: bool
    is_replaced: bool
    account_manager: str | None
    has_open_cases: bool
    cases_open_since: str | None
    open_cases: Count
    total_cases: Count
    gross_profit: Money | None
    gross_margin: float | None
    net_profit: Money | None
    net_margin: float | None
    # The upgrade fields follow here when there are opportunities: has_active_upgrade_opportunity, upgrade_opportunity_date,
    # service_due_for_upgrade_now, service_due_for_upgrade_30_days, service_due_for_upgrade.


async def service_fields(con: Connection, tenant_id: int, services: Sequence[int], now_us: int) -> Mapping[int, ServiceFields]:
    """Service id -> its computed fields at `now_us`, for those that the caller of the transaction may see."""
    found = await rows.services(con, tenant_id, services)
    elements = {cause.element_id for row in found for cause in row.cause}
    names = await rows.element_names(con, tenant_id, list(elements)) if elements else {}
    hidden = await rows.for_reseller(con)
    costs = {} if hidden else await rows.costs(con, [row.id for row in found if row.in_service])
    return {row.id: _fields(row, names, costs.get(row.id), now_us) for row in found}


def cause_fields(causes: Sequence[Deciding], names: Mapping[int, str]) -> tuple[Cause, ...]:
    """The deciding elements, root first; `names`: element -> external id, of those that still exist and may be seen."""
    return tuple(
        Cause(
            names[cause.element_id],
            cause.name,
            cause.status,
            cause.reason,
            cause.implied_by,
            tuple(
                Observation(seen.sensor_name, seen.metric, seen.instance, instants.text(seen.ts), seen.value, seen.reason)
                for seen in cause.evidence
            ),
        )
        for cause in causes
        if cause.element_id in names
    )


def _fields(row: rows.ServiceRow, names: Mapping[int, str], costs: Mapping[str, Decimal] | None, now_us: int) -> ServiceFields:
    gain = None if costs is None else profit({row.currency: row.mrr}, costs, {row.currency: row.commission})
    since = row.cases_since if row.cases_since is None or row.cases_since <= now_us else None
    return ServiceFields(
        operational_status=row.status,
        status_since=None if row.since is None else instants.text(row.since),
        status_reason=row.reason,
        status_flags=row.flags,
        cause=cause_fields(row.cause, names),
        undergoing_maintenance=MAINTENANCE in row.flags,
        active=row.active,
        is_replaced=row.replaced,
        account_manager=row.manager,
        has_open_cases=row.open_cases > 0,
        cases_open_since=None if since is None else instants.text(since),
        open_cases=row.open_cases,
        total_cases=row.cases,
        gross_profit=_single(gain and gain.gross, row.currency),
        gross_margin=gain and gain.gross_margin,
        net_profit=_single(gain and gain.net, row.currency),
        net_margin=gain and gain.net_margin,
    )


def _single(amounts: Mapping[str, Decimal] | None, currency: str) -> Money | None:
    """Money in the service's own currency; None where another one is in it."""
    if amounts is None or any(amount and other != currency for other, amount in amounts.items()):
        return None
    return money(amounts.get(currency, Decimal(0)), currency)
