"""History as matrices [series x time], for analytics that look at all series at once: packed days by binary COPY, days that are
not packed yet from raw samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analytics.buckets import BUCKET_US, DAY_US
from storage import copies, history, late
from storage.copies import DATE_EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from storage.database import Connection

Step = Literal["5m", "1h", "1d"]
Column = Literal["mean", "max", "min", "p95", "sum", "seconds"]
STEP_US: dict[Step, int] = {"5m": BUCKET_US, "1h": 12 * BUCKET_US, "1d": DAY_US}
ROWS_AT_ONCE = 20_000  # rows of a COPY held in memory: 80 MB of 5-minute history
SAMPLES_A_DAY = 40  # raw rows are 50 times smaller than a packed day: 500 series at once


@dataclass(frozen=True)
class Matrix:
    """`values[column]`, shape [series, time], from `start` (µs) on in steps of `step` µs; a gap is NaN, its `seconds` 0.

    Columns: 5m mean, max, seconds; 1h also min and sum; 1d also p95. `min` and `p95` are of 5-minute means, `sum` is bytes for
    rates in bit/s, counts for other rates, NaN for gauges.
    """

    series: NDArray[np.int64]
    start: int
    step: int
    values: Mapping[str, NDArray[np.float32]]

    def times(self) -> NDArray[np.int64]:
        """The instant at which each column of the matrix starts, µs."""
        return self.start + self.step * np.arange(next(iter(self.values.values())).shape[1])


async def load(
    con: Connection,
    tenant_id: int,
    series: Sequence[int] | NDArray[np.int64],
    start: int,
    end: int,
    step: Step = "5m",
    columns: Sequence[Column] = ("mean", "max", "seconds"),
    volumes: Mapping[str, float] | None = None,
) -> Matrix:
    """The history of `series`, in their order, over the steps that [start, end) (µs) touches.

    `volumes` (metric -> sum per value x second) is needed for the `sum` of days that are not packed yet. Raises ValueError: a
    column the step does not have, series of another tenant.
    """
    table = f"history_{step}"
    if missing := [column for column in columns if column not in history.TABLES[table]]:
        msg = f"history in steps of {step} has no {missing[0]}"
        raise ValueError(msg)
    asked = np.asarray(series, np.int64)
    history.refuse_others(tenant_id, asked)
    ids, back = np.unique(asked, return_inverse=True)
    first, last = start // DAY_US, -(-end // DAY_US)
    shape = (len(ids), last - first, DAY_US // STEP_US[step])
    values: dict[str, NDArray[np.float32]] = {
        name: np.full(shape, 0 if name == "seconds" else np.nan, np.float32) for name in columns
    }
    closed = min(max(await late.packed_to(con, tenant_id), first), last)
    await _read_packed(con, table, ids, (first, closed), values)
    await _read_open(con, tenant_id, table, ids, range(closed, last), volumes or {}, values)
    cut = slice((start - first * DAY_US) // STEP_US[step], -(-(end - first * DAY_US) // STEP_US[step]))
    flat = {name: column.reshape(len(ids), shape[1] * shape[2])[:, cut] for name, column in values.items()}
    if not np.array_equal(asked, ids):
        flat = {name: column[back] for name, column in flat.items()}
    return Matrix(asked, start // STEP_US[step] * STEP_US[step], STEP_US[step], flat)


async def _read_packed(
    con: Connection, table: str, ids: NDArray[np.int64], days: tuple[int, int], values: Mapping[str, NDArray[np.float32]]
) -> None:
    """Fill values[column][series, day - first day] for packed days [first, last)."""
    kinds = {name: history.TABLES[table][name] for name in values}
    kind = copies.row(history.KEY | kinds)
    query = f"select series_id, day, {', '.join(kinds)} from {table} where series_id = any($1) and day >= $2 and day < $3"  # noqa: S608 # names of TABLES
    for some in _slices(len(ids), days[1] - days[0]):
        found = await copies.read(con, kind, query, ids[some].tolist(), *map(history.date_of, days))
        row = np.searchsorted(ids, found["series_id"])
        column = found["day"].astype(np.int64) + (DATE_EPOCH - days[0])
        for name, matrix in values.items():
            matrix[row, column] = found[name]["items"]["value"] if kind[name].names else found[name][:, None]


async def _read_open(
    con: Connection,
    tenant_id: int,
    table: str,
    ids: NDArray[np.int64],
    days: range,
    volumes: Mapping[str, float],
    values: Mapping[str, NDArray[np.float32]],
) -> None:
    """The same for days that are not packed yet, from raw samples."""
    first_of_matrix = days.stop - next(iter(values.values())).shape[1]
    for some in _slices(len(ids), SAMPLES_A_DAY) if days else ():
        series = await history.series_by_id(con, tenant_id, ids[some], volumes)
        for day in days:
            packed = await history.from_raw(con, tenant_id, day, series.ids)
            made = history.columns(table, packed, series.scale)
            for name, matrix in values.items():
                matrix[some, day - first_of_matrix] = made[name].reshape(len(series.ids), -1)


def _slices(length: int, rows_each: int) -> Iterator[slice]:
    """Parts of `length` series such that one has at most ROWS_AT_ONCE rows, or is a single series."""
    size = max(1, ROWS_AT_ONCE // max(1, rows_each))
    return (slice(first, first + size) for first in range(0, length if rows_each else 0, size))
