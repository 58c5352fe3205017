"""GET /services/{external_id}: one service, why it has its status, its elements, and its last 24 hours; kept live."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request, Response

from protocols.errors import Refused
from server.pages import bars, rendering, times, tree, words
from storage import views
from storage.database import as_tenant
from storage.times import DAY_US

MINUTE_US = 60_000_000
MOST_SHOWN = 50  # rows of the table under the timeline


class Seen(NamedTuple):
    """What is known of an element: words, since when (None = only now), when it was last seen, µs.

    `late`: its sensor was asked again since, and this did not come any more.
    """

    texts: tuple[str, ...]
    since: int | None
    at: int
    late: bool = False


async def service(request: Request) -> Response:
    """The page of the service in the path. Raises Refused 404."""
    external_id: str = request.path_params["external_id"]
    now = request.app.state.clock()
    # Whole minutes, so that the drawing, and with it the page's ETag, stays the same in between.
    end = now - now % MINUTE_US + MINUTE_US
    async with as_tenant(request.app.state.pool, request.state.caller.tenant_id) as con:
        found = await views.service(con, external_id) if "\0" not in external_id else None
        if found is None:
            raise Refused(404, "There is no such service", f"No service here has the number “{words.plain(external_id)}”.")
        placed = await views.elements(con, found.id)
        samples = await views.last_samples(con, [row.element_id for row in placed], words.HEADLINE, now - DAY_US)
        spans = await views.history(con, found.id, end - DAY_US, end)
    view = times.View(now, found.zone)
    # A service that was first judged today fills the whole bar.
    start = max(end - DAY_US, min(spans[0].start, now) // MINUTE_US * MINUTE_US if spans else 0)
    drawn = bars.bars(spans, start, end)
    monitored = [row for row in placed if row.status != "Unmanaged"]
    return rendering.page(
        request,
        "service.html",
        service=found,
        view=view,
        causes=[(item, words.cause(item, view)) for item in found.cause],
        tree=tree.lines(placed),
        seen={row.placement_id: _seen(row, [s for s in samples if s.element_id == row.element_id], view) for row in placed},
        monitored=len(monitored),
        usable=sum(row.raw in tree.USABLE for row in monitored),
        bars=drawn,
        totals=bars.totals(drawn),
        changes=max(0, len([bar for bar in drawn if bar.span is not None]) - 1),
        most=MOST_SHOWN,
        start=start,
        young=start > end - DAY_US,
        ticks=_ticks(start, end),
    )


def _ticks(start: int, end: int) -> list[int]:
    """The instants written under the timeline, besides now: quarters, or only its start where those would be the same minutes."""
    step = (end - start) // 4
    return [start + i * step for i in range(4)] if step >= 5 * MINUTE_US else [start]


def _seen(row: views.ElementRow, samples: list[views.LastSample], view: times.View) -> list[Seen]:
    """The observations that show a status, each with its latest repeat, then the other newest values, minute by minute."""
    proofs = [(words.observation(item), item.ts) for item in row.evidence]
    polls = {sample.sensor: sample for sample in samples if sample.metric == "reachable"}
    latest = {text: sample for sample in samples if (text := _text(sample, samples, polls))}
    minutes: dict[tuple[str, bool], list[str]] = {}
    for text in latest.keys() - dict(proofs).keys():
        minutes.setdefault((view.clock(latest[text].ts), _late(latest[text], polls)), []).append(text)
    order = list(latest)
    others = [
        Seen(tuple(sorted(texts, key=order.index)), None, max(latest[text].ts for text in texts), late)
        for (_, late), texts in minutes.items()
    ]
    shown = [Seen((text,), ts, latest[text].ts if text in latest else ts) for text, ts in proofs]
    return shown + sorted(others, key=lambda seen: -seen.at)


def _text(sample: views.LastSample, samples: list[views.LastSample], polls: dict[str, views.LastSample]) -> str:
    """What one value says; empty for a success beside which the same sensor's round trip says as much."""
    if sample.metric == "reachable" and sample.value >= 1:
        timed = (other for other in samples if (other.sensor, other.metric) == (sample.sensor, "rtt"))
        if any(not _late(other, polls) for other in timed):
            return ""
    whose = sum(other.metric == sample.metric for other in samples) > 1
    return words.reading(sample, whose=whose)


def _late(sample: views.LastSample, polls: dict[str, views.LastSample]) -> bool:
    """Whether its sensor was polled again since; one poll's values lie up to half an interval apart."""
    poll = polls.get(sample.sensor, sample)
    return sample.ts + int(sample.interval * 500_000) < poll.ts
