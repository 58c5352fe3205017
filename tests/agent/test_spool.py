"""Group commit: when a group is written, who waits for what, and what may be handed out."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import Counter

import pytest

from agent import cursor, spool
from agent.cursor import Loss
from agent.spool import GROUP_BYTES, GROUP_RECORDS, gap, tell_losses
from protocols.uplink import batch
from tests.agent.lane import EPOCH, packed, running
from tests.fakes.disk import Disk


async def test_a_waiting_caller_starts_the_commit_at_once() -> None:
    loop = asyncio.get_running_loop()
    async with running() as spool:
        begun = loop.time()
        spool.append(packed())
        assert await spool.commit()
        assert loop.time() - begun < 0.15


async def test_without_a_waiting_caller_a_group_is_held_for_200_ms() -> None:
    disk = Disk()
    async with running(disk) as spool:
        await asyncio.sleep(0)
        for number in range(1, 6):
            spool.append(packed(number))
        await asyncio.sleep(0.1)
        assert disk.writes == 0
        await asyncio.wait_for(spool.next(), 1)
        assert (disk.writes, disk.syncs) == (1, 1)


@pytest.mark.parametrize(("count", "rows"), [(GROUP_RECORDS, 1), (GROUP_BYTES // 60_000 + 1, 5_000)])
async def test_enough_batches_or_bytes_do_not_wait(count: int, rows: int) -> None:
    disk = Disk()
    loop = asyncio.get_running_loop()
    one = packed(rows=rows)
    if rows > 1:
        one = one._replace(body=bytes(60_000))
    async with running(disk) as spool:
        begun = loop.time()
        for _ in range(count):
            spool.append(one)
        await asyncio.wait_for(spool.next(), 1)
        assert loop.time() - begun < 0.15
        assert disk.writes == 1


async def test_records_are_numbered_per_start_and_handed_out_in_order() -> None:
    async with running() as spool:
        for number in range(1, 101):
            spool.append(packed(number))
        await spool.commit()
        for seq in range(1, 101):
            entry = await spool.next()
            assert entry.record is not None
            assert (entry.record.epoch, entry.record.seq) == (EPOCH, seq)
            await spool.acknowledge(entry)
        assert spool.segments.pending == 0


async def test_nothing_is_handed_out_before_it_is_durable() -> None:
    disk = Disk(failing=errno.EIO)
    async with running(disk) as spool:
        spool.append(packed(1))
        assert not await spool.commit()
        disk.failing = None
        spool.append(packed(2))
        assert await spool.commit()
        entry = await spool.next()
        assert entry.record is not None
        assert entry.record.seq == 2
        assert spool.segments.losses["disk_full"].rows == 1


async def test_closing_writes_what_was_appended() -> None:
    disk = Disk()
    async with running(disk) as spool:
        spool.append(packed())
    assert disk.writes == 1


async def test_a_loss_becomes_a_gap_record_in_the_events_lane() -> None:
    full = Disk(failing=errno.ENOSPC)
    async with running(full) as metrics, running(lane="events", folder="/events") as events:
        metrics.append(packed(3, rows=7))
        await metrics.commit()
        await tell_losses({"metrics": metrics, "events": events})
        entry = await events.next()
        assert entry.record is not None
        gaps = batch.decode(entry.record.body).gaps
        assert gaps is not None
        assert gaps.rows.tolist() == [7]
        assert [gaps.texts[i] for i in (gaps.lane[0], gaps.reason[0])] == ["metrics", "disk_full"]
        assert (gaps.first_ts[0], gaps.last_ts[0]) == (3_000_000, 3_000_006)
        assert metrics.segments.losses == {}


async def test_while_no_gap_record_can_be_written_the_loss_stays_to_be_told() -> None:
    full = Disk(failing=errno.ENOSPC)
    async with running(full) as metrics, running(full, lane="events") as events:
        metrics.append(packed(rows=7))
        await metrics.commit()
        await tell_losses({"metrics": metrics, "events": events})
        assert metrics.segments.losses["disk_full"].rows == 7


def test_a_gap_record_is_a_valid_batch() -> None:
    told = gap("metrics", {"buffer_full": Loss(5, 10, 20), "damaged": Loss(0, 5, 30)})
    assert (told.rows, told.first, told.last) == (2, 5, 30)
    gaps = batch.decode(told.body).gaps
    assert gaps is not None
    assert Counter(gaps.texts[i] for i in gaps.reason) == {"buffer_full": 1, "damaged": 1}


async def test_what_memory_could_not_hold_is_a_durable_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "WAITING_BYTES", 10)
    disk = Disk()
    async with running(disk) as lane:
        for number in range(1, 4):
            lane.append(packed(number))
    assert cursor.unpack(disk.names["cursor"].durable).losses["disk_full"].rows == 2


async def test_a_loss_is_said_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agent")
    disk = Disk()
    async with running(disk) as lane:
        for failing in (None, errno.ENOSPC, errno.ENOSPC, None, errno.EIO, None):
            disk.failing = failing
            lane.append(packed())
            await lane.commit()
    full, well, broken, again = caplog.messages
    assert full.startswith("measurements are being lost: the spool in /spool may not grow (")
    assert full.endswith(" MiB free, 0 stay free, limit 1024): free some space or lower spool_reserve_mib")
    assert well == again == "the spool in /spool takes measurements again"
    assert broken == "measurements are being lost: the spool in /spool cannot be written: Input/output error"


async def test_a_reserve_that_is_not_met_is_said(caplog: pytest.LogCaptureFixture) -> None:
    async with running(Disk()) as lane:
        lane.segments.budget.reserve = 2 << 30
        lane.append(packed())
        assert not await lane.commit()
    assert "1024 MiB free, 2048 stay free, limit 1024): free some space" in caplog.text
