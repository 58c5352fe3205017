"""What the samples of one agent belong to: (sensor, metric, instance) -> series, looked up for a whole batch at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from storage import series as storage_series

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from protocols.uplink.batch import Samples
    from storage.database import Connection
    from storage.series import SensorRow

# A key is exact, never a hash: 32 bits of sensor number, 12 of metric, 20 of instance.
METRICS_MAX = 1 << 12
INSTANCES_MAX = 1 << 20
# Metrics of a sensor rather than of the thing it measures: two sensors of one element must not share a series.
OWN_METRICS = frozenset(
    {
        "reachable",
        "rtt",
        "loss",
        "jitter",
        "response_time",
        "connect_time",
        "tls_time",
        "first_byte_time",
        "certificate.days_left",
    }
)
PORT_PREFIX = "if."
UNKNOWN = 0  # in place of a series: rows of a sensor this agent may not report for


class Mapped(NamedTuple):
    """Shape [n] each, one entry a sample: its series (UNKNOWN = rejected), element, and whether status depends on it."""

    series: NDArray[np.int64]
    element: NDArray[np.int64]
    decides: NDArray[np.bool_]


class SeriesMap:
    """The series of one agent, kept in memory between its batches; thrown away when the inventory changes."""

    def __init__(self, tenant_id: int, site_id: int, status_metrics: Iterable[str]) -> None:
        self.tenant_id = tenant_id
        self.site_id = site_id
        self.status_metrics = frozenset(status_metrics)
        self.intervals: dict[int, float] = {}
        self.memory: dict[str, Any] = {}  # what rows of other kinds are mapped by (storage/kept.py)
        self._lock = asyncio.Lock()
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered, so that the next batch asks the database again."""
        self._sensors: dict[int, SensorRow] | None = None
        self._metrics: dict[str, int] = {}
        self._instances: dict[str, int] = {}
        self._keys = np.empty(0, np.uint64)
        self._found = Mapped(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))

    async def map(self, con: Connection, samples: Samples) -> Mapped:
        """Series, element and weight of every sample; series not seen before are made with `con`."""
        async with self._lock:
            keys = self._keys_of(samples)
            at, known = self._look_up(keys)
            if not known.all():
                await self._learn(con, samples, keys, ~known)
                at, _ = self._look_up(keys)
            return Mapped(self._found.series[at], self._found.element[at], self._found.decides[at])

    async def sensors(self, con: Connection) -> dict[int, SensorRow]:
        """The sensors that the agent may report for, by number."""
        if self._sensors is None:
            found = await storage_series.sensors_of_site(con, self.tenant_id, self.site_id)
            self.intervals = await storage_series.intervals(con, self.tenant_id, list(found))
            self._sensors = found
        return self._sensors

    def _keys_of(self, samples: Samples) -> NDArray[np.uint64]:
        if (
            len(self._metrics) + len(samples.metrics) > METRICS_MAX
            or len(self._instances) + len(samples.instances) > INSTANCES_MAX
        ):
            self.forget()
        metric = np.array([self._metrics.setdefault(m, len(self._metrics)) for m in samples.metrics], np.uint64)
        instance = np.array([self._instances.setdefault(i, len(self._instances)) for i in samples.instances], np.uint64)
        if not len(samples.sensor):
            return np.empty(0, np.uint64)
        sensor = samples.sensor.astype(np.uint64) << np.uint64(32)
        return sensor | metric[samples.metric] << np.uint64(20) | instance[samples.instance]

    def _look_up(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Position of each key among the known ones, and whether it is there."""
        if not len(self._keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return at, self._keys[at] == keys

    async def _learn(self, con: Connection, samples: Samples, keys: NDArray[np.uint64], missing: NDArray[np.bool_]) -> None:
        """Resolve the keys that were not known; the loop runs over new series only."""
        sensors = await self.sensors(con)
        new, first = np.unique(keys[missing], return_index=True)
        rows = np.flatnonzero(missing)[first]
        wanted = [self._resolve(sensors, samples, int(row)) for row in rows]
        known = [w for w in wanted if w is not None]
        ids = iter(await storage_series.ensure(con, self.tenant_id, [w[:4] for w in known]) if known else [])
        self._add(new, [(next(ids), w[0], w[4]) if w is not None else (UNKNOWN, 0, False) for w in wanted])

    def _resolve(self, sensors: dict[int, SensorRow], samples: Samples, row: int) -> tuple[int, int, str, str, bool] | None:
        """(element, sensor, metric, instance, decides) of one sample; None = a sensor this agent may not report for."""
        sensor = sensors.get(int(samples.sensor[row]))
        if sensor is None:
            return None
        metric = samples.metrics[int(samples.metric[row])]
        instance = samples.instances[int(samples.instance[row])]
        decides = metric in self.status_metrics or metric in sensor.thresholds
        if metric.startswith(PORT_PREFIX) and (port := sensor.ports.get(instance)):
            return *port, metric, "", decides
        if metric in OWN_METRICS and not instance:
            instance = sensor.name
        return sensor.element_id, sensor.id, metric, instance, decides

    def _add(self, keys: NDArray[np.uint64], found: Sequence[tuple[int, int, bool]]) -> None:
        series, element, decides = zip(*found, strict=True)
        all_keys = np.concatenate([self._keys, keys])
        order = np.argsort(all_keys)
        self._keys = all_keys[order]
        self._found = Mapped(
            np.concatenate([self._found.series, np.array(series, np.int64)])[order],
            np.concatenate([self._found.element, np.array(element, np.int64)])[order],
            np.concatenate([self._found.decides, np.array(decides, np.bool_)])[order],
        )
