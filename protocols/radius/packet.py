"""Packets of RADIUS accounting (RFC 2866 section 3, RFC 2869 section 5.14, RFC 5997): checked, taken apart and answered.

The authenticator is checked before anything is taken apart. Why not pyrad, which tests compare this with: it takes five times as
long (README), and an attribute that runs over the end of its packet for a whole one.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.radius.attributes import MESSAGE_AUTHENTICATOR, PROXY_STATE

ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE, STATUS_SERVER = 4, 5, 12
HEADER = 20
LARGEST = 4_096  # bytes, RFC 2865 section 3
_ZEROS = bytes(16)


class Request(NamedTuple):
    """A request: `attributes` by number, each value as its bytes, in the order of the packet; `answer` is what ends it."""

    code: int
    identifier: int
    authenticator: bytes
    attributes: dict[int, list[bytes]]
    answer: bytes


def request(data: bytes, secret: bytes) -> Request:
    """The Accounting-Request or Status-Server in `data`, which who knows `secret` has sent.

    Raises DecodeError: length, code, authenticator, message_authenticator, attribute.
    """
    whole = bounded(data)
    accounting = whole[0] == ACCOUNTING_REQUEST
    if accounting and not hmac.compare_digest(_md5(whole[:4] + _ZEROS + whole[HEADER:] + secret), whole[4:HEADER]):
        raise DecodeError("authenticator", "the request was not made with this shared secret")
    found, signature = _split(whole)
    if signature:
        start, end = whole[:4] + (_ZEROS if accounting else whole[4:HEADER]), signature + 16
        wanted = hmac.digest(secret, start + whole[HEADER:signature] + _ZEROS + whole[end:], "md5")
        if not hmac.compare_digest(wanted, whole[signature:end]):
            raise DecodeError("message_authenticator", "the Message-Authenticator was not made with this shared secret")
    elif not accounting:
        raise DecodeError("message_authenticator", "a Status-Server without Message-Authenticator")
    return Request(whole[0], whole[1], whole[4:HEADER], found, _answer(whole, found, secret))


def attributes(data: bytes) -> dict[int, list[bytes]]:
    """The attributes of any RADIUS packet, unverified. Raises DecodeError: length, attribute, message_authenticator."""
    return _split(bounded(data, any_code=True))[0]


def bounded(data: bytes, *, any_code: bool = False) -> bytes:
    """The packet in `data` without what follows it. Raises DecodeError: length, or code for one that is not for us."""
    if not HEADER <= len(data) <= LARGEST + HEADER:
        raise DecodeError("length", f"a packet has {HEADER} to {LARGEST} bytes, this one {len(data)}")
    if not any_code and data[0] not in (ACCOUNTING_REQUEST, STATUS_SERVER):
        raise DecodeError("code", f"code {data[0]} is neither an Accounting-Request nor a Status-Server")
    length = data[2] << 8 | data[3]
    if not HEADER <= length <= min(len(data), LARGEST):
        raise DecodeError("length", f"the packet says that it has {length} bytes; there are {len(data)}")
    return data[:length]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _split(whole: bytes) -> tuple[dict[int, list[bytes]], int]:
    """The attributes, and the offset of the value of the Message-Authenticator; 0 = there is none."""
    found: dict[int, list[bytes]] = {}
    at, end, signature = HEADER, len(whole), 0
    while at < end:
        size = whole[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            raise DecodeError("attribute", f"the attribute at offset {at} does not fit into the packet")
        number = whole[at]
        if number in found:
            found[number].append(whole[at + 2 : at + size])
        else:
            found[number] = [whole[at + 2 : at + size]]
        if number == MESSAGE_AUTHENTICATOR:
            if size != 18 or signature:
                raise DecodeError("message_authenticator", "a packet has one Message-Authenticator at most, of 16 bytes")
            signature = at + 2
        at += size
    return found, signature


def _answer(whole: bytes, found: dict[int, list[bytes]], secret: bytes) -> bytes:
    """The Accounting-Response: with every Proxy-State as it came; to a Status-Server signed (RFC 5997 section 3)."""
    carried = b"".join(bytes((PROXY_STATE, len(value) + 2)) + value for value in found.get(PROXY_STATE, ()))
    signed = whole[0] == STATUS_SERVER
    head = struct.pack(">BBH", ACCOUNTING_RESPONSE, whole[1], HEADER + len(carried) + (18 if signed else 0))
    asked = whole[4:HEADER]
    if signed:
        mark = bytes((MESSAGE_AUTHENTICATOR, 18))
        carried = mark + hmac.digest(secret, head + asked + mark + _ZEROS + carried, "md5") + carried
    return head + _md5(head + asked + carried + secret) + carried
