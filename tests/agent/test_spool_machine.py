"""The spool under any order of writes, uploads, restarts, kills, power cuts and full disks, against a list in memory."""

from __future__ import annotations

import errno
import random
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.budget import Budget
from agent.cursor import Position
from agent.records import Record
from agent.segments import Segments
from tests.fakes.disk import Disk

LIMIT = 1 << 20


class SpoolMachine(RuleBasedStateMachine):
    """`sent` may be sent again after a power cut; everything else is exact: rows made = kept + sent + lost."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = Disk(quota=True)
        self.made: list[Record] = []
        self.sent: list[Record] = []
        self.told = 0
        self.starts = 0
        self.start()

    def start(self) -> None:
        self.spool = Segments(Path("/spool"), Budget(LIMIT, 0), Counter(), self.disk)
        self.epoch, self.seq = f"{self.starts:016x}", 0
        self.starts += 1

    def kept(self) -> list[Record]:
        out: list[Record] = []
        at = Position(0, 0)
        while entries := self.spool.read(at):
            at = entries[-1].after
            out += [entry.record for entry in entries if entry.record is not None]
        return out

    def lost(self) -> int:
        return self.told + sum(loss.rows for loss in self.spool.losses.values())

    @rule(sizes=st.lists(st.integers(0, 60_000), min_size=1, max_size=5))
    def write(self, sizes: list[int]) -> None:
        group = []
        for size in sizes:
            self.seq += 1
            group.append(Record(self.epoch, self.seq, 1, self.seq, self.seq, bytes([self.seq % 256]) * size))
        self.made += group
        assert self.spool.write(group) or self.disk.failing is not None

    @rule(count=st.integers(1, 70))
    def send(self, count: int) -> None:
        for entry in self.spool.read(Position(0, 0), count):
            assert entry.record is not None
            self.sent.append(entry.record)
            self.spool.acknowledge(entry)

    @rule()
    def refuse_one(self) -> None:
        for entry in self.spool.read(Position(0, 0), 1):
            self.spool.acknowledge(entry, "refused")

    @rule()
    def tell(self) -> None:
        losses = self.spool.losses
        self.told += sum(loss.rows for loss in losses.values())
        self.spool.told(losses)

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.start()

    @rule()
    def kill(self) -> None:
        self.start()

    @rule(full=st.sampled_from([None, errno.ENOSPC, errno.EIO]))
    def fill(self, full: int | None) -> None:
        self.disk.failing = full

    @rule(seed=st.integers(0, 1 << 32))
    def power(self, seed: int) -> None:
        before = self.kept()
        lost = self.lost()
        self.disk = self.disk.after_power_loss(random.Random(seed))
        self.disk.quota = True
        self.start()
        after = self.kept()
        assert set(after) >= set(before), "something durable is gone"
        assert set(after) <= set(self.made), "something was invented"
        again = set(after) - set(before)  # acknowledged, but the cursor was not durable yet
        self.sent = [record for record in self.sent if record not in again]
        assert self.lost() == lost, "a loss was forgotten"

    @invariant()
    def nothing_is_missing_and_nothing_is_twice(self) -> None:
        kept = self.kept()
        assert kept == sorted(kept, key=lambda record: (record.epoch, record.seq))
        assert len(kept) == len(set(kept))
        assert not set(kept) & set(self.sent)
        assert len(kept) + len(self.sent) + self.lost() == len(self.made)
        assert self.spool.pending == len(kept)
        assert self.spool.bytes <= LIMIT


SpoolMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestSpoolMachine = SpoolMachine.TestCase
