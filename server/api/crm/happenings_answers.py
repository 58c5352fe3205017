"""What the CRM's API tells of events and alarms, as structs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from server.api.crm.facts import Instant
from server.api.crm.queries import Cursor, Limit
from server.inventory.document import Money
from server.inventory.fields import Id

Severity = Annotated[int, Meta(ge=0, le=7)]
Count = Annotated[int, Meta(ge=0, le=1 << 53)]


class EventsQuery(Struct, frozen=True):
    """Events of one element or service, at least this severe (0 is the worst), with this text; the newest first."""

    element: Id | None = None
    service: Id | None = None
    severity: Severity | None = None
    kind: Literal["trap", "inform", "syslog", "agent"] | None = None
    q: Annotated[str, Meta(min_length=1, max_length=255)] | None = None
    from_: Instant | None = field(name="from", default=None)
    limit: Limit = 100
    cursor: Cursor | None = None


class Event(Struct, frozen=True):
    """What a device said by itself; of a trap `detail` is a JSON object of its values as text, else the message."""

    element: str
    at: str
    kind: str
    severity: Severity
    source: str
    oid: str
    name: str
    detail: str


class EventList(Struct, frozen=True):
    """A page of events, the newest first."""

    items: tuple[Event, ...]
    next_cursor: str | None


class AlarmsQuery(Struct, frozen=True):
    """Alarms in one state, of one element or service, at least this severe (0 is the worst); the newest first."""

    state: Literal["open", "acknowledged", "cleared", "closed"] | None = None
    element: Id | None = None
    service: Id | None = None
    severity: Severity | None = None
    limit: Limit = 100
    cursor: Cursor | None = None


class Alarm(Struct, frozen=True):
    """A condition that opened: of `element`, or of `service` itself where `element` is null.

    `severity` is that of RFC 5424, `perceived_severity` that of X.733. `affected_mrr` is of `services`, one entry a currency.
    """

    id: str
    condition: str
    instance: str
    element: str | None
    service: str | None
    state: str
    severity: Severity
    perceived_severity: str
    raised_at: str
    last_seen: str
    cleared_at: str | None
    count: Count
    detail: str
    suppressed: bool
    undergoing_maintenance: bool
    acknowledged_by: str
    cleared_by: str
    clear_reason: str
    services: tuple[str, ...]
    accounts: tuple[str, ...]
    affected_mrr: tuple[Money, ...]


class AlarmList(Struct, frozen=True):
    """A page of alarms, the newest first."""

    items: tuple[Alarm, ...]
    next_cursor: str | None


class AlarmInterval(Struct, frozen=True):
    """That an alarm of the service was raised from `from` until `to`; `to` is null while it is."""

    alarm: str
    condition: str
    instance: str
    element: str | None
    severity: Severity
    from_: str = field(name="from")
    to: str | None


class AlarmTimeline(Struct, frozen=True):
    """A page of a service's alarms, the oldest first."""

    items: tuple[AlarmInterval, ...]
    next_cursor: str | None
