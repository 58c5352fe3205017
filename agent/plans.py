"""The plan in force: fetched, validated, tried, kept; collectors run by it, one supervised task a kind of sensor."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from agent import state
from agent.backoff import Backoff
from agent.batcher import Clock, Sink
from agent.client import MEANINGS, Server
from protocols.errors import ConfigError, DecodeError
from protocols.uplink.listeners import Flow, Radius, Syslog, Trap
from protocols.uplink.plan import Dns, Http, Ping, Plan, Sensor, Snmp, Target, Tcp, decode_plan

log = logging.getLogger(__name__)

Run = Callable[[Sequence[Target], Plan, Sink, Clock, Counter[str]], Awaitable[None]]
KINDS: dict[str, type[Sensor]] = {
    "ping": Ping,
    "tcp": Tcp,
    "http": Http,
    "dns": Dns,
    "snmp": Snmp,
    "flow": Flow,
    "trap": Trap,
    "syslog": Syslog,
    "radius": Radius,
}
TRIAL = 1.0  # s in which a new plan must not make a collector fall over
AGAIN = 60.0  # s until a collector that cannot run here is tried again
SOON = 5.0  # s between two plan requests when the server does not hold them


def share(plan: Plan, kind: str) -> Plan:
    """What of `plan` concerns the collector of `kind`: targets with their sensors of that kind; no revision."""
    of = KINDS[kind]
    parts = ((target, tuple(sensor for sensor in target.sensors if isinstance(sensor, of))) for target in plan.targets)
    targets = [msgspec.structs.replace(target, sensors=sensors) for target, sensors in parts if sensors]
    profiles = plan.profiles if kind == "snmp" else {}
    key, personal = (plan.hash_key, plan.personal) if kind == "radius" else ("", False)
    return Plan("", plan.site, tuple(targets), profiles, key, personal)


class Collection:
    """The running collectors. `apply` changes only those that the new plan changes, so the others lose no rates."""

    def __init__(self, collectors: Mapping[str, Run], emit: Sink, clock: Clock, counters: Counter[str]) -> None:
        self._collectors, self._emit, self._clock, self._counters = collectors, emit, clock, counters
        self._shares: dict[str, Plan] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._crashed: dict[str, str] = {}
        self._trying: set[str] = set()  # kinds whose new share is on trial
        self.problems: dict[str, str] = {}  # kinds that cannot run here, and why, in a sentence
        self.plan = Plan("")

    async def apply(self, plan: Plan) -> str:
        """Run by `plan`. If a collector falls over it at once, go back to the plan before and say why; "" = applied."""
        before = self.plan
        changed = await self._switch(plan)
        self._trying = changed
        if changed:
            await asyncio.sleep(TRIAL)
        self._trying = set()
        failed = {kind: text for kind, text in self._crashed.items() if kind in changed}
        if failed:
            await self._switch(before)
            return "; ".join(f"the {kind} collector failed with this plan: {text}" for kind, text in sorted(failed.items()))
        self.plan = plan
        return ""

    async def stop(self) -> None:
        """End all collectors."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _switch(self, plan: Plan) -> set[str]:
        shares = {kind: share(plan, kind) for kind in self._collectors}
        changed = {kind for kind, part in shares.items() if self._shares.get(kind) != part or kind in self._crashed}
        for kind in changed:
            if task := self._tasks.pop(kind, None):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            self.problems.pop(kind, None)
            self._crashed.pop(kind, None)
            self._shares[kind] = shares[kind]
            if shares[kind].targets:
                self._tasks[kind] = asyncio.create_task(self._supervise(kind, shares[kind]), name=f"collector {kind}")
        return changed & self._tasks.keys()

    async def _supervise(self, kind: str, part: Plan) -> None:
        """Keep one collector running: what it trips over is counted and said once, never the end of the agent."""
        backoff = Backoff()
        while True:
            try:
                await self._collectors[kind](part.targets, part, self._emit, self._clock, self._counters)
            except ConfigError as error:
                if self.problems.get(kind) != str(error):
                    log.error("%s", error, extra={"collector": kind})  # noqa: TRY400 - a sentence, no traceback
                self.problems[kind] = str(error)
                await asyncio.sleep(AGAIN)
                continue
            except Exception as error:
                self._counters[f"collector.{kind}.crashed"] += 1
                self._crashed[kind] = f"{type(error).__name__}: {error}"
                log.error("the %s collector failed and is started again: %s", kind, self._crashed[kind])  # noqa: TRY400
                log.debug("here", exc_info=True)
            if kind in self._trying:
                return
            await asyncio.sleep(backoff.after_failure(1.0))


class PlanFollower:
    """Asks for the plan again and again; `revision` and `error` are what the heartbeat reports."""

    def __init__(self, server: Server, collection: Collection, folder: Path, changed: Callable[[], None]) -> None:
        self._server, self._collection, self._folder, self._changed = server, collection, folder, changed
        self._refused = ""  # why the plan last sent is not in force

    @property
    def revision(self) -> str:
        """The revision in force."""
        return self._collection.plan.revision

    @property
    def error(self) -> str:
        """Why what the server wants is not, or not wholly, done."""
        problems = [f"{kind}: {text}" for kind, text in sorted(self._collection.problems.items())]
        return "\n".join([*([self._refused] if self._refused else []), *problems])[:2_000]

    async def begin(self) -> None:
        """Take up the last good plan, so that measuring does not wait for the server."""
        plan = state.last_plan(self._folder)
        if plan is not None:
            self._refused = await self._collection.apply(plan)
            self._changed()

    async def follow(self) -> None:
        """Follow the server's plan until cancelled."""
        etag = f'"{self.revision}"' if self.revision else ""
        backoff, clock, said = Backoff(), asyncio.get_running_loop().time, 200
        while True:
            asked = clock()
            answer = await self._server.plan(etag)
            if answer.status not in (200, 304):
                if not self._server.turned_away(answer) and answer.status != said and answer.status:
                    log.warning("the server gives no plan: %s", answer.detail, extra={"status": answer.status})
                turned_away = MEANINGS.get(answer.status) in ("stopped", "version")
                wait = backoff.slow(answer.retry_after) if turned_away else backoff.after_failure(answer.retry_after)
            else:
                backoff.success()
                new = answer.status == 200 and (answer.etag != etag or not etag)
                if new:
                    await self.take(answer.body)
                # A plan that failed is tried again after the server has held the next request for a while.
                etag = answer.etag if new else "" if self._refused else etag
                wait = SOON if clock() - asked < SOON and not (new and etag) else 0.0
            said = answer.status
            await asyncio.sleep(wait)

    async def take(self, body: bytes) -> None:
        """Validate, try and keep a plan."""
        try:
            plan = decode_plan(body)
        except DecodeError as error:
            self._refused = str(error)
        else:
            self._refused = await self._collection.apply(plan)
        if self._refused:
            log.error("the new plan is not in force: %s", self._refused)
        else:
            log.info("plan applied", extra={"revision": self.revision, "targets": len(self._collection.plan.targets)})
            try:
                state.keep_plan(self._folder, self._collection.plan)
            except ConfigError as error:
                log.warning("%s", error)
        self._changed()
