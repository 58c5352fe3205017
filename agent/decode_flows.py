"""Flow records of a capture as JSON objects: NetFlow v5, v9, IPFIX and sFlow, every field by its name and by its number.

{"kind": "flow" or "option", "exporter", "port", "domain", "version", "template", "exported", "start", "end",
 "fields": {name: value}, "raw": {"pen.number": hexadecimal bytes}}
A field that repeats is a list in both. In v9 the scopes of options have no element number: "scope.1" is the system.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from protocols.netflow.decoder import Decoded, Decoder
from protocols.netflow.facts import boots, facts
from protocols.netflow.records import Records
from protocols.netflow.times import spans
from protocols.netflow.values import value
from protocols.pcap import Datagram
from protocols.sflow.words import described

_NETFLOW, _SFLOW = {5, 9, 10}, b"\0\0\0\5"


class Flows:
    """Templates are remembered from one datagram to the next."""

    def __init__(self) -> None:
        self.decoder = Decoder()
        self.boots: dict[tuple[str, int], int] = {}

    def __call__(self, datagram: Datagram) -> list[dict[str, Any]] | None:
        """The records of a datagram; None if it carries no flows."""
        payload = datagram.payload
        if payload[:4] == _SFLOW:
            return [{"port": datagram.source_port} | found for found in described(payload, datagram.source)]
        if int.from_bytes(payload[:2], "big") not in _NETFLOW or len(payload) < 16:
            return None
        decoded = self.decoder.decode([(datagram.source, payload)], datagram.at)
        return [{"port": datagram.source_port} | item for _, items in self.objects(decoded) for item in items]

    def objects(self, decoded: Decoded) -> list[tuple[Records, list[dict[str, Any]]]]:
        """For each layout its records, and one object for each of them."""
        for records in decoded.options:
            told = facts(records, decoded)
            self.boots |= {(fact.exporter, fact.domain): fact.number for fact in told if fact.kind == "boot"}
        return [(records, _objects(records, decoded, self.boots)) for records in (*decoded.options, *decoded.flows)]


def _objects(records: Records, decoded: Decoded, known: dict[tuple[str, int], int]) -> list[dict[str, Any]]:
    starts, ends = (column.tolist() for column in spans(records, decoded.heads, boots(records, decoded, known)))
    found = []
    for row, (head, template) in enumerate(zip(records.head.tolist(), records.template.tolist(), strict=True)):
        exporter, domain, version, exported, uptime, sequence, count, sampling = decoded.heads[head].tolist()
        item: dict[str, Any] = {
            "kind": "option" if records.layout.options else "flow",
            "exporter": decoded.exporters[exporter],
            "domain": domain,
            "version": version,
            "template": template,
            "exported": instant(exported),
            "sequence": sequence,
        }
        if version != 10:
            item |= {"uptime_ms": uptime, "count": count}
        if version == 5:
            item |= {"sampling_mode": sampling >> 14, "sampling_interval": sampling & 0x3FFF}
        if not records.layout.options:
            item |= {"start": instant(starts[row]), "end": instant(ends[row])}
        found.append(item | _fields(records, row))
    return found


def _fields(records: Records, row: int) -> dict[str, Any]:
    named: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    for field in records.layout.fields:
        octets = records.raw(field.key, row)
        name, kind = field.element
        _put(named, name, value(kind, octets))
        _put(raw, field.key.split("#")[0], octets.hex())
    return {"fields": named, "raw": raw}


def _put(into: dict[str, Any], name: str, found: object) -> None:
    if name not in into:
        into[name] = found
    elif isinstance(into[name], list):
        into[name].append(found)
    else:
        into[name] = [into[name], found]


def instant(micros: int) -> str:
    """RFC 3339 with milliseconds."""
    try:
        return str(np.datetime64(micros // 1_000, "ms")) + "Z"
    except ValueError:
        return str(micros)
