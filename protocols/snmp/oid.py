"""Object identifiers. Inside Lineside an OID is its BER content, so that looking for one is comparing bytes.

The order of OIDs is that of their arcs, not of these bytes: sort by `arcs`. A prefix in bytes is a prefix in arcs.
"""

from __future__ import annotations

from functools import lru_cache

from protocols.errors import DecodeError

MAX_ARCS = 128  # RFC 2578 section 3.5
_MAX_ARC = (1 << 32) - 1
_ROOT = 40  # the first two arcs share one number: 40 * first + second (X.690 section 8.19.4)


def arcs(encoded: bytes) -> tuple[int, ...]:
    """The arcs of `encoded`; no bytes are 0.0, as some devices send it. Raises DecodeError: oid."""
    numbers: list[int] = []
    value = 0
    fresh = True
    for byte in encoded:
        if fresh and byte == 0x80:
            raise DecodeError("oid", "an arc is padded")
        value = value << 7 | byte & 0x7F
        fresh = byte < 0x80
        if fresh:
            numbers.append(value)
            value = 0
        elif value > _MAX_ARC >> 7:
            raise DecodeError("oid", "an arc has more than 32 bits")
    if not fresh:
        raise DecodeError("oid", "the last arc is cut")
    if len(numbers) >= MAX_ARCS:
        raise DecodeError("oid", f"more than {MAX_ARCS} arcs")
    if not numbers:
        return (0, 0)
    first = min(numbers[0] // _ROOT, 2)
    return (first, numbers[0] - first * _ROOT, *numbers[1:])


@lru_cache(maxsize=16_384)
def checked(encoded: bytes) -> bytes:
    """`encoded`, which is an OID: devices tell of the same few again and again. Raises DecodeError: oid."""
    arcs(encoded)
    return encoded


def encode(numbers: tuple[int, ...]) -> bytes:
    """BER content of the OID with these arcs. Raises ValueError: an OID cannot be so."""
    if not 2 <= len(numbers) <= MAX_ARCS or numbers[0] > 2 or min(numbers) < 0 or max(numbers) > _MAX_ARC:
        raise ValueError(f"{'.'.join(map(str, numbers))} is no object identifier")
    joined = numbers[0] * _ROOT + numbers[1]
    if (numbers[0] < 2 and numbers[1] >= _ROOT) or joined > _MAX_ARC:
        raise ValueError(f"{'.'.join(map(str, numbers))} is no object identifier: its second arc is too large")
    return b"".join(map(arc, (joined, *numbers[2:])))


def arc(number: int) -> bytes:
    """One arc (not of the first two) as BER has it."""
    width = max(1, (number.bit_length() + 6) // 7)
    return bytes((number >> 7 * k & 0x7F) | 0x80 for k in range(width - 1, 0, -1)) + bytes((number & 0x7F,))


@lru_cache(maxsize=4096)
def parse(dotted: str) -> bytes:
    """BER content of a dotted OID, a leading dot allowed. Raises ValueError."""
    parts = dotted.removeprefix(".").split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{dotted} is no object identifier: arcs are numbers")
    return encode(tuple(map(int, parts)))


def dotted(encoded: bytes) -> str:
    """`encoded` as people write it. Raises DecodeError: oid."""
    return ".".join(map(str, arcs(encoded)))


def index_arcs(suffix: bytes) -> tuple[int, ...]:
    """The arcs of what follows a column's OID: there the first number stands for one arc, not two."""
    return arcs(b"\x2b" + suffix)[2:]


def index(suffix: bytes) -> str:
    """`index_arcs`, dotted."""
    return ".".join(map(str, index_arcs(suffix)))
