"""What an agent would have measured of the simulated devices: the samples of a span of time as batches, by the same patterns.

Pure. One poll every 5 minutes; of what a poll brings, that which statuses, traffic and forecasts are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.uplink.batch import MAX_ROWS, REASON_CODE, Batch, Samples, encode
from tests.fakes import patterns
from tests.fakes.devices import Device, Line, Measure, inside
from tests.fakes.patterns import Values

INTERVAL = 300  # seconds
INSTANTS = ("response_time", "rtt")
MOST = MAX_ROWS - 1000


class Sensors(NamedTuple):
    """The numbers that the plan gave a device's sensors; 0 = it has none of that kind."""

    snmp: int
    http: int = 0


class Series(NamedTuple):
    """Samples of one metric, shape [n] each; `seconds` is how long a value was in force, 0 = an instant."""

    sensor: int
    metric: str
    instance: str
    ts: Values
    value: Values
    seconds: float
    reason: NDArray[np.uint8] | None = None


def measured(device: Device, sensors: Sensors, start: float, end: float) -> Iterator[Series]:
    """All of one device from `start` to before `end` (seconds since the epoch)."""
    phase = (sensors.snmp * 37) % INTERVAL
    first, last = (np.ceil((at - phase) / INTERVAL) for at in (start, end))
    grid: Values = np.arange(first, last, dtype=np.float64) * INTERVAL + phase
    t = grid[~inside(device.silences, grid)]
    if not len(t):
        return
    down = inside(device.outages, t)
    answered = t[~down]
    yield _reachable(sensors.snmp, t, down)
    if sensors.http:
        yield _reachable(sensors.http, t, down)
    if len(answered):
        for line in device.lines:
            yield from _line(sensors.snmp, line, answered)
        for each in device.measures:
            yield from _measure(sensors, each, answered)


def _reachable(sensor: int, t: Values, down: NDArray[np.bool_]) -> Series:
    return Series(sensor, "reachable", "", t, (~down).astype(np.float64), 0.0, down * np.uint8(REASON_CODE["timeout"]))


def _line(sensor: int, line: Line, t: Values) -> Iterator[Series]:
    cut = inside(line.outages, t)
    yield Series(sensor, "if.oper_status", line.name, t, np.where(cut, 2.0, 1.0), INTERVAL)
    for metric, pattern in (("if.in", line.rate_in), ("if.out", line.rate_out)):
        rate = patterns.values(pattern, t - INTERVAL / 2)  # of the time that ends at t
        yield Series(sensor, metric, line.name, t, np.where(cut, 0.0, rate), INTERVAL)
    if line.errors.level:
        yield Series(sensor, "if.in.errors", line.name, t, patterns.values(line.errors, t), INTERVAL)


def _measure(sensors: Sensors, each: Measure, t: Values) -> Iterator[Series]:
    value = patterns.values(each.pattern, t)
    if each.metric in INSTANTS:
        yield Series(sensors.http if each.metric == "response_time" else sensors.snmp, each.metric, "", t, value, 0.0)
        return
    yield Series(sensors.snmp, each.metric, each.instance, t, value, INTERVAL)
    if each.metric == "storage.used_percent":
        yield Series(sensors.snmp, "storage.used", each.instance, t, value / 100 * each.size, INTERVAL)


def batches(found: Iterable[Series]) -> Iterator[tuple[bytes, int]]:
    """(packed batch, its rows) until all series are in one; a series that is longer than a batch goes into several."""
    waiting: list[Series] = []
    rows = 0
    for whole in found:
        for first in range(0, len(whole.ts), MOST):
            piece = _rows(whole, slice(first, first + MOST))
            if rows + len(piece.ts) > MOST:
                yield encode(Batch(samples=_samples(waiting))), rows
                waiting, rows = [], 0
            waiting.append(piece)
            rows += len(piece.ts)
    if waiting:
        yield encode(Batch(samples=_samples(waiting))), rows


def _rows(series: Series, which: slice) -> Series:
    reason = None if series.reason is None else series.reason[which]
    return series._replace(ts=series.ts[which], value=series.value[which], reason=reason)


def _samples(series: list[Series]) -> Samples:
    metrics, instances = _index(each.metric for each in series), _index(each.instance for each in series)
    sizes = [len(each.ts) for each in series]
    sensors = np.unique([each.sensor for each in series]).astype(np.uint32)
    return Samples(
        np.repeat(np.array([each.sensor for each in series], np.uint32), sizes),
        np.repeat(np.array([metrics[each.metric] for each in series], np.uint16), sizes),
        np.repeat(np.array([instances[each.instance] for each in series], np.uint32), sizes),
        (np.concatenate([each.ts for each in series]) * 1e6).astype(np.int64),
        np.concatenate([each.value for each in series]),
        np.repeat(np.array([each.seconds for each in series], np.float32), sizes),
        np.concatenate([np.zeros(len(each.ts), np.uint8) if each.reason is None else each.reason for each in series]),
        list(metrics),
        list(instances),
        sensors,
        np.full(len(sensors), INTERVAL, np.float32),
    )


def _index(texts: Iterable[str]) -> Mapping[str, int]:
    return {text: number for number, text in enumerate(dict.fromkeys(texts))}
