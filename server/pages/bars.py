"""A timeline as bars: where each stretch stands in a window, and how long each status lasted in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.views import HistorySpan

WIDTH = 1_440.0  # units of the drawing: a minute each in a day


class Bar(NamedTuple):
    """One stretch [start, end) of a status, clipped to the window, µs; `x` and `width` in units of the drawing."""

    status: str
    start: int
    end: int
    x: float
    width: float
    span: HistorySpan | None  # None before anything was decided


def bars(spans: Sequence[HistorySpan], start: int, end: int) -> list[Bar]:
    """The window [start, end) without holes: neighbours of one status are one bar, what is before the first span is None."""
    out: list[Bar] = []
    at = start
    for span in spans:
        begin, stop = max(span.start, start), min(span.end or end, end)
        if begin > at:
            out.append(_bar("", at, begin, start, end, None))
        if out and out[-1].status == span.status and out[-1].span is not None:
            out[-1] = _bar(span.status, out[-1].start, stop, start, end, out[-1].span)
        elif stop > begin:
            out.append(_bar(span.status, begin, stop, start, end, span))
        at = max(at, stop)
    if at < end:
        out.append(_bar("", at, end, start, end, None))
    return out


def totals(drawn: Sequence[Bar]) -> dict[str, int]:
    """µs in each status, longest first; time before the first decision is left out."""
    sums: dict[str, int] = {}
    for bar in drawn:
        if bar.span is not None:
            sums[bar.status] = sums.get(bar.status, 0) + bar.end - bar.start
    return dict(sorted(sums.items(), key=lambda item: -item[1]))


def _bar(status: str, start: int, end: int, first: int, last: int, span: HistorySpan | None) -> Bar:
    scale = WIDTH / (last - first)
    return Bar(status, start, end, round((start - first) * scale, 2), round((end - start) * scale, 2), span)
