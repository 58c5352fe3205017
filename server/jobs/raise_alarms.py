"""Raise and clear alarms: by what devices say (events and rules) and by what was decided about elements and services."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from analytics.alarms import CLOSED, Alarm, Key, Signal, aged, by_status, signals, step
from server import alarm_rules
from storage import alarms, callers, events
from storage.database import as_tenant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from server.jobs_process import Work
    from storage.database import Connection, Pool
    from storage.events import Event

EVERY = 5.0  # seconds, at the latest
GATHER = 0.5  # seconds in which news gather after a round, so that a storm is decided in few rounds
BATCHES = 50  # of events, in one transaction


async def run(work: Work) -> None:
    """Whenever there is news, and every few seconds, for ever."""
    while True:
        news = work.news.next
        async with work.pool.acquire() as con:
            tenants = await callers.tenants(con)
        for tenant_id in tenants:
            while await decide(work.pool, tenant_id, work.clock()):
                pass
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), EVERY)
        await work.sleep(GATHER)


async def decide(pool: Pool, tenant_id: int, now: int) -> bool:
    """One round of one tenant; whether there may be more events."""
    async with as_tenant(pool, tenant_id) as con:
        await alarms.lock(con, tenant_id)
        heard = await events.take_pending(con, tenant_id, BATCHES)
        known = await alarms.living(con, tenant_id)
        present = await alarms.present(con, tenant_id)
        before = dict(known)
        await _apply(con, tenant_id, known, await _signals(con, tenant_id, heard))
        await _apply(con, tenant_id, known, by_status(present, known))
        for key, alarm in known.items():
            after = aged(alarm, now)
            if before.get(key) != after:
                await alarms.save(con, tenant_id, after)
        await alarms.flag(con, tenant_id, [each.element_id for each in present if each.implied])
    return len(heard) > 0


async def _apply(con: Connection, tenant_id: int, known: dict[Key, Alarm], told: list[Signal]) -> None:
    """`known` after the signals; what begins or ends an interval is written at once, repeats are not."""
    for signal in told:
        alarm = known.get(signal.key)
        after = step(alarm, signal)
        if after is None or after == alarm:
            continue
        if alarm is None or (after.state, after.since) != (alarm.state, alarm.since):
            if alarm is not None and after.id == 0:  # a new one takes the place of the old one
                await alarms.save(con, tenant_id, alarm._replace(state=CLOSED))
            after = after._replace(id=await alarms.save(con, tenant_id, after))
        known[signal.key] = after


async def _signals(con: Connection, tenant_id: int, heard: list[Event]) -> list[Signal]:
    """What the events mean; what is about a port that is an element of its own is about that element."""
    rules = alarm_rules.shipped()
    found = [signal for event in heard for signal in signals(
        event.element_id, event.ts, event.name, event.oid, _values(event), event.name, rules
    )]  # fmt: skip
    ports = await alarms.ports(con, tenant_id, sorted({signal.key.element_id for signal in found}))
    return [_placed(signal, ports) for signal in found]


def _values(event: Event) -> Mapping[str, object]:
    if event.kind not in ("trap", "inform"):
        return {}
    try:
        return msgspec.json.decode(event.detail, type=dict[str, object])
    except msgspec.MsgspecError:
        return {}


def _placed(signal: Signal, ports: Mapping[tuple[int, str], int]) -> Signal:
    port = ports.get((signal.key.element_id, signal.key.instance))
    return signal if port is None else signal._replace(key=signal.key._replace(element_id=port, instance=""))
