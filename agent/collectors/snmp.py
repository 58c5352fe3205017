"""Polls devices by SNMP v1, v2c and v3 (RFC 1157, RFC 3416, RFC 3414): each on its own interval, by the profiles of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial

from agent import profiles
from agent.batcher import Clock, Emit, columns_of
from agent.hints import Hints
from agent.plans import Run
from agent.poller import Poller, phase
from agent.rounds import Rounds
from agent.udp import Exchange, NoAnswer, refused
from protocols.snmp import message, oid
from protocols.uplink.plan import Plan, Snmp, Target
from protocols.wire import text

__all__ = ["Poller", "check", "hinted", "phase", "run"]

_NAME = oid.parse("1.3.6.1.2.1.1.5.0")  # sysName


def hinted(hints: Hints) -> Run:
    """As `run`, which polls a device at once when `hints` say that something happened there."""
    return partial(run, hints=hints)


async def run(
    targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str], *, hints: Hints | None = None
) -> None:
    """Poll every SNMP sensor of `targets` until cancelled; a device that does not answer delays no other."""
    exchange = Exchange("snmp", message.request_id, counters, message.likely_id)
    rounds = Rounds(exchange, emit, columns_of(emit), clock)
    sensors = [(target, sensor) for target in targets for sensor in target.sensors if isinstance(sensor, Snmp)]
    if hints is not None:
        hints.on_hint = rounds.soon
    try:
        await rounds.run([Poller(exchange, target, sensor, plan.profiles, rounds.bank) for target, sensor in sensors])
    finally:
        if hints is not None:
            hints.on_hint = None
        exchange.close()


async def check(target: Target, sensor: Snmp, plan: Plan) -> str:
    """What is right or wrong between here and one device, in one plain sentence."""
    exchange = Exchange("snmp", message.request_id, Counter())
    where = f"{target.name} ({target.address}, UDP port {sensor.port})"
    poller = Poller(exchange, target, sensor, plan.profiles)
    try:
        device = await poller.connect()
        (first, *_) = await device.get([_NAME])
        await poller.discover(device)
    except NoAnswer as error:
        listens = poller.device is None or not await refused(poller.device.address)
        return _advice(where, sensor, error, listens=listens)
    finally:
        exchange.close()
    name = first.values.get(_NAME)
    called = text(name.value, profiles.NAME_LENGTH) if name and isinstance(name.value, bytes) else ""
    instances = len({(entry.table, entry.instance) for entry in poller.entries})
    return (
        f"{where} answers SNMP in {first.rtt * 1000:.1f} ms as {called or 'a device without a name'}; "
        f"{instances} instances are polled by {', '.join(sensor.profiles) or 'no profile'}."
    )


def _advice(where: str, sensor: Snmp, error: NoAnswer, *, listens: bool) -> str:
    if not listens:
        return f"{where}: the machine is there, but nothing listens on this UDP port: start its SNMP agent or correct the port."
    who = f"SNMPv3 user {sensor.user}" if sensor.version == "3" else "community"
    if error.reason == "timeout":
        doubt = "that it speaks SNMPv3" if sensor.version == "3" else "the community, for a device is silent to a wrong one"
        return f"{where} gives no answer to SNMP ({error}): check the address, that this UDP port is open from here, and {doubt}."
    if error.reason == "authentication" and "lets us read nothing" in str(error):
        return f"{where}: {error}: give the {who} a view on the device, and ask at the security level that it demands."
    if error.reason == "authentication":
        return f"{where} answers, but {error} (SNMPv3 user {sensor.user})."
    if error.reason == "no_such_object" or "noSuchName" in str(error):
        return f"{where} answers SNMP, but hides its sysUpTime: the view of the {who} on the device excludes what we need."
    return f"{where} cannot be polled by SNMP: {error}."
