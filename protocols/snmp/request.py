"""A request made once and sent many times, with only its request-id patched, and the answer that belongs to it (RFC 3416)."""

from __future__ import annotations

from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.snmp import ber, message, v3
from protocols.snmp.message import VarBind, meaning
from protocols.wire import Reader


class Request(NamedTuple):
    """A datagram (of v3: a PDU) around its four bytes of request-id, and what its answer must look like."""

    version: int
    community: bytes
    pdu: int
    oids: tuple[bytes, ...]
    names: tuple[bytes, ...]  # each OID as the element that the answer shall repeat
    head: bytes
    tail: bytes

    def datagram(self, request_id: int) -> bytes:
        """The bytes to send. A `request_id` between 2^30 and 2^31 - 1 is encoded in the fewest bytes, as it should be."""
        return self.head + request_id.to_bytes(4, "big") + self.tail


class Answer(NamedTuple):
    """What came back: a `status` other than noError (message.STATUS) blames a varbind, counted from 1, and brings no values."""

    status: int
    blamed: int
    varbinds: tuple[VarBind, ...]


def get(community: bytes, oids: tuple[bytes, ...], version: int = message.V2C) -> Request:
    """Ask for these instances."""
    return _request(message.GET, community, oids, (0, 0), version)


def get_next(community: bytes, oids: tuple[bytes, ...], version: int = message.V2C) -> Request:
    """Ask for what follows each of these."""
    return _request(message.GET_NEXT, community, oids, (0, 0), version)


def get_bulk(community: bytes, oids: tuple[bytes, ...], repetitions: int, version: int = message.V2C) -> Request:
    """Ask for up to `repetitions` successors of each of these. v1 has no such PDU."""
    return _request(message.GET_BULK, community, oids, (0, repetitions), version)


def _request(pdu: int, community: bytes, oids: tuple[bytes, ...], fields: tuple[int, int], version: int) -> Request:
    names = tuple(ber.element(ber.OBJECT_IDENTIFIER, name) for name in oids)
    binds = b"".join(ber.element(ber.SEQUENCE, name + b"\x05\x00") for name in names)
    tail = b"".join(ber.number(ber.INTEGER, field) for field in fields) + ber.element(ber.SEQUENCE, binds)
    identity = b"\x02\x04"  # INTEGER of four bytes
    size = len(identity) + 4 + len(tail)
    if version == v3.V3:  # the PDU alone: what is around it differs from message to message
        return Request(version, b"", pdu, oids, names, bytes((pdu,)) + ber.length(size) + identity, tail)
    inner = ber.number(ber.INTEGER, version) + ber.element(ber.OCTET_STRING, community) + bytes((pdu,)) + ber.length(size)
    head = bytes((ber.SEQUENCE,)) + ber.length(len(inner) + size) + inner + identity
    return Request(version, community, pdu, oids, names, head, tail)


def decode_answer(request: Request, request_id: int, data: bytes) -> Answer:
    """The answer in `data` to `request`; a Get is answered by the same OIDs in the same order.

    Raises DecodeError: what message.decode raises, community, request_id, unexpected_oid.
    """
    reader = Reader(data)
    version, community, pdu, end = message.begin(reader)
    if version != request.version:
        raise DecodeError("version", f"version {version} answers version {request.version}")
    if community != request.community:
        raise DecodeError("community", "the answer carries another community")
    return _answer(request, request_id, reader, pdu, end)


def decode_pdu(request: Request, request_id: int, reader: Reader) -> Answer:
    """As `decode_answer`, of the PDU that fills `reader`, whoever asked."""
    pdu, end = reader.header()
    if end != reader.end:
        raise DecodeError("length", "the PDU does not fill the message")
    return _answer(request, request_id, reader, pdu, end)


def _answer(request: Request, request_id: int, reader: Reader, pdu: int, end: int) -> Answer:
    if pdu != message.RESPONSE:
        raise DecodeError("pdu", f"PDU {pdu:#04x} is no response")
    if ber.integer(reader) != request_id:
        raise DecodeError("request_id", "the answer belongs to another request")
    status, blamed = ber.integer(reader), ber.integer(reader)
    exact = request.pdu == message.GET and status == 0
    binds = _expected(reader, request) if exact else message.varbinds(reader)
    ber.leave(reader, end)
    return Answer(status, blamed, () if status else binds)


def _expected(reader: Reader, request: Request) -> tuple[VarBind, ...]:
    """The varbinds of a Get's answer: comparing with the known names is several times faster than decoding any."""
    end = ber.enter(reader, ber.SEQUENCE)
    pairs = reader.pairs(request.names) or [_one(reader, wanted) for wanted in request.oids]
    ber.leave(reader, end)
    return tuple(VarBind(wanted, tag, meaning(tag, content)) for wanted, (tag, content) in zip(request.oids, pairs, strict=True))


def _one(reader: Reader, wanted: bytes) -> tuple[int, bytes]:
    """(tag, content) of the value in one variable binding, however its lengths are written."""
    end = ber.enter(reader, ber.SEQUENCE)
    if ber.octets(reader, ber.OBJECT_IDENTIFIER) != wanted:
        raise DecodeError("unexpected_oid", "the answer names another object than was asked for")
    found = reader.element()
    ber.leave(reader, end)
    return found
