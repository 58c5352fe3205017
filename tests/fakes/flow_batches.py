"""Batches of flows, made as the agent makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from protocols.uplink.batch import Batch, Flows, encode

MINUTE = 60_000_000


class Row(NamedTuple):
    """One row; `ts` in µs."""

    sensor: int
    ts: int
    octets: float
    name: str = "ge1"
    direction: int = 1
    application: str = "https"
    provider: str = ""
    remote: str = "198.51.100.0/24"


def flows(rows: Sequence[Row]) -> Flows:
    """The rows as columns; one packet in 1,000 octets, sampled 1 in 10."""
    texts = {field: sorted({getattr(row, field) for row in rows}) for field in ("name", "application", "provider", "remote")}
    places = {field: [known.index(getattr(row, field)) for row in rows] for field, known in texts.items()}
    octets = np.array([row.octets for row in rows], np.float64)
    return Flows(
        sensor=np.array([row.sensor for row in rows], np.uint32),
        interface=np.full(len(rows), 7, np.uint32),
        name=np.array(places["name"], np.uint32),
        direction=np.array([row.direction for row in rows], np.uint8),
        application=np.array(places["application"], np.uint16),
        provider=np.array(places["provider"], np.uint16),
        remote=np.array(places["remote"], np.uint32),
        ts=np.array([row.ts for row in rows], np.int64),
        octets=octets,
        packets=octets / 1_000,
        measured_octets=octets / 10,
        measured_packets=octets / 10_000,
        flows=np.ones(len(rows), np.uint32),
        names=texts["name"],
        applications=texts["application"],
        providers=texts["provider"],
        remotes=texts["remote"],
    )


def body(rows: Sequence[Row]) -> bytes:
    """A packed batch of them."""
    return encode(Batch(flows=flows(rows)))
