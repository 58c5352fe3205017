"""Rows behind the computed fields of services and accounts: a few statements for any number of them, never one each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analytics.status import Cause, cause_from_json
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from storage.database import Connection

# Orders that are being worked on; an open case is one of any status but Closed.
ACTIVE_ORDERS = ("Pending", "In Progress")


class ServiceRow(NamedTuple):
    """One service now. Instants in µs; `since` is None while nothing has been decided. `manager`: external id, of its account."""

    id: int
    status: str
    reason: str
    since: int | None
    flags: tuple[str, ...]
    cause: tuple[Cause, ...]
    active: bool
    in_service: bool
    replaced: bool
    manager: str | None
    mrr: Decimal
    commission: Decimal
    currency: str
    open_cases: int
    cases: int
    cases_since: int | None


class AccountRow(NamedTuple):
    """One account now, in figures that do not depend on a currency. `zone`: whose dates count; dates are those of its services."""

    id: int
    zone: str
    any_down: bool
    customer: bool
    reseller: bool
    provider: bool
    open_cases: int
    cases: int
    cases_since: int | None
    active_orders: int
    orders: int
    services: int
    active: int
    in_service: int
    month_to_month: int
    maintained: int
    locations: int
    first_start: date | None
    last_end: date | None


class Sum(NamedTuple):
    """Services In Service of one account with one status (as shown) and currency, together."""

    account_id: int
    status: str
    currency: str
    services: int
    mrr: Decimal
    commission: Decimal


class Billed(NamedTuple):
    """The invoices of one account in one currency; `past_due` is what is unpaid after its day."""

    account_id: int
    currency: str
    amount: Decimal
    balance_due: Decimal
    past_due: Decimal
    first_on: date
    first_amount: Decimal
    latest_on: date
    latest_amount: Decimal


_STATUS = "coalesce(p.shown, case when s.in_service then 'No Data' else 'Not in service' end)"
_OPEN_SPAN = "left join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null"

_SERVICES = f"""
select s.id, {_STATUS} as status, coalesce(p.reason, case when s.in_service then 'never' else '' end) as reason, p.since,
       coalesce(p.flags, '{{}}') as flags, coalesce(p.cause, '[]') as cause, s.active, s.in_service,
       s.replaced_with_id is not null as replaced, m.external_id as manager, s.mrr, s.commission, s.currency,
       coalesce(c.open, 0) as open_cases, coalesce(c.total, 0) as cases, c.since as cases_since
from service s
{_OPEN_SPAN}
join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
left join account_manager m on m.tenant_id = a.tenant_id and m.id = a.account_manager_id
left join (select service_id, count(*) as total, count(*) filter (where status <> 'Closed') as open,
    min(opened_at) filter (where status <> 'Closed') as since
  from support_case where tenant_id = $1 and service_id = any($2) group by 1) c on c.service_id = s.id
where s.tenant_id = $1 and s.id = any($2)
"""  # noqa: S608 - our own text

_ACCOUNTS = f"""
select a.id, coalesce(a.timezone, t.timezone) as zone, t.any_down, r.customer, r.reseller, r.provider,
       coalesce(c.open, 0) as open_cases, coalesce(c.total, 0) as cases, c.since as cases_since,
       coalesce(o.active, 0) as active_orders, coalesce(o.total, 0) as orders,
       coalesce(n.services, 0) as services, coalesce(n.active, 0) as active, coalesce(n.in_service, 0) as in_service,
       coalesce(n.month_to_month, 0) as month_to_month, coalesce(n.maintained, 0) as maintained,
       coalesce(n.locations, 0) as locations, n.first_start, n.last_end
from account a
join tenant t on t.id = a.tenant_id
join account_roles($2) r on r.account_id = a.id
left join (select account_id, count(*) as total, count(*) filter (where status <> 'Closed') as open,
    min(opened_at) filter (where status <> 'Closed') as since
  from support_case where tenant_id = $1 and account_id = any($2) group by 1) c on c.account_id = a.id
left join (select account_id, count(*) as total, count(*) filter (where status = any($3)) as active
  from sales_order where tenant_id = $1 and account_id = any($2) group by 1) o on o.account_id = a.id
left join (select s.account_id, count(*) as services, count(*) filter (where s.active) as active,
    count(*) filter (where s.in_service) as in_service,
    count(*) filter (where s.in_service and s.month_to_month) as month_to_month,
    count(*) filter (where 'maintenance' = any(p.flags)) as maintained,
    count(distinct s.location_id) filter (where s.in_service) as locations,
    min(s.service_start) filter (where s.fulfilment_status <> 'Order Canceled') as first_start,
    max(s.service_end) filter (where s.fulfilment_status <> 'Order Canceled') as last_end
  from service s {_OPEN_SPAN} where s.tenant_id = $1 and s.account_id = any($2) group by 1) n on n.account_id = a.id
where a.tenant_id = $1 and a.id = any($2)
"""  # noqa: S608 - our own text

_SUMS = f"""
select s.account_id, {_STATUS} as status, s.currency, count(*) as services, sum(s.mrr) as mrr, sum(s.commission) as commission
from service s {_OPEN_SPAN} where s.tenant_id = $1 and s.account_id = any($2) and s.in_service group by 1, 2, 3
"""  # noqa: S608 - our own text

_BILLED = """
select i.account_id, i.currency, sum(i.amount) as amount, sum(i.balance_due) as balance_due,
       coalesce(sum(i.balance_due) filter (where i.due_on < w.today), 0) as past_due,
       (array_agg(i.issued_on order by i.issued_on, i.id))[1] as first_on,
       (array_agg(i.amount order by i.issued_on, i.id))[1] as first_amount,
       (array_agg(i.issued_on order by i.issued_on desc, i.id desc))[1] as latest_on,
       (array_agg(i.amount order by i.issued_on desc, i.id desc))[1] as latest_amount
from unnest($2::bigint[], $3::date[]) as w (id, today)
join invoice i on i.tenant_id = $1 and i.account_id = w.id group by 1, 2
"""


async def for_reseller(con: Connection) -> bool:
    """Whether the caller of this transaction is bound to a reseller, who sees neither costs nor figures of whole accounts."""
    return bool(await con.fetchval("select coalesce(current_setting('lineside.reseller', true), '') <> ''"))


async def services(con: Connection, tenant_id: int, ids: Sequence[int]) -> list[ServiceRow]:
    """The services of `ids` that may be seen."""
    rows = await con.fetch(_SERVICES, tenant_id, list(ids))
    return [
        ServiceRow(**_plain(row) | {"flags": tuple(sorted(row["flags"])), "cause": cause_from_json(row["cause"])}) for row in rows
    ]


async def element_names(con: Connection, tenant_id: int, ids: Sequence[int]) -> dict[int, str]:
    """Element -> external id."""
    rows = await con.fetch("select id, external_id from element where tenant_id = $1 and id = any($2)", tenant_id, list(ids))
    return {row["id"]: row["external_id"] for row in rows}


async def costs(con: Connection, ids: Sequence[int]) -> dict[int, dict[str, Decimal]]:
    """Service -> its share of its elements' monthly costs by currency; none for services that are not In Service."""
    found: dict[int, dict[str, Decimal]] = {service: {} for service in ids}
    for row in await con.fetch("select * from service_costs($1)", list(ids)):
        found[row["service_id"]][row["currency"]] = row["cost"]
    return found


async def account_costs(con: Connection, tenant_id: int, accounts: Sequence[int]) -> list[tuple[int, str, Decimal]]:
    """(account, currency, monthly cost of the elements of its services In Service)."""
    rows = await con.fetch(
        """select s.account_id, c.currency, sum(c.cost) as cost
           from service_costs(array(select id from service where tenant_id = $1 and account_id = any($2) and in_service)) c
           join service s on s.tenant_id = $1 and s.id = c.service_id group by 1, 2""",
        tenant_id,
        list(accounts),
    )
    return [(row["account_id"], row["currency"], row["cost"]) for row in rows]


async def accounts(con: Connection, tenant_id: int, ids: Sequence[int]) -> list[AccountRow]:
    """The accounts of `ids` that may be seen."""
    return [AccountRow(**_plain(row)) for row in await con.fetch(_ACCOUNTS, tenant_id, list(ids), list(ACTIVE_ORDERS))]


async def sums(con: Connection, tenant_id: int, accounts: Sequence[int]) -> list[Sum]:
    """Services In Service and their money by account, status and currency."""
    return [Sum(**row) for row in await con.fetch(_SUMS, tenant_id, list(accounts))]


async def billed(con: Connection, tenant_id: int, today: Mapping[int, date]) -> list[Billed]:
    """The invoices of the accounts in `today` (account -> its local date), by currency."""
    return [Billed(**row) for row in await con.fetch(_BILLED, tenant_id, list(today), list(today.values()))]


async def started(con: Connection, tenant_id: int, ids: Sequence[int], now_us: int) -> dict[int, int]:
    """Account -> when its present status began, µs: where its last span with another one ended."""
    rows = await con.fetch(
        """select w.id, coalesce(other.ends_at, first.starts_at) as since from unnest($2::bigint[]) as w (id)
           join account_span p on p.tenant_id = $1 and p.account_id = w.id and p.ends_at is null and p.starts_at <= $3
           left join lateral (select o.ends_at from account_span o where o.tenant_id = $1 and o.account_id = w.id
             and o.starts_at < p.starts_at and o.shown <> p.shown order by o.starts_at desc limit 1) other on true
           left join lateral (select o.starts_at from account_span o where o.tenant_id = $1 and o.account_id = w.id
             order by o.starts_at limit 1) first on true""",
        tenant_id,
        list(ids),
        to_datetime(now_us),
    )
    return {row["id"]: to_us(row["since"]) for row in rows}


def _plain(row: Any) -> dict[str, Any]:
    """A record as keyword arguments: instants as µs."""
    values = dict(row)
    return values | {key: to_us(values[key]) for key in ("since", "cases_since") if values.get(key) is not None}
