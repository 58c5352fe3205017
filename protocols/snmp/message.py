"""SNMPv1 and v2c messages (RFC 1157, RFC 1901, RFC 3416), any PDU but the v1 trap, decoded and encoded whole.

Community-based only: the user-based security of v3 wraps the same PDUs and belongs in a file of its own.
"""

from __future__ import annotations

from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.snmp import ber, oid, v3
from protocols.wire import Reader

V1 = 0
V2C = 1

GET = 0xA0
GET_NEXT = 0xA1
RESPONSE = 0xA2
GET_BULK = 0xA5
INFORM = 0xA6
TRAP = 0xA7
REPORT = 0xA8
_PDUS = frozenset({GET, GET_NEXT, RESPONSE, GET_BULK, INFORM, TRAP, REPORT})

# RFC 2578 section 7.1
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
OPAQUE = 0x44
COUNTER64 = 0x46
UINTEGER32 = 0x47
_UNSIGNED = frozenset({COUNTER32, GAUGE32, TIME_TICKS, COUNTER64, UINTEGER32})

# What stands in the place of a value (RFC 3416 section 3)
NO_SUCH_OBJECT = 0x80
NO_SUCH_INSTANCE = 0x81
END_OF_MIB_VIEW = 0x82
ABSENT = frozenset({ber.NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW})

# error-status (RFC 3416 section 3), by number
STATUS = (
    *("noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength"),
    *("wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed"),
    *("undoFailed", "authorizationError", "notWritable", "inconsistentName"),
)
TOO_BIG = STATUS.index("tooBig")
NO_SUCH_NAME = STATUS.index("noSuchName")

Value = int | bytes | None


class VarBind(NamedTuple):
    """A name and its value: int for the numeric tags, None for those in ABSENT, else the content as bytes.

    An OBJECT IDENTIFIER stays as its BER content (see oid.py), a tag that nobody knows keeps its bytes.
    """

    oid: bytes
    tag: int = ber.NULL
    value: Value = None


class Message(NamedTuple):
    """One datagram. A GetBulk has non-repeaters for `status` and max-repetitions for `blamed` (RFC 3416 section 3)."""

    version: int
    community: bytes
    pdu: int
    request_id: int
    status: int  # error-status, an index into STATUS
    blamed: int  # error-index: the varbind at fault, from 1
    varbinds: tuple[VarBind, ...]


def decode(data: bytes) -> Message:
    """The message in `data`. Raises DecodeError: truncated, length, tag, version, pdu, integer, oid, trailing."""
    reader = Reader(data)
    version, community, pdu, end = begin(reader)
    request_id, status, blamed = ber.integer(reader), ber.integer(reader), ber.integer(reader)
    binds = varbinds(reader)
    ber.leave(reader, end)
    return Message(version, community, pdu, request_id, status, blamed, binds)


def request_id(data: bytes) -> int:
    """The request-id alone, of a v3 message its msgID, to find whose answer this is. Raises DecodeError as `decode`."""
    reader = Reader(data)
    ber.enter(reader, ber.SEQUENCE)
    if ber.integer(reader) == v3.V3:
        return v3.message_id(data)
    reader = Reader(data)
    begin(reader)
    return ber.integer(reader)


def likely_id(data: bytes) -> int:
    """The same by a glance: right for answers to our ids, which have four bytes, and for whatever else a number."""
    at = data.find(b"\x02\x04", 5) + 2
    return int.from_bytes(data[at : at + 4], "big")


def begin(reader: Reader) -> tuple[int, bytes, int, int]:
    """(version, community, PDU tag, end of the PDU); the cursor stands at the request-id."""
    whole = ber.enter(reader, ber.SEQUENCE)
    if whole != reader.end:
        raise DecodeError("trailing", f"{reader.end - whole} bytes follow the message")
    version = ber.integer(reader)
    if version not in {V1, V2C}:
        raise DecodeError("version", f"message version {version} is neither v1 nor v2c")
    community = ber.octets(reader)
    pdu, end = reader.header()
    if pdu not in _PDUS:
        raise DecodeError("pdu", f"PDU {pdu:#04x} is not one of RFC 3416")
    if end != whole:
        raise DecodeError("length", "the PDU does not fill the message")
    return version, community, pdu, end


def varbinds(reader: Reader) -> tuple[VarBind, ...]:
    """The variable-bindings; each takes at least four bytes, so their number is bounded by the datagram's size."""
    end = ber.enter(reader, ber.SEQUENCE)
    binds: list[VarBind] = []
    while reader.at < end:
        bind_end = ber.enter(reader, ber.SEQUENCE)
        name = ber.octets(reader, ber.OBJECT_IDENTIFIER)
        oid.arcs(name)
        tag, content = value(reader)
        ber.leave(reader, bind_end)
        binds.append(VarBind(name, tag, content))
    ber.leave(reader, end)
    return tuple(binds)


def value(reader: Reader) -> tuple[int, Value]:
    """(tag, value) of the next element, of whatever type. Raises DecodeError: truncated, length, tag, integer."""
    tag, content = reader.element()
    return tag, meaning(tag, content)


def meaning(tag: int, content: bytes) -> Value:
    """The value that `content` stands for under `tag`. Raises DecodeError: integer."""
    if tag in _UNSIGNED:
        return ber.unsigned(content)
    if tag == ber.INTEGER:
        return ber.signed(content)
    return None if tag in ABSENT else content


def encode(message: Message) -> bytes:
    """`message` as one datagram."""
    binds = b"".join(encode_varbind(bind) for bind in message.varbinds)
    fields = b"".join(ber.number(ber.INTEGER, n) for n in (message.request_id, message.status, message.blamed))
    pdu = ber.element(message.pdu, fields + ber.element(ber.SEQUENCE, binds))
    head = ber.number(ber.INTEGER, message.version) + ber.element(ber.OCTET_STRING, message.community)
    return ber.element(ber.SEQUENCE, head + pdu)


def encode_varbind(bind: VarBind) -> bytes:
    """One variable binding; a request has one with NULL for a value."""
    name = ber.element(ber.OBJECT_IDENTIFIER, bind.oid)
    value = bind.value
    content = ber.number(bind.tag, value) if isinstance(value, int) else ber.element(bind.tag, value or b"")
    return ber.element(ber.SEQUENCE, name + content)
