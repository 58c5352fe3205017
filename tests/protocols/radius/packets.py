"""Accounting packets made by hand, after RFC 2866, for tests."""

from __future__ import annotations

import hashlib
import hmac
import struct

SECRET = b"0123456789abcdef"


def value(kind: int, content: bytes) -> bytes:
    """One attribute."""
    return bytes((kind, len(content) + 2)) + content


def number(kind: int, content: int) -> bytes:
    """One attribute of 32 bits."""
    return value(kind, struct.pack(">I", content))


def request(*attributes: bytes, status: int = 1, secret: bytes = SECRET, identifier: int = 1, signed: bool = False) -> bytes:
    """An Accounting-Request of the session `s1` at `ap1`."""
    body = number(40, status) + value(44, b"s1") + value(32, b"ap1") + b"".join(attributes)
    body += value(80, bytes(16)) if signed else b""
    head = struct.pack(">BBH", 4, identifier, 20 + len(body))
    if signed:
        body = body[:-16] + hmac.digest(secret, head + bytes(16) + body, "md5")
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body


def status_server(*attributes: bytes, identifier: int = 9) -> bytes:
    """A signed Status-Server (RFC 5997)."""
    body = b"".join(attributes) + value(80, bytes(16))
    head = struct.pack(">BBH", 12, identifier, 20 + len(body)) + bytes(range(16))
    return head + body[:-16] + hmac.digest(SECRET, head + body, "md5")


FULL = request(
    value(1, b"alice"),
    value(4, bytes((192, 0, 2, 1))),
    value(25, b"class-1"),
    value(30, b"02-00-00-00-00-01:Guest"),
    value(31, b"AA-BB-CC-00-11-22"),
    number(41, 3),
    number(42, 0xFFFF_FFFF),
    number(43, 5),
    number(46, 600),
    number(47, 10),
    number(48, 20),
    number(49, 1),
    value(50, b"m1"),
    number(52, 2),
    number(55, 1_790_000_000),
    number(85, 300),
    value(26, b"\x00\x00\x37\x2a\x01\x06abcd"),
    value(8, bytes((10, 0, 0, 1))),
    status=2,
    signed=True,
)
SEEDS = (request(), FULL, status_server(), request(value(25, b""), value(42, b"abc"), value(1, b"\xff\xfe")))
