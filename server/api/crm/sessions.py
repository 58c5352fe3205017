"""GET /crm/v1/sessions: how many Wi-Fi sessions and users there are now, by element, SSID and access point."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from fastapi.responses import Response
from msgspec import Meta, Struct

from server.api.crm.history import answer
from storage import session_views
from storage.database import as_caller

MOST = 1_000
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class SessionPlace(Struct, frozen=True):
    """Open sessions at an element; of one of its SSIDs or access points where `ssid` or `access_point` is told."""

    element: str
    ssid: str | None
    access_point: str | None
    sessions: Count
    users: Count


class SessionSummary(Struct, frozen=True):
    """All that is open now. `places`: the 1,000 busiest, elements first."""

    sessions: Count
    users: Count
    places: list[SessionPlace]


async def summary(request: Request) -> Response:
    """Open Wi-Fi sessions and different users now, from RADIUS accounting."""
    async with as_caller(request.app.state.pool, request.state.caller) as con:
        places = await session_views.places(con, MOST)
        users = await session_views.users(con)
    total = sum(place.sessions for place in places if not place.instance)
    return answer(SessionSummary(total, users, [_place(place) for place in places]))


def _place(place: session_views.Place) -> SessionPlace:
    kind, _, name = place.instance.partition(":")
    ssid, access_point = (name if kind == wanted else None for wanted in ("ssid", "ap"))
    return SessionPlace(place.element, ssid, access_point, place.sessions, place.users)
