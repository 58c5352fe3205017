"""The panels: each source of the collection of series, and services of our generator; with events put in from day 14 on."""

from __future__ import annotations

import functools
import gzip
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from analytics.anomaly.profile import SETTLING
from bench.anomalies import generator
from bench.anomalies.injections import LABELLED, Injected, inject
from bench.anomalies.scoring import Truth, truth
from bench.harness import ROOT
from server.anomalies import public_holidays
from server.fleets import DAY_S, Fleet, fleets
from server.series_files import Series, read

COUNTRIES = {"milan": "IT-MI", "parking": "GB-ENG", "i94": "US-MN", "nab": "US-NY"}
JUDGED_SERIES, JUDGED_DAYS = 15, 28
FIRST_MONDAY = 19_723  # 2024-01-01
GENERATED, GENERATED_DAYS, GENERATED_SEED = 120, 56, 7

Windows = Mapping[str, list[tuple[int, int]]]


class Piece(NamedTuple):
    """A fleet with events in it, its holidays, and two truths: the events put in, and those that people labelled."""

    fleet: Fleet
    free: set[int]
    truth: Truth
    labelled: Truth


def corpus() -> Path:
    return Path(os.environ.get("LINESIDE_CORPUS", ROOT.parent / "shared")) / "series" / "subdaily.jsonl.gz"


def panels(*, quick: bool) -> dict[str, list[Piece]]:
    """All of them by name; `quick` takes every third series of the large ones."""
    found = {"generator": [_generated(GENERATED // 3 if quick else GENERATED)]}
    series = [each for each in read(corpus()) if isinstance(each, Series)]
    windows = _windows()
    for fleet in fleets(series):
        thin = 3 if quick and len(fleet.names) >= 60 else 1
        chosen = Fleet(fleet.names[::thin], fleet.source, fleet.first, fleet.values[::thin], fleet.counts[::thin])
        if chosen.values.shape[1] > SETTLING + 1:
            country = COUNTRIES.get(fleet.source)
            free = public_holidays(country, fleet.first, fleet.values.shape[1]) if country else set()
            found.setdefault(fleet.source, []).append(_piece(chosen, free, windows))
    return found


def is_judged(pieces: list[Piece]) -> bool:
    """Whether there are enough series of enough days for the figures to mean something."""
    present = [np.isfinite(piece.fleet.values).any(axis=2).sum(axis=1) for piece in pieces]
    return int((np.concatenate(present) >= JUDGED_DAYS).sum()) >= JUDGED_SERIES


def groups(pieces: list[Piece]) -> list[str]:
    """What is resampled as a whole: the `group` of the collection, else the series."""
    known = {each["name"]: each.get("group", each["name"]) for each in _lines()}
    return [known.get(name, name) for piece in pieces for name in piece.fleet.names]


def _generated(count: int) -> Piece:
    values = generator.traffic(count, GENERATED_DAYS, GENERATED_SEED)
    names = [f"generator/{number}" for number in range(count)]
    free = {FIRST_MONDAY + day for day in generator.HOLIDAYS}
    return _piece(Fleet(names, "generator", FIRST_MONDAY, values, np.zeros(count, bool)), free, {})


def _piece(fleet: Fleet, free: set[int], windows: Windows) -> Piece:
    known = list(_labelled(fleet, windows))
    injected, events = inject(fleet.values, SETTLING)
    put = truth(injected, events, SETTLING, known)
    return Piece(fleet._replace(values=injected), free, put, truth(injected, known, SETTLING, events))


def _labelled(fleet: Fleet, windows: Windows) -> Iterator[Injected]:
    """Windows that people labelled and that begin after day 14."""
    slots = fleet.values.shape[2]
    length = DAY_S // slots
    for row, name in enumerate(fleet.names):
        for start, end in windows.get(name, []):
            first, last = ((instant - fleet.first * DAY_S) // length for instant in (start, end))
            if first >= SETTLING * slots:
                yield Injected(row, int(first), int(last) + 1, LABELLED)


def _windows() -> Windows:
    return {each["name"]: each.get("windows") or [] for each in _lines()}


@functools.cache
def _lines() -> list[dict[str, Any]]:
    """The lines of the collection with all that is in them."""
    with gzip.open(corpus(), "rt") as lines:
        return [json.loads(line) for line in lines]
