"""What an Accounting-Request says about a session. Each attribute is read by itself: one of a wrong length is as good as absent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.radius import attributes as names
from protocols.wire import text

_MAC = re.compile(r"\s*([0-9A-Fa-f]{2}(?:[-:.]?[0-9A-Fa-f]{2}){5})(?![0-9A-Fa-f])")

Attributes = Mapping[int, Sequence[bytes]]


class Accounting(NamedTuple):
    """One report about a session, or about the NAS itself (On, Off). 0 and "" = not said; octets and packets as the NAS counts:
    `in` is what it received from the user.
    """

    status: int
    nas: str  # NAS-Identifier, else its address
    session: str
    part: str  # what tells sessions with the same id apart: Class as hex, else the calling station
    multi: str
    user: str
    station: str  # the calling one: a MAC address as 12 hex digits, else as it is said
    called: str  # the MAC address of the access point as 12 hex digits, else as it is said
    ssid: str
    octets_in: int
    octets_out: int
    packets_in: int
    packets_out: int
    seconds: int
    timestamp: int  # Event-Timestamp, seconds since the epoch
    delay: int  # seconds
    cause: int
    interim: int  # seconds
    address: str  # what was framed to the user


NOTHING = Accounting(0, "", "", "", "", "", "", "", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, "")


def accounting(found: Attributes) -> Accounting:
    """The report in the attributes of an Accounting-Request. Raises DecodeError: status, session, nas."""
    status = _number(found, names.ACCT_STATUS_TYPE)
    if status not in names.STATUSES:
        raise DecodeError("status", f"Acct-Status-Type {status} is none that reports a session")
    session = _text(found, names.ACCT_SESSION_ID)
    if not session and status not in (names.ON, names.OFF):
        raise DecodeError("session", "there is no Acct-Session-Id")
    nas = (
        _text(found, names.NAS_IDENTIFIER)
        or _address(found, names.NAS_IP_ADDRESS, 4)
        or _address(found, names.NAS_IPV6_ADDRESS, 16)
    )
    if not nas:
        raise DecodeError("nas", "there is neither NAS-Identifier nor NAS-IP-Address")
    station = mac(_text(found, names.CALLING_STATION_ID))
    called, ssid = called_station(_text(found, names.CALLED_STATION_ID))
    return Accounting(
        status=status,
        nas=nas,
        session=session,
        part=next((value.hex()[:128] for value in found.get(names.CLASS, ()) if value), "") or station,
        multi=_text(found, names.ACCT_MULTI_SESSION_ID),
        user=_text(found, names.USER_NAME),
        station=station,
        called=called,
        ssid=ssid,
        octets_in=_long(found, names.ACCT_INPUT_OCTETS, names.ACCT_INPUT_GIGAWORDS),
        octets_out=_long(found, names.ACCT_OUTPUT_OCTETS, names.ACCT_OUTPUT_GIGAWORDS),
        packets_in=_number(found, names.ACCT_INPUT_PACKETS),
        packets_out=_number(found, names.ACCT_OUTPUT_PACKETS),
        seconds=_number(found, names.ACCT_SESSION_TIME),
        timestamp=_number(found, names.EVENT_TIMESTAMP),
        delay=_number(found, names.ACCT_DELAY_TIME),
        cause=_number(found, names.ACCT_TERMINATE_CAUSE),
        interim=_number(found, names.ACCT_INTERIM_INTERVAL),
        address=_address(found, names.FRAMED_IP_ADDRESS, 4) or _address(found, names.FRAMED_IPV6_ADDRESS, 16),
    )


def event_time(received: int, timestamp: int, delay: int) -> int:
    """When it happened, µs since the epoch: what the NAS says, where that is within 300 s of `received` (µs) less the delay (s).

    The delay is never subtracted from the NAS's own time, which says when the event was, not when it was sent.
    """
    reckoned = max(received - delay * 1_000_000, 0)
    told = timestamp * 1_000_000
    return told if abs(told - reckoned) <= 300_000_000 else reckoned


def mac(said: str) -> str:
    """A MAC address in any of its notations as 12 hex digits; anything else as it is."""
    found = _MAC.match(said)
    return re.sub("[^0-9a-f]", "", found[1].lower()) if found and found.end() == len(said.rstrip()) else said


def called_station(said: str) -> tuple[str, str]:
    """(access point, SSID) of a Called-Station-Id `MAC:SSID` (RFC 3580 section 3.20); the SSID may have colons itself."""
    found = _MAC.match(said)
    if not found:
        return said, ""
    rest = said[found.end() :]
    if rest and rest[0] != ":":
        return said, ""
    return re.sub("[^0-9a-f]", "", found[1].lower()), rest[1:]


def _text(found: Attributes, number: int) -> str:
    values = found.get(number)
    if not values:
        return ""
    value = values[0]
    if value.isascii() and (plain := value.decode()).isprintable():  # nearly all are, and this is ten times as fast
        return " ".join(plain.split())
    return text(value)


def _number(found: Attributes, number: int) -> int:
    values = found.get(number)
    return int.from_bytes(values[0], "big") if values and len(values[0]) == 4 else 0


def _long(found: Attributes, low: int, gigawords: int) -> int:
    """64 bits from 32 and the times that they wrapped (RFC 2869 section 5.1), held below what the database can count."""
    return min(_number(found, gigawords) << 32 | _number(found, low), (1 << 62) - 1)


def _address(found: Attributes, number: int, size: int) -> str:
    values = found.get(number)
    if not values or len(values[0]) != size:
        return ""
    return ".".join(map(str, values[0])) if size == 4 else str(ipaddress.ip_address(values[0]))
