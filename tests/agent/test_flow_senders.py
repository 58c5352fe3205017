"""Real senders through the whole collector: softflowd, nfreplay and Open vSwitch by UDP, into the spool's lane."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent import hearing
from agent.batcher import Batcher, Packed, Sink
from agent.collectors import flows
from agent.interfaces import Interfaces
from agent.replay import rows_of
from protocols import pcap
from protocols.errors import ConfigError
from protocols.uplink import batch
from protocols.uplink.listeners import Flow
from protocols.uplink.plan import Plan, Target
from tests.peers import need
from tests.protocols.netflow.test_softflowd import frames
from tests.protocols.test_pcap import classic


class Lane:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.packed: list[Packed] = []

    def append(self, packed: Packed) -> None:
        self.packed.append(packed)

    async def durable(self, packed: Packed) -> bool:
        self.append(packed)
        return True

    def rows(self) -> list[dict[str, Any]]:
        decoded = [batch.decode(one.body).flows for one in self.packed]
        return [row for one in decoded if one is not None for row in rows_of(one)]


class Heard:
    """A running collector: its port, and what came of it."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.lane = Lane()
        self.counters: Counter[str] = Counter()

    def opened(self, ports: list[int]) -> None:
        self.ports = ports


@contextlib.asynccontextmanager
async def hearing_flows(state: Path, inside: tuple[str, ...] = ("10.0.0.0/8", "2001:db8::/32")) -> AsyncIterator[Heard]:
    """The collector on a free port; at the end everything is told."""
    heard = Heard()
    place = flows.Place([0], state, Interfaces().name, heard.opened)
    target = Target("edge", "edge", "127.0.0.1", (Flow(7, inside=inside),))
    sink = Sink(Batcher(heard.lane.append), {"flows": heard.lane, "events": heard.lane, "metrics": heard.lane})
    run = flows.collector(place)((target,), Plan(""), sink, lambda: time.time_ns() // 1_000, heard.counters)
    task = asyncio.ensure_future(run)
    while not heard.ports:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
    try:
        yield heard
        await asyncio.sleep(0.3)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def call(*command: str | Path) -> None:
    await asyncio.to_thread(subprocess.run, [str(part) for part in command], check=True, capture_output=True, timeout=60)


def expected(version: int) -> tuple[int, int]:
    """(packets, octets) that were in the capture; v5 knows IPv4 only."""
    _, told = frames()
    counts = [sums for talk, sums in told.items() if version != 5 or ":" not in talk[0]]
    return sum(count for count, _ in counts), sum(size for _, size in counts)


def capture(folder: Path) -> Path:
    """The talks, all of them just now: what is much older is counted now, as from a wrong clock."""
    path = folder / "talks.pcap"
    data = bytearray(classic(*frames()[0]))
    at = 24
    while at < len(data):
        data[at : at + 4] = int(time.time()).to_bytes(4, "little")
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("version", [5, 9, 10])
async def test_softflowds_totals_are_exact(version: int, tmp_path: Path) -> None:
    program = need("softflowd")
    path = capture(tmp_path)
    async with hearing_flows(tmp_path) as heard:
        await call(program, "-r", path, "-n", f"127.0.0.1:{heard.ports[0]}", "-v", str(version), "-d", "-c", "none")
    rows = heard.lane.rows()
    assert (sum(row["packets"] for row in rows), sum(row["octets"] for row in rows)) == expected(version)
    assert {row["application"] for row in rows} == {"dns"}
    assert {row["sensor"] for row in rows} == {7}
    assert heard.counters["flow.kernel_drops"] == 0


async def test_what_nfcapd_kept_is_replayed_exactly(tmp_path: Path) -> None:
    nfcapd, nfreplay, softflowd = need("nfcapd"), need("nfreplay"), need("softflowd")
    (tmp_path / "kept").mkdir()
    sockets = hearing.bind(0, "flows")
    port = sockets[0].getsockname()[1]
    for sock in sockets:
        sock.close()
    process = subprocess.Popen([nfcapd, "-w", tmp_path / "kept", "-p", str(port), "-b", "127.0.0.1"], stderr=subprocess.DEVNULL)
    try:
        await asyncio.sleep(1)
        await call(softflowd, "-r", capture(tmp_path), "-n", f"127.0.0.1:{port}", "-v", "9", "-d", "-c", "none")
        await asyncio.sleep(1)
    finally:
        process.terminate()
        process.wait(10)
    (kept,) = (path for path in (tmp_path / "kept").iterdir() if path.name.startswith("nfcapd."))
    async with hearing_flows(tmp_path) as heard:
        await call(nfreplay, "-r", kept, "-H", "127.0.0.1", "-p", str(heard.ports[0]), "-v", "9")
    rows = heard.lane.rows()
    assert (sum(row["packets"] for row in rows), sum(row["octets"] for row in rows)) == expected(9)


async def test_samples_of_open_vswitch_count_for_both_interfaces(tmp_path: Path) -> None:
    need("ovs-vswitchd")
    await call("unshare", "-n", sys.executable, "-m", "tests.protocols.sflow.openvswitch", tmp_path)
    counters: Counter[str] = Counter()
    payloads = [one.payload for one in pcap.datagrams((tmp_path / "sflow.pcap").read_bytes(), counters)]
    async with hearing_flows(tmp_path) as heard:
        import socket

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for payload in payloads:
                sender.sendto(payload, ("127.0.0.1", heard.ports[0]))
    assert heard.counters["flow.datagrams"] == len(payloads)
    rows = heard.lane.rows()
    assert sum(row["packets"] for row in rows if row["direction"] == "ingress") >= 30
    assert all(row["octets"] >= 60 * row["packets"] for row in rows)


async def test_templates_outlive_a_restart(tmp_path: Path) -> None:
    import socket

    from tests.agent.test_flow_path import AWS, FULL, HERE, flow
    from tests.protocols.netflow.messages import flowset, template, v9

    for data in (flowset(0, template(300, FULL)), flowset(300, flow(HERE, AWS))):
        async with hearing_flows(tmp_path) as heard:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(v9(data, seconds=int(time.time())), ("127.0.0.1", heard.ports[0]))
    assert sum(row["flows"] for row in heard.lane.rows()) == 2
    assert (tmp_path / flows.TEMPLATES).stat().st_mode & 0o777 == 0o600


async def test_a_port_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    taken = hearing.bind(0, "flows")
    place = flows.Place([taken[0].getsockname()[1]], tmp_path, Interfaces().name)
    sink = Sink(Batcher(Lane().append), {})
    with pytest.raises(ConfigError, match="another program has port"):
        await flows.collector(place)((), Plan(""), sink, lambda: 0, Counter())
    for sock in taken:
        sock.close()
