"""What a status page says: components from their services' statuses, the page from its components, days as bars.

The words of the status are those of Statuspage's API v2, which many programs read; our own stand beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from analytics.account_status import roll_up
from analytics.availability import Seconds
from analytics.element_status import DOWN, HAS_ISSUES, NO_DATA, NOT_IN_SERVICE, UP
from analytics.network import Instant

Shown = Literal["operational", "degraded_performance", "partial_outage", "major_outage", "under_maintenance", "not_measured"]
Indicator = Literal["none", "minor", "major", "critical", "maintenance"]

# What a reader sees first is what is worst.
WORST: tuple[Shown, ...] = (
    "major_outage",
    "partial_outage",
    "degraded_performance",
    "under_maintenance",
    "not_measured",
    "operational",
)


class ServiceSays(NamedTuple):
    """One service of a component: its shown status, and whether a maintenance window is open on it."""

    status: str
    maintenance: bool


class ComponentState(NamedTuple):
    """A component now. `lineside_status` is the status of its services rolled up as for an account, maintenance or not."""

    status: Shown
    lineside_status: str
    measured: int
    services: int


class PageState(NamedTuple):
    """The page now: Statuspage's indicator, and the sentence beside it."""

    indicator: Indicator
    description: str


class Outage(NamedTuple):
    """A stretch [start, end) in which a component was not as it should be; `end` is None while it lasts. `worst` names it.

    `after` is what followed: a time without measurements, or out of service, is not one in which it works.
    """

    start: Instant
    end: Instant | None
    worst: str
    after: str = UP


def component_state(services: Iterable[ServiceSays]) -> ComponentState | None:
    """The state of a component; None where none of its services is In Service, so that there is nothing to show.

    Services under maintenance are left out of the judgement, unless that leaves none.
    """
    known = [service for service in services if service.status != NOT_IN_SERVICE]
    if not known:
        return None
    everything = Counter(service.status for service in known)
    outside = Counter(service.status for service in known if not service.maintenance)
    return ComponentState(
        _shown(outside) if outside else "under_maintenance",
        roll_up(service.status for service in known),
        len(known) - everything[NO_DATA],
        len(known),
    )


def page_state(components: Sequence[ComponentState]) -> PageState:
    """The page's headline. What is not measured is never called operational."""
    counts = Counter(component.status for component in components)
    if not components or counts["not_measured"] == len(components):
        return PageState("none", "Not Measured")
    if counts["major_outage"]:
        everywhere = counts["major_outage"] + counts["not_measured"] == len(components)
        return PageState("critical", "Major Service Outage") if everywhere else PageState("major", "Partial System Outage")
    if counts["partial_outage"]:
        return PageState("major", "Partial System Outage")
    if counts["degraded_performance"]:
        return PageState("minor", "Partially Degraded Service")
    if counts["under_maintenance"]:
        return PageState("maintenance", "Service Under Maintenance")
    return PageState("none", "All Measured Systems Operational" if counts["not_measured"] else "All Systems Operational")


def day_status(seconds: Seconds) -> str:
    """The colour of a day: the worst that lasted for any time of it; a day mostly without data does not look like a good one."""
    if seconds.down:
        return DOWN
    if seconds.has_issues:
        return HAS_ISSUES
    if seconds.up and seconds.up >= seconds.no_data:
        return UP
    if seconds.no_data:
        return NO_DATA
    return "maintenance" if seconds.maintenance else NOT_IN_SERVICE


def outages(stretches: Iterable[tuple[Instant, Instant | None, str]], shortest: int) -> list[Outage]:
    """The times of trouble within the spans (start, end, shown status) of a component's services, oldest first, merged.

    A status of "" stands for one that maintenance covers. Finished ones of less than `shortest` µs are left out: a blip is not worth a message.
    """
    found: list[Outage] = []
    known = sorted(stretches, key=lambda stretch: stretch[0])
    begins: dict[Instant, set[str]] = {}
    for start, _, status in known:
        begins.setdefault(start, set()).add(status)
    for start, end, status in known:
        if status not in (DOWN, HAS_ISSUES):
            continue
        last = found[-1] if found else None
        if last is not None and (last.end is None or last.end >= start):
            until = None if end is None or last.end is None else max(end, last.end)
            found[-1] = Outage(last.start, until, DOWN if DOWN in (last.worst, status) else HAS_ISSUES)
        else:
            found.append(Outage(start, end, status))
    lasted = [outage for outage in found if outage.end is None or outage.end - outage.start >= shortest]
    return [outage._replace(after=_after(begins.get(outage.end, set()))) if outage.end else outage for outage in lasted]


def _after(statuses: set[str]) -> str:
    """What the services that were in trouble are at its end: the best that can be said of any."""
    return UP if not statuses or UP in statuses else min(statuses)


def _shown(statuses: Counter[str]) -> Shown:
    if not statuses.total() - statuses[NO_DATA]:
        return "not_measured"
    if statuses[DOWN]:
        return "major_outage" if statuses[DOWN] == statuses.total() - statuses[NO_DATA] else "partial_outage"
    return "degraded_performance" if statuses[HAS_ISSUES] else "operational"
