"""Accounting records as columns of a batch; users and stations as keyed hashes, so that no name or address leaves the site."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from protocols.radius.accounting import Accounting
from protocols.uplink import batch
from protocols.uplink.plan import Plan

REMEMBERED = 65_536
HASHED = 32  # hex digits that are kept of a hash: 128 bits
Shown = Callable[[str], str]
_TEXTS = ("nas", "session", "part", "multi", "user", "station", "called", "ssid", "address")
_NUMBERS = ("octets_in", "octets_out", "packets_in", "packets_out", "seconds", "interim", "cause")


class Report(NamedTuple):
    """One record, which sensor heard it and when it happened (µs)."""

    sensor: int
    ts: int
    said: Accounting


class Disguise(NamedTuple):
    """How a person's names go out: `hashed` what tells people and sessions apart, `private` what only the site may know."""

    hashed: Shown
    private: Shown


def disguise(plan: Plan) -> Disguise:
    """By the tenant's key (HMAC-SHA256); as they are where the tenant has switched that on; not at all without a key."""
    if plan.personal:
        return Disguise(str, str)
    if not plan.hash_key:
        return Disguise(_nothing, _nothing)
    key = bytes.fromhex(plan.hash_key)

    @lru_cache(REMEMBERED)  # the same people report again and again
    def hashed(said: str) -> str:
        return hmac.digest(key, said.casefold().encode(), "sha256").hex()[:HASHED] if said else ""

    return Disguise(hashed, _nothing)


def _nothing(said: str) -> str:
    del said
    return ""


def disguised(said: Accounting, by: Disguise) -> Accounting:
    """The record as it may leave the site."""
    return said._replace(
        part=by.hashed(said.part),
        user=by.hashed(said.user),
        station=by.hashed(said.station),
        address=by.private(said.address),
    )


def columns(reports: Sequence[Report]) -> batch.Sessions:
    """The records as columns, with one dictionary of all their texts."""
    texts: dict[str, int] = {"": 0}
    pointing = {
        name: np.array([texts.setdefault(getattr(r.said, name)[: batch.MAX_TEXT], len(texts)) for r in reports], np.uint32)
        for name in _TEXTS
    }
    numbers = {name: np.array([getattr(r.said, name) for r in reports], np.int64) for name in _NUMBERS}
    return batch.Sessions(
        sensor=np.array([r.sensor for r in reports], np.uint32),
        kind=np.array([r.said.status for r in reports], np.uint8),
        ts=np.array([r.ts for r in reports], np.int64),
        octets_in=numbers["octets_in"].astype(np.uint64),
        octets_out=numbers["octets_out"].astype(np.uint64),
        packets_in=numbers["packets_in"].astype(np.uint64),
        packets_out=numbers["packets_out"].astype(np.uint64),
        seconds=numbers["seconds"].astype(np.uint32),
        interim=numbers["interim"].astype(np.uint32),
        cause=np.minimum(numbers["cause"], 0xFFFF).astype(np.uint16),
        ap=pointing.pop("called"),
        texts=list(texts),
        **pointing,
    )
