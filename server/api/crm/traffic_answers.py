"""What the CRM's API tells of the traffic of a service, as structs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from server.api.crm.history_answers import Count
from server.api.crm.metrics_answers import MeterOf, PeriodName, Share
from server.inventory.fields import Id

Bytes = Annotated[int, Meta(ge=0, le=1 << 62)]


class TrafficQuery(Struct, frozen=True):
    """`period`: by default Last 30 Days. Flows by the hour are kept for 400 days."""

    period: PeriodName = "Last 30 Days"


class Octets(Struct, frozen=True):
    """Bytes; `down` and `up` are null where it is not known which way they went: without a meter."""

    down: Bytes | None
    up: Bytes | None
    total: Bytes


class Part(Struct, frozen=True):
    """One application, cloud provider or remote network; `name` is empty for what is not recognised or no known cloud."""

    name: str
    octets: Octets
    share: Share


class CloudDay(Struct, frozen=True):
    """A day of the account's calendar; `cloud_share` is of its bytes, null without any."""

    day: str
    octets: Bytes
    cloud_share: Share | None


class AgainstSnmp(Struct, frozen=True):
    """Bytes by flows and by SNMP on the same ports, over the `hours` that both measured whole; `factor` = flows / SNMP.

    A little below 1 is usual, since SNMP counts the headers of frames too.
    """

    flow_octets: Bytes
    snmp_octets: Bytes
    hours: Count
    factor: Annotated[float, Meta(ge=0)] | None


class TrafficMix(Struct, frozen=True):
    """What the traffic of a service in [from, to) is made of; of each kind the 50 largest, the largest first.

    `counted_by`: its `meter`; without one what comes into a device of its `own`; or `nothing`. What passes elements that other
    services use too counts only at a meter.
    """

    id: Id
    period: PeriodName
    from_: str = field(name="from")
    to: str
    counted_by: Literal["meter", "own", "nothing"]
    meters: tuple[MeterOf, ...]
    octets: Octets
    applications: tuple[Part, ...]
    providers: tuple[Part, ...]
    remotes: tuple[Part, ...]
    cloud_share: Share | None
    days: tuple[CloudDay, ...]
    against_snmp: AgainstSnmp | None
