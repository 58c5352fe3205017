"""Syslog lines (RFC 5424, RFC 3164) and their framing over TCP (RFC 6587): bytes to records.

Senders of RFC 3164 write what they want, so only the priority is demanded; what else is not understood is the message.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from protocols.errors import DecodeError
from protocols.wire import text

LONGEST = 8_192  # bytes of one message; RFC 5424 section 6.1 wants 2,048 at least
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit"),
    *("alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)
_PRIORITY = re.compile(rb"<(\d{1,3})>")
_HEADER = re.compile(rb"1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) ?")
_OLD_TIME = re.compile(
    rb"[*.:]?(?:\d+: )?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ \d]\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)?:? ?"
)
_TAG = re.compile(rb"([\w./()+-]{1,64})(?:\[([^\]\s]{0,64})\])?: ?")
_SD = re.compile(rb'\[[^\s=\]"]{1,64}(?: [^\s=\]"]{1,64}="(?:[^"\\\]]|\\.)*")*\]')
_BOM = b"\xef\xbb\xbf"
_COUNT = re.compile(rb"([1-9]\d{0,5}) ")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


class Line(NamedTuple):
    """One message. Texts are cleaned; `ts` is µs since the epoch, None where the sender states none that can be used."""

    facility: int
    severity: int  # 0 to 7
    ts: int | None
    zoned: bool  # whether the sender said in which zone that is
    host: str
    program: str
    process: str
    id: str  # MSGID
    data: str  # structured data as it was sent
    message: str


def decode(data: bytes, now: int) -> Line:
    """The line in `data`. `now` (µs, UTC) gives an RFC 3164 time its year; such a time has no zone and is taken as UTC.

    Raises DecodeError: priority, size, empty.
    """
    if len(data) > LONGEST:
        raise DecodeError("size", f"a message of {len(data)} bytes, {LONGEST} are the most")
    data = data.rstrip(b"\r\n\0 ")
    if not data:
        raise DecodeError("empty", "an empty message")
    found = _PRIORITY.match(data)
    if found is None or int(found[1]) > 191:
        raise DecodeError("priority", "a message begins with its priority, <0> to <191>")
    facility, severity = divmod(int(found[1]), 8)
    rest = data[found.end() :]
    header = _HEADER.match(rest)
    if header is not None:
        return _new(facility, severity, rest, header)
    return _old(facility, severity, rest, now)


def _new(facility: int, severity: int, rest: bytes, header: re.Match[bytes]) -> Line:
    """RFC 5424."""
    at, host, program, process, kind = (b"" if part == b"-" else part for part in header.groups())
    body = rest[header.end() :]
    start = end = 0
    if body.startswith(b"-"):
        end = 1
        start = 1
    else:
        while found := _SD.match(body, end):
            end = found.end()
    said = body[end:].removeprefix(b" ").removeprefix(_BOM)
    ts = _instant(at)
    return Line(
        facility, severity, ts, ts is not None, text(host), text(program), text(process), text(kind), text(body[start:end], 1_000),
        text(said, 2_000),
    )  # fmt: skip


def _instant(stated: bytes) -> int | None:
    """RFC 3339, with a zone."""
    try:
        at = datetime.fromisoformat(stated.decode("ascii"))
    except (ValueError, UnicodeDecodeError):
        return None
    if at.tzinfo is None or not 1_970 <= at.year < 2_200:
        return None
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _old(facility: int, severity: int, rest: bytes, now: int) -> Line:
    """RFC 3164, as far as the sender keeps to it."""
    ts, host = None, b""
    stamp = _OLD_TIME.match(rest)
    if stamp is not None:
        ts = _this_year(stamp, now)
        rest = rest[stamp.end() :]
        first, blank, behind = rest.partition(b" ")
        # the host is left out by many; a tag ends with a colon or has a process in brackets
        if blank and not first.endswith((b":", b"]")) and b"[" not in first and len(first) <= 255:
            host, rest = first, behind
    tag = _TAG.match(rest)
    program, process = (tag[1], tag[2] or b"") if tag is not None else (b"", b"")
    said = rest[tag.end() :] if tag is not None else rest
    return Line(facility, severity, ts, False, text(host), text(program), text(process), "", "", text(said, 2_000))


def _this_year(stamp: re.Match[bytes], now: int) -> int | None:
    """The instant nearest to `now` that the stamp may mean."""
    today = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)
    month, (day, hour, minute, second) = _MONTHS.index(stamp[1]) + 1, map(int, stamp.groups()[1:])
    found = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:  # 29 February in another year, 25 o'clock
            continue
        found.append((at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
    return min(found, key=lambda at: abs(at - now), default=None)


class Frames:
    """Cuts a TCP stream into messages: octet-counted (RFC 6587 section 3.4.1) or ended by LF, NUL or CRLF, told by each one's start."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes. Raises DecodeError: size (of one that does not end), framing."""
        rest, found, at = self._rest + data, [], 0
        while at < len(rest):
            if rest[at] in b"\n\r\0 ":
                at += 1
                continue
            cut = self._counted(rest, at) if 0x31 <= rest[at] <= 0x39 else self._ended(rest, at)
            if cut is None:
                break
            start, at = cut
            found.append(rest[start:at])
        self._rest = rest[at:]
        if len(self._rest) > LONGEST + 8:
            raise DecodeError("size", f"a message longer than {LONGEST} bytes")
        return found

    @staticmethod
    def _counted(rest: bytes, at: int) -> tuple[int, int] | None:
        count = _COUNT.match(rest, at)
        if count is None:
            if len(rest) - at > 7 or not rest[at:].isdigit():
                raise DecodeError("framing", "a message begins with its length or its priority")
            return None
        if int(count[1]) > LONGEST:
            raise DecodeError("size", f"a message of {int(count[1])} bytes, {LONGEST} are the most")
        end = count.end() + int(count[1])
        return (count.end(), end) if end <= len(rest) else None

    @staticmethod
    def _ended(rest: bytes, at: int) -> tuple[int, int] | None:
        ends = [end for end in (rest.find(b"\n", at), rest.find(b"\0", at)) if end >= 0]
        return (at, min(ends)) if ends else None

    def last(self) -> bytes:
        """What was left when the sender closed without an end."""
        rest, self._rest = self._rest, b""
        return rest
