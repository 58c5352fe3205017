"""The counters of steady devices as arrays: the answers of a poll round become the columns of a batch, without a loop.

A line is one request of one device; a slot is its row in all arrays. The rules are those of rates.py, and whatever is unusual
(a restart, a fall, a clock that stands) is not done here but said to be so, for it to be done with care elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent import rates
from agent.cells import Spec
from agent.rates import Mark
from agent.view import Texts, View
from protocols.snmp.layout import Layout, Layouts, Shared, room
from protocols.uplink.batch import Samples

_WRAP = rates.UPTIME_WRAP
_VIEWS = 8
# What is known of each cell of a line, shape [plans, cells]; lines that are alike share a plan.
_CELLS: dict[str, Any] = {
    "value": np.intp,  # which of the line's values it is about
    "metric": np.uint16,
    "instance": np.uint32,
    "out": np.bool_,
    "rate": np.bool_,
    "strict": np.bool_,
    "shift": np.uint64,  # bits up and down again, for the sign
    "mask": np.uint64,
    "factor": np.float64,
    "offset": np.float64,
    "limit": np.float64,
    "wraps_after": np.float64,
    "seconds": np.float64,
}


class Round(NamedTuple):
    """Answers of one round, one a line: shape [lines]."""

    slots: NDArray[np.intp]
    answers: Sequence[bytes]
    numbers: NDArray[np.uint64]  # the request-ids
    received: NDArray[np.float64]  # seconds of our monotonic clock


class Found(NamedTuple):
    """What a round brought: shape [lines], [lines, values], or that of the cells (view.py)."""

    good: NDArray[np.bool_]  # nothing unusual; the rest is to be believed of these only
    values: NDArray[np.uint64]
    counts: NDArray[np.uint64]
    number: NDArray[np.float64]
    seconds: NDArray[np.float64]  # of the device's clock since the last round
    out: NDArray[np.bool_] | None  # which cells make a row; None: all
    view: View


class Bank:
    """See above. `metrics` and `instances` are the texts that the columns point into."""

    def __init__(self) -> None:
        self.layouts = Layouts()
        self.plans = Shared()
        self.cells: dict[str, NDArray[Any]] = {name: np.zeros((0, 1), dtype) for name, dtype in _CELLS.items()}
        self.layout: NDArray[np.intp] = np.zeros(0, np.intp)  # by slot, as all that follows
        self.plan: NDArray[np.intp] = np.zeros(0, np.intp)
        self.last: NDArray[np.uint64] = np.zeros((0, 1), np.uint64)
        self.uptime: NDArray[np.int64] = np.zeros(0, np.int64)
        self.engine: NDArray[np.int64] = np.zeros(0, np.int64)
        self.has_engine: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self.at: NDArray[np.float64] = np.zeros(0, np.float64)
        self.sensor: NDArray[np.uint32] = np.zeros(0, np.uint32)
        self.metrics = Texts()
        self.instances = Texts()
        self._free: list[int] = []
        self._used = 0
        self._views: dict[object, View] = {}  # of the rounds before this one: by layout, plan and size, or by their slots

    def take(self) -> int:
        """A slot of one's own."""
        if self._free:
            return self._free.pop()
        self._used += 1
        return self._used - 1

    def give(self, slot: int) -> None:
        """The slot is needed no longer."""
        self._views.clear()
        self.layouts.shared.leave(int(self.layout[slot]))
        self.plans.leave(int(self.plan[slot]))
        self._free.append(slot)

    def put(self, slot: int, sensor: int, layout: Layout, mark: Mark, specs: Sequence[tuple[Spec, int, int]]) -> None:
        """Begin a line: `specs` with the position of each one's value among the layout's, and the count to go on from."""
        self._views.clear()
        for name in ("layout", "plan", "uptime", "engine", "has_engine", "at", "sensor"):
            setattr(self, name, room(getattr(self, name), slot))
        self.layout[slot] = self.layouts.put(layout)
        self.plan[slot] = self._plan(tuple(self._cell(spec, value, layout) for spec, value, _ in specs))
        self.last = room(self.last, slot, self.cells["value"].shape[1])
        self.last[slot] = 0
        self.last[slot, : len(specs)] = [last for _, _, last in specs]
        self.uptime[slot], self.at[slot], self.sensor[slot] = mark.uptime, mark.at, sensor
        self.has_engine[slot], self.engine[slot] = mark.engine is not None, mark.engine or 0

    def _plan(self, cells: tuple[tuple[object, ...], ...]) -> int:
        row, new = self.plans.row(cells)
        for name, array in self.cells.items() if new else ():
            self.cells[name] = room(array, row, len(cells))
            self.cells[name][row] = np.inf if name in {"limit", "wraps_after"} else 0
        for name, column in zip(_CELLS, zip(*cells, strict=True), strict=False) if new else ():
            self.cells[name][row, : len(cells)] = column
        return row

    def _cell(self, spec: Spec, value: int, layout: Layout) -> tuple[object, ...]:
        metric, instance = self.metrics.number(spec.metric), self.instances.number(spec.instance)
        shift = 64 - 8 * layout.widths[value] if spec.signed else 0
        place = (value, metric, instance, True, spec.rate, spec.strict, shift, spec.mask)
        return (*place, spec.factor, spec.offset, spec.limit, spec.wraps_after, spec.seconds)

    def read(self, asked: Round) -> Found:
        """What the answers say; nothing is remembered of it."""
        slots, view = asked.slots, self._view(asked.slots)
        cell = view.cells
        values, good = view.layouts.read(asked.answers, asked.numbers)
        seconds = ((values[:, 0].astype(np.int64) - self.uptime[slots]) % _WRAP) / 100
        ours = asked.received - self.at[slots]
        good &= np.abs(seconds - ours) <= rates.SLACK + (rates.TOLERANCE - 1) * ours
        if values.shape[1] > 1:
            good &= ~self.has_engine[slots] | (values[:, 1].astype(np.int64) >= self.engine[slots])
        good &= (seconds > 0) & (seconds <= rates.LONGEST)
        told, last = view.take(values), self._last(view, slots)
        counts = told if view.whole else told & cell["mask"]
        fell = counts < last
        if fell.any():
            good[view.lines(fell & cell["strict"])] = False
        divisor = view.spread(np.where(seconds > 0, seconds, 1.0))
        number = (counts - last if view.whole else (counts - last) & cell["mask"]) / divisor
        if not view.rates_only:
            number = np.where(cell["rate"], number, _plain(told, cell["shift"], cell["mask"]))
        out = (number <= cell["limit"]) & (divisor < cell["wraps_after"]) if view.limited else None
        number *= cell["factor"]
        if view.shifted:
            number += cell["offset"]
        return Found(good, values, counts, number, seconds, out, view)

    def _last(self, view: View, slots: NDArray[np.intp]) -> NDArray[np.uint64]:
        if view.one:
            return self.last[slots, : view.cells["value"].shape[1]]
        return self.last[slots[view.row], view.column]

    def _view(self, slots: NDArray[np.intp]) -> View:
        """What is known of the lines of a round."""
        layout, plan = self.layout[slots], self.plan[slots]
        alike = bool((layout == layout[0]).all() and (plan == plan[0]).all())
        key = (int(layout[0]), int(plan[0]), len(slots)) if alike else slots.tobytes()
        found = self._views.get(key)
        if found is None:
            found = View(self.layouts.rows(layout), plan, self.cells)
            if len(self._views) >= _VIEWS:
                self._views.clear()
            self._views[key] = found
        return found

    def remember(self, asked: Round, found: Found, chosen: NDArray[np.intp] | None) -> None:
        """The lines `chosen` of a round (None: all) are what the next one will be compared with."""
        view, lines = found.view, slice(None) if chosen is None else chosen
        slots = asked.slots[lines]
        if view.one:
            self.last[slots, : found.counts.shape[1]] = found.counts[lines]
        else:
            at = slice(None) if chosen is None else np.isin(view.row, chosen)
            self.last[asked.slots[view.row[at]], view.column[at]] = found.counts[at]
        self.uptime[slots], self.at[slots] = found.values[lines, 0], asked.received[lines]
        if found.values.shape[1] > 1:
            self.engine[slots] = np.where(self.has_engine[slots], found.values[lines, 1].astype(np.int64), 0)

    def mark(self, slot: int, boots: int | None) -> Mark:
        """The device's clock as it was remembered last."""
        engine = int(self.engine[slot]) if self.has_engine[slot] else None
        return Mark(int(self.uptime[slot]), float(self.at[slot]), boots, engine)

    def columns(self, asked: Round, found: Found, chosen: NDArray[np.intp] | None, ts: NDArray[np.int64]) -> Columns:
        """The rows of the lines `chosen` (None: of all); `ts`: µs, of each line of the round."""
        view = found.view
        line = view.row
        if view.texts is None:
            view.texts = self._texts(view)
        metric, instance, metrics, instances = view.texts
        seconds = found.seconds[line]
        if not view.rates_only:
            seconds = np.where(view.each("rate"), seconds, view.each("seconds"))
        sensor, number = self.sensor[asked.slots][line], found.number.ravel()
        columns = Columns(sensor, metric, instance, ts[line], number, seconds.astype(np.float32), list(metrics), list(instances))
        if found.out is None and chosen is None:
            return columns
        at = np.ones(len(line), np.bool_) if found.out is None else found.out.ravel()
        return columns.some(at if chosen is None else at & np.isin(line, chosen))

    def _texts(self, view: View) -> tuple[NDArray[Any], NDArray[Any], list[str], list[str]]:
        metric, metrics = self.metrics.used(view.each("metric"))
        instance, instances = self.instances.used(view.each("instance"))
        return metric, instance, metrics, instances


def _plain(told: NDArray[np.uint64], shift: NDArray[np.uint64], mask: NDArray[np.uint64]) -> NDArray[Any]:
    """The numbers of gauges: a signed one is shifted up and down again by `shift` for its sign."""
    signed = ((told << shift).view(np.int64) >> shift.view(np.int64)).view(np.uint64) & mask
    return np.where(shift > 0, signed.view(np.int64), signed)


class Columns(NamedTuple):
    """Rows as columns, shape [rows]; metric and instance point into the texts."""

    sensor: NDArray[np.uint32]
    metric: NDArray[np.uint16]
    instance: NDArray[np.uint32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    seconds: NDArray[np.float32]
    metrics: list[str]
    instances: list[str]

    def some(self, at: NDArray[np.bool_]) -> Columns:
        """The rows `at` alone."""
        sensor, metric, instance, ts, value, seconds, metrics, instances = self
        return Columns(sensor[at], metric[at], instance[at], ts[at], value[at], seconds[at], metrics, instances)

    def samples(self, answers: Answered) -> Samples:
        """As they travel, behind two rows for each of `answers`: that it answered, and how fast."""
        sensor, ts, rtt, interval = answers
        size = len(sensor)
        metrics, instances = [*self.metrics, "reachable", "rtt"], [*self.instances, ""]
        codes = np.repeat(np.array([len(metrics) - 2, len(metrics) - 1], np.uint16), size)
        nowhere = np.full(2 * size, len(instances) - 1, np.uint32)
        return Samples(
            np.concatenate((sensor, sensor, self.sensor)),
            np.concatenate((codes, self.metric)),
            np.concatenate((nowhere, self.instance)),
            np.concatenate((ts, ts, self.ts)),
            np.concatenate((np.ones(size), rtt, self.value)),
            np.concatenate((np.zeros(2 * size, np.float32), self.seconds)),
            np.zeros(2 * size + len(self.ts), np.uint8),
            metrics,
            instances,
            sensor,
            interval,
        )


class Answered(NamedTuple):
    """Polls that were answered, shape [polls]."""

    sensor: NDArray[np.uint32]
    ts: NDArray[np.int64]
    rtt: NDArray[np.float64]  # seconds
    interval: NDArray[np.float32]  # seconds
