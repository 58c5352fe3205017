"""Whatever the order of reports, however often each comes, and however they are cut into batches: the same sessions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.sessions import INTERIM, SECOND, START, STOP, Reports, Sessions, assemble, reports_began

# (key, session's number, seconds after its beginning, kind, octets, text): sessions of a key lie 10,000 s apart
said = st.tuples(
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 4_000),
    st.sampled_from((START, INTERIM, STOP)),
    st.integers(0, 1 << 40),
    st.integers(0, 3),
)


def reports(rows: list[tuple[int, ...]]) -> Reports:
    key, number, after, kind, octets, text = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    after = np.where(kind == START, 0, after + 1)  # a Start is at the beginning
    ts = (1_000_000 + number * 10_000 + after) * SECOND
    began = reports_began(kind, ts, after)
    zeros, never = np.zeros_like(key), np.full_like(key, -1)
    stopped = np.where(kind == STOP, ts, -1)
    counts = (octets, zeros, zeros, zeros, zeros)
    return Reports(key, ts, began, stopped, zeros, *counts, text[:, None], ts[:, None], never)


def again(made: Sessions) -> Reports:
    """Sessions as they are given back in with the next batch."""
    number = np.arange(len(made.key), dtype=np.int64) + 1
    counts = (made.octets_in, made.octets_out, made.packets_in, made.packets_out, made.interim)
    return Reports(made.key, made.last, made.began, made.stopped, made.cause, *counts, made.texts, made.texts_at, number)


def told(made: Sessions) -> list[object]:
    return [column.tolist() for column in made[:-1]]


@given(st.lists(said, min_size=1, max_size=30), st.randoms(use_true_random=False), st.data())
@settings(max_examples=300)
def test_order_repetition_and_batches_change_nothing(rows, random, data):
    expected = told(assemble(reports(rows))[0])
    shuffled = rows + random.choices(rows, k=5)
    random.shuffle(shuffled)
    assert told(assemble(reports(shuffled))[0]) == expected
    known = assemble(reports(shuffled[:1]))[0]
    at = 1
    while at < len(shuffled):
        end = data.draw(st.integers(at + 1, len(shuffled)))
        both = zip(again(known), reports(shuffled[at:end]), strict=True)
        known = assemble(Reports(*(np.concatenate(pair) for pair in both)))[0]
        at = end
    assert told(known) == expected


def test_an_id_that_is_used_again_is_another_session_and_one_within_a_minute_is_not():
    rows = [(0, 0, 0, START, 0, 0), (0, 0, 99, STOP, 5, 0), (0, 1, 0, START, 0, 0)]
    assert assemble(reports(rows))[0].octets_in.tolist() == [5, 0]
    first = reports(rows[:2])
    soon = first._replace(ts=first.ts + 130 * SECOND, began=first.began + 130 * SECOND, stopped=np.full(2, -1))
    both = Reports(*(np.concatenate(pair) for pair in zip(first, soon, strict=True)))
    assert len(assemble(both)[0].key) == 1
