"""The part of BER that SNMP uses (X.690 with the restrictions of RFC 3417 section 8): definite lengths, one-byte tags."""

from __future__ import annotations

from protocols.errors import DecodeError
from protocols.wire import Reader

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30


def enter(reader: Reader, expected: int) -> int:
    """The end offset of the next element, whose tag must be `expected`; the cursor stands at its content."""
    tag, end = reader.header()
    if tag != expected:
        raise DecodeError("tag", f"tag {tag:#04x} where {expected:#04x} belongs")
    return end


def leave(reader: Reader, end: int) -> None:
    """Demand that the elements inside filled the one that ends at `end` exactly."""
    if reader.at != end:
        raise DecodeError("length", f"an element ends at offset {end}, what it holds at {reader.at}")


def octets(reader: Reader, tag: int = OCTET_STRING) -> bytes:
    """The content of the next element, whose tag must be `tag`."""
    found, content = reader.element()
    if found != tag:
        raise DecodeError("tag", f"tag {found:#04x} where {tag:#04x} belongs")
    return content


def integer(reader: Reader) -> int:
    """The next INTEGER, at most 32 bits (RFC 2578 section 7.1.1). Raises DecodeError: integer."""
    value = signed(octets(reader, INTEGER))
    if not -(1 << 31) <= value < 1 << 31:
        raise DecodeError("integer", f"{value} is no Integer32")
    return value


def signed(content: bytes) -> int:
    """Two's complement; some devices send a zero as no bytes at all. Raises DecodeError: integer (over 64 bits)."""
    value = int.from_bytes(content, "big", signed=True)
    if not -(1 << 63) <= value < 1 << 63:
        raise DecodeError("integer", f"an integer of {len(content)} bytes")
    return value


def unsigned(content: bytes) -> int:
    """As `signed`, for Counter, Gauge and TimeTicks, where many devices forget the zero byte before a set top bit."""
    value = int.from_bytes(content, "big")
    if value >= 1 << 64:
        raise DecodeError("integer", f"an unsigned integer of {len(content)} bytes")
    return value


def element(tag: int, content: bytes) -> bytes:
    """`content` under `tag`, with the shortest length."""
    return bytes((tag,)) + length(len(content)) + content


def length(size: int) -> bytes:
    """The length field for `size` bytes of content."""
    if size < 0x80:
        return bytes((size,))
    width = (size.bit_length() + 7) // 8
    return bytes((0x80 | width,)) + size.to_bytes(width, "big")


def number(tag: int, value: int) -> bytes:
    """`value` in the fewest bytes of two's complement, so an unsigned one gets its zero byte where the top bit is set."""
    width = (value + (value < 0)).bit_length() // 8 + 1
    return element(tag, value.to_bytes(width, "big", signed=True))
