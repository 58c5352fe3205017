"""Store a batch exactly once: decode, map to series, then claim, COPY, rejects and dirty marks in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from protocols.errors import Unavailable
from protocols.uplink.batch import Batch, Samples
from protocols.uplink.plan import Stored
from server import flow_rows, kept_rows
from server.series_map import UNKNOWN, Mapped, SeriesMap
from storage import batches, dirty, discovery, events, late, sessions
from storage.database import as_tenant
from storage.kept import Kept, Prepare, Write
from storage.rules import status_metrics
from storage.series import note_intervals
from storage.times import DAY_US, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import BytesIO

    from numpy.typing import NDArray

    from storage.agents import AgentRow
    from storage.database import Pool

# Kinds of rows beside samples -> what prepares their storing (storage/kept.py). Each is stored with its batch or not at all.
KINDS: dict[str, Prepare] = {
    "flows": flow_rows.prepare,
    "discovery": discovery.prepare,
    "sessions": sessions.prepare,
    "events": events.prepare,
}

FUTURE_US = 10 * 60 * SECOND_US  # a row later than this cannot be true
OLDEST_US = 400 * DAY_US  # the retention of 5-minute history
SKEW_CORRECTED = 300.0  # seconds; below it an agent's own time is believed
TRIES = 4


class Key(NamedTuple):
    """What names a batch beside its agent."""

    lane: str
    epoch: str
    seq: int


class Prepared(NamedTuple):
    """A batch ready to be stored: the COPY stream, what is dirty, what is refused, and intervals that changed."""

    stream: BytesIO
    rows: int
    days: list[int]
    dirty_elements: list[int]
    dirty_from: list[int]
    late: dict[int, list[int]]  # day that has closed -> elements
    rejected: dict[str, tuple[int, str]]  # reason -> (rows, an example)
    intervals: list[tuple[int, int, float]]  # (sensor, from µs, seconds)
    known_intervals: dict[int, float]  # where they are remembered once stored
    others: list[tuple[Prepare, Kept]]  # rows of other kinds

    @property
    def stored(self) -> int:
        """Rows of all kinds that are stored with it."""
        return self.rows + sum(len(kept.element) for _, kept in self.others)


class Ingest:
    """The way in, with what it remembers between batches: the series of each agent and the days that have room."""

    def __init__(self, pool: Pool, app_pool: Pool, generation: int) -> None:
        self._pool = pool
        self._app_pool = app_pool
        self._generation = generation
        self._maps: dict[int, SeriesMap] = {}
        self._days: set[int] = set()

    def inventory_changed(self) -> None:
        """Ask the database again for what the agents' series belong to."""
        self._maps.clear()

    async def store(self, agent: AgentRow, key: Key, batch: Batch, sent_at: float | None, now_us: int) -> Stored:
        """Store `batch` (its transaction committed) or find that it is stored already.

        `sent_at` is the agent's clock when it sent, in seconds. Raises Unavailable when the database keeps failing us.
        """
        skew = 0.0 if sent_at is None else sent_at - now_us / SECOND_US
        prepared = await self._prepare(agent, batch, skew, now_us)
        if new_days := [day for day in prepared.days if day not in self._days]:
            await self._ensure(new_days)
        merge, writes = False, await self._ready(prepared)
        for _ in range(TRIES):
            try:
                stored = await self._transaction(agent, key, batch, prepared, writes, skew, now_us, merge=merge)
            except batches.AlreadyStored:
                merge = True
            except batches.NoSuchDay:
                await self._ensure(prepared.days)
                writes = await self._ready(prepared)
            else:
                rejected = {reason: rows for reason, (rows, _) in prepared.rejected.items()}
                if stored is not None and stored < prepared.stored:
                    rejected["already_stored"] = prepared.stored - stored
                return Stored("duplicate" if stored is None else "stored", stored or 0, rejected, self._generation, skew)
        msg = "The batch could not be stored now."
        raise Unavailable(msg, 1.0)

    async def _ensure(self, days: list[int]) -> None:
        async with self._pool.acquire() as con:
            await batches.ensure_days(con, days)
        self._days.update(days)

    async def _ready(self, prepared: Prepared) -> list[Write]:
        """What writes the rows of the other kinds."""
        if not prepared.others:
            return []
        async with self._pool.acquire() as con:
            return [await prepare(con, kept) for prepare, kept in prepared.others]

    async def _transaction(
        self,
        agent: AgentRow,
        key: Key,
        batch: Batch,
        prepared: Prepared,
        writes: Sequence[Write],
        skew: float,
        now_us: int,
        *,
        merge: bool,
    ) -> int | None:
        """Rows stored, or None when the batch was claimed before."""
        who = (agent.tenant_id, agent.id)
        async with self._pool.acquire() as con, con.transaction():
            if not await batches.claim(con, who, key, now_us, skew):
                return None
            stored = prepared.stored
            prepared.stream.seek(0)
            if merge:
                stored += await batches.merge_samples(con, prepared.stream) - prepared.rows
            elif prepared.rows:
                await batches.copy_samples(con, prepared.stream)
            for write in writes:
                await write(con)
            await dirty.mark(con, agent.tenant_id, prepared.dirty_elements, prepared.dirty_from)
            await late.mark(con, agent.tenant_id, prepared.late, now_us)
            if prepared.intervals:
                await note_intervals(con, agent.tenant_id, prepared.intervals)
            if prepared.rejected:
                await batches.reject(con, who, key, now_us, prepared.rejected)
            if batch.gaps is not None:
                await batches.store_gaps(con, who, batch.gaps)
        prepared.known_intervals.update({sensor: seconds for sensor, _, seconds in prepared.intervals})
        return stored

    async def _prepare(self, agent: AgentRow, batch: Batch, skew: float, now_us: int) -> Prepared:
        samples = batch.samples
        rejected = _kinds_not_kept(batch)
        series_map = await self._map_of(agent)
        others = await self._others(agent, series_map, batch, skew, now_us, rejected)
        if samples is None or not len(samples.ts):
            return Prepared(batches.copy_buffer(*_NO_ROWS), 0, [], [], [], {}, rejected, [], {}, others)
        async with self._pool.acquire() as con:
            mapped = await series_map.map(con, samples)
        ts = samples.ts if abs(skew) <= SKEW_CORRECTED else samples.ts - round(skew * SECOND_US)
        keep = _check(samples, mapped, ts, now_us, rejected)
        if not keep.all():
            mapped = Mapped(mapped.series[keep], mapped.element[keep], mapped.decides[keep])
        ts_kept = ts[keep]
        stream = batches.copy_buffer(mapped.series, ts_kept, samples.value[keep], samples.seconds[keep], samples.reason[keep])
        elements, since = _earliest(mapped.element[mapped.decides], ts_kept[mapped.decides])
        days = np.unique(ts_kept // DAY_US).tolist()
        changes = _interval_changes(series_map.intervals, samples, ts, keep)
        old = late.days_of(mapped.element, ts_kept, samples.seconds[keep], now_us // DAY_US)
        return Prepared(stream, int(keep.sum()), days, elements, since, old, rejected, changes, series_map.intervals, others)

    async def _others(
        self,
        agent: AgentRow,
        series_map: SeriesMap,
        batch: Batch,
        skew: float,
        now_us: int,
        rejected: dict[str, tuple[int, str]],
    ) -> list[tuple[Prepare, Kept]]:
        """The rows of each kind of KINDS that may be stored; the others are counted in `rejected`."""
        others: list[tuple[Prepare, Kept]] = []
        parts = [
            (prepare, part) for name, prepare in KINDS.items() if (part := getattr(batch, name)) is not None and len(part[0])
        ]
        if not parts:
            return others
        async with self._pool.acquire() as con:
            sensors = await series_map.sensors(con)
        for prepare, part in parts:
            ts = part.ts if abs(skew) <= SKEW_CORRECTED else part.ts - round(skew * SECOND_US)
            keep, wrong = kept_rows.check(part, ts, sensors, (now_us - OLDEST_US, now_us + FUTURE_US))
            for reason, (rows, example) in wrong.items():
                rejected[reason] = (rows + rejected.get(reason, (0, ""))[0], example)
            if keep.any():
                kept = kept_rows.some(part, keep, ts)
                element = kept_rows.elements(kept, sensors)
                others.append((prepare, Kept(agent.tenant_id, agent.id, now_us, kept, element, sensors, series_map.memory)))
        return others

    async def _map_of(self, agent: AgentRow) -> SeriesMap:
        series_map = self._maps.get(agent.id)
        if series_map is None:
            async with as_tenant(self._app_pool, agent.tenant_id) as con:
                metrics = await status_metrics(con, agent.tenant_id)
            series_map = self._maps[agent.id] = SeriesMap(agent.tenant_id, agent.site_id, metrics)
        return series_map


def _interval_changes(
    known: dict[int, float], samples: Samples, ts: NDArray[np.int64], keep: NDArray[np.bool_]
) -> list[tuple[int, int, float]]:
    """(sensor, from µs, seconds) for each sensor whose interval is not the one last seen; a loop over sensors, not samples."""
    pairs = zip(samples.interval_sensor.tolist(), samples.interval.tolist(), strict=True)
    changed = [(sensor, seconds) for sensor, seconds in pairs if known.get(sensor) != seconds]
    starts = [(sensor, ts[keep & (samples.sensor == sensor)], seconds) for sensor, seconds in changed]
    return [(sensor, int(rows.min()), seconds) for sensor, rows, seconds in starts if len(rows)]


_NO_ROWS = (
    np.empty(0, np.int64),
    np.empty(0, np.int64),
    np.empty(0, np.float64),
    np.empty(0, np.float32),
    np.empty(0, np.uint8),
)


def _kinds_not_kept(batch: Batch) -> dict[str, tuple[int, str]]:
    """Rows of kinds this server has no table for yet: counted, never dropped in silence."""
    kinds = {"sessions": batch.sessions, "events": batch.events}
    return {
        f"{name}_not_kept": (len(part[0]), name)
        for name, part in kinds.items()
        if name not in KINDS and part is not None and len(part[0])
    }


def _check(
    samples: Samples, mapped: Mapped, ts: NDArray[np.int64], now_us: int, rejected: dict[str, tuple[int, str]]
) -> NDArray[np.bool_]:
    """Which rows can be stored, shape [n]; the others are counted in `rejected` under the first reason that applies."""
    keep = np.ones(len(ts), np.bool_)
    faults = {
        "unknown_sensor": mapped.series == UNKNOWN,
        "not_finite": ~np.isfinite(samples.value) | ~np.isfinite(samples.seconds) | (samples.seconds < 0),
        "in_the_future": ts > now_us + FUTURE_US,
        "too_old": ts < now_us - OLDEST_US,
    }
    for reason, bad in faults.items():
        hit = bad & keep
        if hit.any():
            row = int(hit.argmax())
            metric, instance = samples.metrics[int(samples.metric[row])], samples.instances[int(samples.instance[row])]
            example = f"sensor {samples.sensor[row]} {metric} {instance!r} = {samples.value[row]} at {samples.ts[row]}"
            rejected[reason] = (int(hit.sum()) + rejected.get(reason, (0, ""))[0], example)
            keep &= ~bad
    return keep


def _earliest(element: NDArray[np.int64], ts: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Distinct elements and the earliest instant of each."""
    if not len(element):
        return [], []
    order = np.lexsort((ts, element))
    element, ts = element[order], ts[order]
    first = np.flatnonzero(np.r_[True, element[1:] != element[:-1]])
    return element[first].tolist(), ts[first].tolist()
