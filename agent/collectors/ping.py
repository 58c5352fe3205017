"""Ping: does a target answer ICMP echo, and how fast."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from agent.batcher import Clock, Emit, Row
from agent.echo import Outcome, Pinger
from agent.resolve import Name
from agent.schedule import poll_for_ever
from protocols.errors import ConfigError
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Ping, Plan, Target


async def _once(pinger: Pinger, name: Name, limit: float) -> Outcome:
    try:
        return await pinger.ping(await name.address(), limit)
    except OSError:  # the name, or no such address family on this machine
        return Outcome("local_error")


async def run(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    """Ping every target that has a ping sensor until cancelled. Emits `reachable` and, when answered, `rtt` (s).

    Raises ConfigError when this process may not send ICMP.
    """
    del plan
    pinger = Pinger(counters)
    try:
        async with asyncio.TaskGroup() as group:
            for target in targets:
                for sensor in target.sensors:
                    if isinstance(sensor, Ping):
                        group.create_task(_watch(pinger, Name(target.address), sensor, emit, clock, counters))
    except* ConfigError as errors:
        raise ConfigError(str(errors.exceptions[0])) from None
    finally:
        pinger.close()


async def _watch(pinger: Pinger, name: Name, sensor: Ping, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    async def poll() -> bool:
        ts = clock()
        outcome = await _once(pinger, name, sensor.timeout)
        good = not outcome.reason
        rows = [Row(sensor.number, "reachable", "", ts, float(good), 0.0, REASON_CODE[outcome.reason])]
        if good:
            rows.append(Row(sensor.number, "rtt", "", ts, outcome.seconds, 0.0))
        else:
            counters[f"ping.{outcome.reason}"] += 1
            name.failed()
        emit(rows, sensor.interval)
        return good

    await poll_for_ever(sensor.number, sensor.interval, poll)


async def check(target: Target, sensor: Ping, plan: Plan) -> str:
    """One echo request, told in a sentence."""
    del plan
    where = f"{target.name} ({target.address})"
    pinger = Pinger(Counter())
    try:
        outcome = await _once(pinger, Name(target.address), sensor.timeout)
    except ConfigError as error:
        return f"{where} cannot be pinged: {error}"
    finally:
        pinger.close()
    if outcome.reason:
        return f"{where} gives no answer to ping ({outcome.reason}): check the address and that ICMP echo is allowed from here."
    return f"{where} answers ping in {outcome.seconds * 1e3:.1f} ms."
