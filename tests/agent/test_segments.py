"""The spool on disk: whatever happens to the disk, what was durable is read back, and nothing else is."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from agent import cursor, records, segments
from agent.budget import Budget
from agent.cursor import Loss, Position
from agent.records import Record
from agent.segments import Segments
from tests.fakes.disk import Disk, PowerLoss

FOLDER = Path("/spool")
EPOCH = "00112233445566aa"


def record(seq: int, size: int = 40, epoch: str = EPOCH) -> Record:
    return Record(epoch, seq, 10, seq * 1_000, seq * 1_000 + 999, random.Random(seq).randbytes(size))


def budget(limit: int = 1 << 30) -> Budget:
    return Budget(limit, 0)


def opened(disk: Disk, limit: int = 1 << 30) -> Segments:
    return Segments(FOLDER, budget(limit), Counter(), disk)


def read_all(spool: Segments) -> list[Record]:
    found: list[Record] = []
    at = Position(0, 0)
    while entries := spool.read(at):
        at = entries[-1].after
        found += [entry.record for entry in entries if entry.record is not None]
    return found


def segment_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


def test_what_is_written_is_read_back_in_order(tmp_path: Path) -> None:
    spool = Segments(tmp_path, budget(), Counter())
    written = [record(seq) for seq in range(1, 200)]
    assert spool.write(written[:100])
    assert spool.write(written[100:])
    assert read_all(spool) == written
    assert spool.pending == 199
    spool.close()


def test_an_acknowledged_record_is_never_read_again_even_after_a_restart(tmp_path: Path) -> None:
    spool = Segments(tmp_path, budget(), Counter())
    spool.write([record(1), record(2), record(3)])
    for entry in spool.read(Position(0, 0))[:2]:
        spool.acknowledge(entry)
    spool.close()
    spool = Segments(tmp_path, budget(), Counter())
    assert read_all(spool) == [record(3)]
    assert spool.pending == 1
    spool.close()


def test_segments_behind_the_cursor_are_removed_and_numbers_never_return(tmp_path: Path) -> None:
    for start in range(3):
        spool = Segments(tmp_path, budget(), Counter())
        spool.write([record(start)])
        for entry in spool.read(Position(0, 0)):
            spool.acknowledge(entry)
        spool.close()
    spool = Segments(tmp_path, budget(), Counter())
    assert segment_files(tmp_path) == []
    assert spool.position.segment == 3
    spool.write([record(9)])
    assert segment_files(tmp_path)[0].name.startswith(f"{4:016x}-")
    spool.close()


def test_a_truncation_at_every_offset_loses_only_what_was_cut(tmp_path: Path) -> None:
    spool = Segments(tmp_path, budget(), Counter())
    written = [record(seq, 5) for seq in range(1, 5)]
    spool.write(written)
    spool.close()
    (path,) = segment_files(tmp_path)
    whole, size = path.read_bytes(), len(path.read_bytes()) // 4
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        spool = Segments(tmp_path, budget(), Counter())
        assert read_all(spool) == written[: length // size]
        spool.close()


def damage(rng: random.Random, data: bytearray) -> tuple[int, int]:
    """Harm `data` somewhere; the half-open range that may have changed."""
    at = rng.randrange(len(data))
    if rng.random() < 0.5:
        data[at] ^= 1 << rng.randrange(8)
        return at, at + 1
    start = at // 4096 * 4096
    end = min(len(data), start + 4096)
    data[start:end] = bytes(end - start)
    return start, end


def test_bit_flips_and_zeroed_pages_lose_only_the_records_they_hit(tmp_path: Path) -> None:
    written = [record(seq, 300 + 37 * seq) for seq in range(1, 60)]
    spool = Segments(tmp_path, budget(), Counter())
    for at in range(0, 59, 5):
        spool.write(written[at : at + 5])
    spool.close()
    (path,) = segment_files(tmp_path)
    whole = path.read_bytes()
    ends, at = [], 0
    for item in written:
        at += records.HEADER.size + records.IDENTITY.size + len(item.body)
        ends.append(at)
    for seed in range(150):
        data = bytearray(whole)
        rng = random.Random(seed)
        hit = [damage(rng, data) for _ in range(rng.randint(1, 3))]
        path.write_bytes(data)
        counters: Counter[str] = Counter()
        spool = Segments(tmp_path, budget(), counters)
        harmed = {
            item for item, end, start in zip(written, ends, [0, *ends], strict=False) for a, b in hit if a < end and b > start
        }
        found = read_all(spool)
        assert set(found) >= set(written) - harmed, seed
        assert set(found) <= set(written), seed
        assert counters["spool.damaged"] or len(found) == len(written)
        assert spool.write([record(1_000)])
        spool.close()
        for extra in segment_files(tmp_path)[1:]:
            extra.unlink()


def test_damage_inside_a_segment_is_told_as_a_loss_between_its_neighbours() -> None:
    disk = Disk()
    spool = opened(disk)
    spool.write([record(seq) for seq in range(1, 4)])
    name = next(name for name in disk.names if name.endswith(".seg"))
    disk.names[name].data[len(disk.names[name].data) // 2] ^= 1
    assert read_all(spool) == [record(1), record(3)]
    assert spool.losses == {"damaged": Loss(0, record(1).last, record(3).first)}


def test_a_torn_tail_of_an_earlier_start_is_no_loss() -> None:
    disk = Disk()
    opened(disk).write([record(1), record(2)])
    name = next(name for name in disk.names if name.endswith(".seg"))
    del disk.names[name].data[-10:]
    spool = opened(disk)
    spool.write([record(1, epoch="ff" * 8), record(2, epoch="ff" * 8)])
    assert [item.epoch for item in read_all(spool)] == [EPOCH, "ff" * 8, "ff" * 8]
    assert spool.losses == {}


@pytest.mark.parametrize("content", [b"", b"\0" * 8192, b"\xff" * 8192, b"x" * 10, random.Random(1).randbytes(8192)])
def test_a_lost_cursor_sends_again_and_loses_nothing(tmp_path: Path, content: bytes) -> None:
    spool = Segments(tmp_path, budget(), Counter())
    spool.write([record(1), record(2)])
    spool.acknowledge(spool.read(Position(0, 0))[0])
    spool.close()
    (tmp_path / "cursor").write_bytes(content)
    spool = Segments(tmp_path, budget(), Counter())
    assert read_all(spool) == [record(1), record(2)]
    spool.close()


def test_one_damaged_slot_leaves_the_other() -> None:
    first = cursor.Cursor(6, Position(3, 40), {"disk_full": Loss(5, 1, 2)})
    second = cursor.Cursor(7, Position(4, 0), {})
    page = bytearray(cursor.FILE_SIZE)
    for slot in (first, second):
        at = cursor.SLOT_AT[slot.generation % 2]
        page[at : at + cursor.SLOT_SIZE] = cursor.pack(slot)
    assert cursor.unpack(bytes(page)) == second
    for at in range(cursor.SLOT_SIZE):
        broken = bytearray(page)
        broken[cursor.SLOT_AT[1] + at] ^= 0x10
        assert cursor.unpack(bytes(broken)) == first


def test_a_record_smuggled_into_a_batch_is_never_believed() -> None:
    disk = Disk()
    spool = opened(disk)
    smuggled = records.pack(record(99), records.seed_of("0000000000000001-0000000000000000.seg"))
    spool.write([Record(EPOCH, 1, 1, 0, 0, b"text" + smuggled + b"more"), record(2)])
    name = next(name for name in disk.names if name.endswith(".seg"))
    disk.names[name].data[0] ^= 0xFF
    assert read_all(spool) == [record(2)]


def test_foreign_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "0.seg").write_text("not a segment name")
    spool = Segments(tmp_path, budget(), Counter())
    spool.write([record(1)])
    assert read_all(spool) == [record(1)]
    spool.close()
    assert (tmp_path / "notes.txt").read_text() == "mine"


# Full


def test_a_full_budget_drops_the_oldest_segment_and_counts_every_row() -> None:
    disk = Disk()
    spool = opened(disk, limit=1 << 20)
    written = [record(seq, 20_000) for seq in range(1, 101)]
    for item in written:
        assert spool.write([item])
    found = read_all(spool)
    assert found == written[-len(found) :]
    lost = written[: -len(found)]
    assert spool.losses == {"buffer_full": Loss(10 * len(lost), lost[0].first, lost[-1].last)}
    assert spool.bytes <= 1 << 20
    assert spool.pending == len(found)


@pytest.mark.parametrize("quota", [False, True])
def test_a_full_disk_loses_by_count_and_recovers_without_a_restart(quota: bool) -> None:
    disk = Disk(capacity=100_000, quota=quota)
    spool = opened(disk)
    produced = [record(seq, 9_000) for seq in range(1, 31)]
    for item in produced[:20]:
        spool.write([item])
    disk.failing = errno.ENOSPC
    for item in produced[20:25]:
        assert not spool.write([item])
    disk.failing = None
    disk.capacity = 1 << 30
    for item in produced[25:]:
        assert spool.write([item])
    found = read_all(spool)
    assert found[-5:] == produced[25:]
    assert sum(item.rows for item in found) + sum(loss.rows for loss in spool.losses.values()) == 300
    assert bool(spool.counters["spool.write.ENOSPC"]) == quota


def test_a_reserve_keeps_the_rest_of_the_disk_free() -> None:
    disk = Disk(capacity=2_000_000)
    spool = Segments(FOLDER, Budget(1 << 30, reserve=1_500_000), Counter(), disk)
    for seq in range(1, 101):
        spool.write([record(seq, 20_000)])
    assert disk.capacity - disk.used() >= 1_500_000


def test_after_a_write_error_nothing_is_appended_to_that_segment() -> None:
    disk = Disk()
    spool = opened(disk)
    spool.write([record(1)])
    disk.failing = errno.EIO
    assert not spool.write([record(2)])
    disk.failing = None
    spool.write([record(3)])
    assert len([name for name in disk.names if name.endswith(".seg")]) == 2
    assert read_all(spool) == [record(1), record(3)]
    assert spool.losses == {"disk_full": Loss(10, 2_000, 2_999)}


def test_losses_survive_a_kill_until_a_gap_record_tells_of_them() -> None:
    disk = Disk()
    spool = opened(disk)
    disk.failing = errno.ENOSPC
    spool.write([record(1)])
    told = opened(disk).losses
    assert told == {"disk_full": Loss(10, 1_000, 1_999)}
    spool.write([record(2)])
    spool.told(told)
    assert spool.losses == {"disk_full": Loss(10, 1_000, 2_999)}
    spool.told(spool.losses)
    assert opened(disk).losses == {}


# Power loss and kill


def power_loss_run(seed: int, *, liar: bool = False) -> tuple[int, set[Record]]:
    """Write and acknowledge until the plug is pulled, look, and again. How many losses; raises on a wrong record."""
    rng = random.Random(seed)
    disk = Disk(calls_left=rng.randint(3, 160), liar=liar)
    sure: set[Record] = set()
    acknowledged: set[Record] = set()
    ever: set[Record] = set()
    missing: set[Record] = set()
    for life in range(4):
        epoch = rng.randbytes(8).hex()
        with suppress(PowerLoss):
            _live(rng, disk, epoch, (sure, acknowledged, ever))
        disk = disk.after_power_loss(rng)
        disk.calls_left = 1 << 30
        found = read_all(opened(disk))
        assert set(found) <= ever, (seed, life)
        missing |= sure - acknowledged - set(found)
        disk.calls_left = rng.randint(3, 160)
    return len(missing), missing


def _live(rng: random.Random, disk: Disk, epoch: str, seen: Sequence[set[Record]]) -> None:
    sure, acknowledged, ever = seen
    spool = Segments(FOLDER, budget(), Counter(), disk, random=rng.randbytes)
    spool._segment_size = 30_000
    seq, at = 0, Position(0, 0)
    while True:
        group = []
        for _ in range(rng.randint(1, 4)):
            seq += 1
            group.append(Record(epoch, seq, 1, 0, 0, rng.randbytes(rng.randint(0, 6_000))))
        ever.update(group)
        if spool.write(group):
            sure.update(group)
        for entry in spool.read(at)[: rng.randint(0, 4)]:
            assert entry.record is not None
            acknowledged.add(entry.record)
            spool.acknowledge(entry)
            at = entry.after


def test_power_lost_between_any_two_calls_loses_nothing_durable_and_invents_nothing() -> None:
    for seed in range(200):
        assert power_loss_run(seed) == (0, set()), seed


def test_the_power_loss_model_finds_a_disk_that_lies() -> None:
    assert any(power_loss_run(seed, liar=True)[0] for seed in range(20))


WRITER = """
import sys
from collections import Counter
from pathlib import Path
from agent.budget import Budget
from agent.records import Record
from agent.segments import Segments
spool, epoch, seq = Segments(Path(sys.argv[1]), Budget(1 << 30, 0), Counter()), sys.argv[2], 0
spool._segment_size = 200_000
while True:
    group = [Record(epoch, seq + i + 1, 1, 0, 0, bytes([seq % 251]) * (seq * 37 % 5000)) for i in range(8)]
    assert spool.write(group)
    seq += 8
    print(seq, flush=True)
"""


def test_kill_9_of_a_writing_process_loses_nothing_it_called_durable(tmp_path: Path) -> None:
    durable: dict[str, int] = {}
    for life in range(3):
        epoch = f"{life:016x}"
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), epoch], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.1 + 0.07 * life)
        process.kill()
        durable[epoch] = max([8, *(int(line) for line in process.stdout.read().split("\n")[:-1] if line)])
        process.stdout.close()
        process.wait()
    spool = Segments(tmp_path, budget(), Counter())
    found = read_all(spool)
    for epoch, last in durable.items():
        seqs = [item.seq for item in found if item.epoch == epoch]
        assert seqs[:last] == list(range(1, last + 1))
    assert [item.epoch for item in found] == sorted(item.epoch for item in found)
    spool.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_real_full_file_system_is_survived(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", tmp_path], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("this container may not mount")
    try:
        spool = Segments(tmp_path, Budget(1 << 30, 0), Counter())
        results = [spool.write([record(seq, 30_000)]) for seq in range(1, 21)]
        (lost,) = spool.losses.values()
        kept = read_all(spool)
        assert False in results
        assert 10 * len(kept) + lost.rows == 200
        for entry in spool.read(Position(0, 0)):
            spool.acknowledge(entry)
        assert spool.write([record(21, 30_000)])
        spool.close()
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)


def test_a_segment_is_8_mib() -> None:
    assert segments.SEGMENT == 8 << 20
