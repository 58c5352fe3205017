"""How many requests are on their way, and what happens to answers that are let wait in the socket's buffer."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

from agent import rates, rounds, stamps, udp
from agent.poller import Poller
from agent.udp import Address, Exchange, Letter
from protocols.snmp import message
from tests.agent.snmp_stand import PROFILES
from tests.agent.test_snmp_rounds import stand


async def test_many_sensors_of_one_address_wait_for_room_at_it(monkeypatch) -> None:
    monkeypatch.setattr(rounds, "NEAR", 3)
    monkeypatch.setattr(rates, "SLACK", 1e9)
    async with stand(1) as made:
        first = made.pollers[0]
        made.pollers += [Poller(made.exchange, first.target, first.sensor, PROFILES, made.rounds.bank) for _ in range(9)]
        for _ in range(4):
            await made.sweep()
        posted: list[int] = []
        post = made.exchange.post
        monkeypatch.setattr(made.exchange, "post", lambda letters: (posted.append(len(letters)), post(letters)))
        found = await made.sweep()
        assert sum(posted) >= 10
        assert max(posted) <= 3
        assert sum(row.metric == "reachable" for row in found[1]) == 10
        assert made.counters["snmp.rote.silent"] == 0
        assert not made.rounds._held


async def test_the_kernel_tells_when_a_datagram_came_that_was_let_wait() -> None:
    exchange = Exchange("t", lambda data: int.from_bytes(data, "big"), Counter(), lambda data: int.from_bytes(data, "big"))
    taken: list[Letter] = []
    exchange.on_answers = taken.extend
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.setblocking(False)
        letters = [Letter(Address(socket.AF_INET, *peer.getsockname())) for _ in range(20)]
        for number, letter in zip(exchange.numbers(20), letters, strict=True):
            letter.number, letter.data = number, number.to_bytes(4, "big")
        exchange.post(letters)
        for _ in letters:
            data, source = peer.recvfrom(100)
            peer.sendto(data, source)
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while len(taken) < 20:
                await asyncio.sleep(0.001)
    assert all(0 <= letter.received - letter.sent < 0.5 for letter in letters)
    exchange.close()


def test_a_stamp_is_told_by_our_clock_and_never_in_the_future() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert stamps.wanted(sock)
        sock.bind(("127.0.0.1", 0))
        sock.sendto(b"x", sock.getsockname())
        _, notes, _, _ = sock.recvmsg(10, stamps.ROOM)
    assert stamps.came(notes, stamps.ahead(1000.0), 1000.0) <= 1000.0
    assert stamps.came(notes, stamps.ahead(1000.0), 1001.0) > 999.0
    assert stamps.came([], 0.0, 7.0) == 7.0


def test_what_waits_fits_the_buffer() -> None:
    assert rounds.WINDOW * udp._LARGEST <= udp.RECEIVE_BUFFER
    assert message.likely_id(b"\x30\x10\x02\x01\x01\x04\x00\xa2\x06\x02\x04\x40\x00\x00\x01") == 0x40000001
