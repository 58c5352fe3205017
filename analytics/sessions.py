"""RADIUS sessions from accounting reports, in whatever order and however often these come: the same sessions (R8, R9, R11).

A report covers the time from the session's beginning (its own time less Acct-Session-Time) to itself. Reports of one key that
overlap or lie within REUSED of each other are of one session; what begins later is another, since a NAS uses its ids again.
A session already known is given back in as a report of itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

START, STOP, INTERIM = 1, 2, 3
SECOND = 1_000_000
REUSED = 60 * SECOND  # µs
STALE = 15 * 60 * SECOND
LONGEST = 400 * 86_400  # seconds of a session that are believed
_NEVER = -1

Ints = NDArray[np.int64]


class Reports(NamedTuple):
    """Shape [n] each; instants in µs. `began` < 0: not said. Texts are numbers in the order of the texts, 0 = not said."""

    key: Ints  # small numbers: one each tenant, NAS, Acct-Session-Id and part
    ts: Ints
    began: Ints
    stopped: Ints  # < 0: this is no Stop
    cause: Ints
    octets_in: Ints
    octets_out: Ints
    packets_in: Ints
    packets_out: Ints
    interim: Ints  # µs
    texts: Ints  # shape [n, what]
    texts_at: Ints  # shape [n, what]: when each was said
    known: Ints  # number of the stored session that this is; < 0: a report


class Sessions(NamedTuple):
    """Shape [m] each, in order of key and beginning. `stopped` < 0: no Stop was heard, for that is final."""

    key: Ints
    began: Ints
    last: Ints  # the latest report
    stopped: Ints
    cause: Ints
    octets_in: Ints
    octets_out: Ints
    packets_in: Ints
    packets_out: Ints
    interim: Ints
    texts: Ints
    texts_at: Ints
    known: Ints  # the stored session that it goes on as: the smallest number of its reports; < 0: a new one


def reports_began(kind: Ints, ts: Ints, seconds: Ints) -> Ints:
    """When the session of each report began (µs), < 0 where it does not say: only a Start may be without Acct-Session-Time."""
    said = (seconds > 0) & (seconds <= LONGEST)
    return np.where(said, np.maximum(ts - seconds * SECOND, 0), np.where(kind == START, ts, _NEVER))


def assemble(reports: Reports) -> tuple[Sessions, Ints]:
    """The sessions of the reports, and for each report, in the order given, the number of its session."""
    if not len(reports.ts):
        return Sessions._make((*reports[:2], *(column[:0] for column in (reports.ts, *reports[3:])))), reports.key
    sorts = np.where(reports.began < 0, reports.ts, reports.began)
    order = np.lexsort((reports.ts, sorts, reports.key))
    rows = Reports(*(column[order] for column in reports))
    first = _first(rows, sorts[order])
    at = np.flatnonzero(first)
    largest, smallest = np.maximum.reduceat, np.minimum.reduceat
    began = np.where(rows.began < 0, rows.ts, rows.began)
    stopped = largest(rows.stopped, at)
    session = np.cumsum(first) - 1
    texts, texts_at = _latest(rows, session, len(at))
    final = rows.stopped == stopped[session]
    known = smallest(np.where(rows.known < 0, np.iinfo(np.int64).max, rows.known), at)
    made = Sessions(
        rows.key[at],
        smallest(began, at),
        largest(rows.ts, at),
        stopped,
        largest(np.where(final, rows.cause, 0), at),
        largest(rows.octets_in, at),
        largest(rows.octets_out, at),
        largest(rows.packets_in, at),
        largest(rows.packets_out, at),
        largest(rows.interim, at),
        texts,
        texts_at,
        np.where(known == np.iinfo(np.int64).max, _NEVER, known),
    )
    back = np.empty_like(session)
    back[order] = session
    return made, back


def _first(rows: Reports, sorts: Ints) -> NDArray[np.bool_]:
    """Which of the sorted reports begin a session."""
    new_key = np.r_[True, rows.key[1:] != rows.key[:-1]]
    covered = _before(rows.key, rows.ts)
    # what does not say when it began goes with what was before it, but for what was over by then
    over = _before(rows.key, rows.stopped)
    alone = (rows.began < 0) & ((over < 0) | (covered > over + REUSED))
    begins: NDArray[np.bool_] = new_key | ((sorts > covered + REUSED) & ~alone)
    return begins


def _before(key: Ints, values: Ints) -> Ints:
    """The largest of `values` in the rows of the same key before each row; _NEVER for the first."""
    low = min(int(values.min()), _NEVER)
    span = int(values.max()) - low + 1
    if span * (int(key.max()) + 1) >= 1 << 62:
        msg = "the reports lie too far apart to be put together"
        raise ValueError(msg)
    running = np.maximum.accumulate(values - low + key * span)
    shifted = np.r_[0, running[:-1]]
    return np.where(shifted >= key * span, shifted - key * span + low, _NEVER)


def _latest(rows: Reports, session: Ints, sessions: int) -> tuple[Ints, Ints]:
    """Of each session the text said last of each kind, and when; of those said at the same time the largest."""
    texts, when = np.zeros((sessions, rows.texts.shape[1]), np.int64), np.full((sessions, rows.texts.shape[1]), _NEVER, np.int64)
    for column in range(rows.texts.shape[1]):
        said = np.flatnonzero(rows.texts[:, column] > 0)
        order = said[np.lexsort((rows.texts[said, column], rows.texts_at[said, column], session[said]))]
        texts[session[order], column] = rows.texts[order, column]  # the last one written stays
        when[session[order], column] = rows.texts_at[order, column]
    return texts, when


def stale_after(interim: int) -> int:
    """µs after its last report when a session without Stop is taken for ended: three reports that did not come."""
    return max(3 * interim, STALE)
