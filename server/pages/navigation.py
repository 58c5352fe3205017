"""What stands in the head of every page: one line a place. A place is marked while the address is at or below it."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A link in the head: what it is called, and the address under which its pages are."""

    label: str
    path: str


PLACES = (
    Place("Overview", "/"),
    Place("Accounts", "/accounts"),
    Place("Services", "/services"),
    Place("Alarms", "/alarms"),
    Place("Events", "/events"),
    Place("Wi-Fi", "/sessions"),
    Place("Maintenance", "/maintenance"),
    Place("Agents", "/agents"),
)


def current(place: Place, path: str) -> str:
    """The value of aria-current for `place` on the page at `path`: `page` for itself, `true` below it, else empty."""
    if path == place.path:
        return "page"
    return "true" if place.path != "/" and path.startswith(place.path + "/") else ""
