"""One check of an element as a person writes it: every key that any kind of sensor has."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from protocols.uplink.plan import Port
from server.inventory.fields import (
    HttpStatus,
    Interval,
    Name,
    Network,
    Query,
    RecordType,
    Redirects,
    Repeats,
    Sampling,
    Secret,
    SensorName,
    Spacing,
    Timeout,
    Url,
)


class Sensor(Struct, frozen=True, forbid_unknown_fields=True):
    """One check of an element; element_checks.KEYS says which kind has which of the keys after `required`."""

    kind: Literal["ping", "tcp", "http", "dns", "snmp", "port", "flow", "trap", "syslog", "radius"]
    name: SensorName = ""
    interval: Interval = 60.0
    timeout: Timeout | None = None
    required: bool = True
    port: Port | None = None
    community: Secret | None = None
    version: Literal["1", "2c", "3"] | None = None
    user: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    auth: Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] | None = None
    auth_secret: Secret | None = None
    priv: Literal["des", "aes128", "aes192", "aes256", "aes192c", "aes256c"] | None = None
    priv_secret: Secret | None = None
    context: Name | None = None
    varbinds: Annotated[int, Meta(ge=4, le=200)] | None = None
    profiles: tuple[Name, ...] | None = None
    retries: Annotated[int, Meta(ge=0, le=10)] | None = None
    count: Repeats | None = None
    spacing: Spacing | None = None
    url: Url | None = None
    method: Literal["GET", "HEAD"] | None = None
    status: tuple[HttpStatus, ...] | None = None
    expect: tuple[Name, ...] | None = None
    verify: bool | None = None
    redirects: Redirects | None = None
    query: Query | None = None
    type: RecordType | None = None
    senders: tuple[Network, ...] | None = None
    sampling: Sampling | None = None
    inside: tuple[Network, ...] | None = None
    secret: Secret | None = None
