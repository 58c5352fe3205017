"""The routes of the CRM's API that read what was measured and decided. They stand before those of the nouns: ids hold anything."""

from __future__ import annotations

from server.api.crm import happenings, history, metrics, sessions, traffic
from server.api.crm.happenings_answers import AlarmList, AlarmsQuery, AlarmTimeline, EventList, EventsQuery
from server.api.crm.history_answers import (
    AccountAvailability,
    AccountTimeline,
    ElementStatus,
    ServiceAvailability,
    ServiceTimeline,
    TimelineQuery,
)
from server.api.crm.metrics_answers import Metrics, MetricsQuery
from server.api.crm.traffic_answers import TrafficMix, TrafficQuery
from server.operations import NoQuery, Operation
from server.web import Route

_READS = (
    ("services", "timeline", history.service_timeline, ServiceTimeline, TimelineQuery),
    ("services", "availability", history.service_availability, ServiceAvailability, NoQuery),
    ("services", "metrics", metrics.metrics, Metrics, MetricsQuery),
    ("services", "traffic", traffic.traffic, TrafficMix, TrafficQuery),
    ("services", "alarms", happenings.service_alarms, AlarmTimeline, TimelineQuery),
    ("accounts", "timeline", history.account_timeline, AccountTimeline, TimelineQuery),
    ("accounts", "availability", history.account_availability, AccountAvailability, NoQuery),
    ("elements", "status", history.element_status, ElementStatus, NoQuery),
)


def routes() -> tuple[Route, ...]:
    """All of them."""
    lists = (
        Route(
            "GET", "/crm/v1/events", happenings.list_events, "crm-read", Operation("events", {200: EventList}, query=EventsQuery)
        ),
        Route(
            "GET", "/crm/v1/alarms", happenings.list_alarms, "crm-read", Operation("alarms", {200: AlarmList}, query=AlarmsQuery)
        ),
        Route("GET", "/crm/v1/sessions", sessions.summary, "crm-read", Operation("sessions", {200: sessions.SessionSummary})),
    )
    return lists + tuple(
        Route(
            "GET",
            f"/crm/v1/{noun}/{{external_id:path}}/{what}",
            handler,
            "crm-read",
            Operation(noun, {200: answer}, query=query, problems=(404,)),
        )
        for noun, what, handler, answer, query in _READS
    )
