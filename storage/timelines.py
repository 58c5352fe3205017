"""Timelines of elements and services: read where a decision starts, replaced from there on, never edited elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from analytics.status import (
    ElementState,
    ServiceState,
    cause_to_json,
    element_from_json,
    evidence_to_json,
    seed_to_json,
    service_from_json,
)
from analytics.timeline import Span
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.database import Connection

ElementSpans = list[Span[ElementState]]
ServiceSpans = list[Span[ServiceState]]

# The lower bound of starts_at makes it a range of the primary key, whatever the length of the history before.
_FROM = """select x.*, w.id from unnest($2::bigint[], $3::timestamptz[]) as w (id, start)
  cross join lateral (
    select * from {what}_span s where s.tenant_id = $1 and s.{what}_id = w.id
      and s.starts_at >= coalesce((select max(b.starts_at) from {what}_span b
        where b.tenant_id = $1 and b.{what}_id = w.id and b.starts_at <= w.start), '-infinity')
      and (s.ends_at is null or s.ends_at > w.start) offset 0) x
  order by w.id, x.starts_at"""


async def elements_from(con: Connection, tenant_id: int, starts: Mapping[int, int]) -> dict[int, ElementSpans]:
    """Per element, the stored spans that reach beyond starts[element] (µs), oldest first."""
    found: dict[int, ElementSpans] = {element: [] for element in starts}
    for row in await con.fetch(_FROM.format(what="element"), tenant_id, *_starts(starts)):
        found[row["id"]].append(_span(row, element_from_json(**_plain(row, ("evidence", "sensors")))))
    return found


async def services_from(con: Connection, tenant_id: int, starts: Mapping[int, int]) -> dict[int, ServiceSpans]:
    """The same for services."""
    found: dict[int, ServiceSpans] = {service: [] for service in starts}
    for row in await con.fetch(_FROM.format(what="service"), tenant_id, *_starts(starts)):
        found[row["id"]].append(_span(row, service_from_json(**_plain(row, ("cause",)), since=to_us(row["since"]))))
    return found


async def replace_elements(con: Connection, tenant_id: int, changes: Mapping[int, tuple[ElementSpans, ElementSpans]]) -> None:
    """Per element (the stored spans as read, what they shall be): only what differs is written."""
    fresh = await _make_room(con, tenant_id, "element", changes)
    await con.execute(
        """insert into element_span (tenant_id, element_id, starts_at, ends_at, raw, shown, reason, flags, evidence, sensors)
           select $1, n.id, n.starts_at, n.ends_at, n.raw, n.shown, n.reason, array(select jsonb_array_elements_text(n.flags::jsonb)),
             n.evidence::jsonb, n.sensors::jsonb
           from unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
             $9::text[], $10::text[]) as n (id, starts_at, ends_at, raw, shown, reason, flags, evidence, sensors)""",
        tenant_id,
        *_columns(fresh),
        [_json(evidence_to_json(span.value.evidence)) for _, span in fresh],
        [_json(seed_to_json(span.value)) for _, span in fresh],
    )


async def replace_services(con: Connection, tenant_id: int, changes: Mapping[int, tuple[ServiceSpans, ServiceSpans]]) -> None:
    """The same for services."""
    fresh = await _make_room(con, tenant_id, "service", changes)
    await con.execute(
        """insert into service_span (tenant_id, service_id, starts_at, ends_at, raw, shown, reason, flags, since, cause)
           select $1, n.id, n.starts_at, n.ends_at, n.raw, n.shown, n.reason, array(select jsonb_array_elements_text(n.flags::jsonb)),
             n.since, n.cause::jsonb
           from unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[],
             $9::timestamptz[], $10::text[]) as n (id, starts_at, ends_at, raw, shown, reason, flags, since, cause)""",
        tenant_id,
        *_columns(fresh),
        [to_datetime(span.value.since) for _, span in fresh],
        [_json(cause_to_json(span.value.cause)) for _, span in fresh],
    )


async def _make_room(
    con: Connection, tenant_id: int, what: str, changes: Mapping[int, tuple[Sequence[Span[Any]], Sequence[Span[Any]]]]
) -> list[tuple[int, Span[Any]]]:
    """Remove the stored spans that shall not be, end those that only end, and return (id, span) for all that are to be added."""
    gone, ended, fresh = [], [], []
    for key, (old, new) in changes.items():
        stored = {span.start: span for span in old}
        wanted = {span.start: span for span in new}
        for start, span in stored.items():
            goes_on = wanted.get(start)
            if goes_on is None or goes_on.value != span.value:
                gone.append((key, to_datetime(start)))
            elif goes_on.end != span.end:
                ended.append((key, *_bounds(goes_on)))
        fresh += [(key, span) for start, span in wanted.items() if start not in stored or stored[start].value != span.value]
    if gone:
        await con.execute(
            f"""delete from {what}_span x using unnest($2::bigint[], $3::timestamptz[]) as g (id, at)
                where x.tenant_id = $1 and x.{what}_id = g.id and x.starts_at = g.at""",  # noqa: S608 - `what` is one of two words
            tenant_id,
            *(list(column) for column in zip(*gone, strict=True)),
        )
    if ended:
        await con.execute(
            f"""update {what}_span x set ends_at = g.until from unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[])
                as g (id, at, until) where x.tenant_id = $1 and x.{what}_id = g.id and x.starts_at = g.at""",  # noqa: S608 - as above
            tenant_id,
            *(list(column) for column in zip(*ended, strict=True)),
        )
    return fresh


def _json(value: object) -> str:
    """As text: the driver would take an array of lists for an array of more dimensions."""
    return msgspec.json.encode(value).decode()


def _columns(fresh: Sequence[tuple[int, Span[Any]]]) -> tuple[list[Any], ...]:
    """What spans of elements and of services have in common, as columns."""
    words = [
        (key, *_bounds(span), span.value.raw, span.value.shown, span.value.reason, _json(sorted(span.value.flags)))
        for key, span in fresh
    ]
    return tuple(list(column) for column in zip(*words, strict=True)) or ([],) * 7


def _starts(starts: Mapping[int, int]) -> tuple[list[int], list[Any]]:
    return list(starts), [to_datetime(us) for us in starts.values()]


def _bounds(span: Span[Any]) -> tuple[Any, Any]:
    return to_datetime(span.start), None if span.end is None else to_datetime(span.end)


def _span(row: Any, value: Any) -> Span[Any]:
    return Span(to_us(row["starts_at"]), None if row["ends_at"] is None else to_us(row["ends_at"]), value)


def _plain(row: Any, more: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in ("raw", "shown", "reason", "flags", *more)}
