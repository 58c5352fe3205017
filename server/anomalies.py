"""`lineside anomalies`: what is unusual in the series of a file, one JSON object a line; faults of lines on standard error."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from analytics.anomaly import calendar, replay
from protocols.errors import ConfigError
from server.fleets import Fleet, fleets, instant, slot_seconds
from server.series_files import Problem, Series, read

EPOCH = date(1970, 1, 1)
SIDES = {1: "high", -1: "low"}


def add_arguments(commands: Any) -> None:
    """Describe the command to argparse."""
    command = commands.add_parser("anomalies", help="find what is unusual in the series of a file")
    command.add_argument("--series", metavar="FILE", type=Path, required=True, help="JSON lines, gzipped if it ends in .gz")
    command.add_argument("--alpha", type=float, default=1.0, help="wanted false alarms per series and 30 days (default: 1)")
    command.add_argument("--zone", default="UTC", help="where the days begin, such as Europe/Rome (default: UTC)")
    command.add_argument("--country", metavar="CODE", help="whose public holidays count as Sundays, such as IT or GB-ENG")


def run(arguments: argparse.Namespace) -> int:
    """Print the events; 1 where a line could not be used."""
    zone = _zone(arguments.zone)
    if not 0 < arguments.alpha <= 15:
        raise ConfigError("--alpha must lie above 0 and be at most 15.")
    series, problems = [], []
    for read_one in read(arguments.series):
        if isinstance(read_one, Problem):
            problems.append(read_one)
        else:
            series.append(read_one)
    problems += [_misfit(each) for each in series if slot_seconds(each.step) is None]
    for problem in sorted(problems):
        sys.stderr.write(f"lineside: {arguments.series}, line {problem.line}: {problem.text}\n")
    for fleet in fleets(series, zone):
        free = public_holidays(arguments.country, fleet.first, fleet.values.shape[1]) if arguments.country else ()
        for event in events(fleet, free, zone, arguments.alpha):
            sys.stdout.write(json.dumps(event) + "\n")
    return 1 if problems else 0


def events(fleet: Fleet, free: Collection[int], zone: tzinfo = UTC, alpha: float = 1.0) -> Iterator[dict[str, Any]]:
    """Events of a fleet as what is printed; `free`: holidays as days since 1970."""
    days = calendar.days(fleet.first, fleet.values.shape[1], free)
    judged = replay.replay(fleet.values, days, fleet.counts, alpha)
    for row, start, end, side, score in zip(*replay.found(judged.signed), strict=True):
        begin, stop = (_said(instant(fleet, int(slot), zone)) for slot in (start, end))
        yield {"name": fleet.names[row], "start": begin, "end": stop, "side": SIDES[int(side)], "score": round(float(score), 3)}


def public_holidays(country: str, first: int, count: int) -> set[int]:
    """Public holidays as days since 1970, among `count` days from `first`; `country`: ISO 3166 code, with -REGION or without.

    Raises ConfigError where nobody knows the country.
    """
    code, _, region = country.partition("-")
    span = [EPOCH + timedelta(days=day) for day in (first, first + count)]
    years = range(span[0].year, span[1].year + 1)
    try:
        known = holidays.country_holidays(code.upper(), subdiv=region or None, years=years)
    except NotImplementedError as error:
        raise ConfigError(f"There is no calendar of holidays for {country}; give a code such as IT or GB-ENG.") from error
    return {(day - EPOCH).days for day in known if span[0] <= day <= span[1]}


def _misfit(series: Series) -> Problem:
    return Problem(series.line, f"Steps of {series.step} s do not fill an hour; give steps that divide 3600 s.")


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"There is no time zone {name}; give one such as Europe/Rome.") from error


def _said(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
