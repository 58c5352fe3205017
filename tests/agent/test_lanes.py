"""The lanes of the spool: each has its own share of the budget, and what must be answered is on disk before it is."""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from agent import program
from agent.batcher import Batcher, Clock, Packed, Row, Sink, pack_batch
from agent.budget import LANES, MIB, Budget
from agent.config import Settings
from agent.cursor import Loss
from agent.program import Program
from agent.segments import Segments
from agent.spool import Spool, tell_losses
from agent.state import Identity
from protocols.uplink import batch
from protocols.uplink.plan import Ping, Plan, Target
from tests.agent.lane import packed, running
from tests.fakes.disk import Disk
from tests.fakes.server import FakeServer

SECRET = "cd" * 32


def events(count: int, texts: int = 3) -> batch.Events:
    number = np.arange(count, dtype=np.uint32)
    names = [f"text {k}" for k in range(texts)]
    columns = dict.fromkeys(("source", "oid", "name", "detail"), number % texts)
    rest = {"sensor": number, "severity": (number % 8).astype(np.uint8), "kind": np.zeros(count, np.uint8)}
    return batch.Events(ts=1_000 + number.astype(np.int64), texts=names, details=names, **columns, **rest)


def sink_of(spools: dict[batch.Lane, Spool]) -> Sink:
    return Sink(Batcher(spools["metrics"].append), spools)


@asynccontextmanager
async def lanes(disk: Disk, limit: int) -> AsyncIterator[dict[batch.Lane, Spool]]:
    whole = Budget(limit, 0)
    spools = {
        lane: Spool(lane, "00000000000000aa", Segments(Path(f"/{lane}"), whole.of(lane), Counter(), disk, keeps=lane == "events"))
        for lane in LANES
    }
    writers = [asyncio.create_task(spool.run()) for spool in spools.values()]
    try:
        yield spools
    finally:
        for spool in spools.values():
            spool.close()
        await asyncio.wait_for(asyncio.gather(*writers), 5)


async def fill(spool: Spool, size: int, count: int) -> None:
    for number in range(count):
        spool.append(Packed(bytes(size), 10, number, number))
        await spool.commit()


def test_each_lane_has_its_share_and_together_they_are_the_budget() -> None:
    whole = Budget(100 * MIB, 5)
    assert {lane: whole.of(lane).limit // MIB for lane in LANES} == {"metrics": 50, "events": 30, "flows": 20}
    assert {whole.of(lane).reserve for lane in LANES} == {5}


async def test_full_flows_give_up_their_oldest_segment_and_leave_the_measurements_alone() -> None:
    async with lanes(Disk(), 10 * MIB) as spools:
        spools["metrics"].append(packed(1, 5))
        await spools["metrics"].commit()
        await fill(spools["flows"], 100_000, 30)
        lost = spools["flows"].segments.losses
        assert set(lost) == {"buffer_full"}
        assert lost["buffer_full"].first == 0
        assert lost["buffer_full"].rows + 10 * spools["flows"].segments.pending == 300
        assert (spools["metrics"].segments.pending, spools["metrics"].segments.losses) == (1, {})
        assert spools["flows"].segments.bytes <= 2 * MIB
        await tell_losses(spools)
        assert spools["flows"].segments.losses == {}
        entry = await spools["events"].next()
        assert entry.record is not None
        gaps = batch.decode(entry.record.body).gaps
        assert gaps is not None
        assert (gaps.texts, gaps.rows.tolist()) == (["flows", "buffer_full"], [lost["buffer_full"].rows])


async def test_full_events_refuse_the_newest_and_keep_what_was_answered() -> None:
    async with lanes(Disk(), 10 * MIB) as spools:
        lane = spools["events"]
        answers = [await lane.durable(Packed(bytes(100_000), 10, number, number)) for number in range(40)]
        kept = answers.index(False)
        assert 25 <= kept < 32
        assert not any(answers[kept:])
        assert (lane.segments.pending, lane.segments.losses) == (kept, {})
        lane.append(Packed(bytes(100_000), 7, 99, 99))
        await lane.commit()
        assert lane.segments.losses == {"disk_full": Loss(7, 99, 99)}


async def test_durable_returns_after_the_fsync_and_says_when_there_was_none() -> None:
    disk = Disk()
    async with running(disk, "events") as spool:
        sink = sink_of({"events": spool, "metrics": spool})
        assert await sink.durable("events", batch.Batch(events=events(3)))
        assert (disk.writes, disk.syncs) == (1, 1)
        disk.failing = errno.EIO
        assert not await sink.durable("events", batch.Batch(events=events(3)))
        assert spool.segments.losses == {}
        disk.failing = None
        assert await sink.durable("events", batch.Batch(events=events(3)))
        assert spool.segments.pending == 2


async def test_what_comes_while_one_group_is_written_shares_the_next() -> None:
    disk = Disk()
    async with running(disk, "events") as spool:
        sink = sink_of({"events": spool, "metrics": spool})
        answers = await asyncio.gather(*(sink.durable("events", batch.Batch(events=events(1))) for _ in range(50)))
        assert all(answers)
        assert disk.syncs <= 2
        assert spool.segments.pending == 50


async def test_later_is_not_waited_for() -> None:
    disk = Disk()
    async with running(disk, "flows") as spool:
        sink_of({"flows": spool, "metrics": spool}).later("flows", batch.Batch(events=events(9)))
        assert disk.writes == 0
        entry = await asyncio.wait_for(spool.next(), 2)
        assert entry.record is not None
        assert (entry.record.rows, entry.record.first, entry.record.last) == (9, 1_000, 1_008)


async def test_a_sink_takes_rows_as_ever() -> None:
    async with running() as spool:
        sink = sink_of({"metrics": spool})
        sink([Row(1, "m", "", 5, 1.0, 0.0)], 60.0)
        sink.rows([Row(2, "m", "", 5, 1.0, 0.0)], 60.0)
        entry = await asyncio.wait_for(spool.next(), 3)
        assert entry.record is not None
        assert entry.record.rows == 2


@pytest.mark.parametrize("count", [0, 1, batch.MAX_ROWS, 45_001])
def test_a_large_batch_is_cut_and_each_part_keeps_only_its_own_texts(count: int) -> None:
    whole = events(count, texts=max(count // 2, 1))
    found = [batch.decode(one.body).events for one in pack_batch(batch.Batch(events=whole))]
    rows = [(t, part.texts[d]) for part in found if part for t, d in zip(part.ts.tolist(), part.detail, strict=True)]
    assert rows == [(t, whole.texts[d]) for t, d in zip(whole.ts.tolist(), whole.detail, strict=True)]
    assert all(len(part.texts) <= len(part.ts) for part in found if part and count > batch.MAX_ROWS)


class Talker:
    """A collector that leaves something in each lane."""

    def __init__(self) -> None:
        self.answers: list[bool] = []

    async def run(self, targets: object, plan: Plan, sink: Sink, clock: Clock, counters: Counter[str]) -> None:
        sink([Row(1, "m", "", 5, 1.0, 0.0)], 60.0)
        self.answers.append(await sink.durable("events", batch.Batch(events=events(2))))
        sink.later("flows", batch.Batch(events=events(2)))
        await asyncio.Event().wait()


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_client_drains_all_lanes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "LAST_WORDS", 0.5)
    plan = Plan("r1", targets=(Target("e", "t", "127.0.0.1", (Ping(1),)),))
    async with FakeServer(plan=plan, secrets={SECRET: "a1"}) as fake:
        talker = Talker()
        settings = Settings(state=tmp_path, spool_reserve_mib=0)
        agent = Program(settings, Identity(fake.url, SECRET, "a1", "7"), "1.0", lambda: 1, {"ping": talker.run}, {})
        task: Awaitable[None] = asyncio.ensure_future(agent.run())
        try:
            await wait_until(lambda: {lane for lane, _, _ in fake.order} == set(LANES))
        finally:
            agent.stop.set()
            await asyncio.wait_for(task, 10)
        assert talker.answers == [True]
