"""Requests over UDP: which answers count, and what cannot be sent."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from agent.udp import Address, Exchange, NoAnswer, resolve
from protocols.errors import DecodeError


def number(data: bytes) -> int:
    """The id of a test datagram: its four bytes."""
    if len(data) != 4:
        raise DecodeError("truncated")
    return int.from_bytes(data, "big")


def datagram(request_id: int) -> bytes:
    return request_id.to_bytes(4, "big")


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    made = Exchange("x", number, Counter())
    yield made
    made.close()


Answers = Callable[[bytes, int], list[bytes]]


async def peer(answers: Answers) -> tuple[Address, asyncio.DatagramTransport, list[bytes]]:
    """A peer that answers the n-th datagram with `answers(datagram, n)`."""
    seen: list[bytes] = []

    class Protocol(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            seen.append(data)
            for answer in answers(data, len(seen)):
                self.transport.sendto(answer, addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Protocol, local_addr=("127.0.0.1", 0))
    return await resolve("127.0.0.1", transport.get_extra_info("sockname")[1]), transport, seen


async def test_each_try_has_an_id_of_its_own_that_nobody_can_guess(exchange: Exchange) -> None:
    address, transport, seen = await peer(lambda _, __: [])
    with pytest.raises(NoAnswer) as caught:
        await exchange.ask(address, datagram, 0.02, 5)
    transport.close()
    assert caught.value.reason == "timeout"
    assert len(set(seen)) == 5
    assert all(1 << 30 <= number(each) < 1 << 31 for each in seen)
    assert not exchange._waiting


async def test_a_late_answer_to_the_first_try_is_an_answer_with_its_own_time(exchange: Exchange) -> None:
    first: list[bytes] = []

    def late(data: bytes, count: int) -> list[bytes]:
        first.append(data)
        return [first[0]] if count == 2 else []

    address, transport, seen = await peer(late)
    reply = await exchange.ask(address, datagram, 0.1, 3)
    transport.close()
    assert reply.request_id == number(seen[0])
    assert 0.09 < reply.received - reply.sent < 0.5


async def test_what_comes_twice_or_is_no_answer_is_counted(exchange: Exchange) -> None:
    address, transport, _ = await peer(lambda data, _: [b"?", data, data])
    await exchange.ask(address, datagram, 0.5, 1)
    await asyncio.sleep(0.05)
    transport.close()
    assert exchange.counters == {"x.undecodable.truncated": 1, "x.unmatched": 1}


async def test_many_questions_at_once_get_their_own_answers(exchange: Exchange) -> None:
    address, transport, _ = await peer(lambda data, _: [data])
    replies = await asyncio.gather(*(exchange.ask(address, datagram, 1.0, 2) for _ in range(100)))
    transport.close()
    assert len({reply.request_id for reply in replies}) == 100
    assert all(number(reply.data) == reply.request_id for reply in replies)
    assert exchange.granted > 0


async def test_what_this_machine_may_not_send_is_its_own_error(exchange: Exchange) -> None:
    with pytest.raises(NoAnswer) as caught:
        await exchange.ask(Address(socket.AF_INET, "255.255.255.255", 9), datagram, 0.1, 1)
    assert caught.value.reason == "local_error"


@pytest.mark.parametrize(
    ("host", "family", "literal"),
    [
        ("192.0.2.1", socket.AF_INET, "192.0.2.1"),
        ("2001:DB8::0:1", socket.AF_INET6, "2001:db8::1"),
        ("::ffff:192.0.2.1", socket.AF_INET, "192.0.2.1"),  # one device, one address
    ],
)
async def test_an_address_is_taken_as_its_usual_form(host: str, family: int, literal: str) -> None:
    assert await resolve(host, 161) == Address(family, literal, 161)


async def test_a_name_without_an_address_is_our_trouble_not_the_devices() -> None:
    with pytest.raises(NoAnswer) as caught:
        await resolve("no-such-host.invalid", 161)
    assert caught.value.reason == "local_error"
