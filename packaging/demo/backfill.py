"""The demo's history: a server whose clock stands in the past is given day after day by enrolled agents, and decides each.

Nothing is written into tables: batches go to PUT /agent/v1/ingest, the inventory and what a CRM knows by their own calls. Since
the clock goes along, statuses, packing and retention are as if those days had been lived through.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import rows as made
from parts import ROOT, Demo, Trouble
from past import PastClock

from agent.client import Answer, Server
from agent.cursor import Position
from agent.records import Record
from agent.segment_files import Entry
from agent.state import identity
from protocols.uplink.plan import Http, Plan, Snmp, decode_plan
from server import config, setup
from storage.database import Connection, connect_owner
from storage.dirty import DECIDER
from storage.embedded import Embedded
from storage.times import to_datetime
from tests.fakes.devices import Device

DAY = 86_400.0
STEP = 2  # days that are sent at once
PATIENCE = 120.0  # seconds for the jobs to decide and pack what was sent
TRIES = 20
_TO_DO = """select (select count(*) from status_dirty) + (select count(*) from account_dirty)
  + (select count(*) from element_due where due_at <= $1) + (select count(*) from service_due where due_at <= $1)
  + (select count(*) from tenant t left join history_progress p on p.tenant_id = t.id
     where coalesce(p.packed_to, '1970-01-01') < ($1::timestamptz - interval '16 minutes')::date)
  + (select count(*) from history_dirty h join history_progress p using (tenant_id) where h.day < p.packed_to) as n"""
LEAST = 0.3  # seconds a step takes at least: whoever read the clock before it has long used what it read


class Span(NamedTuple):
    """What of the past is to be lived through, and since when the demo is, in seconds since the epoch."""

    start: float
    birth: float


class Told(NamedTuple):
    """How it went."""

    rows: int
    days: float
    seconds: float


Prepare = Callable[[int], None]  # make everything as it was on that day of the birth (-90 = 90 days before)


def backfill(demo: Demo, devices: Sequence[Device], span: Span, prepare: Prepare, enrol: Callable[[], None], bar: Bar) -> Told:
    """Live through `span`, until now. Raises Trouble."""
    return asyncio.run(Past(demo, devices, span).live(prepare, enrol, bar))


class Bar:
    """How far it is, on a terminal in one line that changes, elsewhere now and then a line."""

    def __init__(self, width: int = 30) -> None:
        self._width, self._last = width, -1
        self._terminal = sys.stderr.isatty()

    def show(self, share: float, text: str) -> None:
        done = int(share * self._width)
        if self._terminal:
            print(f"\r  [{'█' * done}{'·' * (self._width - done)}] {share:4.0%}  {text:<60}", end="", file=sys.stderr, flush=True)
        elif done * 5 // self._width != self._last:
            self._last = done * 5 // self._width
            print(f"  {share:4.0%}  {text}", file=sys.stderr, flush=True)
        if share >= 1 and self._terminal:
            print(file=sys.stderr)


class Past:
    """The server of the past, while it lives."""

    def __init__(self, demo: Demo, devices: Sequence[Device], span: Span) -> None:
        self._demo, self._devices, self._span = demo, devices, span
        self._file = demo.folder / "clock"
        self._clock = PastClock(self._file, int(span.start * 1e6))
        self._seq = 0
        self._epoch = os.urandom(8).hex()
        self._rows = 0

    async def live(self, prepare: Prepare, enrol: Callable[[], None], bar: Bar) -> Told:
        began = time.monotonic()
        embedded = Embedded(Path(self._demo.environment["LINESIDE_DATA"]))
        embedded.make_folder()
        try:
            con = await connect_owner(await embedded.start())
            settings = config.read(None, self._demo.environment)
            await setup.prepare(con, settings, self._clock.now_us, lambda _: None)
            with self._demo.besides({"web": self._command("web"), "jobs": self._command("jobs")}):
                self._demo.wait_ready()
                day = self._day(self._span.start)
                await asyncio.to_thread(prepare, day)
                await asyncio.to_thread(enrol)
                await self._days(con, prepare, bar)
            await con.close()
        finally:
            await embedded.stop()
        return Told(self._rows, (time.time() - self._span.start) / DAY, time.monotonic() - began)

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, str(ROOT / "packaging" / "demo" / "past.py"), str(self._file), verb]

    async def _days(self, con: Connection, prepare: Prepare, bar: Bar) -> None:
        """Step by step until now; the last step ends a moment ago."""
        cursor, day = self._span.start, self._day(self._span.start)
        servers = {site: self._server(site) for site in self._demo.sites}
        try:
            while (left := time.time() - cursor) > 5:
                end = min((cursor // DAY + STEP) * DAY, time.time())
                share = 1 - left / (time.time() - self._span.start)
                bar.show(share, f"{time.strftime('%-d %B', time.gmtime(cursor))}: {self._rows:,} samples sent and decided")
                for each in range(day + 1, self._day(end) + 1):
                    await asyncio.to_thread(prepare, each)
                day = self._day(end)
                await self._step(con, servers, cursor, end)
                cursor = end
        finally:
            for server in servers.values():
                await server.close()
        bar.show(1.0, f"{self._rows:,} samples sent and decided")

    async def _step(self, con: Connection, servers: Mapping[str, Server], start: float, end: float) -> None:
        """Send what was measured from `start` to `end`, then let the jobs decide and pack."""
        self._clock.held = True
        # as another process that decides would: nobody else decides meanwhile, with half of the samples there
        await con.fetch("select pg_advisory_lock($1, id::integer) from tenant", DECIDER)
        self._clock.now_us = int(end * 1e6) - 1
        sent = (self._send(site, server, start, end) for site, server in servers.items())
        await asyncio.gather(asyncio.sleep(LEAST), *sent)
        await con.execute("select pg_advisory_unlock_all()")
        self._clock.held = False
        await self._settled(con)

    async def _send(self, site: str, server: Server, start: float, end: float) -> None:
        plan = await self._plan(server)
        sensors = {target.element: _sensors(plan, target.element) for target in plan.targets}
        mine = [each for each in self._devices if each.site == site and each.name in sensors]

        def series() -> Iterator[made.Series]:
            for each in mine:
                yield from made.measured(each, sensors[each.name], start, end)

        for body, size in made.batches(series()):
            self._seq += 1
            record = Record(self._epoch, self._seq, size, int(start * 1e6), int(end * 1e6), body)
            await self._asked(functools.partial(server.ingest, "metrics", Entry(record, Position(0, 0))))
            self._rows += size

    async def _plan(self, server: Server) -> Plan:
        return decode_plan((await self._asked(functools.partial(server.plan, "", 0))).body)

    async def _asked(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer, in the end; a server that is busy is asked again."""
        answer = Answer(0, "")
        for _ in range(TRIES):
            answer = await ask()
            if answer.status == 200:
                return answer
            await asyncio.to_thread(self._demo.watch)
            await asyncio.sleep(0.2)
        raise Trouble(f"the server does not take the past: {answer.status} {answer.detail}")

    async def _settled(self, con: Connection) -> None:
        """Wait until nothing is left to decide or to pack at this instant."""
        end = time.monotonic() + PATIENCE
        while await con.fetchval(_TO_DO, to_datetime(self._clock.now_us)):
            self._demo.watch()
            if time.monotonic() > end:
                raise Trouble(f"the jobs did not come to an end with the past within {PATIENCE:.0f} s")
            await asyncio.sleep(0.01)

    def _server(self, site: str) -> Server:
        who = identity(self._demo.state_of(site))
        if who is None:
            raise Trouble(f"the agent of {site} is not enrolled")
        return Server(self._demo.url, who.secret, "demo", lambda: self._clock.now_us)

    def _day(self, at: float) -> int:
        return int((at - self._span.birth) // DAY)


def _sensors(plan: Plan, element: str) -> made.Sensors:
    found = [sensor for target in plan.targets if target.element == element for sensor in target.sensors]
    snmp = next((sensor.number for sensor in found if isinstance(sensor, Snmp)), 0)
    return made.Sensors(snmp, next((sensor.number for sensor in found if isinstance(sensor, Http)), 0))
