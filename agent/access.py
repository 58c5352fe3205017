"""How a device is asked: by a community (v1, v2c) or as a user (v3)."""

from __future__ import annotations

from typing import NamedTuple

from protocols.snmp import message, v3
from protocols.snmp.usm import User
from protocols.uplink.plan import Snmp

_VERSIONS = {"1": message.V1, "2c": message.V2C, "3": v3.V3}


class Access(NamedTuple):
    """A community or a user, and the version of the protocol; `context` is v3's."""

    version: int
    community: bytes = b""
    user: User | None = None
    context: bytes = b""


def by_community(community: str, version: int = message.V2C) -> Access:
    """The access that a community gives."""
    return Access(version, community.encode())


def of_sensor(sensor: Snmp) -> Access:
    """The access that the plan gives."""
    if sensor.version != "3":
        return by_community(sensor.community, _VERSIONS[sensor.version])
    priv = sensor.priv if sensor.auth else ""
    user = User(sensor.user.encode(), sensor.auth, sensor.auth_secret.encode(), priv, sensor.priv_secret.encode())
    return Access(v3.V3, user=user, context=sensor.context.encode())
