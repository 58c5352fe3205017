"""Timelines of elements and services: read where a decision starts, replaced from there on, never edited elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

_FROM = """select x.*, {what}_id as id from unnest($2::bigint[], $3::timestamptz[]) as w (id, start)
  join {what}_span x on x.tenant_id = $1 and x.{what}_id = w.id and (x.ends_at is null or x.ends_at > w.start)
  order by x.{what}_id, x.starts_at"""


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
    """Element -> (the stored spans as read, what they shall be): only what differs is written."""
    await _delete(con, tenant_id, "element", changes)
    await con.executemany(
        """insert into element_span (tenant_id, element_id, starts_at, ends_at, raw, shown, reason, flags, evidence, sensors)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        [
            (tenant_id, element, *_bounds(span), *_words(span), evidence_to_json(span.value.evidence), seed_to_json(span.value))
            for element, (old, new) in changes.items()
            for span in _fresh(old, new)
        ],
    )


async def replace_services(con: Connection, tenant_id: int, changes: Mapping[int, tuple[ServiceSpans, ServiceSpans]]) -> None:
    """The same for services."""
    await _delete(con, tenant_id, "service", changes)
    await con.executemany(
        """insert into service_span (tenant_id, service_id, starts_at, ends_at, raw, shown, reason, flags, since, cause)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        [
            (tenant_id, service, *_bounds(span), *_words(span), to_datetime(span.value.since), cause_to_json(span.value.cause))
            for service, (old, new) in changes.items()
            for span in _fresh(old, new)
        ],
    )


async def _delete(con: Connection, tenant_id: int, what: str, changes: Mapping[int, tuple[Sequence[Any], Sequence[Any]]]) -> None:
    """Remove the stored spans that are not among the new ones as they are."""
    gone = [(key, span.start) for key, (old, new) in changes.items() for span in _fresh(new, old)]
    if gone:
        await con.execute(
            f"""delete from {what}_span x using unnest($2::bigint[], $3::timestamptz[]) as g (id, at)
                where x.tenant_id = $1 and x.{what}_id = g.id and x.starts_at = g.at""",  # noqa: S608 - `what` is one of two words
            tenant_id,
            [key for key, _ in gone],
            [to_datetime(at) for _, at in gone],
        )


def _fresh(old: Sequence[Span[Any]], new: Sequence[Span[Any]]) -> list[Span[Any]]:
    """Spans of `new` that `old` does not hold as they are."""
    known = {span.start: span for span in old}
    return [span for span in new if known.get(span.start) != span]


def _starts(starts: Mapping[int, int]) -> tuple[list[int], list[Any]]:
    return list(starts), [to_datetime(us) for us in starts.values()]


def _bounds(span: Span[Any]) -> tuple[Any, Any]:
    return to_datetime(span.start), None if span.end is None else to_datetime(span.end)


def _words(span: Span[ElementState] | Span[ServiceState]) -> tuple[str, str, str, list[str]]:
    return span.value.raw, span.value.shown, span.value.reason, sorted(span.value.flags)


def _span(row: Any, value: Any) -> Span[Any]:
    return Span(to_us(row["starts_at"]), None if row["ends_at"] is None else to_us(row["ends_at"]), value)


def _plain(row: Any, more: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in ("raw", "shown", "reason", "flags", *more)}
