"""What a chart is drawn from: a window of time, values on an even grid as compact JSON, and its figures in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from protocols.errors import Refused
from server.pages import rendering, words
from storage.times import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import Request, Response
    from numpy.typing import NDArray

RANGES = {"24h": ("24 hours", 1), "7d": ("7 days", 7), "30d": ("30 days", 30), "90d": ("90 days", 90), "1y": ("1 year", 365)}
BUCKET_US = 300_000_000
HOUR_US = 12 * BUCKET_US
SHORTEST_US, LONGEST_US = 6 * BUCKET_US, 366 * DAY_US
SECOND_US = 1_000_000
# Up to so long a window a step is shown as it was measured, then by the hour, then by the day.
STEPS = ((8 * DAY_US, BUCKET_US), (100 * DAY_US, HOUR_US))


class Span(NamedTuple):
    """A window [start, end), µs, and the step it is drawn in."""

    start: int
    end: int
    step: int


class Line(NamedTuple):
    """One line of a chart: 5-minute means and maxima, shape [n] each, NaN = gap; what was sold, None where nothing was."""

    name: str
    mean: NDArray[np.float64]
    max: NDArray[np.float64]
    sold: float | None = None


class Figures(NamedTuple):
    """Of the 5-minute means of a window: 95th percentile (nearest rank), mean, and the largest value; NaN without any."""

    p95: float
    mean: float
    max: float
    measured: float  # the share of the window, 0 to 1


def span(query: Mapping[str, str], now: int) -> Span:
    """The window asked for: `range` of RANGES until now, or `from` and `to` in seconds. Raises Refused 422."""
    if "from" not in query:
        chosen = RANGES.get(query.get("range", "24h"))
        if chosen is None:
            raise Refused(422, "No such range", f"Ask for one of {', '.join(RANGES)}, or for from and to in seconds.")
        end = -(-now // BUCKET_US) * BUCKET_US
        return _stepped(end - chosen[1] * DAY_US, end)
    ends = [query.get(name, "") for name in ("from", "to")]
    if not all(each.isascii() and each.isdigit() and len(each) < 12 for each in ends):
        raise Refused(422, "No such window", "from and to are whole seconds since 1970.")
    start, end = (int(each) * SECOND_US for each in ends)
    end = min(end, now + BUCKET_US)
    if not SHORTEST_US <= end - start <= LONGEST_US + DAY_US:
        raise Refused(422, "No such window", "A window lasts from 30 minutes to a year and lies in the past.")
    return _stepped(start, end)


def _stepped(start: int, end: int) -> Span:
    step = next((step for longest, step in STEPS if end - start <= longest), DAY_US)
    return Span(start // step * step, -(-end // step) * step, step)


def figures(line: Line) -> Figures:
    """The figures of one line."""
    known = np.sort(line.mean[np.isfinite(line.mean)])
    tops = line.max[np.isfinite(line.max)]
    if not len(known):
        return Figures(math.nan, math.nan, math.nan, 0.0)
    rank = math.ceil(0.95 * len(known)) - 1
    return Figures(float(known[rank]), float(known.mean()), float(tops.max(initial=known[-1])), len(known) / len(line.mean))


def answer(request: Request, window: Span, unit: str, zone: str, lines: Sequence[Line]) -> Response:
    """The chart as JSON: {start, step, n, unit, zone, lines: [{name, mean, max, p95, sold}], rows, said}; null is a gap."""
    drawn, rows = [], []
    for line in lines:
        mine = figures(line)
        mean, top = coarser(line.mean, window.step, largest=False), coarser(line.max, window.step, largest=True)
        drawn.append(
            {"name": line.name, "mean": _compact(mean), "max": _compact(top), "p95": _number(mine.p95), "sold": line.sold}
        )
        rows.append(_row(line, mine, unit))
    body = {
        "start": window.start // SECOND_US,
        "step": window.step // SECOND_US,
        "n": (window.end - window.start) // window.step,
        "unit": unit,
        "zone": zone,
        "lines": drawn,
        "rows": rows,
        "said": _said(rows),
    }
    made = rendering.answer(request, msgspec.json.encode(body), 200)
    made.headers["Content-Type"] = "application/json"
    return made


def coarser(values: NDArray[np.float64], step: int, *, largest: bool) -> NDArray[np.float64]:
    """5-minute values in steps of `step` µs: their mean, or their largest; NaN where none was measured."""
    grid = values.reshape(-1, step // BUCKET_US)
    known = np.isfinite(grid)
    some = known.any(axis=1)
    if largest:
        return np.where(some, np.where(known, grid, -np.inf).max(axis=1), np.nan)
    return np.where(some, np.where(known, grid, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)


def _compact(values: NDArray[np.float64]) -> list[float | int | None]:
    return [_number(each) for each in values.tolist()]


def _number(value: float) -> float | int | None:
    """Three significant digits, finer than a pixel; a whole number where it is one; None for a gap."""
    if not math.isfinite(value):
        return None
    short = float(f"{value:.3g}")
    return int(short) if short == int(short) else short


def _row(line: Line, mine: Figures, unit: str) -> list[str]:
    """Name, 95th percentile, mean, maximum, sold, p95 and maximum in per cent of sold, how much was measured."""
    said = [words.amount(each, unit) if math.isfinite(each) else "–" for each in (mine.p95, mine.mean, mine.max)]
    shares = [f"{each * 100 / line.sold:.0f} %" if line.sold and math.isfinite(each) else "–" for each in (mine.p95, mine.max)]
    sold = words.amount(line.sold, unit) if line.sold else "–"
    return [line.name, *said, sold, *shares, f"{math.floor(mine.measured * 1000) / 10:g} %"]


def _said(rows: Sequence[Sequence[str]]) -> str:
    """The chart in one sentence, for those who do not see it."""
    parts = [
        f"{name}: 95th percentile {p95}" + (f", {share} of sold" if share != "–" else "") + f", mean {mean}, at most {top}"
        for name, p95, mean, top, _, share, *_ in rows
        if p95 != "–"
    ]
    return "; ".join(parts) + "." if parts else "Nothing was measured in this time."
