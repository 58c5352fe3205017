"""A timeline as bars: where each stretch stands in a window, and how long each status lasted in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MINUTE_US = 60_000_000
DAY_US = 1_440 * MINUTE_US
# What a page offers, by the name in its address: what it is called, how many days, how many instants stand below.
RANGES = {"24h": ("24 hours", 1, 4), "7d": ("7 days", 7, 7), "30d": ("30 days", 30, 5), "90d": ("90 days", 90, 6)}
MOST_SHOWN = 50  # rows of the table under a timeline
WIDTH = 1_440.0  # units of the drawing: a minute each in a day


class Stretch(Protocol):
    """A span of a timeline: [start, end), µs, end None while it lasts."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int | None: ...
    @property
    def status(self) -> str: ...


class Bar(NamedTuple):
    """One stretch [start, end) of a status, clipped to the window, µs; `x` and `width` in units of the drawing."""

    status: str
    start: int
    end: int
    x: float
    width: float
    span: Stretch | None  # None before anything was decided


def choice(query: Mapping[str, str]) -> str:
    """The range that the address asks for; what makes no sense is the usual one."""
    asked = query.get("range", "24h")
    return asked if asked in RANGES else "24h"


def window(chosen: str, now: int) -> tuple[int, int]:
    """[start, end) of a range, µs. It ends with this minute, so that the drawing stays the same in between."""
    end = now - now % MINUTE_US + MINUTE_US
    return end - RANGES[chosen][1] * DAY_US, end


def timeline(spans: Sequence[Stretch], chosen: str, now: int) -> dict[str, object]:
    """What timeline.html shows of the spans in the range `chosen`. One that was first judged within it fills the whole bar."""
    begin, end = window(chosen, now)
    start = max(begin, min(spans[0].start, now) // MINUTE_US * MINUTE_US if spans else 0)
    drawn, ticks = bars(spans, start, end), RANGES[chosen][2]
    step = (end - start) // ticks
    return {
        "bars": drawn,
        "totals": totals(drawn),
        "changes": max(0, len([bar for bar in drawn if bar.span is not None]) - 1),
        "start": start,
        "young": start > begin,
        # where they would be the same minutes, only the start
        "ticks": [start + i * step for i in range(ticks)] if step >= 5 * MINUTE_US else [start],
        "most": MOST_SHOWN,
        "chosen": chosen,
        "ranges": RANGES,
    }


def bars(spans: Sequence[Stretch], start: int, end: int) -> list[Bar]:
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


def _bar(status: str, start: int, end: int, first: int, last: int, span: Stretch | None) -> Bar:
    scale = WIDTH / (last - first)
    return Bar(status, start, end, round((start - first) * scale, 2), round((end - start) * scale, 2), span)
