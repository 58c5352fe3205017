"""DNS questions and answers (RFC 1035, RFC 3596, RFC 2782): bytes to records and back."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.wire import Reader, text

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
# RFC 1035 section 4.1.1 and RFC 2136 section 2.2.
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
INTERNET = 1
MAX_RECORDS = 128  # of one answer: bounds the work on a hostile one
MAX_NAME = 255  # bytes of a name on the wire


class Question(NamedTuple):
    """What is asked for: a name in lower case without its last dot ("" = the root), and the number of a type."""

    name: str
    type: int


class Record(NamedTuple):
    """One record of the answer section; `data` as a zone file would write it, without quotes and last dots."""

    name: str
    type: int
    ttl: int
    data: str


class Answer(NamedTuple):
    """A response. Where it is `truncated` its records are incomplete and left out: ask again over TCP."""

    identifier: int
    rcode: int
    truncated: bool
    question: Question
    records: tuple[Record, ...]


def question(name: str, kind: str) -> Question:
    """The question for `name` and a type of TYPES. Raises ValueError: what is wrong with the name, as a clause."""
    plain = name.lower().removesuffix(".")
    _encoded(plain)
    return Question(plain, TYPES[kind])


def encode(identifier: int, asked: Question) -> bytes:
    """The query for it, recursion desired. Raises ValueError as `question`."""
    fixed = identifier.to_bytes(2, "big") + bytes((1, 0, 0, 1, 0, 0, 0, 0, 0, 0))
    return fixed + _encoded(asked.name) + asked.type.to_bytes(2, "big") + INTERNET.to_bytes(2, "big")


def _encoded(name: str) -> bytes:
    out = bytearray()
    for label in name.split(".") if name else ():
        try:
            raw = label.encode("ascii")
        except UnicodeEncodeError:
            raise ValueError("a name of ASCII letters only (xn--… where it has others)") from None
        if not 0 < len(raw) < 64:
            raise ValueError("a name with labels of 1 to 63 letters")
        out += bytes((len(raw),)) + raw
    if len(out) >= MAX_NAME:
        raise ValueError("a name of at most 253 letters")
    return bytes(out) + b"\0"


def decode(message: bytes) -> Answer:
    """The response in `message`. Raises DecodeError: truncated, header, name, data, records."""
    reader = Reader(message)
    identifier, high, low = reader.u16(), reader.u8(), reader.u8()
    questions, count = reader.u16(), reader.u16()
    reader.take(4)
    if not high & 0x80 or high & 0x78 or questions != 1:
        raise DecodeError("header", "this is no response to one standard query")
    asked = Question(_name(reader), reader.u16())
    if reader.u16() != INTERNET:
        raise DecodeError("header", "the question is of another class than the Internet's")
    truncated = bool(high & 0x02)
    if count > MAX_RECORDS:
        raise DecodeError("records", f"{count} records in one answer")
    records = () if truncated else tuple(_record(reader) for _ in range(count))
    return Answer(identifier, low & 0x0F, truncated, asked, records)


def _name(reader: Reader) -> str:
    """A name, its compression followed (section 4.1.4). A pointer leads only backwards, so there is no circle."""
    labels: list[bytes] = []
    size, at = 1, reader
    while length := at.u8():
        if length >= 0xC0:
            here = at.at - 1
            target = (length & 0x3F) << 8 | at.u8()
            if target >= here:
                raise DecodeError("name", f"a name points forwards, from {here} to {target}")
            at = Reader(reader.data)
            at.end, at.at = here, target
            continue
        size += length + 1
        if length > 63 or size > MAX_NAME:
            raise DecodeError("name", f"a label of {length} bytes in a name of at least {size}")
        labels.append(at.take(length))
    return text(b".".join(labels)).lower()


def _record(reader: Reader) -> Record:
    name, kind, group = _name(reader), reader.u16(), reader.u16()
    ttl = reader.u16() << 16 | reader.u16()
    length = reader.u16()
    inner = Reader(reader.data)
    inner.at = reader.at
    reader.take(length)
    inner.end = reader.at
    data = _data(inner, kind) if group == INTERNET else inner.take(length).hex()
    inner.finish()
    return Record(name, kind, ttl, data)


def _data(reader: Reader, kind: int) -> str:
    """The content of a record; of a type that is not in TYPES in hexadecimal digits."""
    left = reader.end - reader.at
    if kind in {TYPES["A"], TYPES["AAAA"]}:
        if left != (4 if kind == TYPES["A"] else 16):
            raise DecodeError("data", f"an address of {left} bytes")
        return str(ipaddress.ip_address(reader.take(left)))
    if kind in {TYPES["NS"], TYPES["CNAME"], TYPES["PTR"]}:
        return _name(reader)
    if kind == TYPES["MX"]:
        return f"{reader.u16()} {_name(reader)}"
    if kind == TYPES["SRV"]:
        return f"{reader.u16()} {reader.u16()} {reader.u16()} {_name(reader)}"
    if kind == TYPES["SOA"]:
        names = f"{_name(reader)} {_name(reader)}"
        return " ".join([names, *(str(reader.u16() << 16 | reader.u16()) for _ in range(5))])
    if kind == TYPES["TXT"]:
        parts = bytearray()
        while reader.at < reader.end:
            parts += reader.take(reader.u8())
        return text(bytes(parts))
    return reader.take(left).hex()


def same(found: str, wanted: str) -> bool:
    """Whether a record's data is what somebody expects, however he writes addresses, letters and last dots."""
    return _plain(found) == _plain(wanted)


def _plain(data: str) -> str:
    try:
        return str(ipaddress.ip_address(data.strip()))
    except ValueError:
        return " ".join(data.lower().split()).removesuffix(".")
