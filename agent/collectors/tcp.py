"""TCP connect: can a connection be opened, and in what time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from agent.batcher import Clock, Emit, Row
from agent.connect import connected, reason_of
from agent.resolve import Name
from agent.schedule import poll_for_ever
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Plan, Target, Tcp


class Outcome(NamedTuple):
    """`reason` is one of batch.REASONS, "" = connected; `seconds` from the first packet to the connection."""

    reason: str
    seconds: float = 0.0
    detail: str = ""


async def connect(name: Name, limit: float) -> Outcome:
    """Open one connection and close it, within `limit` seconds after the name is resolved."""
    loop = asyncio.get_running_loop()
    try:
        address = await name.address()
    except OSError as error:
        return Outcome("local_error", detail=f"the name cannot be resolved: {error}")
    try:
        begun = loop.time()
        async with asyncio.timeout(limit):
            sock = await connected(address)
        seconds = loop.time() - begun
        sock.close()
        return Outcome("", seconds)
    except TimeoutError:
        return Outcome("timeout", detail=f"no answer within {limit:g} s")
    except OSError as error:
        return Outcome(reason_of(error), detail=error.strerror or str(error))


async def run(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    """Poll every TCP sensor of `targets` until cancelled. Emits `reachable` and, when connected, `connect_time` (s)."""
    del plan
    async with asyncio.TaskGroup() as group:
        for target in targets:
            for sensor in target.sensors:
                if isinstance(sensor, Tcp):
                    group.create_task(_watch(Name(target.address, sensor.port), sensor, emit, clock, counters))


async def _watch(name: Name, sensor: Tcp, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    async def poll() -> bool:
        ts = clock()
        outcome = await connect(name, sensor.timeout)
        good = not outcome.reason
        rows = [Row(sensor.number, "reachable", "", ts, float(good), 0.0, REASON_CODE[outcome.reason])]
        if good:
            rows.append(Row(sensor.number, "connect_time", "", ts, outcome.seconds, 0.0))
        else:
            counters[f"tcp.{outcome.reason}"] += 1
            name.failed()
        emit(rows, sensor.interval)
        return good

    await poll_for_ever(sensor.number, sensor.interval, poll)


async def check(target: Target, sensor: Tcp, plan: Plan) -> str:
    """One connection, told in a sentence."""
    del plan
    where = f"{target.name} ({target.address}, TCP port {sensor.port})"
    outcome = await connect(Name(target.address, sensor.port), sensor.timeout)
    if outcome.reason:
        return f"{where} takes no connection: {outcome.reason} ({outcome.detail})."
    return f"{where} answers TCP in {outcome.seconds * 1e3:.1f} ms."
