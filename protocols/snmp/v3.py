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
_FORMS = 64  # of requests that are kept
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


class Form(NamedTuple):
    """An encoded envelope cut where number, time, digest, salt and body go; all have the length they had."""

    pieces: tuple[bytes, bytes, bytes, bytes]
    digest_at: int


def fill(envelope: Envelope, forms: dict[tuple[object, ...], Form]) -> tuple[bytes, int]:
    """As `encode`, with what was encoded before kept in `forms`; a number of four bytes."""
    width = len(time := ber.number(ber.INTEGER, envelope.time))
    key = (envelope.flags, envelope.engine, envelope.boots, width, envelope.user, len(envelope.body))
    form = forms.get(key)
    if form is None:
        if len(forms) >= _FORMS:
            forms.clear()
        form = forms[key] = _form(envelope, width)
    before, middle, after, last = form.pieces
    head = before + envelope.number.to_bytes(4, "big") + middle + time + after + envelope.digest + last + envelope.salt
    if envelope.flags & ENCRYPTED:
        return head + bytes((ber.OCTET_STRING,)) + ber.length(len(envelope.body)) + envelope.body, form.digest_at
    return head + envelope.body, form.digest_at


def _form(envelope: Envelope, width: int) -> Form:
    data, digest_at = encode(envelope)
    body = ber.element(ber.OCTET_STRING, envelope.body) if envelope.flags & ENCRYPTED else envelope.body
    salt_at = len(data) - len(body) - len(envelope.salt)
    number_at = data.index(b"\x02\x04" + envelope.number.to_bytes(4, "big")) + 2
    user = ber.element(ber.OCTET_STRING, envelope.user)
    time_at = digest_at - len(ber.element(ber.OCTET_STRING, envelope.digest)) + len(envelope.digest) - len(user) - width
    pieces = (data[:number_at], data[number_at + 4 : time_at], data[time_at + width : digest_at])
    return Form((*pieces, data[digest_at + len(envelope.digest) : salt_at]), digest_at)


class Read(NamedTuple):
    """How an answer was laid out: its size, what stays in its header, and where the rest is."""

    size: int
    still: tuple[tuple[int, int, bytes], ...]  # from, to, bytes
    number_at: int
    time: tuple[int, int]
    salt_at: int
    body_at: int
    said: Envelope


def read_of(data: bytes, said: Envelope) -> Read | None:
    """The layout of `data`, which says `said`; None if it is not the usual one."""
    width = len(ber.number(ber.INTEGER, said.time)) - 2
    head = len(data) - len(said.body)
    user = ber.element(ber.OCTET_STRING, said.user)
    time_end = said.digest_at - 2 - len(user)
    number = b"\x02\x04" + said.number.to_bytes(4, "big") if said.number >= 1 << 24 else b"\x00"
    number_at = data.find(number, 0, 24) + 2
    salt_at = said.digest_at + len(said.digest) + 2
    if number_at < 2 or data[time_end - width : time_end] != said.time.to_bytes(width, "big"):
        return None
    if data[salt_at : salt_at + len(said.salt)] != said.salt:
        return None
    moving = (
        (number_at, number_at + 4),
        (time_end - width, time_end),
        (said.digest_at, salt_at - 2),
        (salt_at, salt_at + len(said.salt)),
    )
    begins, ends = (0, *(end for _, end in moving)), (*(begin for begin, _ in moving), head)
    still = tuple((begin, end, data[begin:end]) for begin, end in zip(begins, ends, strict=True))
    return Read(len(data), still, number_at, (time_end - width, time_end), salt_at, head, said)


def decode_like(data: bytes, read: Read | None) -> Envelope | None:
    """The envelope in `data` if it is laid out as one that was decoded; None = decode it."""
    if read is None or len(data) != read.size or any(data[begin:end] != still for begin, end, still in read.still):
        return None
    said, at = read.said, read.number_at
    return Envelope(
        int.from_bytes(data[at : at + 4], "big"),
        said.flags,
        said.engine,
        said.boots,
        int.from_bytes(data[read.time[0] : read.time[1]], "big"),
        said.user,
        data[said.digest_at : said.digest_at + len(said.digest)],
        said.digest_at,
        data[read.salt_at : read.salt_at + len(said.salt)],
        data[read.body_at :],
    )


def message_id(data: bytes) -> int:
    """The msgID alone, to find whose answer this is. Raises DecodeError as `decode`."""
    reader = Reader(data)
    begin(reader)
    return _header(reader)[0]
