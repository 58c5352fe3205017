"""What the CRM's API tells of metrics, as structs."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from server.api.crm.facts import Instant
from server.inventory.fields import Id

Step = Literal["5m", "1h", "1d"]
PeriodName = Literal[
    "Last 24 Hours",
    "Last 7 Days",
    "Last 30 Days",
    "Last 90 Days",
    "Last 365 Days",
    "Prior Day",
    "Prior Week",
    "Prior Month",
    "Prior Quarter",
    "Prior Year",
]
Share = Annotated[float, Meta(ge=0, le=1)]


class MetricsQuery(Struct, frozen=True):
    """`metric`: names with commas between them, by default traffic, response time, loss, jitter, CPU, memory and storage.

    `period` (by default Last 30 Days) or [`from`, `to`); with `step` the values are told too, from midnight UTC for days.
    """

    metric: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    period: PeriodName | None = None
    from_: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    step: Step | None = None


class MeterOf(Struct, frozen=True):
    """An element whose counters are the service's traffic. `shared`: it is another service's meter too, so not its alone."""

    element: Id
    facing: Literal["customer", "network"]
    measured: bool
    shared: bool


class Point(Struct, frozen=True):
    """What was measured in the step that begins at `at`, null where nothing was."""

    at: str
    average: float | None
    max: float | None


class Metric(Struct, frozen=True):
    """One metric over the window: all meters of the service together (`traffic.down`, `traffic.up`), or one series of an element.

    `average` is weighted by time, `max` the largest value, `min` and `p95` are of 5-minute means; null where nothing was
    measured. `sum` is bytes of a rate in bit/s, a count of other rates, null otherwise. `sold` is in the unit of the metric, and
    the percentages are of it. `coverage` is the share of the window that was measured.
    """

    metric: str
    unit: str
    element: Id | None
    element_name: str | None
    instance: str | None
    average: float | None
    max: float | None
    min: float | None
    p95: float | None
    sum: float | None
    coverage: Share
    sold: float | None
    sold_burst: float | None
    average_percent: float | None
    max_percent: float | None
    p95_percent: float | None
    points: tuple[Point, ...] | None


class Metrics(Struct, frozen=True):
    """The metrics of a service in [from, to). `metered`: it has a meter; without one there is no traffic to compare.

    `complete` is false where more series were asked for than are told at once: name fewer metrics.
    """

    id: Id
    period: str | None
    from_: str = field(name="from")
    to: str
    step: Step | None
    metered: bool
    meters: tuple[MeterOf, ...]
    complete: bool
    metrics: tuple[Metric, ...]
