"""The kinds of rows a batch carries, as columns; batch.py packs and unpacks them. Columns of one kind have equal length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# What an event is (index = wire code). Append only.
EVENT_KINDS = ("trap", "inform", "syslog", "agent")


class Samples(NamedTuple):
    """Measurements, one row each, shape [n]; row i belongs to sensor[i], metrics[metric[i]], instances[instance[i]]."""

    sensor: NDArray[np.uint32]  # the number the plan gave the sensor
    metric: NDArray[np.uint16]
    instance: NDArray[np.uint32]
    ts: NDArray[np.int64]
    value: NDArray[np.float64]  # rates are per second; a counter never travels
    seconds: NDArray[np.float32]  # how long the value was in force; 0 = an instant
    reason: NDArray[np.uint8]  # index into REASONS
    metrics: list[str]
    instances: list[str]
    # The polling interval in force, seconds, for every sensor that occurs above: shape [m] each.
    interval_sensor: NDArray[np.uint32]
    interval: NDArray[np.float32]


class Flows(NamedTuple):
    """Traffic aggregated at the agent, shape [n]: one row a minute, interface, direction, application, provider and remote.

    Rows of the same key add up: what came late for a minute, or from another exporter's domain, is a row of its own.
    """

    sensor: NDArray[np.uint32]
    interface: NDArray[np.uint32]  # ifIndex; 0 = the exporter does not say
    name: NDArray[np.uint32]  # ifName where SNMP or the exporter tells it, else "if" and the ifIndex
    direction: NDArray[np.uint8]  # 0 ingress, 1 egress
    application: NDArray[np.uint16]  # "" = not known
    provider: NDArray[np.uint16]  # "" = none of the known ones
    remote: NDArray[np.uint32]  # a network ("192.0.2.0/24"), "AS64500", or "other": all beyond the largest; "" = both ends inside
    ts: NDArray[np.int64]  # start of the minute
    octets: NDArray[np.float64]  # scaled by sampling
    packets: NDArray[np.float64]
    measured_octets: NDArray[np.float64]  # as counted, before scaling
    measured_packets: NDArray[np.float64]
    flows: NDArray[np.uint32]  # records that were counted: a long one in its last minute
    names: list[str]
    applications: list[str]
    providers: list[str]
    remotes: list[str]


class Sessions(NamedTuple):
    """RADIUS accounting records, shape [n]; users and stations are keyed hashes made at the agent unless the tenant asks otherwise.

    0 and "" = not said. `in` is what the NAS received from the user.
    """

    sensor: NDArray[np.uint32]
    kind: NDArray[np.uint8]  # Acct-Status-Type (RFC 2866 section 5.1)
    ts: NDArray[np.int64]
    octets_in: NDArray[np.uint64]
    octets_out: NDArray[np.uint64]
    packets_in: NDArray[np.uint64]
    packets_out: NDArray[np.uint64]
    seconds: NDArray[np.uint32]  # Acct-Session-Time
    interim: NDArray[np.uint32]  # Acct-Interim-Interval, seconds
    cause: NDArray[np.uint16]  # Acct-Terminate-Cause
    nas: NDArray[np.uint32]
    session: NDArray[np.uint32]
    part: NDArray[np.uint32]  # what tells sessions with the same id apart
    multi: NDArray[np.uint32]  # Acct-Multi-Session-Id
    user: NDArray[np.uint32]
    station: NDArray[np.uint32]
    ap: NDArray[np.uint32]  # the called station
    ssid: NDArray[np.uint32]
    address: NDArray[np.uint32]  # framed to the user
    texts: list[str]  # what nas and the columns behind it point into


class Events(NamedTuple):
    """Traps, informs and syslog lines, shape [n], and what the agent itself says about them (a storm that it suppressed)."""

    sensor: NDArray[np.uint32]
    ts: NDArray[np.int64]
    kind: NDArray[np.uint8]  # index into EVENT_KINDS
    severity: NDArray[np.uint8]  # RFC 5424, 0 to 7
    source: NDArray[np.uint32]  # the sender's address
    oid: NDArray[np.uint32]  # snmpTrapOID, of a syslog line its facility
    name: NDArray[np.uint32]  # of the trap by its MIB, else its OID; of a syslog line the program
    detail: NDArray[np.uint32]  # into details: of a trap its varbinds as a JSON object, else the message
    texts: list[str]  # what source, oid and name point into
    details: list[str]  # these may be longer


class Gaps(NamedTuple):
    """What the agent had to drop, shape [n]: `rows` rows of `lane` between two instants, and why."""

    first_ts: NDArray[np.int64]
    last_ts: NDArray[np.int64]
    rows: NDArray[np.uint64]
    lane: NDArray[np.uint8]  # index into texts
    reason: NDArray[np.uint8]  # index into texts
    texts: list[str]


class Discovery(NamedTuple):
    """What a target says it has, shape [n]: one row an attribute of an instance."""

    sensor: NDArray[np.uint32]
    ts: NDArray[np.int64]
    kind: NDArray[np.uint32]
    instance: NDArray[np.uint32]
    name: NDArray[np.uint32]
    value: NDArray[np.uint32]
    texts: list[str]


Kind = Samples | Flows | Sessions | Events | Gaps | Discovery
KINDS: dict[str, type[Kind]] = {
    "samples": Samples,
    "flows": Flows,
    "sessions": Sessions,
    "events": Events,
    "gaps": Gaps,
    "discovery": Discovery,
}
