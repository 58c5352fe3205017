"""The listener: what it answers and when, what it lets out of a site, and what it says of a client with another secret."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent import senders
from agent.collectors import radius
from agent.session_rows import HASHED
from protocols.uplink.batch import Batch
from protocols.uplink.listeners import Radius
from protocols.uplink.plan import Plan, Target
from tests.protocols.radius.packets import SECRET, number, request, value

KEY = "ab" * 32
NOW = 1_790_000_000


class Disk:
    """A sink that is as slow, and as full, as the test wants."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.good = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def durable(self, lane: str, whole: Batch) -> bool:
        assert lane == "events"
        await self.gate.wait()
        self.batches.append(whole)
        return self.good


class Stand:
    """A listener on a port of its own, and a NAS that speaks to it."""

    def __init__(self, plan: Plan, secret: bytes = SECRET) -> None:
        self.disk, self.counters = Disk(), Counter[str]()
        self.plan, self.secret = plan, secret
        self.nas = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.nas.bind(("127.0.0.1", 0))

    async def start(self) -> None:
        sock = radius.bound(0)
        self.nas.connect(("127.0.0.1", sock.getsockname()[1]))
        target = Target("wlc", "Controller", "127.0.0.1", (Radius(number=7, secret=self.secret.decode()),))
        known = await senders.of([target], Radius, self.counters)
        self.listener = radius.Listener(sock, known, self.plan, self.disk, lambda: NOW * 1_000_000, self.counters)  # type: ignore[arg-type]
        self.task = asyncio.create_task(self.listener.run())

    async def ask(self, packet: bytes, patience: float = 2.0) -> bytes:
        """The answer, b"" where none comes."""
        self.nas.send(packet)
        try:
            async with asyncio.timeout(patience):
                return await asyncio.get_running_loop().sock_recv(self.nas, 4_096)
        except TimeoutError:
            return b""


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    made = Stand(Plan("", hash_key=KEY))
    await made.start()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)
    made.nas.close()


def valid(answer: bytes, asked: bytes) -> bool:
    """RFC 2866 section 3: the Response Authenticator."""
    want = hashlib.md5(answer[:4] + asked[4:20] + answer[20:] + SECRET).digest()
    return answer[0] == 5 and answer[1] == asked[1] and answer[4:20] == want


async def test_a_request_is_answered_only_when_its_record_is_on_disk(stand: Stand) -> None:
    stand.disk.gate.clear()
    asked = request()
    assert await stand.ask(asked, 0.2) == b""
    stand.disk.gate.set()
    assert valid(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(stand.nas, 4_096), 2), asked)


async def test_a_repeated_request_gets_the_same_answer_and_no_second_record(stand: Stand) -> None:
    asked = request()
    first, again = await stand.ask(asked), await stand.ask(asked)
    assert first == again
    assert valid(first, asked)
    assert sum(batch.rows for batch in stand.disk.batches) == 1
    assert stand.counters["radius.repeated"] == 1


async def test_where_the_disk_is_full_there_is_no_answer_and_the_next_try_is_taken_anew(stand: Stand) -> None:
    stand.disk.good = False
    asked = request()
    assert await stand.ask(asked, 0.2) == b""
    stand.disk.good = True
    assert valid(await stand.ask(asked), asked)
    assert stand.counters["radius.not_kept"] == 1


async def test_status_server_is_answered_and_signed(stand: Stand) -> None:
    head = struct.pack(">BBH", 12, 9, 38) + bytes(range(16))
    unsigned = head + b"\x50\x12" + bytes(16)
    asked = head + b"\x50\x12" + hmac.digest(SECRET, unsigned, "md5")
    answer = await stand.ask(asked)
    assert valid(answer, asked)
    assert b"\x50\x12" in answer[20:]
    assert await stand.ask(head[:2] + b"\x00\x14" + head[4:], 0.2) == b"", "without Message-Authenticator"


async def test_users_and_stations_leave_the_site_as_keyed_hashes(stand: Stand) -> None:
    await stand.ask(
        request(value(1, b"Alice"), value(31, b"AA-BB-CC-00-11-22"), value(30, b"02-00-00-00-00-01:My:SSID"), value(8, bytes(4)))
    )
    sessions: Any = stand.disk.batches[0].sessions
    said = {name: sessions.texts[getattr(sessions, name)[0]] for name in ("user", "station", "ap", "ssid", "address", "part")}
    expected = hmac.digest(bytes.fromhex(KEY), b"alice", "sha256").hex()[:HASHED]
    station = hmac.digest(bytes.fromhex(KEY), b"aabbcc001122", "sha256").hex()[:HASHED]
    assert said == {"user": expected, "station": station, "ap": "020000000001", "ssid": "My:SSID", "address": "", "part": station}


@pytest.mark.parametrize(
    ("timestamp", "delay", "expected"), [(NOW - 40, 30, NOW - 40), (NOW - 400, 30, NOW - 30), (0, 5, NOW - 5)]
)
async def test_the_time_is_the_nass_own_unless_it_cannot_be_true(stand: Stand, timestamp: int, delay: int, expected: int) -> None:
    stamp = [number(55, timestamp)] if timestamp else []
    await stand.ask(request(*stamp, number(41, delay)))
    sessions: Any = stand.disk.batches[0].sessions
    assert int(sessions.ts[0]) == expected * 1_000_000


async def test_a_client_with_another_secret_is_said_and_counted(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    for n in range(8):
        stand.nas.send(request(number(5, n), secret=b"another secret..", identifier=n))
    assert await stand.ask(request(secret=b"another secret.."), 0.2) == b""
    assert stand.counters["radius.authenticator"] == 9
    assert any(name.startswith("radius.wrong shared secret: Controller") for name in stand.counters)
    assert caplog.text.count("wrong shared secret") == 1
    assert stand.disk.batches == []


async def test_what_is_no_accounting_is_counted_and_not_answered(stand: Stand) -> None:
    for packet in (b"", b"\x04", request()[:30], b"\x01" + request()[1:], request(status=99)):
        assert await stand.ask(packet, 0.05) == b""
    assert stand.counters["radius.length"] == 3
    assert stand.counters["radius.code"] == 1
    assert stand.counters["radius.status"] == 1
