"""TCP connect: can a connection be opened, and in what time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from functools import partial

from agent.asking import Outcome, Question, watch
from agent.batcher import Clock, Emit
from agent.connect import connected, reason_of
from agent.resolve import Name
from protocols.uplink.plan import Plan, Target, Tcp


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
                    name = Name(target.address, sensor.port)
                    question = Question("tcp", "connect_time", partial(connect, name, sensor.timeout))
                    group.create_task(watch(question, name, sensor, emit, clock, counters))


async def check(target: Target, sensor: Tcp, plan: Plan) -> str:
    """One connection, told in a sentence."""
    del plan
    where = f"{target.name} ({target.address}, TCP port {sensor.port})"
    outcome = await connect(Name(target.address, sensor.port), sensor.timeout)
    if outcome.reason:
        return f"{where} takes no connection: {outcome.reason} ({outcome.detail})."
    return f"{where} answers TCP in {outcome.seconds * 1e3:.1f} ms."
