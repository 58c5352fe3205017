"""Timelines of accounts: what a decision about them needs, and where it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from analytics.account_status import AccountState, ServiceNow
from analytics.service_status import ServiceState
from analytics.timeline import Span
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.database import Connection

AccountSpans = list[Span[AccountState]]


class Members(NamedTuple):
    """From when on (µs) an account must be decided again, what is stored from there, and its services' spans from there."""

    start: int
    stored: AccountSpans
    services: list[list[Span[ServiceState]]]


async def any_down(con: Connection, tenant_id: int) -> bool:
    """The tenant's switch: one service Down is enough."""
    return bool(await con.fetchval("select any_down from tenant where id = $1", tenant_id))


async def claim(con: Connection, tenant_id: int, limit: int = 500) -> list[int]:
    """Take accounts whose whole timeline must be decided again. They return if the transaction fails."""
    rows = await con.fetch(
        """delete from account_dirty where tenant_id = $1 and account_id in (select account_id from account_dirty
             where tenant_id = $1 order by account_id limit $2 for update skip locked) returning account_id""",
        tenant_id,
        limit,
    )
    return [row["account_id"] for row in rows]


async def members(con: Connection, tenant_id: int, changed: Mapping[int, int], whole: Sequence[int]) -> dict[int, Members]:
    """Account -> what to decide, for every account with a service of `changed` (service -> first change, µs) and those of `whole`.

    An account of `whole`, or of which nothing is stored, is decided from its services' first span on; any other from one µs
    before the change: so the span that ends there is still read, and the new one can be joined with it.
    """
    rows = await con.fetch(
        """select s.account_id, min(c.at) as at, exists (select from account_span x where x.tenant_id = $1
             and x.account_id = s.account_id) as known
           from unnest($2::bigint[], $3::bigint[]) as c (service, at)
           join service s on s.tenant_id = $1 and s.id = c.service group by s.account_id""",
        tenant_id,
        list(changed),
        list(changed.values()),
    )
    starts = {row["account_id"]: row["at"] - 1 if row["known"] else 0 for row in rows} | dict.fromkeys(whole, 0)
    stored = await _stored(con, tenant_id, starts)
    services = await _service_spans(con, tenant_id, starts)
    found = {}
    for account, start in starts.items():
        parts = services[account]
        first = start or min((spans[0].start for spans in parts), default=0)
        found[account] = Members(first, stored[account], parts)
    return found


async def replace(con: Connection, tenant_id: int, changes: Mapping[int, tuple[AccountSpans, AccountSpans]]) -> None:
    """Account -> (the stored spans as read, what they shall be): only what differs is written."""
    gone = [(account, span.start) for account, (old, new) in changes.items() for span in _fresh(new, old)]
    await con.execute(
        """delete from account_span x using unnest($2::bigint[], $3::timestamptz[]) as g (id, at)
           where x.tenant_id = $1 and x.account_id = g.id and x.starts_at = g.at""",
        tenant_id,
        [account for account, _ in gone],
        [to_datetime(at) for _, at in gone],
    )
    await con.executemany(
        """insert into account_span (tenant_id, account_id, starts_at, ends_at, raw, shown, measured, services, services_down, flags)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        [
            (
                tenant_id,
                account,
                to_datetime(span.start),
                None if span.end is None else to_datetime(span.end),
                *_values(span.value),
            )
            for account, (old, new) in changes.items()
            for span in _fresh(old, new)
        ],
    )


async def services_now(con: Connection, tenant_id: int, account_ids: Sequence[int]) -> dict[int, list[ServiceNow]]:
    """The present state of all services of each account, with their revenue: what account_now and revenue want."""
    rows = await con.fetch(
        """select s.account_id, coalesce(p.shown, case when s.in_service then 'No Data' else 'Not in service' end) as status,
             coalesce('maintenance' = any(p.flags), false) as maintenance, s.mrr, s.currency
           from service s left join service_span p on p.tenant_id = s.tenant_id and p.service_id = s.id and p.ends_at is null
           where s.tenant_id = $1 and s.account_id = any($2) order by s.account_id, s.id""",
        tenant_id,
        account_ids,
    )
    found: dict[int, list[ServiceNow]] = {account: [] for account in account_ids}
    for row in rows:
        found[row["account_id"]].append(ServiceNow(row["status"], row["maintenance"], row["mrr"], row["currency"]))
    return found


async def _stored(con: Connection, tenant_id: int, starts: Mapping[int, int]) -> dict[int, AccountSpans]:
    rows = await con.fetch(
        """select x.* from unnest($2::bigint[], $3::timestamptz[]) as w (id, start)
           cross join lateral (select coalesce((select max(starts_at) from account_span b where b.tenant_id = $1
             and b.account_id = w.id and b.starts_at <= w.start), '-infinity') as at offset 0) first
           join account_span x on x.tenant_id = $1 and x.account_id = w.id and x.starts_at >= first.at
             and (x.ends_at is null or x.ends_at > w.start)
           order by x.account_id, x.starts_at""",
        tenant_id,
        list(starts),
        [to_datetime(us) for us in starts.values()],
    )
    found: dict[int, AccountSpans] = {account: [] for account in starts}
    for row in rows:
        counts = (row["measured"], row["services"], row["services_down"])
        found[row["account_id"]].append(_span(row, AccountState(row["raw"], row["shown"], *counts, frozenset(row["flags"]))))
    return found


async def _service_spans(con: Connection, tenant_id: int, starts: Mapping[int, int]) -> dict[int, list[list[Span[ServiceState]]]]:
    """The spans of each account's services without their causes, which an account does not look at; by index, whatever lies before."""
    rows = await con.fetch(
        """select s.account_id, x.service_id, x.starts_at, x.ends_at, x.raw, x.shown, x.flags
           from unnest($2::bigint[], $3::timestamptz[]) as w (id, start)
           join service s on s.tenant_id = $1 and s.account_id = w.id
           cross join lateral (select coalesce((select max(starts_at) from service_span b where b.tenant_id = $1
             and b.service_id = s.id and b.starts_at <= w.start), '-infinity') as at offset 0) first
           join service_span x on x.tenant_id = $1 and x.service_id = s.id and x.starts_at >= first.at
             and (x.ends_at is null or x.ends_at > w.start)
           order by x.service_id, x.starts_at""",
        tenant_id,
        list(starts),
        [to_datetime(us) for us in starts.values()],
    )
    parts: dict[tuple[int, int], list[Span[ServiceState]]] = {}
    for row in rows:
        state = ServiceState(row["raw"], row["shown"], "", frozenset(row["flags"]), 0, ())
        parts.setdefault((row["account_id"], row["service_id"]), []).append(_span(row, state))
    found: dict[int, list[list[Span[ServiceState]]]] = {account: [] for account in starts}
    for (account, _), spans in parts.items():
        found[account].append(spans)
    return found


def _fresh(old: AccountSpans, new: AccountSpans) -> AccountSpans:
    known = {span.start: span for span in old}
    return [span for span in new if known.get(span.start) != span]


def _values(state: AccountState) -> tuple[Any, ...]:
    return (*state[:5], sorted(state.flags))


def _span(row: Any, value: Any) -> Span[Any]:
    return Span(to_us(row["starts_at"]), None if row["ends_at"] is None else to_us(row["ends_at"]), value)
