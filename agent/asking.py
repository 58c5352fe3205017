"""A sensor that asks one thing at each poll and measures the time until the answer: the loop that TCP and DNS share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from agent.batcher import Clock, Emit, Row
from agent.resolve import Name
from agent.schedule import poll_for_ever
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Dns, Tcp


class Outcome(NamedTuple):
    """`reason` is one of batch.REASONS, "" = it answered as it shall, in `seconds`; `detail` is for people."""

    reason: str
    seconds: float = 0.0
    detail: str = ""


class Question(NamedTuple):
    """What is asked: the kind of sensor that counts its failures, the metric that takes the seconds, and how to ask once."""

    kind: str
    metric: str
    ask: Callable[[], Awaitable[Outcome]]


async def watch(question: Question, name: Name, sensor: Tcp | Dns, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    """Ask until cancelled. Emits `reachable` and, when all is well, the question's metric (s)."""

    async def poll() -> bool:
        ts = clock()
        outcome = await question.ask()
        good = not outcome.reason
        rows = [Row(sensor.number, "reachable", "", ts, float(good), 0.0, REASON_CODE[outcome.reason])]
        if good:
            rows.append(Row(sensor.number, question.metric, "", ts, outcome.seconds, 0.0))
        else:
            counters[f"{question.kind}.{outcome.reason}"] += 1
            name.failed()
        emit(rows, sensor.interval)
        return good

    await poll_for_ever(sensor.number, sensor.interval, poll)
