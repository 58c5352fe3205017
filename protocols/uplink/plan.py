"""The plan: what one agent shall measure, and the other small messages between agent and server (JSON).

A plan carries each profile once and each target's sensors by number; a sample comes back under that number. Only elements
placed in an active service are in it. Secrets in a plan are clear text: it travels over TLS and rests in a 0600 file.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from protocols.errors import DecodeError
from protocols.uplink.listeners import Flow, Radius, Syslog, Trap

Text = Annotated[str, Meta(max_length=255)]
Number = Annotated[int, Meta(ge=1, le=0xFFFF_FFFF)]
Seconds = Annotated[float, Meta(ge=1, le=86_400)]
Timeout = Annotated[float, Meta(ge=0.05, le=60)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
# What X.690 section 8.19 and RFC 2578 section 3.5 can encode, save arcs above 3,999,999,999, which nobody has.
_OID = r"^([01]\.[1-3]?[0-9]|2\.[0-9]{1,9})(\.([0-9]{1,9}|[1-3][0-9]{9})){0,126}$(?!\n)"
Oid = Annotated[str, Meta(pattern=_OID)]


class Label(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A piece of text about a row: from another table, or from the row's own index. Nothing set = the index, dotted."""

    oid: Oid | None = None  # the column that holds the text; none = the arcs of the index themselves
    by: Oid | None = None  # the column of this row whose value is the index there (cpmCPUTotalPhysicalIndex)
    arcs: tuple[int, int] | None = None  # which arcs of this row's index, [from, to), are the index there; none = all
    # mac: six bytes; text: bytes behind their length; ip: an IPv4 or IPv6 address, with or without its InetAddressType
    form: Literal["", "mac", "text", "ip"] = ""
    before: Text = ""  # put in front of it: "radio "


class Power(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A factor base^(value of `oid` - zero), read with the row at discovery (entPhySensorScale, entPhySensorPrecision)."""

    oid: Oid
    base: float
    zero: float = 0.0


# Plain text, looked at by _check_oids: msgspec (0.20 to 0.22) frees a pattern that stands in one union with an array twice.
Source = Text | Label


def _check_oids(*sources: object) -> None:
    """Raises ValueError, which msgspec makes a ValidationError, where a text among `sources`, nested or not, is no OID."""
    for source in sources:
        if isinstance(source, tuple):
            _check_oids(*source)
        elif isinstance(source, str) and not re.match(_OID, source):
            raise ValueError(f"{source!r} is no OID")


class Column(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One OID that becomes one metric. A scalar's `oid` is whole; a table's lacks the row index."""

    metric: Text
    oid: Oid
    # gauge: the value; rate: a counter's change per second; percent: the value, 0 to 100
    type: Literal["gauge", "rate", "percent"] = "gauge"
    unit: Text = ""
    scale: float = 1.0
    offset: float = 0.0  # added after scaling; of gauges and percentages
    # What the value is on the wire when the device sends it under a wrong tag; empty = believe the tag.
    wire: Literal["", "counter32", "counter64", "gauge32", "integer"] = ""
    fallback: tuple[Oid, ...] = ()  # tried in order where the device lacks `oid`
    fallback_scale: float | None = None  # of those, where they count in another unit (ifSpeed, ifHighSpeed)
    plus: tuple[Oid, ...] = ()  # other columns of the row to add, those of them that the device has (used + free)
    minus: tuple[Oid, ...] = ()  # and to take away (memory less caches)
    multiplier: Oid | None = None  # another column of the row to multiply by (hrStorageAllocationUnits)
    of: Text | tuple[Oid, ...] | None = None  # for a percent: the column that is the whole (hrStorageSize), or its parts
    powers: tuple[Power, ...] = ()  # factors that each row states for itself
    invalid: tuple[float, ...] = ()  # what the device sends when it does not know (-1)
    mapping: dict[int, Text] = {}  # what the numbers mean, for people
    words: dict[Text, float] = {}  # the numbers of values that are text, in lower case

    def __post_init__(self) -> None:
        _check_oids(self.of)


class Table(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A conceptual table: each row becomes an instance named by the first of `name_oids` that is not empty.

    One of `name_oids` may be several sources: their texts are joined by a blank, if none of them is empty.
    """

    name: Text
    columns: tuple[Column, ...]
    name_oids: tuple[Source | tuple[Source, ...], ...] = ()  # ifName, then ifDescr; none = the index itself
    tags: dict[Text, Source] = {}  # more about a row, for people (ifAlias)
    discontinuity: Oid | None = None  # ifCounterDiscontinuityTime or its like
    speed: Column | None = None  # bit/s of the row, for the counter checks
    filter: dict[Oid, tuple[int | Oid, ...]] = {}  # column OID -> values that keep a row
    skip: dict[Oid, tuple[int | Oid, ...]] = {}  # column OID -> values that drop a row
    unless: tuple[Text, ...] = ()  # metrics that make the table needless where another table before it has them
    reduce: Literal["", "mean"] = ""  # mean: all rows become one instance "" (the processors of a machine)
    poll_every: Annotated[int, Meta(ge=1, le=1_000)] = 1  # in intervals of the sensor
    alone: Column | None = None  # what a row gives that has none of `columns`

    def __post_init__(self) -> None:
        _check_oids(self.name_oids, *self.tags.values())


class Profile(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to ask a kind of device, as data. `match` holds sysObjectID prefixes; empty = asked of every device."""

    name: Text
    match: tuple[Oid, ...] = ()
    extends: tuple[Text, ...] = ()
    auto: bool = True  # whether a sensor that names no profile uses it
    rank: int = 0  # of two profiles with the same metric, the one with the lower rank is asked; those with `match` go first
    scalars: tuple[Column, ...] = ()
    tables: tuple[Table, ...] = ()
    max_repetitions: Annotated[int, Meta(ge=1, le=100)] = 20


class Ping(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="ping"):
    """ICMP echo, `count` of them at each poll, `spacing` seconds apart: more than one shows loss and jitter, too."""

    number: Number
    interval: Seconds = 60.0
    timeout: Timeout = 1.0
    count: Annotated[int, Meta(ge=1, le=100)] = 1
    spacing: Annotated[float, Meta(ge=0.02, le=1)] = 0.05


class Tcp(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="tcp"):
    """The time a TCP connection takes."""

    number: Number
    port: Port
    interval: Seconds = 60.0
    timeout: Timeout = 3.0


class Http(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="http"):
    """One request to the target's address, whatever host `url` names: that one is asked for, and its certificate expected."""

    number: Number
    url: Annotated[str, Meta(max_length=2_000)] = ""  # nothing: https:// and the target's address
    interval: Seconds = 60.0
    timeout: Timeout = 10.0  # for all of it
    method: Literal["GET", "HEAD"] = "GET"
    status: tuple[Annotated[int, Meta(ge=100, le=599)], ...] = ()  # what is good; nothing: all below 400
    expect: tuple[Text, ...] = ()  # texts that the first MiB of the answer holds
    verify: bool = True
    redirects: Annotated[int, Meta(ge=0, le=10)] = 0  # how many are followed


class Dns(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind", tag="dns"):
    """One question to the target, a name server."""

    number: Number
    query: Text
    type: Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"] = "A"
    port: Port = 53
    interval: Seconds = 60.0
    timeout: Timeout = 3.0
    expect: tuple[Text, ...] = ()  # data that the answer holds


Auth = Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
Priv = Literal["", "des", "aes128", "aes192", "aes256", "aes192c", "aes256c"]


class Snmp(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="snmp"):
    """SNMP by the named profiles: v1 and v2c with a community, v3 as a user (no auth: noAuthNoPriv; no priv: authNoPriv)."""

    number: Number
    community: Text = ""
    profiles: tuple[Text, ...] = ()
    port: Port = 161
    version: Literal["1", "2c", "3"] = "2c"
    interval: Seconds = 60.0
    timeout: Timeout = 1.0
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    user: Text = ""
    auth: Auth = ""
    auth_secret: Text = ""
    priv: Priv = ""  # aes192c and aes256c: keys lengthened as Cisco does it
    priv_secret: Text = ""
    context: Text = ""
    varbinds: Annotated[int, Meta(ge=4, le=200)] = 40  # of one request at most; 40 keep an answer below 1,400 bytes


Sensor = Ping | Tcp | Http | Dns | Snmp | Flow | Trap | Syslog | Radius


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
    # the tenant's key by which users and MAC addresses are hashed before they leave the site, 64 hex digits; empty: none is sent
    hash_key: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""
    personal: bool = False  # the tenant has switched on that they leave the site as they are


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
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
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
