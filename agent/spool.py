"""A lane of the spool for the event loop: group commit off the loop, durable records out in order.

A group is committed after 200 ms, 256 KiB or 64 batches, or at once when somebody waits; what arrives meanwhile joins the
next one, so throughput does not wait for timers.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from agent import budget
from agent.batcher import Packed
from agent.budget import Budget
from agent.cursor import Loss, Position
from agent.disk import OS, Files
from agent.records import Record
from agent.segment_files import Entry
from agent.segments import Segments
from protocols.uplink import batch

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

LANES = tuple(budget.LANES)
HOLD = 0.2  # s
GROUP_BYTES = 256 << 10
GROUP_RECORDS = 64
WAITING_BYTES = 32 << 20  # of memory, while the disk does not answer
READ = 16  # records at a time


@dataclass
class _Group:
    """What one write will make durable; `done` says whether it did."""

    done: asyncio.Future[bool]
    records: list[Record] = field(default_factory=list)
    waited: set[int] = field(default_factory=set)  # seqs whose sender learns of a failure and sends them again
    size: int = 0


def open_segments(folder: Path, allowed: Budget, counters: Counter[str], files: Files = OS, *, keeps: bool = False) -> Segments:
    """Open or make the folder of a lane (mode 0700). Blocking. Raises OSError when it cannot be used.

    `keeps`: when it is full it takes no more, rather than give up what it was trusted with.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
    return Segments(folder, allowed, counters, files, keeps=keeps)


class Spool:
    """One lane. `append` never blocks and never raises; `run` must be running for anything to become durable."""

    def __init__(self, lane: batch.Lane, epoch: str, segments: Segments) -> None:
        self.lane, self.epoch, self.segments = lane, epoch, segments
        self._seq = 0
        self._group: _Group | None = None
        self._overflow: Loss | None = None
        self._writing: asyncio.Future[bool] | None = None
        self._closing = False
        self._good = True  # whether the last group became durable
        self._begun = asyncio.Event()  # there is a group
        self._urgent = asyncio.Event()  # and it need not wait any longer
        self._durable = asyncio.Event()  # there may be something to send
        self._durable.set()
        self._read: list[Entry] = []
        self._at = Position(0, 0)
        # Threads of its own: a slow name server fills the loop's shared ones, and measuring must not wait for that.
        self._threads = ThreadPoolExecutor(2, f"spool-{lane}")

    def append(self, packed: Packed) -> None:
        """Take a batch. When memory is full because the disk does not answer, it is lost, counted and told."""
        if self._take(packed) is None:
            lost = Loss(packed.rows, packed.first, packed.last)
            self._overflow = self._overflow.join(lost) if self._overflow else lost

    async def durable(self, packed: Packed) -> bool:
        """Take a batch, begin to write at once, and wait until it is durable. False = it is not there, and no loss is told."""
        group = self._take(packed)
        if group is None:
            return False
        group.waited.add(self._seq)
        self._urgent.set()
        return await asyncio.shield(group.done)

    def _take(self, packed: Packed) -> _Group | None:
        """Put a batch into the group that is written next; None: there is no room."""
        group = self._group
        if group is None:
            group = self._group = _Group(asyncio.get_running_loop().create_future())
        if group.size > WAITING_BYTES:
            return None
        self._seq += 1
        group.records.append(Record(self.epoch, self._seq, packed.rows, packed.first, packed.last, packed.body))
        group.size += len(packed.body)
        self._begun.set()
        if group.size >= GROUP_BYTES or len(group.records) >= GROUP_RECORDS:
            self._urgent.set()
        return group

    async def commit(self) -> bool:
        """Wait until everything appended so far is durable, and begin at once. False = it was lost, and counted."""
        waiting = [self._writing] if self._writing is not None else []
        if self._group is not None:
            waiting.append(self._group.done)
            self._urgent.set()
        return all([await asyncio.shield(future) for future in waiting])

    async def run(self) -> None:
        """Write group after group until `close`."""
        while not self._closing or self._group is not None:
            await self._begun.wait()
            try:
                async with asyncio.timeout(HOLD):
                    await self._urgent.wait()
            except TimeoutError:
                pass
            group, self._group = self._group, None
            self._begun.clear()
            self._urgent.clear()
            if group is None:
                continue
            self._writing = group.done
            good = await self._off_loop(self.segments.write, group.records, group.waited)
            self._say(good)
            group.done.set_result(good)
            self._writing = None
            self._durable.set()
            if overflow := self._overflow:
                self._overflow = None
                await self._off_loop(self.segments.lose, "disk_full", overflow, durable=True)

    def _say(self, good: bool) -> None:
        """Log that measurements begin or cease to be lost, not each of them."""
        if good == self._good:
            return
        self._good = good
        if good:
            log.info("the spool in %s takes measurements again", self.segments.folder, extra={"lane": self.lane})
        else:
            log.error("measurements are being lost: %s", self.segments.trouble, extra={"lane": self.lane})

    def close(self) -> None:
        """Let `run` end once everything appended is written."""
        self._closing = True
        self._begun.set()
        self._urgent.set()

    async def next(self) -> Entry:
        """The oldest durable record that is neither acknowledged nor handed out already; waits for one."""
        while True:
            position = self.segments.position
            while self._read:
                entry = self._read.pop(0)
                self._at = entry.after
                if entry.after > position:
                    return entry
            self._durable.clear()
            self._read = await self._off_loop(self.segments.read, self._at, READ)
            if not self._read:
                await self._durable.wait()

    async def _off_loop(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, *args, **kwargs))

    async def told(self, losses: dict[str, Loss]) -> None:
        """A durable gap record tells of `losses`."""
        await self._off_loop(self.segments.told, losses)

    async def acknowledge(self, entry: Entry, refused: str = "") -> None:
        """`entry` is done: stored at the server, or given up for the reason `refused` (one of cursor.REASONS)."""
        await self._off_loop(self.segments.acknowledge, entry, refused)


def gap(lane: str, losses: dict[str, Loss]) -> Packed:
    """A batch that tells what `lane` lost, one row a reason."""
    texts = [lane, *losses]
    firsts = [loss.first for loss in losses.values()]
    lasts = [loss.last for loss in losses.values()]
    gaps = batch.Gaps(
        first_ts=np.array(firsts, np.int64),
        last_ts=np.array(lasts, np.int64),
        rows=np.array([loss.rows for loss in losses.values()], np.uint64),
        lane=np.zeros(len(losses), np.uint8),
        reason=np.arange(1, len(texts), dtype=np.uint8),
        texts=texts,
    )
    return Packed(batch.encode(batch.Batch(gaps=gaps)), len(losses), min(firsts), max(lasts))


async def tell_losses(spools: Mapping[batch.Lane, Spool]) -> None:
    """Spool a gap record in the `events` lane for whatever any lane lost; forget the loss once that is durable."""
    for lane, spool in spools.items():
        losses = spool.segments.losses
        if losses and await spools["events"].durable(gap(lane, losses)):
            await spool.told(losses)
