"""What a person may leave out, written out: the sensors of an element, a service's template, one form for money.

Wanted and stored records both go through here or come out of the database complete, so that they can be compared.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from server.inventory import units
from server.inventory.document import (
    Element,
    Money,
    Placement,
    PriceBookEntry,
    Record,
    Service,
    Template,
    TemplatePlacement,
    Upgrade,
)
from server.inventory.nodes import Fault, Path
from server.inventory.scope import Scope
from server.inventory.sensor import Sensor
from server.profiles import AUTO

PROFILES = (AUTO,)  # what fits the device, unless the file names others
SNMP_PORT = 161

R = TypeVar("R", bound=Record)


def complete(scope: Scope, faults: list[Fault]) -> None:
    """Replace every record of the draft by its complete form; faults of templates are noted."""
    for name, records in scope.draft.records.items():
        for position, record in records.items():
            records[position] = _complete(record, (name, position), scope, faults)


def _complete(record: Record, path: Path, scope: Scope, faults: list[Fault]) -> Record:
    if isinstance(record, Element):
        return element(record, scope)
    if isinstance(record, Service):
        return service(record, path, scope, faults)
    return canonical(record)


def canonical(record: R) -> R:
    """`record` with its money in one form: two decimals at least, and nothing instead of a zero that may be left out."""
    if isinstance(record, PriceBookEntry):
        path = tuple(Upgrade(step.entry, _money(step.price_delta)) for step in record.upgrade_path)
        return replace(record, mrc=_some(record.mrc), otc=_some(record.otc), upgrade_path=path)
    if isinstance(record, Service):
        add_ons = tuple(replace(add_on, mrr=_some(add_on.mrr)) for add_on in record.add_ons)
        return replace(record, mrr=_money(record.mrr), commission=_some(record.commission), add_ons=add_ons)
    if isinstance(record, Element):
        return replace(record, cost=_money(record.cost))
    return record


def element(record: Element, scope: Scope) -> Element:
    """An address without sensors is pinged; a port is read by its device's SNMP sensor; sensors have names."""
    sensors = record.sensors
    if sensors is None:
        sensors = (Sensor("ping"),) if record.address and record.managed else ()
    sensors = tuple(_sensor(item) for item in sensors)
    if record.port and record.device:
        device = scope.find(Element, record.device)
        every = min((item.interval for item in (device and device.sensors) or () if item.kind == "snmp"), default=60.0)
        if not any(item.kind == "port" for item in sensors):
            sensors = (*sensors, Sensor("port", "port"))
        sensors = tuple(replace(item, interval=every) if item.kind == "port" else item for item in sensors)
    kind = record.kind or ("port" if record.port else "device")
    return replace(record, kind=kind, sensors=sensors, cost=_money(record.cost))


def _sensor(sensor: Sensor) -> Sensor:
    named = replace(sensor, name=sensor.name or sensor.kind)
    if sensor.kind != "snmp":
        return named
    return replace(
        named,
        port=sensor.port or SNMP_PORT,
        version=sensor.version or "2c",
        profiles=PROFILES if sensor.profiles is None else sensor.profiles,
    )


def service(record: Service, path: Path, scope: Scope, faults: list[Fault]) -> Service:
    """The service with its template applied, every placement's criticality said, and its money in one form.

    It keeps a `template` that cannot be found: away from the server nobody knows what would be in it.
    """
    record = canonical(_structured(_with_template(record, scope), path, scope, faults))
    if record.template is not None and scope.find(Template, record.template) is None:
        return record
    placements = tuple(replace(item, role=None, criticality=item.criticality or "required") for item in record.elements)
    return replace(record, elements=placements, template=None)


def _with_template(record: Service, scope: Scope) -> Service:
    """A service whose elements have roles but that names no template has that of its price book entry."""
    entry = scope.find(PriceBookEntry, record.price_book_entry)
    if record.template is not None or entry is None or not any(item.role for item in record.elements):
        return record
    return replace(record, template=entry.template)


def _structured(record: Service, path: Path, scope: Scope, faults: list[Fault]) -> Service:
    """Placements and groups after the template: an element's role gives it what the service itself does not say."""
    template = scope.find(Template, record.template)
    if template is None:
        if record.template is None:
            faults.extend(
                Fault((*path, "elements", i, "role"), f"{item.role!r} is a role of no template: give the service a 'template'")
                for i, item in enumerate(record.elements)
                if item.role
            )
        return record
    roles = {item.role: item for item in template.elements}
    filled: dict[str, list[str]] = {}
    for item in record.elements:
        filled.setdefault(item.role or "", []).append(item.element)
    known = ", ".join(roles)
    for i, item in enumerate(record.elements):
        if item.role and item.role not in roles:
            faults.append(
                Fault((*path, "elements", i, "role"), f"template {template.id!r} has no role {item.role!r}, only {known}")
            )
    faults.extend(
        Fault(
            (*path, "elements"), f"service {record.id!r} names no element for the role {role!r} of its template {template.id!r}"
        )
        for role in roles
        if role not in filled
    )
    own = {group.name for group in record.groups}
    groups = (*record.groups, *(group for group in template.groups if group.name not in own))
    placements = tuple(_placed(item, roles.get(item.role or ""), filled) for item in record.elements)
    return replace(record, elements=placements, groups=groups)


def _placed(item: Placement, role: TemplatePlacement | None, filled: dict[str, list[str]]) -> Placement:
    if role is None:
        return item
    parents = tuple(element for parent in role.parent for element in filled.get(parent, ()))
    return replace(
        item,
        criticality=item.criticality or role.criticality,
        parent=item.parent or parents,
        group=item.group or role.group,
        meter=item.meter or role.meter,
    )


def _money(money: Money) -> Money:
    return Money(units.amount(money.amount), money.currency)


def _some(money: Money | None) -> Money | None:
    """`money` in one form; nothing if it is zero."""
    plain = None if money is None else _money(money)
    return None if plain is None or plain.amount == "0.00" else plain
