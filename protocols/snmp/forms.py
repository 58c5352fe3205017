"""SNMPv3 messages that are like the last one: sent and read by their pieces, for most of each is what it was before."""

from __future__ import annotations

from typing import NamedTuple

from protocols.snmp import ber, v3
from protocols.snmp.v3 import Envelope


class Form(NamedTuple):
    """A message cut where its number (four bytes), its time (`width` bytes), its digest and its salt go; then comes the body."""

    boots: int
    width: int
    before: bytes
    middle: bytes
    after: bytes  # up to the digest
    behind: bytes  # the digest
    last: bytes  # up to the body
    scoped: tuple[bytes, bytes]  # around the request-id, in the clear


def form(envelope: Envelope, scoped: tuple[bytes, bytes]) -> Form:
    """That of `envelope` and all messages that differ in no length: number, time, digest, salt and body are only placeholders."""
    data, digest_at = v3.encode(envelope)
    width = time_width(envelope.time)
    salt_at = len(data) - len(_body(envelope)) - len(envelope.salt)
    number_at = data.index(b"\x02\x04" + envelope.number.to_bytes(4, "big")) + 2
    user = ber.element(ber.OCTET_STRING, envelope.user)
    time_at = digest_at - len(ber.element(ber.OCTET_STRING, envelope.digest)) + len(envelope.digest) - len(user) - width
    return Form(
        envelope.boots,
        width,
        data[:number_at],
        data[number_at + 4 : time_at],
        data[time_at + width : digest_at],
        data[digest_at + len(envelope.digest) : salt_at],
        data[salt_at + len(envelope.salt) : len(data) - len(envelope.body)],
        scoped,
    )


def _body(envelope: Envelope) -> bytes:
    return ber.element(ber.OCTET_STRING, envelope.body) if envelope.flags & v3.ENCRYPTED else envelope.body


def time_width(time: int) -> int:
    """The bytes that a `time` of 0 or more takes as an INTEGER."""
    return time.bit_length() // 8 + 1


class Read(NamedTuple):
    """How an answer that was believed is laid out: its size, the pieces that stay, and where those that move are."""

    size: int
    boots: int
    number_at: int
    time_at: int
    time_end: int
    digest_at: int
    digest_end: int
    salt_end: int
    body_at: int
    before: bytes  # the number
    middle: bytes  # between number and time: all of the engine but its time
    user: bytes  # between time and digest
    salt: bytes  # between digest and salt
    last: bytes  # between salt and body
    head: bytes  # of the scoped PDU, in the clear: before the PDU,
    pdu_end: int  # which ends there


def read_of(data: bytes, said: Envelope, scoped: tuple[bytes, int]) -> Read | None:
    """The layout of `data`, which says `said`; `scoped`: what is before the PDU in the scoped one, and the PDU's end.

    None if it is not the usual one.
    """
    width = time_width(said.time)
    body_at = len(data) - len(said.body)
    time_end = said.digest_at - 2 - len(ber.element(ber.OCTET_STRING, said.user))
    time_at = time_end - width
    number = b"\x02\x04" + said.number.to_bytes(4, "big") if said.number >= 1 << 24 else b"\x00"
    number_at = data.find(number, 0, 24) + 2
    digest_end = said.digest_at + len(said.digest)
    salt_end = digest_end + 2 + len(said.salt)
    if number_at < 2 or data[time_at:time_end] != said.time.to_bytes(width, "big"):
        return None
    if data[digest_end + 2 : salt_end] != said.salt:
        return None
    places = (number_at, time_at, time_end, said.digest_at, digest_end, salt_end, body_at)
    pieces = (data[:number_at], data[number_at + 4 : time_at], data[time_end : said.digest_at])
    return Read(len(data), said.boots, *places, *pieces, data[digest_end : digest_end + 2], data[salt_end:body_at], *scoped)


def is_like(data: bytes, read: Read, number: bytes) -> bool:
    """Whether `data` is laid out like `read` and is message `number`: it differs in time, digest, salt and body only."""
    at = read.number_at
    return (
        len(data) == read.size
        and data.startswith(read.before)
        and data.startswith(number, at)
        and data.startswith(read.middle, at + 4)
        and data.startswith(read.user, read.time_end)
        and data.startswith(read.salt, read.digest_end)
        and data.startswith(read.last, read.salt_end)
    )
