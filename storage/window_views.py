"""Maintenance windows as people look at them: each with its versions, its services, and when it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from analytics.maintenance import Window, fault_of, in_maintenance, next_edge, occurrences
from storage.times import to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analytics.timeline import Span
    from storage.database import Connection


class Covered(NamedTuple):
    """A service that a window names."""

    external_id: str
    name: str
    account: str


class WindowView(NamedTuple):
    """A window: its newest version's words, and all `versions`, oldest first. `zone` is an IANA name; instants are µs."""

    external_id: str
    owner: str
    title: str
    zone: str
    reason: str
    services: tuple[Covered, ...]
    versions: tuple[Window, ...]

    @property
    def newest(self) -> Window:
        """What is planned now."""
        return self.versions[-1]

    @property
    def number(self) -> int:
        """The version's number, from 1."""
        return len(self.versions)

    def open_in(self, since: int, until: int) -> list[Span[None]]:
        """When work was or will be going on within [since, until)."""
        return in_maintenance(self.versions, since, until)

    def now(self, now: int) -> tuple[int, int] | None:
        """[start, end) of the occurrence that is going on, or None."""
        spans = self.open_in(now, now + 1)
        if not spans:
            return None
        found = [each for each in occurrences(self.newest, now, now + 1) if each[0] <= now < each[1]]
        return found[0] if found else (now, now + 1)

    def next(self, now: int) -> tuple[int, int] | None:
        """[start, end) of the next occurrence that begins after `now`, or None."""
        length, at = self.newest.end - self.newest.start, next_edge(self.versions, now)
        for _ in range(2):  # the next edge may be the end of what is going on
            if at is None:
                return None
            if any(start == at for start, _ in occurrences(self.newest, at, at + 1)):
                return at, at + length
            at = next_edge(self.versions, at)
        return None


# Windows that may matter after $1: those that end later by any version, and those that recur. $2: one service that the
# newest version names, or null.
_WINDOWS = """
with wanted as (
  select w.id from maintenance_window w
  where ($3::text is null or w.external_id = $3)
    and ($2::bigint is null or w.id in (select m.window_id from maintenance_window_service m where m.service_id = $2
      and m.version = (select max(v.version) from maintenance_window v where v.tenant_id = m.tenant_id and v.id = m.window_id)))
  group by w.id having $3 is not null or bool_or(w.ends_at > $1 or w.rrule is not null))
select w.id, w.external_id, w.owner, w.version, w.title, w.starts_at, w.ends_at, w.rrule, w.timezone, w.back_dated_reason,
       w.canceled, w.recorded_at
from wanted n join maintenance_window w on w.id = n.id order by w.id, w.version
"""
_COVERED = """
select m.window_id, s.external_id, s.name, a.name as account
from maintenance_window_service m
join service s on s.tenant_id = m.tenant_id and s.id = m.service_id
join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
where m.window_id = any($1) and m.version = (select max(w.version) from maintenance_window w
  where w.tenant_id = m.tenant_id and w.id = m.window_id)
order by m.window_id, lower(s.name)
"""


async def windows(con: Connection, since: int, service_id: int | None = None, external_id: str | None = None) -> list[WindowView]:
    """Windows that may be open after `since` (µs), or the one with that external id; canceled ones too, which say so."""
    rows = await con.fetch(_WINDOWS, to_datetime(since), service_id, external_id)
    by_id: dict[int, list[object]] = {}
    versions: dict[int, list[Window]] = {}
    for row in rows:
        dated = row["back_dated_reason"] is not None
        span = (to_us(row["starts_at"]), to_us(row["ends_at"]))
        window = Window(*span, ZoneInfo(row["timezone"]), row["rrule"] or "", to_us(row["recorded_at"]), dated, row["canceled"])
        versions.setdefault(row["id"], []).append(window)
        by_id[row["id"]] = [row["external_id"], row["owner"], row["title"], row["timezone"], row["back_dated_reason"] or ""]
    covered: dict[int, list[Covered]] = {}
    for row in await con.fetch(_COVERED, list(by_id)):
        covered.setdefault(row["window_id"], []).append(Covered(row["external_id"], row["name"], row["account"]))
    return [
        WindowView(*map(str, words), tuple(covered.get(key, ())), tuple(versions[key]))  # type: ignore[call-arg, arg-type]
        for key, words in by_id.items()
        if fault_of(versions[key][-1]) is None
    ]


async def calendar_of(con: Connection) -> tuple[str, int]:
    """The tenant's zone, and the day its weeks start on: 1 = Monday … 7 = Sunday."""
    row = await con.fetchrow("select timezone, week_start from tenant")
    return ("UTC", 1) if row is None else (row["timezone"], row["week_start"])


async def choices(con: Connection, q: str, limit: int) -> list[Covered]:
    """Services that a window may name: not canceled for good; found by name, number or account."""
    rows = await con.fetch(
        """select s.external_id, s.name, a.name as account from service s
           join account a on a.tenant_id = s.tenant_id and a.id = s.account_id
           where s.active and ($1 = '' or strpos(lower(concat_ws(E'\\n', s.name, s.external_id, a.name)), lower($1)) > 0)
           order by lower(a.name), lower(s.name) limit $2""",
        q,
        limit,
    )
    return [Covered(*row) for row in rows]


def current_and_next(
    found: Sequence[WindowView], now: int
) -> tuple[list[tuple[WindowView, int, int]], list[tuple[WindowView, int, int]]]:
    """Work that is going on, and the next occurrence of each window, soonest first: (window, start, end)."""
    going = [(each, *span) for each in found if (span := each.now(now))]
    coming = [(each, *span) for each in found if (span := each.next(now))]
    return going, sorted(coming, key=lambda item: item[1])
