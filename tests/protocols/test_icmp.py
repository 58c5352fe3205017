"""ICMP echo: what we send is right, and no datagram whatever brings anything but DecodeError."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import icmp
from protocols.errors import DecodeError

# From the Linux ping of 127.0.0.1: identifier 0x1234, sequence 1, payload "abcdefgh".
REQUEST = bytes.fromhex("080057b6123400016162636465666768")
V4 = bytes.fromhex("450000240000400040010000c0000202c0000201")
V6 = bytes.fromhex("6000000000103a40") + bytes(15) + b"\x02" + bytes(15) + b"\x01"


def test_a_request_has_a_checksum_that_sums_to_zero() -> None:
    made = icmp.echo(0x1234, 1, b"abcdefgh", v6=False)
    assert made[:2] == b"\x08\x00"
    assert made[4:] == REQUEST[4:]
    assert icmp.checksum(made) == 0
    assert icmp.checksum(icmp.echo(1, 2, b"odd", v6=False)) == 0
    assert icmp.echo(1, 2, b"x", v6=True) == b"\x80\x00\x00\x00\x00\x01\x00\x02x"


def test_the_checksum_is_that_of_rfc_1071() -> None:
    assert icmp.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@pytest.mark.parametrize("v6", [False, True])
def test_a_reply_is_read(v6: bool) -> None:
    kind = 129 if v6 else 0
    assert icmp.decode(bytes((kind, 0, 9, 9)) + REQUEST[4:], v6=v6) == icmp.Reply(0x1234, 1, b"abcdefgh")
    assert icmp.decode(REQUEST, v6=False) is None


@pytest.mark.parametrize(("v6", "header", "destination"), [(False, V4, V4[16:20]), (True, V6, V6[24:40])])
def test_an_error_names_the_request_it_answers(v6: bool, header: bytes, destination: bytes) -> None:
    inner = header + icmp.echo(0x1234, 7, b"", v6=v6)
    message = bytes((1 if v6 else 3, 1)) + bytes(6) + inner
    assert icmp.decode(message, v6=v6) == icmp.Unreachable(destination, 0x1234, 7)
    for length in range(len(message)):
        with pytest.raises(DecodeError):
            icmp.decode(message[:length], v6=v6)


def test_the_header_of_a_raw_socket_is_taken_off_with_its_options() -> None:
    assert icmp.strip_ipv4(V4 + b"rest") == b"rest"
    assert icmp.strip_ipv4(b"\x46" + V4[1:] + b"optsrest") == b"rest"
    with pytest.raises(DecodeError, match="no IPv4 header"):
        icmp.strip_ipv4(b"\x41" + V4[1:])


@given(st.binary(max_size=120), st.booleans())
def test_nothing_but_decode_error_comes_out(data: bytes, v6: bool) -> None:
    for call in (lambda: icmp.decode(data, v6=v6), lambda: icmp.strip_ipv4(data)):
        with suppress(DecodeError):
            call()
