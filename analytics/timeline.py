"""The one shape of history: sorted, non-overlapping spans [start, end), the last one open at its end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import eq
from typing import Generic, NamedTuple, TypeVar

from analytics.network import Instant

T = TypeVar("T")
Same = Callable[[T, T], bool]


class Span(NamedTuple, Generic[T]):
    """`value` held from `start` until `end` (not included); None = it still holds."""

    start: Instant
    end: Instant | None
    value: T


def spans_of(points: Iterable[tuple[Instant, T]], start: Instant, same: Same[T] = eq) -> list[Span[T]]:
    """Spans that cover [start, …) from change points in time order; equal neighbours become one, of two at one instant the
    later given counts. The first point must lie at or before `start`.
    """
    kept: list[tuple[Instant, T]] = []
    for at, value in points:
        when = max(at, start)
        if kept and kept[-1][0] == when:
            kept.pop()
        if not kept or not same(kept[-1][1], value):
            kept.append((when, value))
    ends: list[Instant | None] = [at for at, _ in kept[1:]]
    return [Span(at, end, value) for (at, value), end in zip(kept, [*ends, None], strict=True)] if kept else []


def at_instant(spans: Sequence[Span[T]], at: Instant) -> Span[T] | None:
    """The span that holds at `at`, or None."""
    index = bisect_right(spans, at, key=lambda span: span.start) - 1
    if index < 0:
        return None
    span = spans[index]
    return span if span.end is None or at < span.end else None


def until(spans: Sequence[Span[T]], now: Instant) -> tuple[list[Span[T]], Instant | None]:
    """The spans as known at `now` (the last one open), and when the next change is due by the passing of time alone."""
    index = bisect_right(spans, now, key=lambda span: span.start)
    known = list(spans[:index])
    if known and known[-1].end is not None:
        known[-1] = known[-1]._replace(end=None)
    return known, spans[index].start if index < len(spans) else None


def splice(stored: Span[T] | None, fresh: Sequence[Span[T]], same: Same[T] = eq) -> list[Span[T]]:
    """`fresh` spans, the first joined with the `stored` one that holds where they begin, if both say the same.

    What a job writes: without it every decision would leave a cut in history where it happened to begin.
    """
    if stored is None or not fresh or stored.start >= fresh[0].start:
        return list(fresh)
    if same(stored.value, fresh[0].value):
        return [fresh[0]._replace(start=stored.start, value=stored.value), *fresh[1:]]
    return [stored._replace(end=fresh[0].start), *fresh]


def first_difference(old: Sequence[Span[T]], new: Sequence[Span[T]]) -> Instant:
    """The first instant at which two different timelines of one thing differ."""
    for one, other in zip(old, new, strict=False):
        if one != other:
            same_value = one.start == other.start and one.value == other.value
            ends = [span.end for span in (one, other) if span.end is not None]
            return min(ends) if same_value and ends else min(one.start, other.start)
    return (old if len(old) > len(new) else new)[min(len(old), len(new))].start


def clip(spans: Sequence[Span[T]], start: Instant, end: Instant) -> list[tuple[Instant, Instant, T]]:
    """The parts of `spans` inside [start, end), each with a definite end."""
    parts = []
    for span in spans:
        first, last = max(span.start, start), end if span.end is None else min(span.end, end)
        if first < last:
            parts.append((first, last, span.value))
    return parts
