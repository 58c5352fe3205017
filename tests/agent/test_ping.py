"""Ping, on this machine's loopback and in a network of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.batcher import Row
from agent.collectors import ping
from agent.echo import SYSCTL, Pinger
from agent.resolve import Name
from protocols.errors import ConfigError
from protocols.uplink.batch import REASONS
from protocols.uplink.plan import Ping, Plan, Target
from tests.peers import missing, need

ROOT = Path(__file__).resolve().parents[2]


def may_ping() -> None:
    try:
        asyncio.run(_open())
    except ConfigError as error:
        missing(str(error))


async def _open() -> None:
    pinger = Pinger(Counter())
    await pinger.ping(await Name("127.0.0.1").address(), 1.0)
    pinger.close()


def in_namespace(mode: str, site: str = "ping_site") -> Any:
    if os.geteuid() != 0:
        missing("a network namespace needs root")
    need("ip")
    drop = [need("setpriv"), "--bounding-set=-net_raw"] if mode == "forbidden" else []
    command = [need("unshare"), "-n", *drop, sys.executable, "-m", f"tests.agent.{site}", mode]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if "unshare failed" in done.stderr or "Unknown device type" in done.stderr:
        missing("this machine lets us make no network")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", ["raw", "datagram"])
def test_every_way_a_target_can_be_silent_has_its_reason(mode: str) -> None:
    assert in_namespace(mode) == {
        "127.0.0.1": "ok",
        "::1": "ok",
        "192.0.2.1": "unreachable",
        "2001:db8::1": "unreachable",
        "192.0.2.9": "timeout",
        "2001:db8::9": "timeout",
        "203.0.113.1": "local_error",
        "2001:db8:1::1": "local_error",
    }


@pytest.mark.parametrize("mode", ["raw", "datagram"])
def test_no_route_from_here_says_nothing_of_the_target_but_a_router_that_has_none_does(mode: str) -> None:
    seen = in_namespace(mode, "routes_site")
    ours, theirs = ("198.51.100.1", "2001:db8:2::1"), ("203.0.113.1", "2001:db8:1::1")
    for host in ours:
        assert seen[host] == dict.fromkeys(("ping", "tcp", "http", "dns", "snmp"), "local_error")
    for host in theirs:
        assert {kind: seen[host][kind] for kind in ("ping", "tcp", "http")} == dict.fromkeys(
            ("ping", "tcp", "http"), "unreachable"
        )
        assert seen[host]["snmp"] == "timeout"
    assert seen["beside"] == {"127.0.0.1": "", "::1": ""}


def test_where_ping_is_forbidden_one_sentence_says_what_to_do() -> None:
    told = in_namespace("forbidden")
    assert told["error"] == SYSCTL
    assert "net.ipv4.ping_group_range" in told["check"]


async def test_targets_are_polled_by_one_collector_and_a_name_that_does_not_resolve_delays_none() -> None:
    await asyncio.to_thread(may_ping)
    rows: list[Row] = []

    def emit(more: Sequence[Row], interval: float) -> None:
        assert interval == 1.0
        rows.extend(more)

    hosts = {1: "127.0.0.1", 2: "::1", 3: "no-such-host.invalid", 4: "127.1.2.3"}
    targets = [Target(f"e{n}", host, host, (Ping(n, interval=1.0),)) for n, host in hosts.items()]
    counters: Counter[str] = Counter()
    task = asyncio.create_task(ping.run(targets, Plan("r"), emit, lambda: 5, counters))
    async with asyncio.timeout(10):
        while {row.sensor for row in rows} != set(hosts):
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    reachable = {row.sensor: (row.value, REASONS[row.reason]) for row in rows if row.metric == "reachable"}
    assert reachable == {1: (1.0, ""), 2: (1.0, ""), 3: (0.0, "local_error"), 4: (1.0, "")}
    assert all(0 < row.value < 1 for row in rows if row.metric == "rtt")
    assert {row.sensor for row in rows if row.metric == "rtt"} == {1, 2, 4}


async def test_hundreds_of_pings_at_once_share_one_socket_and_none_is_mixed_up() -> None:
    await asyncio.to_thread(may_ping)
    counters: Counter[str] = Counter()
    pinger = Pinger(counters)
    addresses = [await Name(f"127.0.{n // 200}.{n % 200 + 1}").address() for n in range(600)]
    outcomes = await asyncio.gather(*(pinger.ping(address, 2.0) for address in addresses))
    pinger.close()
    assert {outcome.reason for outcome in outcomes} == {""}
    assert counters["ping.unmatched"] == 0
