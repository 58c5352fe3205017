"""Accounting from the radacct table of a FreeRADIUS that is there already: read only, by its own indexes, as reports of sessions.

The stock schema has an index of open sessions (PostgreSQL) or of the stop time (MySQL), and the primary key, and none of the
time of the update: what is open is read whole, what is new by its number, and what is open no longer by its number too.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from agent import senders
from agent.batcher import Clock, Sink
from agent.plans import Run
from agent.senders import Senders
from agent.session_rows import Disguise, Report, columns, disguise, disguised
from protocols.errors import ConfigError
from protocols.radius.accounting import NOTHING, Accounting, called_station, mac
from protocols.radius.attributes import INTERIM, START, STOP
from protocols.uplink.batch import Batch
from protocols.uplink.listeners import Radius
from protocols.uplink.plan import Plan, Target
from protocols.wire import text

log = logging.getLogger(__name__)

EVERY = 60.0  # s between two looks
TIMEOUT = 10  # s a statement may take
BEHIND = 1_000  # numbers before the last one: rows become visible out of their order
AT_ONCE = 2_000  # rows of one batch
_NAMES = """radacctid, acctsessionid, username, nasipaddress, acctstarttime, acctupdatetime, acctstoptime, acctsessiontime,
  acctinputoctets, acctoutputoctets, calledstationid, callingstationid, acctterminatecause, acctinterval, framedipaddress"""
_OPEN = f"select {_NAMES} from radacct where acctstoptime is null and radacctid > {{}} order by radacctid limit {AT_ONCE}"  # noqa: S608
_NEW = f"select {_NAMES} from radacct where radacctid > {{}} order by radacctid limit {AT_ONCE}"  # noqa: S608
_SOME = f"select {_NAMES} from radacct where radacctid in ({{}})"  # noqa: S608
CAUSES: tuple[str, ...] = (
    "",
    "User-Request",
    "Lost-Carrier",
    "Lost-Service",
    "Idle-Timeout",
    "Session-Timeout",
    "Admin-Reset",
    "Admin-Reboot",
)
CAUSES += ("Port-Error", "NAS-Error", "NAS-Request", "NAS-Reboot", "Port-Unneeded", "Port-Preempted", "Port-Suspended")
CAUSES += ("Service-Unavailable", "Callback", "User-Error", "Host-Request")

Row = Mapping[str, Any]
Ask = Callable[[str], Awaitable[Sequence[Row]]]


class Followed:
    """What is known of the table: the sessions that were open, and the last number seen."""

    def __init__(self) -> None:
        self.open: dict[int, tuple[Any, ...]] = {}
        self.ended: dict[int, tuple[Any, ...]] = {}  # of the last BEHIND numbers
        self.last = 0

    async def look(self, ask: Ask) -> list[Row]:
        """The rows that are new or have changed since the last look; at the first one all that are open."""
        rows: dict[int, Row] = {}
        async for row in _pages(ask, _OPEN, 0):
            rows[row["radacctid"]] = row
        ended: dict[int, tuple[Any, ...]] = {}
        now_open = {number: _state(row) for number, row in rows.items()}
        news = [row for number, row in rows.items() if self.open.get(number) != now_open[number]]
        if not self.last:
            (latest,) = await ask("select coalesce(max(radacctid), 0) as radacctid from radacct")
            self.last = int(latest["radacctid"])
        async for row in _pages(ask, _NEW, max(self.last - BEHIND, 0)):
            number = row["radacctid"]
            if number not in rows and number not in self.open and self.ended.get(number) != _state(row):
                news.append(row)
            if number not in rows:
                ended[number] = _state(row)
            self.last = max(self.last, number)
        gone = sorted(self.open.keys() - now_open.keys())
        for at in range(0, len(gone), AT_ONCE):
            news += await ask(_SOME.format(",".join(map(str, gone[at : at + AT_ONCE]))))
        self.open, self.ended = now_open, ended
        return news


async def _pages(ask: Ask, query: str, after: int) -> Any:
    while True:
        rows = await ask(query.format(int(after)))
        for row in rows:
            yield row
        if len(rows) < AT_ONCE:
            return
        after = rows[-1]["radacctid"]


def _state(row: Row) -> tuple[Any, ...]:
    return (row["acctupdatetime"], row["acctsessiontime"], row["acctinputoctets"], row["acctoutputoctets"])


def poller(url: str) -> Run:
    """The collector that follows the radacct table at `url` ("" = there is none)."""

    async def run(targets: Sequence[Target], plan: Plan, sink: Sink, clock: Clock, counters: Counter[str]) -> None:
        del clock
        known, by = await senders.of(targets, Radius, counters), disguise(plan)
        followed = Followed()
        while True:
            try:
                async with connected(url) as ask:
                    while True:
                        followed = await _followed(followed, ask, known, by, sink, counters)
                        await asyncio.sleep(EVERY)
            except ConfigError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a database or its driver may say
                counters["radacct.failed"] += 1
                log.warning("the radacct table cannot be read now: %s", error)
            await asyncio.sleep(EVERY)

    return run


async def _followed(
    before: Followed, ask: Ask, known: Senders[Radius], by: Disguise, sink: Sink, counters: Counter[str]
) -> Followed:
    """One look, and what is known after it: as before where the reports could not be kept, so that they come again."""
    after = copy.copy(before)
    found: list[Report] = []
    for row in await after.look(ask):
        try:
            owners = known.find(_text(row["nasipaddress"]).partition("/")[0])
        except ValueError:
            owners = ()
        if not owners:
            counters["radacct.unknown_nas"] += 1
            continue
        found += reports(owners[0].sensor.number, row, by)
    for at in range(0, len(found), AT_ONCE):
        if not await sink.durable("events", Batch(sessions=columns(found[at : at + AT_ONCE]))):
            counters["radacct.not_kept"] += len(found) - at
            return before
    return after


def reports(sensor: int, row: Row, by: Disguise) -> Iterable[Report]:
    """What a row says: that a session began, and how far it is or that it has ended."""
    began, stopped = _us(row["acctstarttime"]), _us(row["acctstoptime"])
    said = disguised(_beginning(row), by)
    if began:
        yield Report(sensor, began, said)
    seconds = _number(row["acctsessiontime"], 0xFFFF_FFFF)
    last = stopped or _us(row["acctupdatetime"]) or began + seconds * 1_000_000
    if not last or (not stopped and last == began):
        return
    cause = _text(row["acctterminatecause"])
    yield Report(
        sensor,
        last,
        said._replace(
            status=STOP if stopped else INTERIM,
            octets_in=_number(row["acctinputoctets"], 1 << 62),
            octets_out=_number(row["acctoutputoctets"], 1 << 62),
            seconds=seconds or ((last - began) // 1_000_000 if began else 0),
            cause=CAUSES.index(cause) if stopped and cause in CAUSES else 0,
        ),
    )


def _beginning(row: Row) -> Accounting:
    called, ssid = called_station(_text(row["calledstationid"]))
    station = mac(_text(row["callingstationid"]))
    return NOTHING._replace(
        status=START,
        nas=_text(row["nasipaddress"]).partition("/")[0],
        session=_text(row["acctsessionid"]),
        part=station,
        user=_text(row["username"]),
        station=station,
        called=called,
        ssid=ssid,
        interim=_number(row["acctinterval"], 86_400),
        address=_text(row["framedipaddress"]).partition("/")[0],
    )


def _us(at: Any) -> int:
    """µs since the epoch; a time without zone is UTC, as the connection was asked for."""
    if not isinstance(at, datetime):
        return 0
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _text(said: Any) -> str:
    return text(str(said).encode()) if said else ""


def _number(said: Any, most: int) -> int:
    return min(max(int(said), 0), most) if said else 0


@contextlib.asynccontextmanager
async def connected(url: str) -> Any:
    """How to ask the database at `url`, in a session that only reads. Raises ConfigError: the address or the driver."""
    parts = urlsplit(url)
    kinds = {"postgresql": _postgresql, "postgres": _postgresql, "mysql": _mysql, "mariadb": _mysql}
    if parts.scheme not in kinds:
        raise ConfigError("radacct is not read: write its address as postgresql://user:password@host/database or mysql://….")
    async with kinds[parts.scheme](url) as ask:
        yield ask


@contextlib.asynccontextmanager
async def _postgresql(url: str) -> Any:
    try:
        import asyncpg  # noqa: PLC0415 - only where there is such a table
    except ImportError:
        raise ConfigError("radacct is not read: pip install 'lineside[radacct]' brings the database's driver.") from None
    settings = {"statement_timeout": f"{TIMEOUT}s", "default_transaction_read_only": "on", "timezone": "UTC"}
    con = await asyncpg.connect(url, timeout=TIMEOUT, command_timeout=TIMEOUT + 5, server_settings=settings)
    try:
        yield con.fetch
    finally:
        await con.close(timeout=5)


@contextlib.asynccontextmanager
async def _mysql(url: str) -> Any:
    try:
        import asyncmy  # noqa: PLC0415 - only where there is such a table
        from asyncmy.cursors import DictCursor  # noqa: PLC0415
    except ImportError:
        raise ConfigError("radacct is not read: pip install 'lineside[radacct]' brings the database's driver.") from None
    parts = urlsplit(url)
    con = await asyncmy.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        db=parts.path.strip("/"),
        connect_timeout=TIMEOUT,
        read_timeout=TIMEOUT + 5,
        autocommit=True,
        init_command="set session transaction read only",
    )

    async def ask(query: str) -> Sequence[Row]:
        async with con.cursor(cursor=DictCursor) as cursor:
            await cursor.execute(query)
            rows: Sequence[Row] = await cursor.fetchall()
            return rows

    try:
        await ask("set time_zone = '+00:00'")
        for limit in (f"set session max_statement_time = {TIMEOUT}", f"set session max_execution_time = {TIMEOUT * 1_000}"):
            with contextlib.suppress(Exception):  # MariaDB knows the one, MySQL the other
                await ask(limit)
        yield ask
    finally:
        con.close()
