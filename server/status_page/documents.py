"""A board as the documents of Statuspage's public API v2, which monitors and chat bots read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analytics.element_status import DOWN, NO_DATA, NOT_IN_SERVICE, UP
from server.instants import text as iso
from server.status_page.board import name_of
from storage.times import DAY_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analytics.public_status import Outage
    from server.status_page.board import Board, Line, Work

RECENT_US = 14 * DAY_US  # how long a message about something that is over is kept
Document = dict[str, Any]
# what ended an outage, by what followed it; maintenance has no word of its own among the statuses
AFTER = {
    UP: "works again",
    "": "is under planned maintenance",
    NO_DATA: "is not measured at present; whether it works is not known",
    NOT_IN_SERVICE: "is no longer in service",
}


def page(board: Board, address: str) -> Document:
    """What every document begins with."""
    zone, updated = board.page.zone, iso(board.changed)
    return {"page": {"id": board.id, "name": board.page.title, "url": address, "time_zone": zone, "updated_at": updated}}


def status(board: Board) -> Document:
    """The whole page in one word and one sentence."""
    return {"status": {"indicator": board.state.indicator, "description": board.state.description}}


def components(board: Board) -> Document:
    """Every component, with our own words for its status beside Statuspage's."""
    return {"components": [component(board, line, at) for at, line in enumerate(board.lines, 1)]}


def component(board: Board, line: Line, position: int) -> Document:
    """One component. `lineside_status` keeps what a maintenance window covers; `measured` counts the services that say anything."""
    return {
        "id": line.id,
        "name": line.component.name,
        "status": line.state.status,
        "created_at": iso(board.page.created),
        "updated_at": iso(line.changed),
        "position": position,
        "description": line.component.description or None,
        "showcase": True,
        "start_date": None,
        "group_id": None,
        "page_id": board.id,
        "group": False,
        "only_show_if_degraded": False,
        "lineside_status": line.state.lineside_status,
        "measured": line.state.measured,
        "services": line.state.services,
    }


def trouble(board: Board, *, unresolved: bool = False) -> list[tuple[Outage, Line]]:
    """What is, or lately was, not as it should be, newest first: each outage of a component."""
    found = [
        (outage, line)
        for line in board.lines
        for outage in line.outages
        if outage.end is None or (not unresolved and outage.end > board.now - RECENT_US)
    ]
    return sorted(found, key=lambda each: -each[0].start)


def incidents(board: Board, address: str, *, unresolved: bool) -> Document:
    """`trouble` as incidents."""
    positions = _positions(board)
    found = trouble(board, unresolved=unresolved)
    return {"incidents": [incident(board, address, outage, line, positions[line.id]) for outage, line in found]}


def incident(board: Board, address: str, outage: Outage, line: Line, position: int) -> Document:
    """One outage as an incident. Its updates say when it began and when it was over, and nothing of what caused it."""
    key = name_of("incident", line.id, outage.start)
    what = "is down" if outage.worst == DOWN else "has issues"
    updates = [(outage.start, "investigating", f"{line.component.name} {what}.")]
    if outage.end is not None:
        updates.insert(0, (outage.end, "resolved", f"{line.component.name} {AFTER.get(outage.after, AFTER[UP])}."))
    return {
        "id": key,
        "name": f"{line.component.name} {what if outage.end is None else 'was down' if outage.worst == DOWN else 'had issues'}",
        "status": updates[0][1],
        "impact": "major" if outage.worst == DOWN else "minor",
        "created_at": iso(outage.start),
        "started_at": iso(outage.start),
        "updated_at": iso(updates[0][0]),
        "monitoring_at": None,
        "resolved_at": None if outage.end is None else iso(outage.end),
        "shortlink": address,
        "page_id": board.id,
        "incident_updates": [_update(key, at, word, text, line) for at, word, text in updates],
        "components": [component(board, line, position)],
    }


def maintenances(board: Board, address: str, which: str = "") -> Document:
    """Planned work; `which` is `upcoming`, `active` or empty for both."""
    wanted = [work for work in board.work if which != "active" or work.start <= board.now]
    chosen = [work for work in wanted if which != "upcoming" or work.start > board.now]
    return {"scheduled_maintenances": [_maintenance(board, address, work) for work in chosen]}


def summary(board: Board, address: str) -> Document:
    """Everything at once: what most readers ask for."""
    now = incidents(board, address, unresolved=True)
    return {**page(board, address), **components(board), **now, **maintenances(board, address), **status(board)}


def planned_name(work: Work) -> str:
    """What customers read of planned work: the components it touches, never the title that people inside wrote."""
    names = [line.component.name for line in work.lines]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"Planned maintenance: {', '.join(names[:3])}{more}"


def _maintenance(board: Board, address: str, work: Work) -> Document:
    active = work.start <= board.now
    name, word = planned_name(work), "in_progress" if active else "scheduled"
    text = "The work is going on." if active else "The work is planned."
    positions = _positions(board)
    return {
        "id": work.id,
        "name": name,
        "status": word,
        "impact": "maintenance",
        "created_at": iso(work.recorded),
        "started_at": iso(work.start),
        "updated_at": iso(work.start if active else work.recorded),
        "monitoring_at": None,
        "resolved_at": None,
        "shortlink": address,
        "page_id": board.id,
        "scheduled_for": iso(work.start),
        "scheduled_until": iso(work.end),
        "incident_updates": [_update(work.id, work.start if active else work.recorded, word, text, *work.lines)],
        "components": [component(board, line, positions[line.id]) for line in work.lines],
    }


def _positions(board: Board) -> Mapping[str, int]:
    return {line.id: at for at, line in enumerate(board.lines, 1)}


def _update(key: str, at: int, word: str, text: str, *lines: Line) -> Document:
    touched = [{"code": line.id, "name": line.component.name} for line in lines]
    return {
        "id": name_of("update", key, word),
        "status": word,
        "body": text,
        "incident_id": key,
        "created_at": iso(at),
        "updated_at": iso(at),
        "display_at": iso(at),
        "affected_components": touched,
        "deliver_notifications": False,
        "custom_tweet": None,
        "tweet_id": None,
    }
