"""`lineside-agent discover ADDRESS`: what would be monitored there, in words with YAML to paste, or as JSON, a line an instance.

The profiles are those of the last good plan, which has the server's own ones too, over those that this program came with
(profiles.json: no YAML reader is needed here, and none of an agent's few requirements is one).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from agent import config, discover_words, readings, state
from agent.collectors.snmp import Poller
from agent.collectors.snmp import check as try_once
from agent.device import UPTIME
from agent.discover_words import Instance
from agent.profiles import Cell, Entry
from agent.readings import Said
from agent.udp import Exchange, NoAnswer
from protocols.errors import ConfigError
from protocols.snmp import message, oid
from protocols.uplink.plan import Column, Plan, Profile, Snmp, Target
from protocols.wire import text

AUTO = "auto"  # the profile that extends all others
KINDS = {"if": "interface"}  # what the first word of a metric stands for, where it is not that word itself
LOST = ("snmp.incomplete", "snmp.walk", "snmp.undecodable")  # what the exchange counts
DIGITS = 12  # significant ones of a value: what remains are traces of binary fractions

_DESCRIPTION = oid.parse("1.3.6.1.2.1.1.1.0")  # sysDescr
_NAME = oid.parse("1.3.6.1.2.1.1.5.0")  # sysName


class Found(NamedTuple):
    """What a device says of itself, and what of it would be monitored."""

    name: str
    description: str
    instances: list[Instance]
    lost: int = 0  # questions that were not answered, or with nonsense


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("address", help="an IPv4 or IPv6 address, or a host name")
    parser.add_argument("--community", default="public", help="or env:NAME or file:PATH where it lies (default: public)")
    parser.add_argument("--port", type=int, default=161, help="UDP port (default: 161)")
    parser.add_argument("--snmp", choices=("1", "2c", "3"), help="version (default: 2c, or 3 with --user)")
    parser.add_argument("--user", default="", help="SNMPv3 user")
    parser.add_argument("--auth", default="", choices=("md5", "sha1", "sha224", "sha256", "sha384", "sha512"))
    parser.add_argument("--auth-secret", default="", metavar="S", help="or env:NAME or file:PATH")
    parser.add_argument("--priv", default="", choices=("des", "aes128", "aes192", "aes256", "aes192c", "aes256c"))
    parser.add_argument("--priv-secret", default="", metavar="S", help="or env:NAME or file:PATH")
    parser.add_argument("--context", default="", help="SNMPv3 context")
    parser.add_argument("--profile", action="append", metavar="NAME", help="instead of those that match; may be repeated")
    parser.add_argument("--timeout", type=float, default=2.0, metavar="S", help="seconds for one answer (default: 2)")
    parser.add_argument("--json", action="store_true", help="one object per instance: kind, name, metrics, values")


async def discover(options: argparse.Namespace, folder: Path) -> int:
    """Run the command; `folder` is the agent's state. The exit code: 0 = something is there. Raises ConfigError."""
    known = profiles(folder)
    sensor = _sensor(options, known)
    target = Target("discover", options.address, options.address, (sensor,))
    found = await ask(target, sensor, known)
    if found is None:
        sys.stderr.write(f"lineside-agent: {await try_once(target, sensor, Plan('', profiles=known))}\n")
        return 1
    if found.lost:
        sys.stderr.write(
            f"lineside-agent: {found.lost} questions were not answered, or not so that it makes sense: the list may lack rows.\n"
        )
    if options.json:
        sys.stdout.writelines(as_json(instance) + "\n" for instance in found.instances)
    else:
        heading = f"{options.address} is {found.name or 'a device without a name'}: {found.description or 'it says no more'}"
        sys.stdout.write(discover_words.report(heading, found.instances))
        sys.stdout.write(discover_words.snippet(found.name or options.address, target, sensor, found.instances))
    return 0 if found.instances else 1


def profiles(folder: Path) -> dict[str, Profile]:
    """The profiles that are known here: of the last plan, over our own."""
    ours = msgspec.json.decode(files("agent").joinpath("profiles.json").read_bytes(), type=dict[str, Profile])
    plan = state.last_plan(folder)
    known = ours | (plan.profiles if plan else {})
    known[AUTO] = Profile(AUTO, extends=tuple(name for name, profile in known.items() if profile.auto and name != AUTO))
    return known


def as_json(instance: Instance) -> str:
    """One instance, as a line. Values are in the metric's unit; of a counter, what it counts, in its own (octets, packets)."""
    shown = {"kind": instance.kind, "name": instance.name, "metrics": list(instance.values), "values": instance.values}
    return msgspec.json.encode(shown).decode()


async def ask(target: Target, sensor: Snmp, known: dict[str, Profile]) -> Found | None:
    """What there is at `target`; None if it cannot be asked."""
    exchange = Exchange("snmp", message.request_id, Counter())
    poller = Poller(exchange, target, sensor, known)
    try:
        device = await poller.connect()
        (first, *_) = await device.get([_NAME, _DESCRIPTION])
        await poller.discover(device)
        parts = await device.get(list(dict.fromkeys(name for entry in poller.entries for name in entry.oids)))
    except NoAnswer:
        return None
    finally:
        exchange.close()
    said = {name: (bind, part.mark) for part in (first, *parts) for name, bind in part.values.items()}
    said[UPTIME] = (message.VarBind(UPTIME, message.TIME_TICKS, first.mark.uptime), first.mark)
    name, description = (_text(first.values.get(what)) for what in (_NAME, _DESCRIPTION))
    lost = sum(count for fault, count in exchange.counters.items() if fault.startswith(LOST))
    return Found(name, description, instances(poller.entries, said), lost)


def instances(entries: Sequence[Entry], said: Said) -> list[Instance]:
    """What the device has, in the order of the profiles; metrics of one kind and name belong to one instance."""
    found: dict[tuple[str, str], Instance] = {}
    means: dict[str, list[float]] = {}
    for entry in entries:
        for column, value in _values(entry, said):
            if entry.reduce:
                means.setdefault(column.metric, []).append(value)
                value = math.fsum(means[column.metric]) / len(means[column.metric])  # noqa: PLW2901 - of all rows so far
            name = "" if entry.reduce else entry.instance
            what = (kind(column.metric), name)
            instance = found.setdefault(what, Instance(*what, {}, {}, {}))
            instance.values[column.metric] = neat(value)
            instance.columns[column.metric] = column
            instance.tags.update(entry.tags)
    return list(found.values())


def kind(metric: str) -> str:
    """What sort of thing has this metric."""
    first = metric.partition(".")[0]
    return KINDS.get(first, first)


def neat(value: float) -> int | float:
    """`value` as an integer where it is one."""
    if isinstance(value, int):
        return value
    rounded = float(f"{value:.{DIGITS}g}")
    return int(value) if value.is_integer() else int(rounded) if rounded.is_integer() else rounded


def _values(entry: Entry, said: Said) -> Iterable[tuple[Column, float]]:
    speed = readings.value(entry.speed, said) if entry.speed else None
    if entry.speed and speed:
        yield entry.speed.column, speed
    for cell in entry.cells:
        value = _count(cell, said) if cell.column.type == "rate" else readings.value(cell, said)
        if value is not None:
            yield cell.column, value


def _count(cell: Cell, said: Said) -> int | None:
    bind = said[cell.oid][0] if cell.oid in said else None
    return bind.value if bind and isinstance(bind.value, int) else None


def _text(bind: Any) -> str:
    return text(bind.value) if bind and isinstance(bind.value, bytes) else ""


def _sensor(options: argparse.Namespace, known: dict[str, Profile]) -> Snmp:
    named = tuple(options.profile or (AUTO,))
    for name in named:
        if name not in known:
            raise ConfigError(f"there is no profile {name!r}: {config.nearest(name, sorted(known))}.")
    try:
        values = {
            "number": 1,
            "community": config.secret_from(options.community),
            "profiles": named,
            "port": options.port,
            "version": options.snmp or ("3" if options.user else "2c"),
            "timeout": options.timeout,
            "user": options.user,
            "auth": options.auth,
            "auth_secret": config.secret_from(options.auth_secret),
            "priv": options.priv,
            "priv_secret": config.secret_from(options.priv_secret),
            "context": options.context,
        }
        return msgspec.convert(values, Snmp)
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigError(f"{error}.") from None
