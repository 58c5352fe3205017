"""What discover found, for a person: a list in plain words, and YAML to paste into the inventory."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from protocols.uplink.plan import Column, Snmp, Target

PORTS = 5  # of the device in the YAML, as a pattern for the others

UP = 1  # ifOperStatus
SCALES = {
    "bit/s": (1000, ("", "k", "M", "G", "T")),
    "Hz": (1000, ("", "k", "M", "G")),
    "bytes": (1024, ("", "KiB", "MiB", "GiB", "TiB", "PiB")),
}
RESERVED = frozenset({"yes", "no", "on", "off", "true", "false", "null"})  # words that are no text in YAML
TITLES = {
    "interface": "Interfaces",
    "cpu": "Processors",
    "memory": "Memory",
    "storage": "Disks and other storage",
    "wifi": "Radios, wireless networks and their clients",
    "ups": "Uninterruptible power supply",
    "sensor": "Sensors",
    "bgp": "BGP peers",
    "dsl": "DSL lines",
    "docsis": "Cable channels",
    "lldp": "Neighbours",
    "system": "System",
    "firewall": "Firewall",
    "vpn": "Tunnels",
    "vm": "Virtual machines",
    "part": "Parts",
    "pon": "Passive optical network",
    "disk": "Disks and arrays, by their state",
    "printer": "Printer",
    "server": "Virtual servers",
}


class Instance(NamedTuple):
    """One thing to be monitored: its kind, its name, the values of its metrics now, what else it is called, and its units."""

    kind: str
    name: str
    values: dict[str, int | float]
    tags: dict[str, str]
    columns: dict[str, Column]


def report(heading: str, instances: Sequence[Instance]) -> str:
    """The list in words."""
    lines = [heading, ""]
    if not instances:
        lines += ["Nothing that the profiles ask for is there."]
    for kind, group in groupby(sorted(instances, key=lambda found: _order(found.kind)), key=lambda found: found.kind):
        members = list(group)
        lines += [f"{TITLES.get(kind, kind)} ({_count(kind, members)}):"]
        lines += [f"  {_line(member)}" for member in members]
        lines += [""]
    return "\n".join(lines) + "\n"


def snippet(name: str, target: Target, sensor: Snmp, instances: Sequence[Instance]) -> str:
    """YAML for the inventory: the device, and some of its ports that are up."""
    identity = _identity(name)
    access = (
        [f"user: {_quoted(sensor.user)}", *([f"auth: {sensor.auth}", "auth_secret: env:SNMP_AUTH"] if sensor.auth else [])]
        + ([f"priv: {sensor.priv}", "priv_secret: env:SNMP_PRIV"] if sensor.priv else [])
        if sensor.version == "3"
        else ["community: env:SNMP_COMMUNITY"]
    )
    lines = [
        "# To monitor it, paste this into the inventory and set what is not right:",
        "elements:",
        f"  - id: {identity}",
        f"    name: {_quoted(name)}",
        "    site: YOUR-SITE",
        f"    address: {_quoted(target.address)}",
        "    sensors:",
        "      - kind: ping",
        "      - kind: snmp",
        *([f"        port: {sensor.port}"] if sensor.port != 161 else []),
        *([f'        version: "{sensor.version}"'] if sensor.version != "2c" else []),
        *(f"        {line}" for line in access),
        *([f"        profiles: [{', '.join(sensor.profiles)}]"] if sensor.profiles != ("auto",) else []),
    ]
    ports = [found for found in instances if found.kind == "interface" and found.values.get("if.oper_status") == UP]
    for port in ports[:PORTS]:
        lines += [f"  - id: {identity}-{_identity(port.name)}", f"    name: {_quoted(f'{name} {port.name}')}"]
        lines += [f"    device: {identity}", f"    port: {_quoted(port.name)}"]
    if len(ports) > PORTS:
        lines += [f"  # and so on for the other {len(ports) - PORTS} ports that are up, where services need them"]
    return "\n".join(lines) + "\n"


def _order(kind: str) -> int:
    return list(TITLES).index(kind) if kind in TITLES else len(TITLES)


def _count(kind: str, members: Sequence[Instance]) -> str:
    if kind != "interface":
        return str(len(members))
    up = sum(member.values.get("if.oper_status") == UP for member in members)
    return f"{len(members)}, of which {up} are up"


def _line(found: Instance) -> str:
    tags = ", ".join(f"{tag} {shown}" for tag, shown in found.tags.items() if shown != found.name)
    name = found.name or "all of it"
    return f"{name}{f' ({tags})' if tags else ''}: " + ", ".join(_shown(found))


def _shown(found: Instance) -> Iterable[str]:
    """Each value with its unit or what it means; of what is counted, only that it is."""
    counted = 0
    for metric, value in found.values.items():
        column = found.columns[metric]
        counted += column.type == "rate"
        if column.type != "rate":
            said = column.mapping.get(int(value), "") if column.mapping else _with_unit(value, column.unit)
            yield f"{metric.partition('.')[2].replace('_', ' ').replace('.', ' ')} {said or _short(value)}"
    if counted:
        yield f"{counted} rates"


def _with_unit(value: float, unit: str) -> str:
    """`value` in a unit that keeps it short."""
    step, names = SCALES.get(unit, (math.inf, ("",)))
    power = 0
    while abs(value) >= step and power < len(names) - 1:
        value, power = value / step, power + 1
    return f"{_short(value)} {names[power]}{unit.removeprefix('bytes') if unit == 'bytes' and power else unit}".rstrip()


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def _identity(name: str) -> str:
    """`name` as an id: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-").lower() or "device"


def _quoted(value: str) -> str:
    """`value` in YAML: as it is where that is safe."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*[A-Za-z0-9/]", value) and value.lower() not in RESERVED
    return value if plain else json.dumps(value, ensure_ascii=False)
