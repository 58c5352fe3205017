"""Everything one status page shows, loaded once and kept for some seconds: many readers come when something breaks."""

from __future__ import annotations

import hashlib
import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from analytics import public_status
from analytics.availability import Seconds, together
from analytics.availability_arrays import spent_many
from analytics.maintenance import occurrences
from analytics.periods import local_date, midnight
from analytics.public_status import ComponentState, Outage, PageState, ServiceSays
from protocols.errors import Refused
from storage import availability, status_pages
from storage.database import as_tenant
from storage.times import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import Request

    from storage.database import Connection
    from storage.status_pages import Component, Page, Planned, Stretch

DAYS = 90
AHEAD_US = 30 * DAY_US  # how far planned work is announced
MOST_PLANNED = 50
SHORTEST_US = 60_000_000  # an outage that lasted less makes no message
KEEP_US = 10_000_000
MOST_KEPT = 1_000


class Day(NamedTuple):
    """One local day of a component: [start, end), µs, the last one until now, and how its services spent it together."""

    start: int
    end: int
    seconds: Seconds


class Line(NamedTuple):
    """A component with what is known of it. `id` stays while its name does; `changed` is when its status last changed, µs."""

    id: str
    component: Component
    state: ComponentState
    days: tuple[Day, ...]
    outages: tuple[Outage, ...]
    changed: int


class Work(NamedTuple):
    """One occurrence of planned work [start, end), µs, and the components it touches. `recorded`: when it was announced."""

    id: str
    start: int
    end: int
    recorded: int
    lines: tuple[Line, ...]


class Board(NamedTuple):
    """A whole page at `now`, µs."""

    id: str
    page: Page
    now: int
    state: PageState
    lines: tuple[Line, ...]
    work: tuple[Work, ...]
    changed: int


async def board(request: Request) -> Board:
    """The board at the address's slug. Raises Refused 404: no such page, or it is switched off."""
    state, slug = request.app.state, request.path_params["slug"]
    kept: dict[str, Board] = state.__dict__.setdefault("status_boards", {})
    now = state.clock()
    found = kept.get(slug)
    if found is not None and 0 <= now - found.now < KEEP_US:
        return found
    async with state.pool.acquire() as con:
        tenant_id = await status_pages.tenant_of(con, slug) if slug.isalnum() else None
    if tenant_id is None:
        kept.pop(slug, None)
        raise Refused(404, "There is no such status page", "Ask your provider for its address: it may have been withdrawn.")
    async with as_tenant(state.pool, tenant_id) as con:
        page = await status_pages.page(con, slug)
        if page is None:
            raise Refused(404, "There is no such status page", "Ask your provider for its address: it may have been withdrawn.")
        made = await _load(con, tenant_id, page, now)
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[slug] = made
    return made


def name_of(*parts: object) -> str:
    """A short stable id that tells nothing of what it is made from."""
    return hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=6).hexdigest()


async def _load(con: Connection, tenant_id: int, page: Page, now: int) -> Board:
    components = await status_pages.components(con, page)
    services = sorted({service for component in components for service in component.services})
    edges = days(now, ZoneInfo(page.zone))
    stretches: dict[int, list[Stretch]] = {service: [] for service in services}
    for stretch in await status_pages.history(con, services, edges[0][0], now):
        stretches[stretch.service_id].append(stretch)
    spans = await availability.spans_of(con, tenant_id, services, edges[0][0])
    windows = np.broadcast_to(np.array(edges, np.int64), (len(services), len(edges), 2))
    spent = spent_many(spans, windows, np.zeros(len(services), np.int8))
    by_service = {service: [Seconds(*day) for day in spent[at].tolist()] for at, service in enumerate(services)}
    lines = []
    for component in components:
        daily = [together(by_service[service][at] for service in component.services) for at in range(len(edges))]
        line = _line(page, component, stretches, tuple(Day(*edge, each) for edge, each in zip(edges, daily, strict=True)))
        lines += [] if line is None else [line]
    work = _work(page, lines, await status_pages.planned(con, services), now)
    changed = max([page.created, *(line.changed for line in lines)])
    state = public_status.page_state([line.state for line in lines])
    return Board(name_of("page", page.slug), page, now, state, tuple(lines), work, changed)


def days(now: int, zone: ZoneInfo) -> list[tuple[int, int]]:
    """The last 90 local days, oldest first, as [start, end) in µs; the last one ends now."""
    today = local_date(now, zone)
    starts = [midnight(today - timedelta(days=back), zone) for back in range(DAYS - 1, -2, -1)]
    return [(start, min(end, now)) for start, end in itertools.pairwise(starts)]


def _line(page: Page, component: Component, stretches: Mapping[int, Sequence[Stretch]], daily: tuple[Day, ...]) -> Line | None:
    mine = [stretch for service in component.services for stretch in stretches[service]]
    latest = [stretches[service][-1] for service in component.services if stretches[service]]
    says = [ServiceSays(stretch.status, stretch.maintenance) for stretch in latest if stretch.end is None]
    state = public_status.component_state(says or [ServiceSays("No Data", maintenance=False)])
    if state is None:
        return None
    trouble = [(stretch.start, stretch.end, "" if stretch.maintenance else stretch.status) for stretch in mine]
    return Line(
        name_of("component", page.id, component.name, component.services[0]),
        component,
        state,
        daily,
        tuple(public_status.outages(trouble, SHORTEST_US)),
        max((stretch.start for stretch in latest), default=page.created),
    )


def _work(page: Page, lines: Sequence[Line], planned: Sequence[Planned], now: int) -> tuple[Work, ...]:
    found = [
        Work(
            name_of("work", page.id, each.window_id, start),
            start,
            end,
            each.window.recorded,
            tuple(line for line in lines if set(line.component.services) & set(each.services)),
        )
        for each in planned
        for start, end in occurrences(each.window, now, now + AHEAD_US)
    ]
    return tuple(sorted((each for each in found if each.lines), key=lambda each: (each.start, each.id))[:MOST_PLANNED])
