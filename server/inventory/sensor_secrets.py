"""The secrets of an SNMP sensor: a community, or an SNMPv3 user's two; sealed together under the sensor's name."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from server.inventory.document import Sensor

_V3 = "3"


def needed(sensor: Sensor) -> tuple[str, ...]:
    """The keys of the secrets that the sensor cannot do without."""
    if sensor.kind != "snmp":
        return ()
    if sensor.version != _V3:
        return ("community",)
    return (*(("auth_secret",) if sensor.auth else ()), *(("priv_secret",) if sensor.priv else ()))


def missing(sensor: Sensor) -> list[str]:
    """Those of them that it does not have."""
    return [key for key in needed(sensor) if getattr(sensor, key) is None]


def packed(sensor: Sensor) -> str | None:
    """What is sealed: the community, or JSON of an SNMPv3 user's secrets; None if the sensor has none."""
    if sensor.version != _V3:
        return sensor.community
    found = {key: getattr(sensor, key) for key in needed(sensor) if getattr(sensor, key) is not None}
    return msgspec.json.encode(found, order="deterministic").decode() if found else None


def unpacked(opened: str, *, v3: bool) -> dict[str, str]:
    """The secrets by key, of what was sealed; nothing of what was sealed for another version."""
    try:
        found = msgspec.json.decode(opened, type=dict[str, str])
    except msgspec.MsgspecError:
        found = {}
    return found if v3 else {"community": opened}


def with_stored(sensor: Sensor, opened: Mapping[str, str], name: str) -> Sensor:
    """The sensor with what is stored under `name`, where it says nothing itself."""
    wanted = missing(sensor)
    if not wanted or name not in opened:
        return sensor
    stored = unpacked(opened[name], v3=sensor.version == _V3)
    return replace(sensor, **{key: stored[key] for key in wanted if key in stored})
