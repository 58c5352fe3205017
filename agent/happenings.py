"""Events on their way to the spool: gathered for a moment, made columns, and what waits for it told when they are on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from agent.batcher import Sink
from agent.hearing import Buckets
from agent.senders import Listener, Senders
from protocols.uplink.batch import MAX_TEXT, Batch
from protocols.uplink.kinds import EVENT_KINDS, Events

HOLD = 0.05  # s an event waits at most for others to share its batch
GROUP = 4_000  # events that close a batch at once
WARNING = 4  # RFC 5424
RATE = 100.0  # events a second of one sender
BURST = 1_000.0
TOTAL = 50_000.0  # a second of all senders
TELL = 60.0  # seconds between two events about one sender's suppressed ones
KIND = {name: code for code, name in enumerate(EVENT_KINDS)}


class Happening(NamedTuple):
    """One event, as kinds.Events has it; `ts` in µs."""

    sensor: int
    ts: int
    kind: int
    severity: int
    source: str
    oid: str
    name: str
    detail: str


Answer = Callable[[bool], None]  # whether the event is on disk


class Recorder:
    """Takes events one by one; use it inside the event loop, and `close` it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rows: list[Happening] = []
        self._answers: list[Answer] = []
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Task[None]] = set()

    def add(self, row: Happening, answer: Answer | None = None) -> None:
        """Record an event; `answer` is called once it is on disk, or cannot be put there."""
        self._rows.append(row)
        if answer is not None:
            self._answers.append(answer)
        if len(self._rows) >= GROUP:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HOLD, self.flush)

    def flush(self) -> None:
        """Hand on what is there, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._rows = self._rows, []
        answers, self._answers = self._answers, []
        if not rows:
            return
        whole = Batch(events=columns(rows))
        if not answers:
            self._sink.later("events", whole)
            return
        task = asyncio.get_running_loop().create_task(self._durable(whole, answers))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _durable(self, whole: Batch, answers: list[Answer]) -> None:
        good = False
        try:
            good = await self._sink.durable("events", whole)
        finally:
            for answer in answers:
                answer(good)

    async def close(self) -> None:
        """Hand on what is left, and wait until it is safe."""
        self.flush()
        if self._waiting:
            await asyncio.wait(set(self._waiting), timeout=2.0)


def columns(rows: list[Happening]) -> Events:
    """`rows` as columns."""
    texts: dict[str, int] = {}
    details: dict[str, int] = {}
    sensor, ts, kind, severity, source, oid, name, detail = zip(*rows, strict=True)

    def pointers(column: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        return np.array([texts.setdefault(each[:MAX_TEXT], len(texts)) for each in column], np.uint32)

    return Events(
        sensor=np.array(sensor, np.uint32),
        ts=np.array(ts, np.int64),
        kind=np.array(kind, np.uint8),
        severity=np.array(severity, np.uint8),
        source=pointers(source),
        oid=pointers(oid),
        name=pointers(name),
        detail=np.array([details.setdefault(each, len(details)) for each in detail], np.uint32),
        texts=list(texts),
        details=list(details),
    )


def tell_suppressed(buckets: Buckets, known: Senders[Listener], recorder: Recorder, ts: int, what: str) -> None:
    """Record, one event a sender, how many of its `what` were suppressed since the last call."""
    for host, count in buckets.told().items():
        for owner in known.find(host)[:1]:
            said = f"{count} {what} suppressed: the sender sent more than {RATE:.0f} a second"
            row = (owner.sensor.number, ts, KIND["agent"], WARNING, host, "", "suppressed", said)
            recorder.add(Happening(*row))
