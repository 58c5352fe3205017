"""`lineside forecast`: forecasts of series in a file, one JSON object a line in and out. Also where the fleet tables that ship
are read.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

import analytics.forecast
from analytics.forecast.answer import FAN, SPOKEN, Forecast, Kind, forecast
from analytics.forecast.fitting import DAYS
from analytics.forecast.fleet import Fleet
from analytics.forecast.packing import unpacked
from analytics.forecast.prepare import last_days
from protocols.errors import ConfigError

KINDS: dict[str, Kind] = {"demand": "rate", "rate": "rate", "storage": "storage", "count": "count"}
DAY = 86_400
TOGETHER = 2048  # series that are read, forecast and printed at once


class Series(NamedTuple):
    """One line: daily `values` [days], NaN = gap, and the day of the last one, if the line tells when it starts."""

    name: str
    kind: Kind
    values: NDArray[np.float64]
    threshold: float
    last_day: date | None


class BadLine(ValueError):  # noqa: N818 - what is wrong with a line, for a person
    """A line that is no series; its text says what is wrong with it."""


@cache
def shipped_fleet() -> Fleet:
    """The fleet tables of this release, until an operator's own past makes better ones."""
    with np.load(Path(analytics.forecast.__path__[0]) / "fleet.npz") as arrays:
        return unpacked(dict(arrays))


def add_arguments(commands: Any) -> None:
    """The command's own arguments."""
    parser = commands.add_parser("forecast", help="when series in a file reach their thresholds")
    parser.add_argument("--series", required=True, metavar="FILE", help="one JSON object a line, .gz allowed")


def run(arguments: argparse.Namespace) -> int:
    """Print one forecast a series; a bad line is told on standard error and makes the exit code 1."""
    failed = 0
    batch: list[Series] = []
    try:
        with _opened(Path(arguments.series)) as lines:
            for number, line in enumerate(lines, 1):
                try:
                    batch += [series_of(line)] if line.strip() else []
                except BadLine as bad:
                    sys.stderr.write(f"lineside: line {number} of {arguments.series} {bad}\n")
                    failed = 1
                if len(batch) == TOGETHER:
                    _print(batch)
                    batch = []
            _print(batch)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        _print(batch)
        raise ConfigError(f"{arguments.series} cannot be read: {error}") from None
    return failed


def series_of(line: str) -> Series:
    """The series of one line; BadLine if it is none."""
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLine("is not a JSON object") from None
    if not isinstance(given, dict):
        raise BadLine("is not a JSON object")
    kind = given.get("kind", "rate")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadLine(f"has the kind {json.dumps(kind)}: it must be one of {', '.join(KINDS)}")
    threshold = given.get("threshold")
    if threshold is not None and (not _is_number(threshold) or threshold <= 0):
        raise BadLine("has a threshold that is not a number above 0")
    values = given.get("values")
    if not isinstance(values, list) or not values or not all(value is None or _is_number(value) for value in values):
        raise BadLine("has no list `values` of numbers and nulls")
    daily, start = _daily(
        np.array([np.nan if value is None else value for value in values], dtype=np.float64), given, KINDS[kind]
    )
    last = start + timedelta(days=len(daily) - 1) if start else None
    return Series(str(given.get("name", "")), KINDS[kind], daily, np.nan if threshold is None else float(threshold), last)


def answer(series: Series, found: Forecast) -> dict[str, Any]:
    """The object that is printed: numbers as they are, dates as days after the last one of the series, null = not within the
    horizon.
    """
    evidence: Mapping[str, Any] = found.evidence._asdict()
    shift = found.evidence.last_shift
    return {
        "name": series.name,
        "method": found.method,
        "version": found.version,
        "class": found.kind,
        "horizon": found.horizon,
        "last_day": series.last_day.isoformat() if series.last_day else None,
        "threshold": found.threshold,
        "state": found.state,
        "p_cross": None if found.p_cross is None else dict(zip(map(str, SPOKEN), _rounded(found.p_cross), strict=True)),
        "date": dict(zip(("p10", "p50", "p90"), found.date, strict=True)),
        "evidence": {**evidence, "last_shift": None if shift is None else {"days_ago": shift[0], "size": shift[1]}},
        "fan": [
            {"day": int(day), "p10": low, "p50": middle, "p90": high}
            for day, (low, middle, high) in zip(FAN[: len(found.fan)], found.fan, strict=True)
        ],
    }


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18


def _daily(values: NDArray[np.float64], given: Mapping[str, Any], kind: Kind) -> tuple[NDArray[np.float64], date | None]:
    """Values by day: of shorter steps the 95th percentile of the day, of storage its last value. The first day, if it is told."""
    step, start = given.get("step_seconds", DAY), given.get("start")
    if not isinstance(step, int) or isinstance(step, bool) or step <= 0 or DAY % step:
        raise BadLine("has a step_seconds that does not divide a day")
    try:
        moment = datetime.fromisoformat(start) if start is not None else None
    except (TypeError, ValueError):
        raise BadLine("has a start that is not a date") from None
    if step == DAY:
        return values, moment.date() if moment else None
    per_day = DAY // step
    before = (moment.hour * 3600 + moment.minute * 60 + moment.second) // step if moment else 0
    after = -(before + len(values)) % per_day
    days = np.pad(values, (before, after), constant_values=np.nan).reshape(-1, per_day)
    return np.array([_of_day(day[np.isfinite(day)], kind) for day in days]), moment.date() if moment else None


def _of_day(values: NDArray[np.float64], kind: Kind) -> float:
    if not len(values):
        return float("nan")
    return float(values[-1] if kind == "storage" else np.percentile(values, 95))


def _print(batch: Sequence[Series]) -> None:
    for series, found in _forecasts(batch):
        sys.stdout.write(json.dumps(answer(series, found), ensure_ascii=False, allow_nan=False) + "\n")


def _forecasts(batch: Sequence[Series]) -> Iterator[tuple[Series, Forecast]]:
    if not batch:
        return
    matrix = np.concatenate([last_days(series.values[None], DAYS) for series in batch])
    thresholds = np.array([series.threshold for series in batch])
    yield from zip(batch, forecast(matrix, [series.kind for series in batch], thresholds, shipped_fleet()), strict=True)


def _rounded(numbers: Sequence[float]) -> list[float]:
    return [round(number, 4) for number in numbers]
