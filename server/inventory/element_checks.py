"""Checks of elements: can an agent reach them, and does each sensor say what its kind needs and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from server.inventory.document import Element
from server.inventory.nearest import hint
from server.inventory.nodes import Fault, Path
from server.inventory.scope import Scope
from server.inventory.sensor import Sensor
from server.inventory.sensor_secrets import named

# The keys that only some kinds have; every kind has name, interval and required.
KEYS = {
    "ping": {"timeout", "count", "spacing"},
    "tcp": {"timeout", "port"},
    "http": {"timeout", "url", "method", "status", "expect", "verify", "redirects"},
    "dns": {"timeout", "port", "query", "type", "expect"},
    "snmp": {"timeout", "port", "community", "version", "profiles", "retries", "varbinds"}
    | {"user", "auth", "auth_secret", "priv", "priv_secret", "context"},
    "port": set[str](),
    "flow": {"senders", "sampling", "inside"},
    "trap": {"senders", "community", "version", "user", "auth", "auth_secret", "priv", "priv_secret"},
    "syslog": {"senders"},
    "radius": {"senders", "secret"},
}
LISTENERS = frozenset({"flow", "trap", "syslog", "radius"})  # kinds that hear what is sent, and poll nothing
SPACING = 0.05  # s between the requests of a ping sensor that says nothing
OPTIONAL = tuple(key for key in Sensor.__struct_fields__ if any(key in keys for keys in KEYS.values()))


def check(scope: Scope, profiles: frozenset[str]) -> Iterator[Fault]:
    """Every fault of the file's elements; `profiles` empty = any name goes."""
    stored = (scope.stored or {}).get("elements", {})
    ports = {(other.device, other.port): key for key, other in stored.items() if key not in scope.draft.ids["elements"]}
    for path, element in scope.records(Element):
        yield from _port(element, path, scope)
        yield from _reach(element, path)
        if element.device and element.port:
            first = ports.setdefault((element.device, element.port), element.id)
            if first != element.id:
                yield Fault((*path, "port"), f"port {element.port!r} of {element.device!r} is element {first!r} already")
        names: set[str] = set()
        for i, sensor in enumerate(element.sensors or ()):
            where = (*path, "sensors", i)
            yield from _sensor(sensor, where, profiles)
            if sensor.name in names:
                yield Fault(where, f"element {element.id!r} has two sensors {sensor.name!r}: give each a 'name' of its own")
            names.add(sensor.name)
        if sum(sensor.kind == "snmp" for sensor in element.sensors or ()) > 1:
            yield Fault(
                (*path, "sensors"), f"element {element.id!r} has two snmp sensors, which would count its ports twice: keep one"
            )


def _port(element: Element, path: Path, scope: Scope) -> Iterator[Fault]:
    if element.device is None or element.port is None:
        if element.port is not None:
            yield Fault((*path, "port"), f"port {element.port!r} needs a 'device': the element whose port it is")
        if element.device is not None:
            yield Fault((*path, "device"), f"element {element.id!r} names a 'device' but not the 'port' (its ifName)")
        return
    device = scope.find(Element, element.device)
    if element.device == element.id:
        yield Fault((*path, "device"), f"element {element.id!r} cannot be its own device")
    elif device is not None and device.device is not None:
        yield Fault((*path, "device"), f"{device.id!r} is a port itself, not a device")
    elif device is not None and not any(sensor.kind == "snmp" for sensor in device.sensors or ()):
        yield Fault((*path, "device"), f"port {element.port!r} cannot be read: give its device {device.id!r} an snmp sensor")
    if device is not None and element.site not in {None, device.site}:
        yield Fault((*path, "site"), f"a port stands where its device stands: leave out 'site', or make it {device.site!r}")


def _reach(element: Element, path: Path) -> Iterator[Fault]:
    polled = [sensor for sensor in element.sensors or () if sensor.kind != "port"]
    if polled and element.address is None:
        yield Fault((*path, "sensors"), f"element {element.id!r} has sensors but no 'address' to ask")
    if polled and element.managed and element.site is None and element.device is None:
        yield Fault(path, f"element {element.id!r} needs a 'site': the agent there polls it")
    for metric, threshold in element.thresholds.items():
        if threshold.raise_ == threshold.clear:
            where = (*path, "thresholds", metric)
            yield Fault(where, f"the threshold of {metric!r} is raised and cleared at the same value: it would flap")
    if element.port is None and any(sensor.kind == "port" for sensor in element.sensors or ()):
        yield Fault((*path, "sensors"), f"element {element.id!r} has a sensor of kind port but is no port of a device")


def _snmp(sensor: Sensor, path: Path) -> Iterator[Fault]:
    if sensor.version != "3":
        for key in ("user", "auth", "auth_secret", "priv", "priv_secret", "context"):
            if getattr(sensor, key) is not None:
                yield Fault((*path, key), f"{key!r} belongs to SNMPv3: write version: 3, or leave it out")
        return
    if sensor.community is not None:
        yield Fault((*path, "community"), "SNMPv3 has no community: leave it out")
    if sensor.user is None:
        yield Fault(path, "SNMPv3 needs its 'user'")
    if sensor.priv is not None and sensor.auth is None:
        yield Fault((*path, "priv"), "SNMPv3 has no privacy without authentication: give 'auth' and 'auth_secret' too")
    for key, of in (("auth_secret", sensor.auth), ("priv_secret", sensor.priv)):
        if of is None and getattr(sensor, key) is not None:
            yield Fault((*path, key), f"{key!r} needs its protocol: {key.removesuffix('_secret')!r}")


def _sensor(sensor: Sensor, path: Path, profiles: frozenset[str]) -> Iterator[Fault]:
    for key in OPTIONAL:
        if getattr(sensor, key) is not None and key not in KEYS[sensor.kind]:
            *others, last = [kind for kind, keys in KEYS.items() if key in keys]
            kinds = f"{', '.join(others)} or {last}" if others else last
            yield Fault((*path, key), f"{named(sensor.kind)} sensor has no {key!r}; only {kinds} has")
    if sensor.kind == "tcp" and sensor.port is None:
        yield Fault(path, "a tcp sensor needs the 'port' it shall connect to")
    if sensor.kind == "dns" and sensor.query is None:
        yield Fault(path, "a dns sensor needs the 'query': the name that the server shall be asked for")
    if sensor.kind == "http" and sensor.method == "HEAD" and sensor.expect:
        yield Fault((*path, "expect"), "an answer to HEAD has no text to look into: leave out 'expect', or use GET")
    if sensor.kind in {"snmp", "trap"}:
        yield from _snmp(sensor, path)
    if sensor.kind == "ping":
        last_answer = ((sensor.count or 1) - 1) * (sensor.spacing or SPACING) + (sensor.timeout or 1.0)
        if last_answer > sensor.interval and (sensor.count or 1) > 1:
            yield Fault(
                path, f"the requests of one poll take up to {last_answer:g} s, longer than the interval of {sensor.interval:g} s"
            )
    for i, profile in enumerate(sensor.profiles or ()):
        if profiles and profile not in profiles:
            yield Fault((*path, "profiles", i), f"there is no SNMP profile {profile!r}{hint(profile, sorted(profiles))}")
