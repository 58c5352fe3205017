"""The running agent: spools, uploaders, plan and heartbeat, from start to an orderly stop."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from agent import notify, ownership, spool
from agent.backoff import Backoff
from agent.batcher import Batcher, Clock, Packed, Sink
from agent.budget import MIB, Budget, budget_for
from agent.client import Server, Uploader
from agent.config import Settings
from agent.plans import Collection, PlanFollower, Run
from agent.spool import LANES, Spool
from agent.state import Identity
from protocols.errors import ConfigError
from protocols.uplink.batch import Lane
from protocols.uplink.plan import Heartbeat

log = logging.getLogger(__name__)

BEAT = 30.0  # s
TELL = 1.0  # s between looks at what was lost
LAST_WORDS = 2.0  # s after a stop to send what is left


class Program:
    """Everything of one process start. `run` returns after `stop` is set."""

    def __init__(
        self,
        settings: Settings,
        who: Identity,
        version: str,
        clock: Clock,
        collectors: Mapping[str, Run],
        environment: Mapping[str, str],
    ) -> None:
        """Inert but for the connection pool: opens nothing. Raises ConfigError for a bad CA file."""
        self.stop = asyncio.Event()
        self._settings, self._who, self._version, self._environment = settings, who, version, environment
        self._counters: Counter[str] = Counter()
        self._server = Server(who.server, who.secret, version, clock, settings.ca_file)
        self._spools: dict[Lane, Spool] = {}
        self._uploaders: list[Uploader] = []
        self._batcher = Batcher(self._append)
        self._collection = Collection(collectors, Sink(self._batcher, self._spools), clock, self._counters)
        self._beat = asyncio.Event()  # there is something to report now
        self._plans = PlanFollower(self._server, self._collection, settings.state, self._beat.set)

    async def run(self) -> None:
        """Measure, spool and send until `stop`; then flush. Raises ConfigError when the spool cannot be opened."""
        await self._open()
        writers = [asyncio.create_task(lane.run(), name=f"spool {name}") for name, lane in self._spools.items()]
        uploads = [asyncio.create_task(uploader.run(), name="upload") for uploader in self._uploaders]
        others = [asyncio.create_task(work) for work in (self._plan(), self._beats(), self._losses(), self._alive())]
        stopped = asyncio.create_task(self.stop.wait())
        try:
            done, _ = await asyncio.wait([*writers, *uploads, *others, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            await self._end(others)
            for lane in self._spools.values():
                lane.close()
            await asyncio.gather(*writers, return_exceptions=True)
            await self._last_words()
            await cancel(uploads)
            for lane in self._spools.values():
                lane.segments.close()
            await self._server.close()
        for task in done - {stopped}:
            task.result()  # nothing but a stop ends them: whatever did is a fault of ours

    def _append(self, packed: Packed) -> None:
        self._spools["metrics"].append(packed)

    async def _open(self) -> None:
        folder = self._settings.state / "spool"
        try:
            ownership.claim(self._settings.state, self._who)
            mib = (self._settings.spool_limit_mib, self._settings.spool_reserve_mib)
            budget = budget_for(folder, *(None if size is None else size << 20 for size in mib))
            if not budget.allows(MIB, free := budget.free(folder)):
                log.error("measurements will be lost: %s", budget.shortage(folder, free))
            epoch = secrets.token_hex(8)
            for lane in LANES:
                self._spools[lane] = await self._lane(lane, epoch, folder, budget)
        except OSError as error:
            raise ConfigError(
                f"the spool in {folder} cannot be opened: {error.strerror}. Check the folder and the disk."
            ) from None
        left = sum(lane.segments.pending for lane in self._spools.values())
        log.info("started", extra={"version": self._version, "server": self._server.url, "epoch": epoch, "spooled": left})

    async def _lane(self, lane: Lane, epoch: str, folder: Path, budget: Budget) -> Spool:
        segments = await asyncio.to_thread(spool.open_segments, folder / lane, budget.of(lane), Counter(), keeps=lane == "events")
        opened = Spool(lane, epoch, segments)
        self._uploaders.append(Uploader(opened, self._server, self._settings.state / "quarantine", self._counters))
        return opened

    async def _plan(self) -> None:
        await self._plans.begin()
        notify.notify(self._environment, "READY=1")
        await self._plans.follow()

    async def _beats(self) -> None:
        backoff, warned = Backoff(), False
        while True:
            self._beat.clear()
            answer = await self._server.heartbeat(self._heartbeat())
            good = answer.status in (200, 204)
            if not good and not self._server.turned_away(answer) and not warned:
                log.warning("the heartbeat was not taken: %s", answer.detail, extra={"status": answer.status})
            warned = not good
            wait = BEAT
            if good:
                backoff.success()
            else:
                wait = max(BEAT, backoff.after_failure(answer.retry_after))
            try:
                async with asyncio.timeout(wait):
                    await self._beat.wait()
            except TimeoutError:
                pass

    def _heartbeat(self) -> Heartbeat:
        dropped: Counter[str] = Counter()
        errors = Counter({name: count for name, count in self._counters.items() if not name.startswith("upload.")})
        for lane, opened in self._spools.items():
            for name, count in opened.segments.counters.items():
                lost = name.startswith(("spool.dropped", "spool.refused"))
                (dropped if lost else errors)[f"{lane}.{name}"] += count
        return Heartbeat(
            version=self._version,
            plan=self._plans.revision,
            plan_error=self._plans.error,
            spool_bytes=sum(lane.segments.bytes for lane in self._spools.values()),
            spool_records=sum(lane.segments.pending for lane in self._spools.values()),
            dropped=dict(dropped),
            errors=dict(errors),
        )

    async def _losses(self) -> None:
        while True:
            await spool.tell_losses(self._spools)
            await asyncio.sleep(TELL)

    async def _alive(self) -> None:
        every = notify.watchdog(self._environment)
        while True:
            await asyncio.sleep(every or 3_600.0)
            notify.notify(self._environment, "WATCHDOG=1")

    async def _end(self, others: list[asyncio.Task[None]]) -> None:
        """Stop measuring; everything measured is in the spool's hands afterwards."""
        notify.notify(self._environment, "STOPPING=1")
        await cancel(others)
        await self._collection.stop()
        self._batcher.flush()

    async def _last_words(self) -> None:
        """While the server takes batches, give it the last ones: fewer are left to send after the next start."""
        try:
            async with asyncio.timeout(LAST_WORDS):
                while all(up.state == "stored" for up in self._uploaders) and any(
                    s.segments.pending for s in self._spools.values()
                ):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        log.info("stopped", extra={"spooled": sum(lane.segments.pending for lane in self._spools.values())})


async def cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel `tasks` and wait until they are gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
