"""The secrets of a sensor: a community, an SNMPv3 user's two, a RADIUS secret; sealed together under the sensor's name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from server.inventory.fields import SECRETS
from server.inventory.sensor import Sensor

_V3 = "3"


def named(kind: str) -> str:
    """The kind with its article: `an snmp`, `a radius`."""
    return f"{'an' if kind in {'http', 'snmp'} else 'a'} {kind}"


def needed(sensor: Sensor) -> tuple[str, ...]:
    """The keys of the secrets that the sensor cannot do without."""
    if sensor.kind == "radius":
        return ("secret",)
    if sensor.kind not in {"snmp", "trap"}:
        return ()
    if sensor.version != _V3:
        return ("community",) if sensor.kind == "snmp" else ()  # traps are taken with any community where none is given
    return (*(("auth_secret",) if sensor.auth else ()), *(("priv_secret",) if sensor.priv else ()))


def missing(sensor: Sensor) -> list[str]:
    """Those of them that it does not have."""
    return [key for key in needed(sensor) if getattr(sensor, key) is None]


def packed(sensor: Sensor) -> str | None:
    """What is sealed: an SNMP sensor's community, else JSON of the secrets by key; None if the sensor has none."""
    if _is_community(sensor.kind, sensor.version or ""):
        return sensor.community
    found = {key: value for key in sorted(SECRETS) if (value := getattr(sensor, key)) is not None}
    return msgspec.json.encode(found, order="deterministic").decode() if found else None


def unpacked(opened: str, kind: str, version: str) -> dict[str, str]:
    """The secrets by key, of what was sealed; nothing of what was sealed for another kind or version."""
    if _is_community(kind, version):
        return {"community": opened}
    try:
        return msgspec.json.decode(opened, type=dict[str, str])
    except msgspec.MsgspecError:
        return {}


def _is_community(kind: str, version: str) -> bool:
    return kind == "snmp" and version != _V3


def with_stored(sensor: Sensor, opened: Mapping[str, str], name: str) -> Sensor:
    """The sensor with what is stored under `name`, where it says nothing itself."""
    wanted = missing(sensor)
    if not wanted or name not in opened:
        return sensor
    stored = unpacked(opened[name], sensor.kind, sensor.version or "")
    return replace(sensor, **{key: stored[key] for key in wanted if key in stored})
