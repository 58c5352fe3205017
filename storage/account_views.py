"""What the pages about accounts show: all of them in counts, and one with its services, cases and orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage.times import to_datetime
from storage.views import plain_row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from analytics.status import Cause
    from storage.database import Connection

# Orders that are being worked on; an open case is one of any status but Closed.
ACTIVE_ORDERS = ("Pending", "In Progress")
# What a service is now, whether or not anything was decided about it.
NOW = """coalesce(p.shown, case when s.in_service then 'No Data' else 'Not in service' end)"""
_OPEN = "left join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null"


class AccountCounts(NamedTuple):
    """An account and how many of its services have each status now; `up` to `off` together are all of them."""

    id: int
    external_id: str
    name: str
    manager: str
    zone: str
    down: int
    issues: int
    no_data: int
    up: int
    off: int
    maintained: int
    cases: int


class Trouble(NamedTuple):
    """A service that is Down or has issues, of a list of accounts; `place` counts from 1, the worst first."""

    account_id: int
    external_id: str
    name: str
    status: str
    place: int


class Money(NamedTuple):
    """Monthly revenue of an account's services in one status and currency."""

    account_id: int
    status: str
    currency: str
    mrr: Decimal


class Account(NamedTuple):
    """One account. `any_down` is the tenant's switch; texts are empty where nothing is known."""

    id: int
    external_id: str
    name: str
    manager: str
    email: str
    zone: str
    country: str
    any_down: bool


class AccountService(NamedTuple):
    """A service of one account as it is now. `since` in µs, None while nothing has been decided."""

    id: int
    external_id: str
    name: str
    product: str
    location: str
    city: str
    fulfilment: str
    status: str
    since: int | None
    reason: str
    flags: tuple[str, ...]
    cause: tuple[Cause, ...]
    mrr: Decimal
    currency: str


class Fact(NamedTuple):
    """An open case or an active order, as the CRM says it; `service` is its service's name, empty for the whole account."""

    external_id: str
    subject: str
    status: str
    opened: int
    service: str
    service_external_id: str


class AccountSpan(NamedTuple):
    """A stretch [start, end) of an account's shown status, µs, and how many of its services In Service were Down or had issues."""

    start: int
    end: int | None
    status: str
    services: int
    services_down: int


class Place(NamedTuple):
    """A location of an account: how many services it has and how many of them are active."""

    id: int
    name: str
    city: str
    services: int
    active: int


async def count_accounts(con: Connection, q: str) -> list[AccountCounts]:
    """Every account whose name, number, manager or place matches `q` ('' = all), by name."""
    rows = await con.fetch(
        f"""select a.id, a.external_id, a.name, coalesce(m.name, '') as manager, coalesce(a.timezone, t.timezone) as zone,
             coalesce(n.down, 0) as down, coalesce(n.issues, 0) as issues, coalesce(n.no_data, 0) as no_data,
             coalesce(n.up, 0) as up, coalesce(n.off, 0) as off, coalesce(n.maintained, 0) as maintained,
             coalesce(c.cases, 0) as cases
           from account a join tenant t on t.id = a.tenant_id
           left join account_manager m on m.tenant_id = a.tenant_id and m.id = a.account_manager_id
           left join (select x.account_id, count(*) filter (where x.now = 'Down') as down,
                count(*) filter (where x.now = 'Has Issues') as issues, count(*) filter (where x.now = 'No Data') as no_data,
                count(*) filter (where x.now = 'Up') as up, count(*) filter (where x.now = 'Not in service') as off,
                count(*) filter (where x.maintained) as maintained
              from (select s.account_id, {NOW} as now, 'maintenance' = any(p.flags) as maintained from service s {_OPEN}) x
              group by x.account_id) n on n.account_id = a.id
           left join (select account_id, count(*) as cases from support_case where status <> 'Closed' group by 1) c
             on c.account_id = a.id
           where $1 = '' or strpos(lower(concat_ws(E'\\n', a.name, a.external_id, m.name)), lower($1)) > 0
             or a.id in (select l.account_id from location l where strpos(lower(concat_ws(E'\\n', l.name, l.city)), lower($1)) > 0)
           order by lower(a.name), a.id""",  # noqa: S608 - put together from our own text
        q,
    )
    return [AccountCounts(*row) for row in rows]


async def trouble(con: Connection, account_ids: Sequence[int], most: int) -> list[Trouble]:
    """Of each account the first `most` services that are Down or have issues, by account, the worst first."""
    rows = await con.fetch(
        """select * from (select s.account_id, s.external_id, s.name, p.shown as status,
             row_number() over (partition by s.account_id order by p.shown, s.mrr desc, lower(s.name), s.id) as place
           from service s join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null
           where s.account_id = any($1) and p.shown in ('Down', 'Has Issues')) x where x.place <= $2
           order by x.account_id, x.place""",
        list(account_ids),
        most,
    )
    return [Trouble(*row) for row in rows]


async def money(con: Connection, account_ids: Sequence[int]) -> list[Money]:
    """Monthly revenue of what is Down, has issues or has no data, by account, status and currency."""
    rows = await con.fetch(
        f"""select s.account_id, {NOW} as status, s.currency, sum(s.mrr) as mrr from service s {_OPEN}
           where s.account_id = any($1) and {NOW} in ('Down', 'Has Issues', 'No Data') group by 1, 2, 3""",  # noqa: S608 - as above
        list(account_ids),
    )
    return [Money(*row) for row in rows]


async def account(con: Connection, external_id: str) -> Account | None:
    """The account with that external id, or None."""
    row = await con.fetchrow(
        """select a.id, a.external_id, a.name, coalesce(m.name, '') as manager, coalesce(m.email, '') as email,
             coalesce(a.timezone, t.timezone) as zone, coalesce(a.country, '') as country, t.any_down
           from account a join tenant t on t.id = a.tenant_id
           left join account_manager m on m.tenant_id = a.tenant_id and m.id = a.account_manager_id
           where a.external_id = $1""",
        external_id,
    )
    return None if row is None else Account(*row)


async def services(con: Connection, account_id: int) -> list[AccountService]:
    """All services of an account, the worst first."""
    rows = await con.fetch(
        f"""select s.id, s.external_id, s.name, r.name as product, coalesce(l.name, '') as location, coalesce(l.city, '') as city,
             s.fulfilment_status as fulfilment, {NOW} as status, p.since,
             coalesce(p.reason, case when s.in_service then 'never' else '' end) as reason, p.flags, p.cause, s.mrr, s.currency
           from service s {_OPEN}
           join product r on r.tenant_id = s.tenant_id and r.id = s.product_id
           left join location l on l.tenant_id = s.tenant_id and l.id = s.location_id
           where s.account_id = $1
           order by array_position(array['Down', 'Has Issues', 'No Data', 'Up', 'Not in service'], {NOW}),
             case when {NOW} not in ('Up', 'Not in service') then p.since end desc nulls last, lower(s.name), s.id""",  # noqa: S608
        account_id,
    )
    return [AccountService(**plain_row(row)) for row in rows]


async def open_cases(con: Connection, account_id: int) -> list[Fact]:
    """The open cases of an account and of its services, oldest first."""
    return await _facts(con, "support_case", "x.subject", "x.status <> 'Closed'", account_id)


async def active_orders(con: Connection, account_id: int) -> list[Fact]:
    """The orders of an account that are being worked on, oldest first."""
    return await _facts(con, "sales_order", "''", f"x.status in {ACTIVE_ORDERS}", account_id)


async def _facts(con: Connection, table: str, subject: str, rule: str, account_id: int) -> list[Fact]:
    rows = await con.fetch(
        f"""select x.external_id, {subject} as subject, x.status, x.opened_at as opened, coalesce(s.name, '') as service,
             coalesce(s.external_id, '') as service_external_id
           from {table} x left join service s on s.tenant_id = x.tenant_id and s.id = x.service_id
           where x.account_id = $1 and {rule} order by x.opened_at, x.id""",  # noqa: S608 - our own text
        account_id,
    )
    return [Fact(**plain_row(row)) for row in rows]


async def places(con: Connection, account_id: int) -> list[Place]:
    """The locations where an account is served, by name; those without services too."""
    rows = await con.fetch(
        """select l.id, l.name, l.city, count(s.id) as services, count(s.id) filter (where s.active) as active
           from location l left join service s on s.tenant_id = l.tenant_id and s.location_id = l.id and s.account_id = $1
           where l.account_id = $1 group by l.id, l.name, l.city order by lower(l.name), l.id""",
        account_id,
    )
    return [Place(*row) for row in rows]


async def history(con: Connection, account_id: int, start: int, end: int) -> list[AccountSpan]:
    """The spans of an account that overlap [start, end), µs, oldest first, not clipped. A reseller's session sees none."""
    rows = await con.fetch(
        """select starts_at as start, ends_at as end, shown as status, services, services_down from account_span
           where account_id = $1 and starts_at < $3 and (ends_at is null or ends_at > $2) order by starts_at""",
        account_id,
        to_datetime(start),
        to_datetime(end),
    )
    return [AccountSpan(**plain_row(row)) for row in rows]
