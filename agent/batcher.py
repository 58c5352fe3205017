"""Rows from the collectors -> columns -> one packed batch, ready for the spool (protocols/uplink/batch.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from protocols.uplink import batch

Clock = Callable[[], int]  # microseconds since the Unix epoch, UTC

_ROWS = ("sensor", "metric", "instance", "ts", "value", "seconds", "reason")

HOLD = 1.0  # s a row waits at most for others to share its batch
GROUP = 5_000  # rows that close a batch at once


class Row(NamedTuple):
    """One measurement. `ts` in µs since the epoch; `seconds` = how long the value was in force (0 = an instant)."""

    sensor: int
    metric: str
    instance: str
    ts: int
    value: float
    seconds: float
    reason: int = 0  # batch.REASON_CODE


# Rows of one sensor, and its interval in force in seconds.
Emit = Callable[[Sequence[Row], float], None]


class Packed(NamedTuple):
    """One batch as bytes, and what a gap record must know should it be lost: how many rows, from when to when (µs)."""

    body: bytes
    rows: int
    first: int
    last: int


def columns(rows: Sequence[Row], intervals: dict[int, float]) -> batch.Samples:
    """`rows` as columns. `intervals`: seconds by sensor, for every sensor in `rows`. Texts are cut to batch.MAX_TEXT."""
    metrics: dict[str, int] = {}
    instances: dict[str, int] = {}
    metric = [metrics.setdefault(row.metric[: batch.MAX_TEXT], len(metrics)) for row in rows]
    instance = [instances.setdefault(row.instance[: batch.MAX_TEXT], len(instances)) for row in rows]
    sensors = sorted({row.sensor for row in rows})
    return batch.Samples(
        sensor=np.array([row.sensor for row in rows], np.uint32),
        metric=np.array(metric, np.uint16),
        instance=np.array(instance, np.uint32),
        ts=np.array([row.ts for row in rows], np.int64),
        value=np.array([row.value for row in rows], np.float64),
        seconds=np.array([row.seconds for row in rows], np.float32),
        reason=np.array([row.reason for row in rows], np.uint8),
        metrics=list(metrics),
        instances=list(instances),
        interval_sensor=np.array(sensors, np.uint32),
        interval=np.array([intervals[sensor] for sensor in sensors], np.float32),
    )


def pack(rows: Sequence[Row], intervals: dict[int, float]) -> list[Packed]:
    """`rows` as few batches as fit the limits of the wire (rows and packed bytes). No rows, no batch."""
    if not rows:
        return []
    if len(rows) <= batch.MAX_ROWS:
        samples = columns(rows, intervals)
        body = batch.encode(batch.Batch(samples=samples))
        if len(body) <= batch.MAX_PACKED or len(rows) == 1:
            return [Packed(body, len(rows), int(samples.ts.min()), int(samples.ts.max()))]
    half = min(len(rows) // 2, batch.MAX_ROWS)
    return pack(rows[:half], intervals) + pack(rows[half:], intervals)


def pack_columns(samples: batch.Samples) -> list[Packed]:
    """`samples` as few batches as fit the limits of the wire."""
    size = len(samples.ts)
    if size == 0:
        return []
    if size <= batch.MAX_ROWS:
        body = batch.encode(batch.Batch(samples=samples))
        if len(body) <= batch.MAX_PACKED or size == 1:
            return [Packed(body, size, int(samples.ts.min()), int(samples.ts.max()))]
    half = min(size // 2, batch.MAX_ROWS)
    return pack_columns(_cut(samples, slice(half))) + pack_columns(_cut(samples, slice(half, None)))


def _cut(samples: batch.Samples, rows: slice) -> batch.Samples:
    """Some of the rows, with the intervals of their sensors."""
    kept = np.isin(samples.interval_sensor, samples.sensor[rows])
    return samples._replace(
        sensor=samples.sensor[rows],
        metric=samples.metric[rows],
        instance=samples.instance[rows],
        ts=samples.ts[rows],
        value=samples.value[rows],
        seconds=samples.seconds[rows],
        reason=samples.reason[rows],
        interval_sensor=samples.interval_sensor[kept],
        interval=samples.interval[kept],
    )


def pack_batch(whole: batch.Batch) -> list[Packed]:
    """`whole`, which holds one kind of rows with a `ts`, as few batches as fit the limits of the wire."""
    size = whole.rows
    if size == 0:
        return []
    if size <= batch.MAX_ROWS:
        body = batch.encode(whole)
        if len(body) <= batch.MAX_PACKED or size == 1:
            (part,) = (part for part in whole if part is not None)
            ts = part.first_ts if isinstance(part, batch.Gaps) else part.ts
            return [Packed(body, size, int(ts.min()), int(ts.max()))]
    most = min(-(-size // 2), batch.MAX_ROWS)
    parts = (batch.cut(whole, at, min(at + most, size)) for at in range(0, size, most))
    return [packed for part in parts for packed in pack_batch(part)]


class Taker(Protocol):
    """A lane of the spool (agent/spool.py)."""

    def append(self, packed: Packed) -> None: ...
    async def durable(self, packed: Packed) -> bool: ...


class Sink:
    """Where a collector leaves what it has. Called with the rows of one sensor and its interval it is an `Emit`."""

    def __init__(self, batcher: Batcher, lanes: Mapping[batch.Lane, Taker]) -> None:
        """Measurements go through `batcher`; `lanes` are looked up when they are needed."""
        self.columns = batcher.emit_columns
        self.rows = batcher.emit
        self._lanes = lanes

    def __call__(self, rows: Sequence[Row], interval: float) -> None:
        """The same as `rows`."""
        self.rows(rows, interval)

    def later(self, lane: batch.Lane, whole: batch.Batch) -> None:
        """Spool `whole` with the next group; not waited for. What a full lane cannot take is told by a gap record."""
        for packed in pack_batch(whole):
            self._lanes[lane].append(packed)

    async def durable(self, lane: batch.Lane, whole: batch.Batch) -> bool:
        """Spool `whole` at once and return when it is on disk. False = it is not: give no answer, the sender sends again."""
        taken = [self._lanes[lane].durable(packed) for packed in pack_batch(whole)]
        return all(await asyncio.gather(*taken))


def columns_of(emit: Emit) -> Callable[[batch.Samples], None]:
    """Where columns go beside the rows of `emit`: the same batcher, or row by row what only takes rows."""
    if isinstance(emit, Sink):
        return emit.columns
    owner = getattr(emit, "__self__", None)
    if isinstance(owner, Batcher):
        return owner.emit_columns
    return lambda samples: _emit_rows(samples, emit)


def _emit_rows(samples: batch.Samples, emit: Emit) -> None:
    intervals = dict(zip(samples.interval_sensor.tolist(), samples.interval.tolist(), strict=True))
    rows: dict[int, list[Row]] = {}
    for sensor, metric, instance, *rest in zip(*(getattr(samples, name).tolist() for name in _ROWS), strict=True):
        rows.setdefault(sensor, []).append(Row(sensor, samples.metrics[metric], samples.instances[instance], *rest))
    for sensor, of_sensor in rows.items():
        emit(of_sensor, intervals[sensor])


class Batcher:
    """Gathers rows for up to HOLD seconds or GROUP rows, then hands the packed batch to `append`, which must not block."""

    def __init__(self, append: Callable[[Packed], None]) -> None:
        self._append = append
        self._rows: list[Row] = []
        self._intervals: dict[int, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def emit(self, rows: Sequence[Row], interval: float) -> None:
        """Take the rows of one sensor (an `Emit`); call it inside the event loop."""
        if not rows:
            return
        sensor = rows[0].sensor
        if self._intervals.get(sensor, interval) != interval:
            self.flush()  # a batch states one interval a sensor
        self._intervals[sensor] = interval
        self._rows.extend(rows)
        if len(self._rows) >= GROUP:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HOLD, self.flush)

    def emit_columns(self, samples: batch.Samples) -> None:
        """Take rows that are columns already: at once, for they come many at a time. Call it inside the event loop."""
        for packed in pack_columns(samples):
            self._append(packed)

    def flush(self) -> None:
        """Hand on what is there, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._rows = self._rows, []
        intervals, self._intervals = self._intervals, {}
        for packed in pack(rows, intervals):
            self._append(packed)
