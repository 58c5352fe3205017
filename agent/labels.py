"""What a row is called: text from its columns, from another table, or from the arcs of its index (RFC 2578 section 7.7)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from protocols.snmp import oid
from protocols.snmp.message import VarBind
from protocols.uplink.plan import Label, Source, Table
from protocols.wire import text

NAME_LENGTH = 128  # characters of an instance's name

Walked = Mapping[bytes, Mapping[bytes, VarBind]]  # column -> index -> what the device said
MAC = 6
ADDRESSES = (4, 16)


class Named(NamedTuple):
    """A text, and where it stands: what was there when it was read; None where it is only the index."""

    text: str
    identity: tuple[bytes, VarBind] | None = None


def sources(table: Table) -> list[Source]:
    """Every source the table's names and tags are made of."""
    names = [source for option in table.name_oids for source in _parts(option)]
    return [*names, *table.tags.values()]


def columns(sources: Sequence[Source]) -> list[str]:
    """The columns that `sources` read."""
    found: list[str] = []
    for source in sources:
        found += [source] if isinstance(source, str) else [name for name in (source.oid, source.by) if name]
    return found


def name(table: Table, index: bytes, walked: Walked) -> Named:
    """What the row at `index` is called: by the first option with no empty part, else by its index."""
    for option in table.name_oids:
        parts = [read(source, index, walked) for source in _parts(option)]
        if all(part.text for part in parts):
            identity = next((part.identity for part in parts if part.identity), None)
            return Named(" ".join(part.text for part in parts)[:NAME_LENGTH], identity)
    return Named(oid.index(index))


def read(source: Source, index: bytes, walked: Walked) -> Named:
    """The text of one source for the row at `index`; "" where the device has none."""
    label = Label(oid=source) if isinstance(source, str) else source
    arcs = oid.index_arcs(index)
    if label.arcs:
        arcs = arcs[label.arcs[0] : label.arcs[1]]
    if label.by:
        bind = walked.get(oid.parse(label.by), {}).get(index)
        arcs = (bind.value,) if bind and isinstance(bind.value, int) and 0 < bind.value < 1 << 32 else ()
    if not arcs:
        return Named("")
    if label.oid is None:
        shown = _of_arcs(arcs, label.form)
        return Named(label.before + shown if shown else "")
    there = oid.parse(label.oid)
    place = oid.encode((1, 3, *arcs))[1:]
    bind = walked.get(there, {}).get(place)
    shown = _of_value(bind, label.form) if bind else ""
    return Named(label.before + shown, (there + place, bind)) if bind and shown else Named("")


def _parts(option: Source | tuple[Source, ...]) -> tuple[Source, ...]:
    return option if isinstance(option, tuple) else (option,)


def _of_value(bind: VarBind, form: str) -> str:
    if isinstance(bind.value, int):
        return str(bind.value)
    if bind.value is None:
        return ""
    if form == "mac" and len(bind.value) == MAC:
        return bind.value.hex(":")
    if form == "ip" and len(bind.value) in ADDRESSES:
        return str(ipaddress.ip_address(bind.value))
    return text(bind.value, NAME_LENGTH)


def _of_arcs(arcs: tuple[int, ...], form: str) -> str:
    """`arcs` in the given form; dotted where they do not fit it."""
    raw = bytes(arcs) if max(arcs) < 256 else b""
    if form == "mac" and len(raw) in (MAC, MAC + 1):
        return raw[-MAC:].hex(":")
    if form == "text" and raw and raw[0] == len(raw) - 1:
        return text(raw[1:], NAME_LENGTH)
    if form == "ip":
        for skipped in (0, 1, 2):  # the address alone, behind its length, behind InetAddressType and length
            rest = raw[skipped:]
            if len(rest) in ADDRESSES and (not skipped or raw[skipped - 1] == len(rest)):
                return str(ipaddress.ip_address(rest))
    return ".".join(map(str, arcs))
