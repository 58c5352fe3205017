"""A plan is tried, kept or taken back; collectors that trip are counted and started again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from agent import plans
from agent.batcher import Clock, Emit
from agent.plans import Collection
from protocols.errors import ConfigError
from protocols.uplink.plan import Ping, Plan, Target, Tcp


class Recorder:
    """Collectors that only write down what they were started with; some hosts make them trip."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, tuple[str, ...]]] = []
        self.running: set[str] = set()

    def of(self, kind: str) -> plans.Run:
        async def run(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
            hosts = tuple(target.address for target in targets)
            self.starts.append((kind, hosts))
            assert all(len(target.sensors) == 1 for target in targets)
            if "trip" in hosts:
                raise ZeroDivisionError("over this one")
            if "forbidden" in hosts:
                raise ConfigError("not allowed here: do this.")
            self.running.add(kind)
            try:
                await asyncio.Event().wait()
            finally:
                self.running.discard(kind)

        return run


def plan(revision: str, pings: Sequence[str], tcps: Sequence[str]) -> Plan:
    targets = [Target(host, host, host, (Ping(100 + n),)) for n, host in enumerate(pings)]
    targets += [Target(host, host, host, (Tcp(200 + n, 80), Ping(300 + n))) for n, host in enumerate(tcps)]
    return Plan(revision, targets=tuple(targets))


@asynccontextmanager
async def collection(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Collection, Recorder, Counter[str]]]:
    monkeypatch.setattr(plans, "TRIAL", 0.02)
    recorder, counters = Recorder(), Counter[str]()
    made = Collection({kind: recorder.of(kind) for kind in ("ping", "tcp")}, lambda rows, interval: None, lambda: 0, counters)
    try:
        yield made, recorder, counters
    finally:
        await made.stop()
        assert recorder.running == set()


async def test_each_collector_gets_only_its_own_targets_and_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collection(monkeypatch) as (made, recorder, _):
        assert await made.apply(plan("r1", ["a"], ["b"])) == ""
        assert sorted(recorder.starts) == [("ping", ("a", "b")), ("tcp", ("b",))]
        assert made.plan.revision == "r1"


async def test_a_new_plan_leaves_alone_what_it_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collection(monkeypatch) as (made, recorder, _):
        await made.apply(plan("r1", ["a"], ["b"]))
        recorder.starts.clear()
        await made.apply(plan("r2", ["a", "c"], ["b"]))
        assert recorder.starts == [("ping", ("a", "c", "b"))]
        await made.apply(plan("r3", [], []))
        assert recorder.running == set()


async def test_a_plan_that_a_collector_falls_over_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collection(monkeypatch) as (made, recorder, counters):
        await made.apply(plan("r1", ["a"], []))
        told = await made.apply(plan("r2", ["trip"], []))
        assert "the ping collector failed with this plan: ZeroDivisionError: over this one" in told
        assert made.plan.revision == "r1"
        await asyncio.sleep(0.01)
        assert recorder.starts[-1] == ("ping", ("a",))
        assert recorder.running == {"ping"}
        assert counters["collector.ping.crashed"] == 1


async def test_a_kind_that_cannot_run_here_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collection(monkeypatch) as (made, recorder, _):
        assert await made.apply(plan("r1", ["forbidden"], ["b"])) == ""
        assert made.problems == {"ping": "not allowed here: do this."}
        assert recorder.running == {"tcp"}
        await made.apply(plan("r2", ["a"], ["b"]))
        assert made.problems == {}
