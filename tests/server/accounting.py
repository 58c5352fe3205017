"""Accounting reports as an agent sends them, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.session_rows import Report, columns
from protocols.radius.accounting import NOTHING
from protocols.uplink.batch import Batch, encode

START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
SECOND = 1_000_000


def report(sensor: int, ts: int, status: int = START, **said: Any) -> Report:
    """One report; `ts` in µs."""
    return Report(sensor, ts, NOTHING._replace(**({"nas": "ap1", "session": "s1"} | said | {"status": status})))


def packed(reports: Sequence[Report]) -> bytes:
    """A batch of them."""
    return encode(Batch(sessions=columns(reports)))
