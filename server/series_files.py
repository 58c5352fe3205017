"""Series in a file, one JSON object a line {name, start, step_seconds, values, …}, gzipped or not; a bad line is a sentence, not an end."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.errors import ConfigError

HOUR_S = 3600
EARLIEST, LATEST = 1971, 2200  # years of a start
LARGEST = 1e300


class Series(NamedTuple):
    """`start` in seconds since 1970, `step` in seconds, `values` [t] with NaN for gaps; `source`: whose fleet it belongs to.

    `line`: where it stands in the file, counted from 1.
    """

    name: str
    source: str
    start: int
    step: int
    values: NDArray[np.float64]
    line: int


class Problem(NamedTuple):
    """A line that could not be used, counted from 1, and why: a whole sentence."""

    line: int
    text: str


def read(path: Path) -> Iterator[Series | Problem]:
    """The series of a file in its order. Raises ConfigError where the file cannot be read at all."""
    try:
        opened = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115 - closed by `with`
        with opened as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _series(number, line)
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror if isinstance(error, OSError) else error}.") from error


def _series(number: int, line: bytes) -> Series | Problem:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        return Problem(number, "This is not JSON.")
    try:
        if not isinstance(given, dict):
            raise ValueError("This is no JSON object.")  # noqa: TRY004 - one kind of fault
        name, source = (_text(given, key, default) for key, default in (("name", None), ("source", "")))
        step = given.get("step_seconds")
        if isinstance(step, bool) or not isinstance(step, int) or step < 1:
            raise ValueError("`step_seconds` must be a positive whole number.")
        return Series(name, source, _start(given.get("start")), step, _values(given.get("values")), number)
    except ValueError as error:
        return Problem(number, str(error))


def _text(given: dict[str, Any], key: str, default: str | None) -> str:
    found = given.get(key, default)
    if not isinstance(found, str):
        raise ValueError(f"`{key}` must be a text.")  # noqa: TRY004 - one kind of fault
    return found


def _start(given: object) -> int:
    try:
        instant = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        instant = None
    if instant is None or not EARLIEST <= instant.year <= LATEST:
        raise ValueError("`start` must be an instant such as 2026-11-24T00:00:00Z.")
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())


def _values(given: object) -> NDArray[np.float64]:
    if not isinstance(given, list):
        raise ValueError("`values` must be a list of numbers, with null for gaps.")  # noqa: TRY004 - one kind of fault
    for value in given:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LARGEST):
            said = json.dumps(value)[:20]
            raise ValueError(f"`values` holds {said}, which is no number below 1e300; a gap is null.")
    return np.array([math.nan if value is None else value for value in given], np.float64)
