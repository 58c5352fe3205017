"""SNMPv3 messages as they are framed (RFC 3412 section 6, RFC 3414 section 2.4), before anything in them is believed."""

from __future__ import annotations

from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.snmp import ber, oid
from protocols.wire import Reader

V3 = 3
AUTHENTICATED = 1  # msgFlags
ENCRYPTED = 2
REPORTABLE = 4
MAX_SIZE = 65_507  # msgMaxSize: all that UDP over IPv4 carries
_USM = 3  # msgSecurityModel
_MAX_ENGINE = 32  # bytes (RFC 3411 section 5, SnmpEngineID)
_MAX_USER = 255  # bytes: RFC 3414 says 32, some devices take more

# The one varbind of a report -> the fault it tells (RFC 3414 section 5, RFC 3413 section 4).
REPORTS = {
    oid.parse("1.3.6.1.6.3.15.1.1.1.0"): "unsupported_level",
    oid.parse("1.3.6.1.6.3.15.1.1.2.0"): "not_in_time_window",
    oid.parse("1.3.6.1.6.3.15.1.1.3.0"): "unknown_user",
    oid.parse("1.3.6.1.6.3.15.1.1.4.0"): "unknown_engine",
    oid.parse("1.3.6.1.6.3.15.1.1.5.0"): "wrong_digest",
    oid.parse("1.3.6.1.6.3.15.1.1.6.0"): "decryption_error",
    oid.parse("1.3.6.1.6.3.12.1.4.0"): "unavailable_context",
    oid.parse("1.3.6.1.6.3.12.1.5.0"): "unknown_context",
}


class Envelope(NamedTuple):
    """A message around its scoped PDU. Nothing in it is proven yet."""

    number: int  # msgID
    flags: int
    engine: bytes
    boots: int
    time: int
    user: bytes
    digest: bytes
    digest_at: int  # its offset in the datagram
    salt: bytes  # msgPrivacyParameters
    body: bytes  # the scoped PDU, or what it is encrypted to


class Scoped(NamedTuple):
    """A scoped PDU (RFC 3412 section 6.8); `pdu` is the whole element."""

    engine: bytes
    context: bytes
    pdu: bytes


def decode(data: bytes) -> Envelope:
    """The envelope in `data`. Raises DecodeError: truncated, length, tag, version, integer, flags, engine, trailing."""
    reader = Reader(data)
    whole = begin(reader)
    number, flags = _header(reader)
    end = ber.enter(reader, ber.OCTET_STRING)
    if ber.enter(reader, ber.SEQUENCE) != end:
        raise DecodeError("length", "the security parameters do not fill their field")
    engine, boots, time, user = ber.octets(reader), ber.integer(reader), ber.integer(reader), ber.octets(reader)
    if boots < 0 or time < 0 or len(engine) > _MAX_ENGINE or len(user) > _MAX_USER:
        raise DecodeError("engine", "the engine's identity, boots or time, or the user, is impossible")
    digest_end = ber.enter(reader, ber.OCTET_STRING)
    digest_at = reader.at
    digest = reader.take(digest_end - digest_at)
    salt = ber.octets(reader)
    ber.leave(reader, end)
    body = ber.octets(reader) if flags & ENCRYPTED else reader.take(whole - reader.at)
    ber.leave(reader, whole)
    return Envelope(number, flags, engine, boots, time, user, digest, digest_at, salt, body)


def begin(reader: Reader) -> int:
    """The end of the message; the cursor stands at its header. Raises DecodeError: version, trailing and as Reader."""
    whole = ber.enter(reader, ber.SEQUENCE)
    if whole != reader.end:
        raise DecodeError("trailing", f"{reader.end - whole} bytes follow the message")
    if (version := ber.integer(reader)) != V3:
        raise DecodeError("version", f"message version {version} is not v3")
    return whole


def _header(reader: Reader) -> tuple[int, int]:
    """(msgID, msgFlags)."""
    end = ber.enter(reader, ber.SEQUENCE)
    number = ber.integer(reader)
    ber.integer(reader)  # msgMaxSize: our requests are small
    flags = ber.octets(reader)
    if len(flags) != 1 or flags[0] & (AUTHENTICATED | ENCRYPTED) == ENCRYPTED:
        raise DecodeError("flags", "msgFlags are impossible")
    if (model := ber.integer(reader)) != _USM:
        raise DecodeError("security_model", f"security model {model} is not the user-based one")
    ber.leave(reader, end)
    return number, flags[0]


def scoped(plain: bytes, *, padded: bool) -> Scoped:
    """The scoped PDU in `plain`; `padded`: zeros of a block cipher may follow. Raises DecodeError as `decode`."""
    reader = Reader(plain)
    end = ber.enter(reader, ber.SEQUENCE)
    if end != reader.end and not (padded and reader.end - end <= 8):  # some pad a block that is full already
        raise DecodeError("trailing", f"{reader.end - end} bytes follow the scoped PDU")
    engine, context = ber.octets(reader), ber.octets(reader)
    return Scoped(engine, context, reader.take(end - reader.at))


def encode_scoped(part: Scoped) -> bytes:
    """`part` as bytes, in the clear."""
    return ber.element(
        ber.SEQUENCE, ber.element(ber.OCTET_STRING, part.engine) + ber.element(ber.OCTET_STRING, part.context) + part.pdu
    )


def encode(envelope: Envelope) -> tuple[bytes, int]:
    """(`envelope` as a datagram, the offset of its digest); `digest_at` is not looked at."""
    header = (
        ber.number(ber.INTEGER, envelope.number)
        + ber.number(ber.INTEGER, MAX_SIZE)
        + bytes((ber.OCTET_STRING, 1, envelope.flags))
        + ber.number(ber.INTEGER, _USM)
    )
    before = (
        ber.element(ber.OCTET_STRING, envelope.engine)
        + ber.number(ber.INTEGER, envelope.boots)
        + ber.number(ber.INTEGER, envelope.time)
        + ber.element(ber.OCTET_STRING, envelope.user)
    )
    digest, salt = ber.element(ber.OCTET_STRING, envelope.digest), ber.element(ber.OCTET_STRING, envelope.salt)
    security = ber.element(ber.OCTET_STRING, ber.element(ber.SEQUENCE, before + digest + salt))
    body = ber.element(ber.OCTET_STRING, envelope.body) if envelope.flags & ENCRYPTED else envelope.body
    data = ber.element(ber.SEQUENCE, ber.number(ber.INTEGER, V3) + ber.element(ber.SEQUENCE, header) + security + body)
    return data, len(data) - len(body) - len(salt) - len(envelope.digest)


def message_id(data: bytes) -> int:
    """The msgID alone, to find whose answer this is. Raises DecodeError as `decode`."""
    reader = Reader(data)
    begin(reader)
    return _header(reader)[0]
