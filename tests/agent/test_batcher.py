"""Rows become columns become bytes: nothing is lost, nothing is larger than the wire allows."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest

from agent import batcher
from agent.batcher import Batcher, Packed, Row, columns, columns_of, pack
from protocols.uplink import batch


def rows_of(packed: Packed) -> list[Row]:
    samples = batch.decode(packed.body).samples
    assert samples is not None
    return [
        Row(int(s), samples.metrics[m], samples.instances[i], int(t), float(v), float(c), int(r))
        for s, m, i, t, v, c, r in zip(*samples[:7], strict=True)
    ]


def row(sensor: int, at: int = 1, metric: str = "if.in", instance: str = "eth0") -> Row:
    return Row(sensor, metric, instance, at, at / 7, 60.0, at % 3)


def test_rows_come_back_as_they_went_in_with_their_intervals() -> None:
    rows = [row(1, 5), row(1, 6, "if.out"), row(9, 7, instance=""), row(1, 3)]
    (packed,) = pack(rows, {1: 60.0, 9: 300.0})
    assert rows_of(packed) == rows
    assert packed[1:] == (4, 3, 7)
    samples = batch.decode(packed.body).samples
    assert samples is not None
    assert dict(zip(samples.interval_sensor.tolist(), samples.interval.tolist(), strict=True)) == {1: 60.0, 9: 300.0}


@pytest.mark.parametrize("count", [0, 1, 20_000, 20_001, 45_000])
def test_no_batch_has_more_rows_than_the_wire_allows(count: int) -> None:
    packed = pack([row(n % 50 + 1, n) for n in range(count)], dict.fromkeys(range(1, 51), 60.0))
    assert sum(one.rows for one in packed) == count
    assert all(one.rows <= batch.MAX_ROWS for one in packed)
    assert len(packed) <= count // 10_000 + 1


def test_rows_that_do_not_pack_well_are_split_until_they_fit() -> None:
    rng = random.Random(1)
    rows = [row(1, n, instance=rng.randbytes(120).hex()) for n in range(12_000)]
    packed = pack(rows, {1: 60.0})
    assert len(packed) > 1
    assert all(len(one.body) <= batch.MAX_PACKED for one in packed)
    assert [item for one in packed for item in rows_of(one)] == rows


def test_an_instance_name_longer_than_the_wire_allows_is_cut() -> None:
    (packed,) = pack([row(1, instance="x" * 1_000)], {1: 60.0})
    assert rows_of(packed)[0].instance == "x" * batch.MAX_TEXT


async def test_rows_are_held_for_a_moment_and_then_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "HOLD", 0.05)
    handed: list[Packed] = []
    gatherer = Batcher(handed.append)
    gatherer.emit([row(1)], 60.0)
    gatherer.emit([], 60.0)
    gatherer.emit([row(2), row(2, 2)], 60.0)
    assert handed == []
    await asyncio.sleep(0.1)
    assert [one.rows for one in handed] == [3]
    gatherer.flush()
    assert len(handed) == 1


async def test_many_rows_do_not_wait() -> None:
    handed: list[Packed] = []
    gatherer = Batcher(handed.append)
    for number in range(1, batcher.GROUP + 1):
        gatherer.emit([row(number)], 60.0)
    assert [one.rows for one in handed] == [batcher.GROUP]


async def test_a_changed_interval_begins_a_new_batch() -> None:
    handed: list[Packed] = []
    gatherer = Batcher(handed.append)
    gatherer.emit([row(1)], 60.0)
    gatherer.emit([row(1)], 30.0)
    gatherer.flush()
    intervals = []
    for one in handed:
        samples = batch.decode(one.body).samples
        assert samples is not None
        intervals.append(np.asarray(samples.interval).tolist())
    assert intervals == [[60.0], [30.0]]


def as_columns(count: int) -> tuple[list[Row], batch.Samples]:
    rows = [Row(k % 700 + 1, f"m{k % 3}", f"i{k % 5}", 1_000_000 + k, k / 2, 60.0) for k in range(count)]
    return rows, columns(rows, dict.fromkeys(range(1, 701), 60.0))


def checked(one: Packed) -> list[Row]:
    """The rows of one batch, which states the interval of every sensor in it and of no other."""
    samples = batch.decode(one.body).samples
    assert samples is not None
    assert (one.rows, one.first, one.last) == (len(samples.ts), samples.ts.min(), samples.ts.max())
    assert set(samples.sensor.tolist()) == set(samples.interval_sensor.tolist())
    return rows_of(one)


@pytest.mark.parametrize("count", [0, 1, 699, 45_001])
async def test_columns_come_out_as_the_rows_they_are(count: int) -> None:
    rows, samples = as_columns(count)
    batches: list[Packed] = []
    columns_of(Batcher(batches.append).emit)(samples)
    assert [row for one in batches for row in checked(one)] == rows
    assert all(one.rows <= batch.MAX_ROWS for one in batches)


async def test_columns_become_rows_for_who_takes_only_rows() -> None:
    rows, samples = as_columns(2_000)
    taken: list[tuple[Row, float]] = []
    columns_of(lambda some, interval: taken.extend((row, interval) for row in some))(samples)
    assert sorted(row for row, _ in taken) == sorted(rows)
    assert {interval for _, interval in taken} == {60.0}
