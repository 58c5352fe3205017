"""Recorded datagrams of many exporters (`corpus`), and their records as plain objects that tests can compare."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from agent.decode_flows import Flows
from protocols.netflow.decoder import Decoded
from protocols.netflow.layout import VARIABLE
from protocols.netflow.records import Records
from tests.peers import ROOT, corpus

NOW = 1_700_000_000_000_000


class Record(NamedTuple):
    """One record: its JSON object and, for exactness, its bytes as they came, field by field in their order."""

    item: dict[str, Any]
    fields: list[tuple[str, bytes]]
    options: bool
    wire: bytes  # the whole record; lengths of variable fields in their short form
    variable: bool


def names(part: str) -> list[str]:
    """The captures that have something in a folder: datagrams, golden or tshark. Empty where there is no corpus."""
    folder = ROOT.joinpath("../shared").resolve()
    try:
        folder = corpus()
    except BaseException:  # noqa: BLE001 - pytest's skip: the tests are skipped one by one
        return []
    return sorted(path.stem for path in (folder / "captures" / "flow" / part).iterdir())


def loaded(part: str, name: str) -> Any:
    return json.loads((corpus() / "captures" / "flow" / part / f"{name}.json").read_text())


def datagrams(name: str) -> list[tuple[str, bytes]]:
    """(exporter, payload) of a capture: u8 length and text of the address, u16 length and the payload, again and again."""
    return list(_cut(Path(corpus() / "captures" / "flow" / "datagrams" / f"{name}.dgm").read_bytes()))


def _cut(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(data):
        exporter = data[at + 1 : at + 1 + data[at]].decode()
        at += 1 + data[at]
        (size,) = struct.unpack_from("!H", data, at)
        yield exporter, data[at + 2 : at + 2 + size]
        at += 2 + size


def records(name: str) -> list[Record]:
    """All records of a capture in their order, data sets of one datagram by layout."""
    reader = Flows()
    return [record for datagram in datagrams(name) for record in plain(reader, reader.decoder.decode([datagram], NOW))]


def plain(reader: Flows, decoded: Decoded) -> list[Record]:
    found = []
    for part, items in reader.objects(decoded):
        for row, item in enumerate(items):
            found.append(Record(item, fields(part, row), part.layout.options, wire(part, row), bool(part.places)))
    return found


def wire(part: Records, row: int) -> bytes:
    found = b""
    for field in part.layout.fields:
        raw = part.raw(field.key, row)
        if field.size == VARIABLE:
            found += bytes([len(raw)]) if len(raw) < 255 else b"\xff" + struct.pack("!H", len(raw))
        found += raw
    return found


def fields(part: Records, row: int) -> list[tuple[str, bytes]]:
    return [(field.key.split("#")[0], part.raw(field.key, row)) for field in part.layout.fields]
