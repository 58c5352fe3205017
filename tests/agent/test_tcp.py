"""TCP connect: an open port, a closed one, no route, no name; and the rows that come of it."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Sequence

import pytest

from agent.batcher import Row
from agent.collectors import tcp
from agent.resolve import Name
from protocols.uplink.batch import REASONS
from protocols.uplink.plan import Plan, Target, Tcp


def closed_port(host: str) -> int:
    """A port that nobody listens on: bound, so that nobody else gets it, and never listening."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind((host, 0))
    _held.append(sock)
    return int(sock.getsockname()[1])


_held: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _let_go():
    yield
    while _held:
        _held.pop().close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "::ffff:127.0.0.1"])
async def test_an_open_port_connects_and_the_time_is_taken(host: str) -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1" if host != "::1" else "::1", 0)
    port = server.sockets[0].getsockname()[1]
    where = "127.0.0.1" if host == "localhost" else host
    outcome = await tcp.connect(Name(where, port), 2.0)
    assert outcome.reason == ""
    assert 0 < outcome.seconds < 1
    server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_closed_port_is_refused(host: str) -> None:
    outcome = await tcp.connect(Name(host, closed_port(host)), 2.0)
    assert outcome.reason == "refused"


async def test_a_full_backlog_is_a_timeout() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        port = sock.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        outcome = await tcp.connect(Name("127.0.0.1", port), 0.2)
        for filler in fillers:
            filler.close()
    assert outcome.reason == "timeout"


async def test_a_name_without_an_address_is_our_trouble_not_the_targets() -> None:
    assert (await tcp.connect(Name("no-such-host.invalid", 80), 2.0)).reason == "local_error"
    assert (await tcp.connect(Name("a" * 300, 80), 2.0)).reason == "local_error"


async def test_a_failed_poll_is_a_sample_and_delays_no_other() -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    ports = {1: server.sockets[0].getsockname()[1], 2: closed_port("127.0.0.1")}
    rows: list[Row] = []

    def emit(more: Sequence[Row], interval: float) -> None:
        assert interval == 1.0
        rows.extend(more)

    targets = [Target(f"e{n}", "t", "127.0.0.1", (Tcp(n, port, interval=1.0),)) for n, port in ports.items()]
    counters: Counter[str] = Counter()
    task = asyncio.create_task(tcp.run(targets, Plan("r"), emit, lambda: 42, counters))
    async with asyncio.timeout(10):
        while {row.sensor for row in rows} != {1, 2}:
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.close()
    seen = {(row.sensor, row.metric, row.ts, REASONS[row.reason]) for row in rows}
    assert seen == {(1, "reachable", 42, ""), (1, "connect_time", 42, ""), (2, "reachable", 42, "refused")}
    assert {row.value for row in rows if row.sensor == 2} == {0.0}
    assert counters["tcp.refused"] >= 1
