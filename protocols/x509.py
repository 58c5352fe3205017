"""When an X.509 certificate expires (RFC 5280 section 4.1), read from its DER form. Nothing in it is verified here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from protocols.errors import DecodeError
from protocols.wire import Reader

SEQUENCE, INTEGER, VERSION = 0x30, 0x02, 0xA0
FORMS = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # UTCTime, GeneralizedTime
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def expiry(der: bytes) -> int:
    """The notAfter of a certificate, µs since the epoch. Raises DecodeError: truncated, length, tag, time."""
    signed = Reader(_content(Reader(_content(Reader(der), SEQUENCE)), SEQUENCE))
    tag, _ = signed.element()
    if tag == VERSION:
        tag, _ = signed.element()
    if tag != INTEGER:
        raise DecodeError("tag", f"tag {tag:#04x} where a certificate has its serial number")
    _content(signed, SEQUENCE)  # the algorithm
    _content(signed, SEQUENCE)  # the issuer
    validity = Reader(_content(signed, SEQUENCE))
    validity.element()
    return _instant(*validity.element())


def _content(reader: Reader, wanted: int) -> bytes:
    tag, content = reader.element()
    if tag != wanted:
        raise DecodeError("tag", f"tag {tag:#04x} where a certificate has {wanted:#04x}")
    return content


def _instant(tag: int, raw: bytes) -> int:
    """A time in the one form each that section 4.1.2.5 allows. Years of two digits lie from 1950 to 2049."""
    form = FORMS.get(tag)
    digits = raw[:-1]
    if form is None or len(raw) != (13 if tag == 0x17 else 15) or not digits.isdigit() or raw[-1:] != b"Z":
        raise DecodeError("time", f"{raw[:20]!r} is no time of a certificate")
    try:
        when = datetime.strptime(raw.decode(), form).replace(tzinfo=UTC)
    except ValueError as error:
        raise DecodeError("time", f"{raw!r} is no time: {error}") from None
    if tag == 0x17:
        short = when.year % 100
        when = when.replace(year=short + (1900 if short >= 50 else 2000))
    return (when - EPOCH) // timedelta(microseconds=1)
