"""Syslog of RFC 5424 and 3164, and its framing over TCP."""

from __future__ import annotations

import contextlib

import pytest

from protocols.errors import DecodeError
from protocols.syslog import LONGEST, Frames, decode

NOW = 1_795_528_800_000_000  # 24 November 2026, 14:00 UTC
# The examples of RFC 5424 section 6.5 and RFC 3164 section 5.4, and what makers make of them.
NEW = b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed for lonvick on /dev/pts/8"
DATA = b'<165>1 2003-10-11T22:14:15.003Z mymachine evntslog - ID47 [exampleSDID@32473 iut="3" x="a\\]b"][b c="d"] An application'
OLD = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"
CISCO = b"<189>29: Nov 24 13:59:01.123: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down"
BARE = b"<13>whatever it wants to say"
SEEDS = (NEW, DATA, OLD, CISCO, BARE)


def test_a_line_of_rfc_5424() -> None:
    line = decode(NEW, NOW)
    assert (line.facility, line.severity, line.ts, line.zoned) == (4, 2, 1_065_910_455_003_000, True)
    assert (line.host, line.program, line.process, line.id) == ("mymachine.example.com", "su", "", "ID47")
    assert line.message == "'su root' failed for lonvick on /dev/pts/8"


def test_structured_data_is_kept() -> None:
    line = decode(DATA, NOW)
    assert line.data == '[exampleSDID@32473 iut="3" x="a\\]b"][b c="d"]'
    assert line.message == "An application"


def test_a_line_of_rfc_3164_has_the_year_that_is_nearest() -> None:
    line = decode(OLD, NOW)
    assert (line.host, line.program, line.message) == ("mymachine", "su", "'su root' failed for lonvick on /dev/pts/8")
    assert (line.ts, line.zoned) == (1_791_756_855_000_000, False)
    assert decode(b"<34>Dec 31 23:59:59 h p: x", 1_767_225_601_000_000).ts == 1_767_225_599_000_000  # the year before


def test_what_makers_make_of_it() -> None:
    line = decode(CISCO, NOW)
    assert line.message.endswith("changed state to down")
    assert decode(BARE, NOW).message == "whatever it wants to say"
    assert decode(b"<13>prog[12]: hello", NOW)[5:7] == ("prog", "12")


@pytest.mark.parametrize("data", [b"", b"\n", b"hello", b"<>x", b"<192>x", b"<1234>x", b"<12x", b"<13>" + b"a" * LONGEST])
def test_what_is_no_line_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode(data, NOW)


@pytest.mark.parametrize("data", SEEDS)
def test_every_truncation_is_a_line_or_a_decode_error(data: bytes) -> None:
    for size in range(len(data)):
        with contextlib.suppress(DecodeError):
            decode(data[:size], NOW)


def test_hostile_characters_go() -> None:
    assert decode("<13>a\u202eb\x1b[31mc\0d".encode(), NOW).message == "ab[31mcd"


def test_frames_counted_and_ended_byte_by_byte() -> None:
    stream = b"%d %s" % (len(NEW), NEW) + OLD + b"\n" + BARE + b"\r\n" + b"%d %s\n" % (len(DATA), DATA)
    for step in (1, 7, 4096):
        frames, found = Frames(), []
        for at in range(0, len(stream), step):
            found += frames.take(stream[at : at + step])
        assert [each.rstrip() for each in found] == [NEW, OLD, BARE, DATA]
        assert frames.last() == b""


def test_a_frame_without_end_is_given_up() -> None:
    for data in (b"<13>" + b"x" * 10_000, b"99999 x", b"12345678", b"1x"):
        with pytest.raises(DecodeError):
            Frames().take(data)


def test_what_is_left_at_the_end_is_a_line() -> None:
    frames = Frames()
    assert frames.take(b"<13>no end") == []
    assert frames.last() == b"<13>no end"
