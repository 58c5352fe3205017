"""States as JSON-able values and back: what element_span.evidence, element_span.sensors and service_span.cause hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from analytics.element_status import ElementState
from analytics.network import Instant
from analytics.sensor_status import Evidence
from analytics.service_status import Cause, ServiceState

Json = dict[str, Any]


class _Seed(msgspec.Struct, frozen=True):
    """The form of element_span.sensors."""

    states: dict[int, str] = {}
    changes: tuple[int, ...] = ()
    measured: str = ""


def evidence_to_json(evidence: Iterable[Evidence]) -> list[Json]:
    """Observations as a list of objects with Evidence's own field names; instants are µs since the epoch, UTC. No limit, no field."""
    return [{name: value for name, value in each._asdict().items() if name != "limit" or value is not None} for each in evidence]


def evidence_from_json(stored: Iterable[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    """The way back. TypeError where a field is missing or unknown."""
    return tuple(Evidence(**each) for each in stored)


def seed_to_json(state: ElementState) -> Json:
    """What a later decision starts from, besides status, flags and evidence: the element_span.sensors column."""
    return {
        "states": {str(sensor): word for sensor, word in state.sensors},
        "changes": list(state.changes),
        "measured": state.measured,
    }


def element_from_json(
    raw: str, shown: str, reason: str, flags: Iterable[str], evidence: Sequence[Mapping[str, Any]], sensors: Mapping[str, Any]
) -> ElementState:
    """The ElementState of a stored row. msgspec.ValidationError where `sensors` is not what seed_to_json makes."""
    seed = msgspec.convert(sensors, _Seed, strict=False)
    states = tuple(seed.states.items())
    return ElementState(raw, shown, reason, frozenset(flags), evidence_from_json(evidence), states, seed.changes, seed.measured)


def cause_to_json(cause: Iterable[Cause]) -> list[Json]:
    """The deciding placements as a list of objects with Cause's own field names."""
    return [each._asdict() | {"evidence": evidence_to_json(each.evidence)} for each in cause]


def cause_from_json(stored: Iterable[Mapping[str, Any]]) -> tuple[Cause, ...]:
    """The way back. TypeError where a field is missing or unknown."""
    return tuple(Cause(**{**each, "evidence": evidence_from_json(each["evidence"])}) for each in stored)


def service_from_json(
    raw: str, shown: str, reason: str, flags: Iterable[str], since: Instant, cause: Sequence[Mapping[str, Any]]
) -> ServiceState:
    """The ServiceState of a stored row."""
    return ServiceState(raw, shown, reason, frozenset(flags), since, cause_from_json(cause))
