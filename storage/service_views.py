"""What the page of one service shows beside its status: contract, promise, cases, and the days and periods of its history."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analytics.periods import periods
from analytics.summary import Member, summarise
from storage import availability
from storage.times import to_us

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from analytics.availability import Figures, Policy
    from analytics.availability_arrays import SpanArrays
    from analytics.periods import Period
    from storage.database import Connection

_FACTS = """
select s.account_id, a.external_id as account_external_id, s.mrr, s.currency, coalesce(b.name, '') as price_book,
       r.maintenance_policy as policy, r.sla_percent, r.response_time_ms, r.loss_percent, r.jitter_ms,
       s.service_start, s.term_end, s.month_to_month,
       array_remove(array[nullif('floor ' || s.floor, 'floor '), nullif('suite ' || s.suite, 'suite '),
         nullif('room ' || s.room, 'room '), nullif('cage ' || s.cage, 'cage '), nullif('cabinet ' || s.cabinet, 'cabinet '),
         nullif('rack ' || s.rack, 'rack ')], null) as spot
from service s
join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
join product r on r.tenant_id = s.tenant_id and r.id = s.product_id
left join price_book_entry e on e.tenant_id = s.tenant_id and e.id = s.price_book_entry_id
left join price_book b on b.tenant_id = e.tenant_id and b.id = e.price_book_id
where s.id = $1
"""


class Facts(NamedTuple):
    """The contract of a service. `spot`: floor, room, rack … in words; limits are None where nothing was promised."""

    account_id: int
    account_external_id: str
    mrr: Decimal
    currency: str
    price_book: str
    policy: Policy
    sla_percent: float | None
    response_time_ms: float | None
    loss_percent: float | None
    jitter_ms: float | None
    service_start: object
    term_end: object
    month_to_month: bool
    spot: list[str]


class Case(NamedTuple):
    """An open support case of the service; `opened` in µs."""

    external_id: str
    subject: str
    status: str
    opened: int


class Years(NamedTuple):
    """A service's ten periods with their figures, its spans, and the zone its calendar follows (the account's)."""

    zone: ZoneInfo
    figures: tuple[tuple[Period, Figures], ...]
    spans: SpanArrays


async def facts(con: Connection, service_id: int) -> Facts:
    """The contract of the service with that id, which exists."""
    row = await con.fetchrow(_FACTS, service_id)
    if row is None:
        raise KeyError(service_id)
    return Facts(**dict(row))


async def cases(con: Connection, service_id: int, now: int) -> list[Case]:
    """Its cases of any status but Closed that were opened by `now`, the oldest first."""
    rows = await con.fetch(
        """select external_id, subject, status, opened_at from support_case
           where service_id = $1 and status <> 'Closed' order by opened_at limit 100""",
        service_id,
    )
    found = [Case(row["external_id"], row["subject"], row["status"], to_us(row["opened_at"])) for row in rows]
    return [case for case in found if case.opened <= now]


async def years(con: Connection, tenant_id: int, service_id: int, of: Facts, now: int) -> Years:
    """The ten periods as they are at `now`; computed from the timeline, nothing is stored."""
    zone, calendar = await availability.zone_of(con, tenant_id, of.account_id)
    wanted = periods(now, zone, calendar)
    member = Member(service_id, "", "", None, of.mrr, of.currency, of.policy, of.sla_percent)
    spans = await availability.spans_of(con, tenant_id, [service_id], min(each.start for each in wanted))
    summary = summarise([member], spans, wanted)
    return Years(zone, tuple(zip(wanted, summary.services[0], strict=True)), spans)


async def measures(con: Connection, element_ids: Sequence[int], metrics: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """(element's external id, its name, metric, instance) of the series of those metrics, in the order of `metrics`."""
    rows = await con.fetch(
        """select distinct e.external_id, e.name, x.metric, x.instance, array_position($2::text[], x.metric) as place
           from series x join element e on e.tenant_id = x.tenant_id and e.id = x.element_id
           where x.element_id = any($1) and x.metric = any($2) order by place, e.name, x.instance limit 60""",
        list(element_ids),
        list(metrics),
    )
    return [tuple(row)[:4] for row in rows]
