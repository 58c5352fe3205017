"""Maintenance windows: saved in versions, read as what analytics decides by, and when each service's next edge is due."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from analytics.maintenance import BEGINNING, Window, changes_past, fault_of
from protocols.errors import Refused
from storage import dirty
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.database import Connection

Versions = list[Window]  # of one window, oldest first


class Change(NamedTuple):
    """A version as someone wants it. `zone` is an IANA name, `services` are external ids, instants are µs."""

    external_id: str
    title: str
    start: int
    end: int
    zone: str
    services: Sequence[str]
    rrule: str = ""
    reason: str = ""  # why it says something about the past
    canceled: bool = False


async def windows_of(con: Connection, tenant_id: int, service_ids: Sequence[int]) -> dict[int, list[Versions]]:
    """The windows of each service that has any. A version that does not name the service is canceled as far as it goes."""
    rows = await con.fetch(
        """select m.service_id, w.id, w.starts_at, w.ends_at, w.timezone, w.rrule, w.recorded_at, w.back_dated_reason,
             w.canceled or not exists (select from maintenance_window_service n where n.tenant_id = $1 and n.window_id = w.id
               and n.version = w.version and n.service_id = m.service_id) as canceled
           from (select distinct service_id, window_id from maintenance_window_service
                 where tenant_id = $1 and service_id = any($2)) m
           join maintenance_window w on w.tenant_id = $1 and w.id = m.window_id
           order by m.service_id, w.id, w.version""",
        tenant_id,
        service_ids,
    )
    found: dict[int, dict[int, Versions]] = {}
    for row in rows:
        window = Window(
            to_us(row["starts_at"]),
            to_us(row["ends_at"]),
            ZoneInfo(row["timezone"]),
            row["rrule"] or "",
            to_us(row["recorded_at"]),
            row["back_dated_reason"] is not None,
            row["canceled"],
        )
        found.setdefault(row["service_id"], {}).setdefault(row["id"], []).append(window)
    return {service: list(windows.values()) for service, windows in found.items()}


async def save(con: Connection, tenant_id: int, owner: str, change: Change, now: int) -> int:
    """Store the next version of a window, mark its services to be decided again, and return the version's number.

    Raises Refused: 422 for a window that makes no sense, 409 where it changes the past without a reason or is another
    owner's. A name of a service that is not known is 422.
    """
    window = _window(change, now)
    fault = fault_of(window)
    if fault:
        raise Refused(422, "This maintenance window makes no sense", fault)
    services = await _services(con, tenant_id, change.services)
    key, before = await _before(con, tenant_id, change.external_id, owner)
    if not change.reason and changes_past([each for each, _ in before], window):
        detail = "It says something else about the time before now than was known: give a reason for the back-dating."
        raise Refused(409, "This change of a maintenance window changes the past", detail)
    version = len(before) + 1
    values = (tenant_id, change.external_id, owner, version, change.title, to_datetime(change.start), to_datetime(change.end))
    more = (change.rrule or None, change.zone, change.reason or None, change.canceled, to_datetime(now))
    names = "tenant_id, external_id, owner, version, title, starts_at, ends_at, rrule, timezone, back_dated_reason, canceled"
    own_id, own_value = ("", "") if key is None else (", id", ", $13")
    key = await con.fetchval(
        f"""insert into maintenance_window ({names}, recorded_at{own_id}) overriding system value
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12{own_value}) returning id""",  # noqa: S608 - constants
        *values,
        *more,
        *(() if key is None else (key,)),
    )
    await con.execute(
        "insert into maintenance_window_service select $1, $2, $3, unnest($4::bigint[])", tenant_id, key, version, services
    )
    touched = sorted({*services, *(service for _, named in before for service in named)})
    since = min([now, *(each.start for each in (window, *(old for old, _ in before)))]) if change.reason else now
    await dirty.mark_services(con, tenant_id, touched, [since] * len(touched))
    return version


async def due(con: Connection, tenant_id: int, now: int, limit: int = 5_000) -> dict[int, int]:
    """Services of which a window has opened or closed by `now`: service id -> when."""
    rows = await con.fetch(
        "select service_id, due_at from service_due where tenant_id = $1 and due_at <= $2 order by due_at limit $3",
        tenant_id,
        to_datetime(now),
        limit,
    )
    return {row["service_id"]: to_us(row["due_at"]) for row in rows}


async def set_due(con: Connection, tenant_id: int, dues: Mapping[int, int | None]) -> None:
    """Record when each service's next window opens or closes; None = never."""
    await con.execute(
        """merge into service_due d using unnest($2::bigint[], $3::timestamptz[]) as n (service_id, due_at)
             on d.tenant_id = $1 and d.service_id = n.service_id
           when matched and n.due_at is null then delete
           when matched and n.due_at <> d.due_at then update set due_at = n.due_at
           when not matched and n.due_at is not null then insert values ($1, n.service_id, n.due_at)""",
        tenant_id,
        list(dues),
        [None if us is None else to_datetime(us) for us in dues.values()],
    )


def _window(change: Change, now: int) -> Window:
    try:
        zone = ZoneInfo(change.zone)
    except (ValueError, OSError, KeyError):
        raise Refused(422, "This maintenance window makes no sense", f"{change.zone!r} is no time zone.") from None
    return Window(change.start, change.end, zone, change.rrule, now, bool(change.reason), change.canceled)


async def _services(con: Connection, tenant_id: int, names: Sequence[str]) -> list[int]:
    rows = await con.fetch("select id, external_id from service where tenant_id = $1 and external_id = any($2)", tenant_id, names)
    unknown = sorted(set(names) - {row["external_id"] for row in rows})
    if unknown:
        raise Refused(422, "This maintenance window makes no sense", f"There is no service {', '.join(unknown)}.")
    return [row["id"] for row in rows]


async def _before(
    con: Connection, tenant_id: int, external_id: str, owner: str
) -> tuple[int | None, list[tuple[Window, list[int]]]]:
    """The window's id and its versions so far, oldest first, each with its services; None for a new one."""
    rows = await con.fetch(
        """select w.*, array(select service_id from maintenance_window_service s
             where s.tenant_id = $1 and s.window_id = w.id and s.version = w.version) as services
           from maintenance_window w where w.tenant_id = $1 and w.external_id = $2 order by w.version for update of w""",
        tenant_id,
        external_id,
    )
    if rows and rows[-1]["owner"] != owner:
        raise Refused(409, "Another owner keeps this maintenance window", f"It belongs to {rows[-1]['owner']}.")
    versions = []
    for row in rows:
        dated = row["back_dated_reason"] is not None
        span = (to_us(row["starts_at"]), to_us(row["ends_at"]))
        zone, recorded = ZoneInfo(row["timezone"]), BEGINNING if dated else to_us(row["recorded_at"])
        versions.append((Window(*span, zone, row["rrule"] or "", recorded, dated, row["canceled"]), row["services"]))
    return (rows[0]["id"] if rows else None), versions
