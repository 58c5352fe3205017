"""The plan: what one agent shall measure, and the other small messages between agent and server (JSON).

A plan carries each profile once and each target's sensors by number; a sample comes back under that number. Only elements
placed in an active service are in it. Secrets in a plan are clear text: it travels over TLS and rests in a 0600 file.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from protocols.errors import DecodeError

Text = Annotated[str, Meta(max_length=255)]
Number = Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]
Seconds = Annotated[float, Meta(ge=1, le=86_400)]
Timeout = Annotated[float, Meta(ge=0.05, le=60)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
# What X.690 section 8.19 and RFC 2578 section 3.5 can encode, save arcs above 3,999,999,999, which nobody has.
Oid = Annotated[str, Meta(pattern=r"^([01]\.[1-3]?[0-9]|2\.[0-9]{1,9})(\.([0-9]{1,9}|[1-3][0-9]{9})){0,126}$(?!\n)")]


class Column(Struct, frozen=True, forbid_unknown_fields=True):
    """One OID that becomes one metric. A scalar's `oid` is whole; a table's lacks the row index."""

    metric: Text
    oid: Oid
    # gauge: the value; rate: a counter's change per second; percent: the value, 0 to 100
    type: Literal["gauge", "rate", "percent"] = "gauge"
    unit: Text = ""
    scale: float = 1.0
    # What the value is on the wire when the device sends it under a wrong tag; empty = believe the tag.
    wire: Literal["", "counter32", "counter64", "gauge32", "integer"] = ""
    fallback: tuple[Oid, ...] = ()  # tried in order where the device lacks `oid`
    fallback_scale: float | None = None  # of those, where they count in another unit (ifSpeed, ifHighSpeed)
    multiplier: Oid | None = None  # another column of the row to multiply by (hrStorageAllocationUnits)
    of: Oid | None = None  # for a percent: the column that is the whole (hrStorageSize)


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """A conceptual table: each row becomes an instance named by the first of `name_oids` that is not empty."""

    name: Text
    columns: tuple[Column, ...]
    name_oids: tuple[Oid, ...] = ()  # ifName, then ifDescr; none = the index itself
    discontinuity: Oid | None = None  # ifCounterDiscontinuityTime or its like
    speed: Column | None = None  # bit/s of the row, for the counter checks
    filter: dict[Oid, tuple[int | Oid, ...]] = {}  # column OID -> values that keep a row
    reduce: Literal["", "mean"] = ""  # mean: all rows become one instance "" (the processors of a machine)
    poll_every: Annotated[int, Meta(ge=1, le=1_000)] = 1  # in intervals of the sensor


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """What to ask a kind of device, as data. `match` holds sysObjectID prefixes; empty = asked of every device."""

    name: Text
    match: tuple[Oid, ...] = ()
    extends: tuple[Text, ...] = ()
    scalars: tuple[Column, ...] = ()
    tables: tuple[Table, ...] = ()
    max_repetitions: Annotated[int, Meta(ge=1, le=100)] = 20


class Ping(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="ping"):
    """ICMP echo."""

    number: Number
    interval: Seconds = 60.0
    timeout: Timeout = 1.0


class Tcp(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="tcp"):
    """The time a TCP connection takes."""

    number: Number
    port: Port
    interval: Seconds = 60.0
    timeout: Timeout = 3.0


class Snmp(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="snmp"):
    """SNMP by the named profiles."""

    number: Number
    community: Text
    profiles: tuple[Text, ...] = ()
    port: Port = 161
    version: Literal["2c"] = "2c"
    interval: Seconds = 60.0
    timeout: Timeout = 1.0
    retries: Annotated[int, Meta(ge=0, le=10)] = 2


Sensor = Ping | Tcp | Snmp


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """One address and what to measure there."""

    element: Text
    name: Text
    address: Text  # an IP address or a host name
    sensors: tuple[Sensor, ...]


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """All that one agent needs to know. `revision` changes whenever anything else does (it is the ETag)."""

    revision: Text
    site: Text = ""
    targets: tuple[Target, ...] = ()
    profiles: dict[str, Profile] = {}


class Enrol(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /agent/v1/enrol: the one-time token, and the 256-bit secret (64 hex digits) the agent made itself."""

    token: Annotated[str, Meta(min_length=8, max_length=200)]
    secret: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, Meta(min_length=1, max_length=255)]
    version: Text = ""
    host: dict[Text, Text] = {}


class Enrolled(Struct, frozen=True):
    """The answer to Enrol."""

    agent: str
    site: str
    server_time: float  # seconds since the epoch
    plan: Plan


class Heartbeat(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /agent/v1/heartbeat, every 30 s."""

    version: Text
    plan: Text  # the revision in force
    plan_error: Annotated[str, Meta(max_length=2_000)] = ""  # why the wanted revision was not applied
    spool_bytes: Annotated[int, Meta(ge=0, le=1 << 50)] = 0
    spool_records: Annotated[int, Meta(ge=0, le=1 << 50)] = 0
    dropped: dict[Text, Annotated[int, Meta(ge=0, le=1 << 62)]] = {}
    errors: dict[Text, Annotated[int, Meta(ge=0, le=1 << 62)]] = {}


class Stored(Struct, frozen=True):
    """The answer to PUT …/ingest."""

    result: Literal["stored", "duplicate"]
    rows: int
    rejected: dict[str, int]
    generation: int
    skew: float  # seconds the agent's clock is ahead of the server's


def decode_plan(text: bytes) -> Plan:
    """The plan in `text` (JSON), with its references checked. Raises DecodeError: plan."""
    try:
        plan = msgspec.json.decode(text, type=Plan)
    except msgspec.MsgspecError as error:
        raise DecodeError("plan", f"the plan cannot be read: {error}") from None
    numbers = [sensor.number for target in plan.targets for sensor in target.sensors]
    if len(numbers) != len(set(numbers)):
        raise DecodeError("plan", "the plan uses one sensor number twice")
    named = {p for t in plan.targets for s in t.sensors if isinstance(s, Snmp) for p in s.profiles}
    named |= {parent for profile in plan.profiles.values() for parent in profile.extends}
    if missing := sorted(named - plan.profiles.keys()):
        raise DecodeError("plan", f"the plan names profiles that it does not carry: {', '.join(missing)}")
    return plan


def encode_json(message: Struct) -> bytes:
    """Any message of this file as JSON."""
    return msgspec.json.encode(message)
