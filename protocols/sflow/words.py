"""An sFlow datagram for people and as JSON: every sample, every field that is known, every record's bytes."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import numpy as np

from protocols.errors import DecodeError
from protocols.sflow import walk
from protocols.sflow.columns import decode

_NUMBERS = {"source_mac", "destination_mac"}


def described(data: bytes, sender: str) -> list[dict[str, Any]]:
    """One object for each sample: kind, exporter (the agent), sender, domain (the sub-agent), sequence, fields, raw."""
    try:
        head, at = walk.header(data)
    except DecodeError:
        return []
    found = []
    columns = decode([(sender, data)], Counter())
    flows, interfaces = iter(columns.flows), iter(columns.interfaces)
    for sample in walk.samples(data, at, head.samples):
        if isinstance(sample, DecodeError):
            continue
        item: dict[str, Any] = {"kind": sample.kind, "exporter": head.agent, "sender": sender, "domain": head.sub_agent}
        item |= {"version": 5, "template": 0, "uptime_ms": head.uptime, "sequence": sample.sequence}
        fields: dict[str, Any] = {}
        if sample.kind == walk.FLOW:
            fields = _flow(next(flows))
        elif sample.kind == walk.DISCARDED:
            fields = {"drops": sample.drops, "input": sample.input[1], "output": sample.output[1], "reason": sample.reason}
        else:
            known = [_row(next(interfaces)) for kind, body in sample.records if kind == 1 and len(body) >= 88]
            fields = {"source_type": sample.source[0], "source_index": sample.source[1]} | (known[0] if known else {})
        raw = {f"{kind >> 12}.{kind & 0xFFF}": body.hex() for kind, body in sample.records}
        found.append(item | {"fields": fields, "raw": raw})
    return found


def _flow(row: np.void) -> dict[str, Any]:
    fields = _row(row) | _row(row["header"])
    family = fields.pop("family")
    four = {name: str(IPv4Address(fields.pop(f"{name}4"))) for name in ("source", "destination", "next_hop")}
    six = {name: str(IPv6Address(_joined(fields.pop(f"{name}6")))) for name in ("source", "destination", "next_hop")}
    hop = six["next_hop"] if six["next_hop"] != "::" else four["next_hop"]
    if family:
        fields |= {name: (six if family == 6 else four)[name] for name in ("source", "destination")}
    return fields | {"next_hop": hop}


def _row(row: np.void) -> dict[str, Any]:
    names = [name for name in row.dtype.names or () if name not in {"header", "exporter", "sub_agent", "uptime", "sequence"}]
    found = {name: row[name].tolist() for name in names}
    return found | {name: found[name].to_bytes(6, "big").hex(":") for name in _NUMBERS & found.keys()}


def _joined(halves: list[int]) -> int:
    return halves[0] << 64 | halves[1]
