"""Ping: does a target answer ICMP echo, how fast, and how many of several get lost or are late."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple

from agent.batcher import Clock, Emit, Row
from agent.echo import Outcome, Pinger
from agent.resolve import Name
from agent.schedule import poll_for_ever
from protocols.errors import ConfigError
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Ping, Plan, Target


class Burst(NamedTuple):
    """What came of all echo requests of one poll. `reason` "" = at least one was answered."""

    reason: str
    rtt: float = 0.0  # s, the median
    loss: float = 0.0  # per cent
    jitter: float | None = None  # s; None = fewer than two answers


async def burst(pinger: Pinger, name: Name, sensor: Ping) -> Burst:
    """Send them `spacing` seconds apart, wait for all. Raises ConfigError when this process may not send any."""
    try:
        address = await name.address()

        async def one(number: int) -> Outcome:
            await asyncio.sleep(number * sensor.spacing)
            return await pinger.ping(address, sensor.timeout)

        if sensor.count == 1:
            outcomes = [await pinger.ping(address, sensor.timeout)]
        else:
            outcomes = await asyncio.gather(*(one(number) for number in range(sensor.count)))
    except OSError:  # the name, or no such address family on this machine
        return Burst("local_error")
    return summary([outcome for outcome in outcomes if outcome.reason != "local_error"])


def summary(outcomes: Sequence[Outcome]) -> Burst:
    """The burst as figures. Those that could not be sent count for nothing; none is a `local_error`.

    Jitter is the mean absolute difference between the times of successive answers (the D of RFC 3550 section 6.4.1).
    """
    times = [outcome.seconds for outcome in outcomes if not outcome.reason]
    loss = 100.0 * (len(outcomes) - len(times)) / max(len(outcomes), 1)
    if not times:
        return Burst(outcomes[-1].reason if outcomes else "local_error", loss=loss)
    jitter = fmean(abs(later - earlier) for earlier, later in pairwise(times)) if len(times) > 1 else None
    return Burst("", median(times), loss, jitter)


async def run(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    """Ping every target that has a ping sensor until cancelled. Emits `reachable` and, when answered, `rtt` (s).

    A sensor of several requests at each poll gets `loss` (%) and `jitter` (s), too.

    Raises ConfigError when this process may not send ICMP.
    """
    del plan
    pinger = Pinger(counters, clock)
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
        found = await burst(pinger, name, sensor)
        good = not found.reason
        rows = [Row(sensor.number, "reachable", "", ts, float(good), 0.0, REASON_CODE[found.reason])]
        if good:
            rows.append(Row(sensor.number, "rtt", "", ts, found.rtt, 0.0))
        if sensor.count > 1 and found.reason != "local_error":
            rows.append(Row(sensor.number, "loss", "", ts, found.loss, 0.0))
        if found.jitter is not None:
            rows.append(Row(sensor.number, "jitter", "", ts, found.jitter, 0.0))
        if not good:
            counters[f"ping.{found.reason}"] += 1
            name.failed()
        emit(rows, sensor.interval)
        return good

    await poll_for_ever(sensor.number, sensor.interval, poll)


async def check(target: Target, sensor: Ping, plan: Plan) -> str:
    """One poll, told in a sentence."""
    del plan
    where = f"{target.name} ({target.address})"
    pinger = Pinger(Counter())
    try:
        found = await burst(pinger, Name(target.address), sensor)
    except ConfigError as error:
        return f"{where} cannot be pinged: {error}"
    finally:
        pinger.close()
    if found.reason:
        return f"{where} gives no answer to ping ({found.reason}): check the address and that ICMP echo is allowed from here."
    lost = f", {found.loss:.0f} % of {sensor.count} requests lost" if sensor.count > 1 else ""
    jitter = "" if found.jitter is None else f", jitter {found.jitter * 1e3:.1f} ms"
    return f"{where} answers ping in {found.rtt * 1e3:.1f} ms{lost}{jitter}."
