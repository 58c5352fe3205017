"""GET /crm/v1/services/{id}/metrics: what was measured of a service over a period, against what was sold."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from fastapi import Request
from fastapi.responses import Response

from analytics.buckets import BUCKET_US
from analytics.indicators import INDICATORS
from analytics.measures import Measure, measures
from analytics.periods import local_date, periods
from protocols.errors import Refused
from server import instants
from server.api.crm.history import answer, found_service
from server.api.crm.metrics_answers import MeterOf, Metric, Metrics, MetricsQuery, Point, Step
from server.volumes import units, volumes
from storage import availability, matrices, measured_series, meters
from storage.database import Connection, as_caller
from storage.measured_series import Limits, Measured
from storage.retention import Days
from storage.times import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from analytics.traffic import Traffic

Rounding: TypeAlias = Callable[[float], float]
USUAL = "Last 30 Days"
TRAFFIC = ("traffic.down", "traffic.up")
DEFAULT = (
    *TRAFFIC,
    *("response_time", "rtt", "connect_time", "loss", "jitter", "cpu.load", "memory.used_percent", "storage.used_percent"),
)
MOST_SERIES = 100
MOST_POINTS = 100_000  # of one answer
SERIES_AT_ONCE = 10  # read into memory: a year of them is 13 MB


class Window(NamedTuple):
    """[start, end) in µs; `period`: the name it was asked for by."""

    start: int
    end: int
    period: str | None
    step: Step | None

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start) / 1e6


class Shown(NamedTuple):
    """What metrics are: metric -> unit, metric -> what one unit over one second adds to its sum."""

    units: Mapping[str, str]
    volumes: Mapping[str, float]


async def metrics(request: Request) -> Response:
    """Get what was measured of a service over a period: average, largest, smallest, 95th percentile, sum, against what was sold."""
    state, caller, query = request.app.state, request.state.caller, request.state.query
    shown = Shown(units(state.profiles.values()), volumes(state.profiles.values()))
    async with as_caller(state.pool, caller) as con:
        found = await found_service(con, request)
        zone, calendar = await availability.zone_of(con, caller.tenant_id, found.account_id)
        now = state.clock()
        window = _window(query, {each.name: each for each in periods(now, zone, calendar)}, now)
        names = _names(query)
        metered = await meters.meters(con, caller.tenant_id, found.id)
        told: list[Metric] = []
        if any(name in TRAFFIC for name in names):
            rates = (await meters.sold(con, caller.tenant_id, [found.id], local_date(window.end - 1, zone))).get(found.id)
            told += [each for each in await _traffic(con, caller.tenant_id, metered, rates, window) if each.metric in names]
        series = await measured_series.of_service(con, caller.tenant_id, found.id, names, MOST_SERIES + 1)
        limits = await measured_series.limits(con, caller.tenant_id, found.id)
        _bound(window, len(told) + len(series))
        told += await _elements(con, caller.tenant_id, series[:MOST_SERIES], window, limits, shown)
    return answer(
        Metrics(
            id=found.external_id,
            period=window.period,
            from_=instants.text(window.start),
            to=instants.text(window.end),
            step=window.step,
            metered=bool(metered),
            meters=tuple(
                MeterOf(each.element, each.facing, each.down is not None or each.up is not None, each.shared) for each in metered
            ),
            complete=len(series) <= MOST_SERIES,
            metrics=tuple(told),
        )
    )


async def _traffic(
    con: Connection, tenant_id: int, metered: Sequence[meters.Meter], rates: meters.Sold | None, window: Window
) -> list[Metric]:
    """Both directions; none without a meter, for there is nothing to say then."""
    if not metered:
        return []
    five = await meters.traffic_of(con, tenant_id, metered, window.start, window.end, BUCKET_US)
    step = None
    if window.step is not None:
        step = await meters.traffic_of(con, tenant_id, metered, window.start, window.end, matrices.STEP_US[window.step])
    return [
        _direction("down", five, step, window, (rates and rates.down_bps, rates and rates.down_burst_bps)),
        _direction("up", five, step, window, (rates and rates.up_bps, rates and rates.up_burst_bps)),
    ]


def _direction(which: str, five: Traffic, step: Traffic | None, window: Window, rates: tuple[int | None, int | None]) -> Metric:
    mean, largest, volume = (getattr(five, f"{which}_{part}")[None] for part in ("mean", "max", "bytes"))
    # of several meters a step counts where all were measured
    (found,) = measures(mean, largest, np.where(np.isfinite(mean), BUCKET_US / 1e6, 0), window.seconds)
    whole = float(five.whole.sum()) * BUCKET_US / 1e6 / window.seconds if window.seconds else 0.0
    points = step and _points(step.ts, getattr(step, f"{which}_mean"), getattr(step, f"{which}_max"), _whole)
    total = float(np.nansum(volume)) if found.mean is not None else None
    return _metric((f"traffic.{which}", "bit/s"), None, found._replace(coverage=min(whole, 1.0)), total, rates, points)


async def _elements(
    con: Connection, tenant_id: int, series: Sequence[Measured], window: Window, limits: Limits, shown: Shown
) -> list[Metric]:
    told: list[Metric] = []
    for first in range(0, len(series), SERIES_AT_ONCE):
        some = series[first : first + SERIES_AT_ONCE]
        ids = [each.series for each in some]
        five = (await matrices.load(con, tenant_id, ids, window.start, window.end)).values
        found = await asyncio.to_thread(measures, five["mean"], five["max"], five["seconds"], window.seconds)
        points: list[tuple[Point, ...] | None] = [None] * len(some)
        if window.step is not None:
            step = await matrices.load(con, tenant_id, ids, window.start, window.end, window.step, ("mean", "max"))
            rows = zip(some, step.values["mean"], step.values["max"], strict=True)
            points = [_points(step.times(), mean, top, _rounding(shown.units.get(of.metric, ""))) for of, mean, top in rows]
        for of, measure, values in zip(some, found, points, strict=True):
            scale = shown.volumes.get(of.metric)
            total = None if scale is None or measure.amount is None else measure.amount * scale
            sold = getattr(limits, INDICATORS.get(of.metric, ""), None)
            told.append(_metric((of.metric, shown.units.get(of.metric, "")), of, measure, total, (sold, None), values))
    return told


def _metric(
    what: tuple[str, str],
    of: Measured | None,
    found: Measure,
    total: float | None,
    sold: tuple[float | None, float | None],
    points: tuple[Point, ...] | None,
) -> Metric:
    metric, unit = what
    rounded = _rounding(unit)

    def told(value: float | None) -> float | None:
        return None if value is None else rounded(value)

    def share(value: float | None) -> float | None:
        return None if value is None or not sold[0] else round(100 * value / sold[0], 3)

    return Metric(
        metric=metric,
        unit=unit,
        element=of and of.element,
        element_name=of and of.name,
        instance=of and of.instance,
        average=told(found.mean),
        max=told(found.max),
        min=told(found.min),
        p95=told(found.p95),
        sum=None if total is None else round(total),
        coverage=round(found.coverage, 6),
        sold=sold[0],
        sold_burst=sold[1],
        average_percent=share(found.mean),
        max_percent=share(found.max),
        p95_percent=share(found.p95),
        points=points,
    )


def _points(ts: NDArray[np.int64], mean: NDArray[Any], largest: NDArray[Any], rounded: Rounding) -> tuple[Point, ...]:
    values = zip(ts.tolist(), mean.tolist(), largest.tolist(), strict=True)
    return tuple(
        Point(instants.text(at), *(None if math.isnan(value) else rounded(value) for value in pair)) for at, *pair in values
    )


def _rounding(unit: str) -> Rounding:
    """Bits a second and bytes are whole numbers; others have six digits that mean anything, since they are stored in 32 bits."""
    return _whole if unit in ("bit/s", "bytes") else _six_digits


def _whole(value: float) -> int:
    return round(value)


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")


def _names(query: MetricsQuery) -> tuple[str, ...]:
    if query.metric is None:
        return DEFAULT
    return tuple(dict.fromkeys(name.strip() for name in query.metric.split(",") if name.strip()))


def _window(query: MetricsQuery, known: Mapping[str, Any], now: int) -> Window:
    """Raises Refused 400: a period and an interval, half an interval, one that is empty or older than the history."""
    if query.from_ is None and query.to is None:
        period = known[query.period or USUAL]
        return Window(period.start, period.end, period.name, query.step)
    if query.period is not None or query.from_ is None:
        raise Refused(400, "The query does not fit", "Give either 'period', or 'from' and, unless it is now, 'to'.")
    start = instants.parse(query.from_) or 0
    end = now if query.to is None else min(instants.parse(query.to) or 0, now)
    oldest = now - Days().five_minute * DAY_US
    if start >= end or start < oldest:
        words = f"'from' lies before 'to' and not in the future, and not before {instants.text(oldest)}: older history is gone."
        raise Refused(400, "The query does not fit", words)
    return Window(start, end, None, query.step)


def _bound(window: Window, series: int) -> None:
    """Raises Refused 400 where the answer would be too long."""
    if window.step is None:
        return
    each = (window.end - window.start) // matrices.STEP_US[window.step] + 1
    if each * min(series, MOST_SERIES + len(TRAFFIC)) > MOST_POINTS:
        words = f"These are {each * series} values, and an answer has at most {MOST_POINTS}: name fewer metrics, or ask for a"
        raise Refused(400, "Too much at once", f"{words} larger step or a shorter time.")
