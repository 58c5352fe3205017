"""Status: samples in, timelines of elements and services out. This is the part of analytics that jobs call."""

from __future__ import annotations

from analytics.element_status import (
    DOWN,
    HAS_ISSUES,
    MEASURED,
    NO_DATA,
    NOT_IN_SERVICE,
    UNMANAGED,
    UP,
    ElementState,
    element_timeline,
    same_state,
)
from analytics.indicators import INDICATORS, Sold, as_decided, beyond_limits, remembered
from analytics.rules import Rules, lookback, reach, with_thresholds
from analytics.sensor_status import Evidence
from analytics.service_status import IN_SERVICE, Cause, ServiceState, service_timeline
from analytics.stored_state import (
    cause_from_json,
    cause_to_json,
    element_from_json,
    evidence_from_json,
    evidence_to_json,
    seed_to_json,
    service_from_json,
)

__all__ = [
    "DOWN",
    "HAS_ISSUES",
    "INDICATORS",
    "IN_SERVICE",
    "MEASURED",
    "NOT_IN_SERVICE",
    "NO_DATA",
    "UNMANAGED",
    "UP",
    "Cause",
    "ElementState",
    "Evidence",
    "Rules",
    "ServiceState",
    "Sold",
    "as_decided",
    "beyond_limits",
    "cause_from_json",
    "cause_to_json",
    "element_from_json",
    "element_timeline",
    "evidence_from_json",
    "evidence_to_json",
    "lookback",
    "reach",
    "remembered",
    "same_state",
    "seed_to_json",
    "service_from_json",
    "service_timeline",
    "with_thresholds",
]
