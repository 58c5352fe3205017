"""Lists of services: counted by status, filtered by a list view, searched, the worst first; the transaction names who looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storage.times import DAY_US, to_datetime
from storage.views import STATUSES, plain_row

if TYPE_CHECKING:
    from analytics.status import Cause
    from storage.database import Connection

# List view -> which services it holds, over the columns of `matching`. An open case is one of any status but Closed.
VIEWS = {
    "": "true",
    "active": "m.active",
    "cases": "m.cases > 0",
    "cases-over-1-day": "m.cases_since <= $2",
    "maintenance": "m.maintained",
}

# A service without a span has not been decided yet.
_MATCHING = """
with matching as (
  select s.tenant_id, s.id, s.external_id, s.name, s.account_id, s.product_id, s.location_id, s.fulfilment_status, s.active,
         coalesce(p.shown, case when s.in_service then 'No Data' else 'Not in service' end) as status,
         p.since, coalesce(p.reason, case when s.in_service then 'never' else '' end) as reason, p.flags, p.cause,
         coalesce('maintenance' = any(p.flags), false) as maintained, coalesce(c.cases, 0) as cases, c.cases_since
  from service s
  left join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null
  left join (select service_id, count(*) as cases, min(opened_at) as cases_since from support_case
             where status <> 'Closed' and opened_at <= $3 group by service_id) c on c.service_id = s.id
"""
# $1 is what was typed into the search box. Without it the clause is another, since a plan that serves both is slow for both.
_SEARCH = """  where s.id in (
    select t.id from service t
    join account a on a.tenant_id = t.tenant_id and a.id = t.account_id
    join product r on r.tenant_id = t.tenant_id and r.id = t.product_id
    left join location l on l.tenant_id = t.tenant_id and l.id = t.location_id
    where strpos(lower(concat_ws(E'\\n', t.name, t.external_id, t.customer_service_name, a.name, r.name, l.name, l.city)),
                 lower($1)) > 0
    union
    select c.service_id from placement c
    join element e on e.tenant_id = c.tenant_id and e.id = c.element_id
    where strpos(lower(concat_ws(E'\\n', e.name, e.external_id, e.address)), lower($1)) > 0)"""
_ALL = "  where $1 = ''"


class ServiceRow(NamedTuple):
    """One line of a list. `since` in µs, None while nothing has been decided; `zone` is the nearest IANA name; `cases` are open."""

    external_id: str
    name: str
    account: str
    account_external_id: str
    product: str
    location: str
    city: str
    zone: str
    fulfilment: str
    status: str
    since: int | None
    reason: str
    flags: tuple[str, ...]
    cause: tuple[Cause, ...]
    cases: int


class Counts(NamedTuple):
    """How many services match: by shown status within the list view (each of STATUSES), and in each list view of VIEWS."""

    by_status: dict[str, int]
    by_view: dict[str, int]


async def counts(con: Connection, q: str, view: str, now: int) -> Counts:
    """Counts of what matches `q`. `view` is a key of VIEWS."""
    each = ", ".join(f'count(*) filter (where {rule}) as "view {name}"' for name, rule in VIEWS.items())
    rows = await con.fetch(
        f"{_matching(q)} select m.status, {each} from matching m group by m.status",  # noqa: S608 - put together from our own text
        *_arguments(q, now),
    )
    by_status = dict.fromkeys(STATUSES, 0) | {row["status"]: row[f"view {view}"] for row in rows}
    return Counts(by_status, {name: sum(row[f"view {name}"] for row in rows) for name in VIEWS})


async def services(con: Connection, q: str, view: str, status: str, now: int, limit: int, offset: int) -> list[ServiceRow]:
    """Services that match `q` (name, number, account, product, location, element), in the list view `view`, of `status`
    ('' = any), worst first.
    """
    # Of a plan for whatever is asked, chosen from the sixth call on, PostgreSQL expects so few rows that it takes ten times as long.
    await con.execute("set local plan_cache_mode = force_custom_plan")
    rows = await con.fetch(
        f"""{_matching(q)}, page as (
          select m.*, row_number() over (
            order by array_position($5::text[], m.status),
              case when m.status not in ('Up', 'Not in service') then m.since end desc nulls last, lower(m.name), m.id) as place
          from matching m where ($4 = '' or m.status = $4) and {VIEWS[view]} and ($2::timestamptz is not null)
          order by place limit $6 offset $7)
        select m.external_id, m.name, a.name as account, r.name as product, a.external_id as account_external_id,
               coalesce(l.name, '') as location, coalesce(l.city, '') as city,
               coalesce(l.timezone, a.timezone, t.timezone) as zone, m.fulfilment_status as fulfilment, m.status, m.since, m.reason,
               m.flags, m.cause, m.cases
        from page m
        join tenant t on t.id = m.tenant_id
        join account a on a.tenant_id = m.tenant_id and a.id = m.account_id
        join product r on r.tenant_id = m.tenant_id and r.id = m.product_id
        left join location l on l.tenant_id = m.tenant_id and l.id = m.location_id
        order by m.place""",  # noqa: S608 - put together from our own text
        *_arguments(q, now),
        status,
        list(STATUSES),
        limit,
        offset,
    )
    return [ServiceRow(**plain_row(row)) for row in rows]


def _matching(q: str) -> str:
    return f"{_MATCHING}{_SEARCH if q else _ALL})"


def _arguments(q: str, now: int) -> tuple[object, ...]:
    return q, to_datetime(now - DAY_US), to_datetime(now)
