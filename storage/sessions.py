"""RADIUS sessions: reports become sessions in the transaction that claims their batch, in any order, again and again the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from analytics import sessions
from storage.session_upsert import remove, save
from storage.times import DAY_US, to_datetime, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from protocols.uplink.kinds import Sessions
    from storage.database import Connection
    from storage.kept import Kept, Write

KEPT_DAYS = 180
_KEY = ("nas", "session", "part")
_TEXTS = ("multi", "user", "station", "ap", "ssid", "address")
_COLUMNS = "multi, user_name, station, ap, ssid, address"
_STATUSES = (1, 2, 3)  # Start, Stop, Interim
_RESTARTS = (7, 8)  # On, Off
_COUNTS = ("cause", "octets_in", "octets_out", "packets_in", "packets_out")
_STORED = f"element_id, nas, session, part, {_COLUMNS}, texts_at, starts_at, last_at, stopped_at, {', '.join(_COUNTS)}, interim"


class Reported(NamedTuple):
    """Accounting reports with the element of each, and the stored sessions of the same keys; `texts` in their order."""

    keys: list[tuple[str, str, str]]
    texts: list[str]
    reports: sessions.Reports
    ended: dict[int, datetime | None]  # when each stored session ended


async def prepare(con: Connection, kept: Kept) -> Write:
    """Nothing is needed before: the sessions are put together in the transaction."""
    del con

    async def write(transaction: Connection) -> None:
        await take(transaction, kept.tenant_id, kept.part, kept.element)

    return write


async def take(con: Connection, tenant_id: int, part: Sessions, element: NDArray[np.int64]) -> None:
    """Make sessions of the reports, in the caller's transaction. One at a time does so for a tenant."""
    await con.execute("select pg_advisory_xact_lock(hashtext('radius_session'), $1::int)", tenant_id)
    restarted = np.isin(part.kind, _RESTARTS)
    if restarted.any():
        await _restart(con, tenant_id, part, restarted)
    rows = np.flatnonzero(np.isin(part.kind, _STATUSES))
    if not len(rows):
        return
    found = await _reported(con, tenant_id, part, element, rows)
    made, of = sessions.assemble(found.reports)
    reported = np.zeros(len(made.key), np.bool_)
    reported[of[found.reports.known < 0]] = True
    known = found.reports.known
    merged = known[(known >= 0) & (known != made.known[of])].tolist()
    if merged:
        await remove(con, tenant_id, merged)
    await save(con, tenant_id, found.keys, found.texts, made, np.flatnonzero(reported), found.ended)


async def _restart(con: Connection, tenant_id: int, part: Sessions, restarted: NDArray[np.bool_]) -> None:
    """Note that NASes restarted, which ends what was open there by then."""
    places = part.nas[restarted].tolist(), part.ts[restarted].tolist()
    names, times = [part.texts[nas] for nas in places[0]], [to_datetime(ts) for ts in places[1]]
    await con.execute(
        """insert into radius_restart (tenant_id, nas, at) select $1, * from unnest($2::text[], $3::timestamptz[])
           on conflict do nothing""",
        tenant_id,
        names,
        times,
    )
    since = await con.fetchval(
        """with gone as (
             update radius_session s set ended_at = r.at, ended_by = 'restart'
             from (select nas, at from unnest($2::text[], $3::timestamptz[]) as u (nas, at)) r
             where s.tenant_id = $1 and s.nas = r.nas and s.last_at < r.at and s.stopped_at is null
               and (s.ended_at is null or s.ended_by = 'stale' or s.ended_at > r.at)
               and not exists (select from unnest($2::text[], $3::timestamptz[]) as o (nas, at)
                 where o.nas = s.nas and o.at > s.last_at and o.at < r.at)
             returning s.last_at)
           select min(last_at) from gone""",
        tenant_id,
        names,
        times,
    )
    if since is not None:
        await con.execute("insert into radius_dirty (tenant_id, from_ts) values ($1, $2)", tenant_id, since)


async def _reported(
    con: Connection, tenant_id: int, part: Sessions, element: NDArray[np.int64], rows: NDArray[np.intp]
) -> Reported:
    pointing = np.stack([getattr(part, name)[rows] for name in _KEY], axis=1).astype(np.int64)
    distinct, key = np.unique(pointing, axis=0, return_inverse=True)
    keys = [(part.texts[nas], part.texts[session], part.texts[own]) for nas, session, own in distinct.tolist()]
    stored = await con.fetch(
        f"""select u.i - 1 as key, s.id, s.ended_at, {_STORED}
            from unnest($2::text[], $3::text[], $4::text[]) with ordinality as u (nas, session, part, i)
            join radius_session s using (nas, session, part) where s.tenant_id = $1 order by s.id""",  # noqa: S608 # names above
        tenant_id,
        *(list(column) for column in zip(*keys, strict=True)),
    )
    texts = sorted({"", *part.texts, *(row[name] for row in stored for name in _COLUMNS.split(", "))})
    place = {text: number for number, text in enumerate(texts)}
    new = _of_batch(part, rows, key.ravel(), element, np.array([place[text] for text in part.texts], np.int64))
    old = _of_store(stored, place)
    reports = sessions.Reports._make(np.concatenate(pair) for pair in zip(new, old, strict=True))
    return Reported(keys, texts, reports, {row["id"]: row["ended_at"] for row in stored})


def _of_batch(
    part: Sessions,
    rows: NDArray[np.intp],
    key: NDArray[np.int64],
    element: NDArray[np.int64],
    place: NDArray[np.int64],
) -> sessions.Reports:
    ts, kind = part.ts[rows], part.kind[rows]
    said = np.stack([*(place[getattr(part, name)[rows]] for name in _TEXTS), element[rows]], axis=1)
    return sessions.Reports(
        key,
        ts,
        sessions.reports_began(kind.astype(np.int64), ts, part.seconds[rows].astype(np.int64)),
        np.where(kind == sessions.STOP, ts, -1),
        part.cause[rows].astype(np.int64),
        part.octets_in[rows].astype(np.int64),
        part.octets_out[rows].astype(np.int64),
        part.packets_in[rows].astype(np.int64),
        part.packets_out[rows].astype(np.int64),
        part.interim[rows].astype(np.int64) * sessions.SECOND,
        said,
        np.repeat(ts[:, None], said.shape[1], axis=1),
        np.full(len(rows), -1, np.int64),
    )


def _of_store(stored: Sequence[Any], place: dict[str, int]) -> sessions.Reports:
    """What is stored already, as reports: there is one row for each session that goes on, not for each report."""
    said = [[*(place[row[name]] for name in _COLUMNS.split(", ")), row["element_id"]] for row in stored]
    columns = (
        [row["key"] for row in stored],
        [to_us(row["last_at"]) for row in stored],
        [to_us(row["starts_at"]) for row in stored],
        [-1 if row["stopped_at"] is None else to_us(row["stopped_at"]) for row in stored],
        *([row[name] for row in stored] for name in _COUNTS),
        [row["interim"].total_seconds() * sessions.SECOND for row in stored],
    )
    shape = (len(stored), len(_TEXTS) + 1)
    texts = (said, [row["texts_at"] for row in stored])
    return sessions.Reports._make(
        (
            *(np.array(column, np.int64) for column in columns),
            *(np.array(column, np.int64).reshape(shape) for column in texts),
            np.array([row["id"] for row in stored], np.int64),
        )
    )


async def drop_old(con: Connection, tenant_id: int, today: int) -> None:
    """Forget sessions that ended, and restarts, more than KEPT_DAYS before `today` (days since the Unix epoch)."""
    before = to_datetime((today - KEPT_DAYS) * DAY_US)
    await con.execute("delete from radius_session where tenant_id = $1 and ended_at < $2", tenant_id, before)
    await con.execute("delete from radius_restart where tenant_id = $1 and at < $2", tenant_id, before)
