"""What a person reads for the bytes of a field, by the kind of its element; anything odd is hexadecimal."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from protocols.wire import text

Value = int | float | str | bool | None
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_1900 = datetime(1900, 1, 1, tzinfo=UTC)
_2036 = _1900 + timedelta(seconds=1 << 32)
_FLOATS = {4: struct.Struct("!f"), 8: struct.Struct("!d")}


def value(kind: str, raw: bytes) -> Value:
    """An integer, a string, … for bytes as they came. `kind`: see elements.py."""
    reader = _READERS.get(kind)
    return reader(raw) if reader and raw else "" if kind == "s" else raw.hex()


def _unsigned(raw: bytes) -> Value:
    return int.from_bytes(raw, "big")


def _signed(raw: bytes) -> Value:
    return int.from_bytes(raw, "big", signed=True)


def _float(raw: bytes) -> Value:
    if len(raw) not in _FLOATS:
        return raw.hex()
    (number,) = _FLOATS[len(raw)].unpack(raw)
    return float(number) if math.isfinite(number) else str(number)


def _boolean(raw: bytes) -> Value:
    return {b"\1": True, b"\2": False}.get(raw, raw.hex())


def _address(raw: bytes) -> Value:
    if len(raw) == 4:
        return str(IPv4Address(raw))
    return str(IPv6Address(raw)) if len(raw) == 16 else raw.hex()


def _mac(raw: bytes) -> Value:
    return raw.hex(":") if len(raw) == 6 else raw.hex()


def _string(raw: bytes) -> Value:
    return text(raw.rstrip(b"\0"), limit=4_096)


def _since_1970(unit: int) -> Callable[[bytes], Value]:
    def read(raw: bytes) -> Value:
        return _instant(_1970, int.from_bytes(raw, "big") * unit)

    return read


def _ntp(raw: bytes) -> Value:
    if len(raw) != 8:
        return raw.hex()
    seconds, fraction = struct.unpack("!II", raw)
    return _instant(_1900 if seconds >> 31 else _2036, seconds * 1_000_000 + (fraction * 1_000_000 >> 32))


def _instant(epoch: datetime, micros: int) -> Value:
    try:
        when = epoch + timedelta(microseconds=micros)
    except OverflowError:
        return micros
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micros % 1_000 else f"%Y-%m-%dT%H:%M:%S.{when.microsecond // 1_000:03}Z")


_READERS: dict[str, Callable[[bytes], Value]] = {
    "u": _unsigned,
    "i": _signed,
    "f": _float,
    "b": _boolean,
    "4": _address,
    "6": _address,
    "m": _mac,
    "s": _string,
    "S": _since_1970(1_000_000),
    "M": _since_1970(1_000),
    "U": _ntp,
    "N": _ntp,
}
