"""What the CRM's API tells of history: timelines, availability by period, and the status of an element, as structs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from server.api.crm.computed import Cause, Observation
from server.api.crm.facts import Instant
from server.api.crm.queries import Cursor, Limit
from server.inventory.fields import Currency, Id

Seconds = Annotated[float, Meta(ge=0, le=1e10)]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class TimelineQuery(Struct, frozen=True):
    """From when until when: [from, to), by default the last 30 days until now."""

    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class ServiceStatus(Struct, frozen=True):
    """What a service's status was from `from` until `to`; `to` is null while it lasts. The first may begin before the window.

    `raw_status` is what was measured and what availability counts; `status` is calmed down while it flaps.
    """

    from_: str = field(name="from")
    to: str | None
    status: str
    raw_status: str
    reason: str
    flags: tuple[str, ...]
    undergoing_maintenance: bool
    since: str
    cause: tuple[Cause, ...]


class ServiceTimeline(Struct, frozen=True):
    """A page of a service's timeline, oldest first."""

    items: tuple[ServiceStatus, ...]
    next_cursor: str | None


class AccountStatus(Struct, frozen=True):
    """What an account's status was from `from` until `to`, with its services In Service: all, measured, Down or with issues."""

    from_: str = field(name="from")
    to: str | None
    status: str
    raw_status: str
    undergoing_maintenance: bool
    services: Count
    measured_services: Count
    services_down: Count


class AccountTimeline(Struct, frozen=True):
    """A page of an account's timeline, oldest first."""

    items: tuple[AccountStatus, ...]
    next_cursor: str | None


class Buckets(Struct, frozen=True):
    """How a period was spent, in seconds; together they are the period."""

    not_in_service: Seconds
    maintenance: Seconds
    no_data: Seconds
    down: Seconds
    has_issues: Seconds
    up: Seconds


class Availability(Struct, frozen=True):
    """One period, [from, to). Shares are from 0 to 1, null where nothing was measured; `availability_percent` is cut off, never
    rounded up. `low` and `high` count what was not measured as down and as up; a `verdict` on what was promised is undetermined
    where that decides it, and null where nothing was promised or measured. `partial_period`: not In Service throughout.
    """

    period: str
    from_: str = field(name="from")
    to: str
    availability: Share | None
    availability_up_only: Share | None
    availability_percent: str | None
    coverage: Share | None
    low: Share | None
    high: Share | None
    low_coverage: bool
    partial_period: bool
    verdict: Literal["met", "missed", "undetermined"] | None
    seconds: Buckets


class ServiceAvailability(Struct, frozen=True):
    """The ten periods of a service, by the calendar of its account's time zone."""

    id: Id
    timezone: str
    maintenance_policy: str
    sla_percent: float | None
    periods: tuple[Availability, ...]


class Weighted(Struct, frozen=True):
    """Availability with each service weighted by its monthly revenue in one currency, in per cent, cut off."""

    currency: Currency
    availability_percent: str | None


class TotalAvailability(Availability, frozen=True):
    """Several services together: their seconds added up, and weighted by revenue."""

    revenue_weighted: tuple[Weighted, ...]


class AccountAvailability(Struct, frozen=True):
    """The ten periods of an account: all its services together."""

    id: Id
    timezone: str
    periods: tuple[TotalAvailability, ...]


class ElementStatus(Struct, frozen=True):
    """What an element is now, since when, and the measurements that show it."""

    id: Id
    status: str
    raw_status: str
    since: str | None
    reason: str
    flags: tuple[str, ...]
    observations: tuple[Observation, ...]
