"""What no type can say: references, duplicates, zones and money that must fit. Elements and services have files of their own."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import inspect

from server.inventory import element_checks, service_checks
from server.inventory.complete import complete
from server.inventory.document import Location, Money, PriceBook, PriceBookEntry, Product, Service, StatusPage, Template
from server.inventory.nodes import Fault, Path
from server.inventory.scope import Scope

LIMITS = ("down", "up")


def check(scope: Scope, faults: list[Fault], profiles: Iterable[str] = ()) -> None:
    """Complete the draft's records and note every fault among them. `profiles` are the SNMP profiles there are."""
    for name, records in scope.draft.records.items():
        for position, record in records.items():
            for path, target, key in references(record, (name, position)):
                if fault := scope.unknown(target, key, path):
                    faults.append(fault)
    complete(scope, faults)
    for part in (_products, _locations, _templates, _prices, _status_pages):
        faults.extend(part(scope))
    faults.extend(element_checks.check(scope, frozenset(profiles)))
    faults.extend(service_checks.check(scope))


def references(record: msgspec.Struct, path: Path) -> Iterator[tuple[Path, str, str]]:
    """(path, list, id) of everything that `record` refers to by an id."""
    for name, target in _fields(type(record)):
        value = getattr(record, name)
        if isinstance(value, tuple):
            for position, inner in enumerate(value):
                if isinstance(inner, msgspec.Struct):
                    yield from references(inner, (*path, name, position))
                elif target is not None:
                    yield (*path, name, position), target, inner
        elif target is not None and value is not None:
            yield (*path, name), target, value


@functools.cache
def _fields(record: type[msgspec.Struct]) -> tuple[tuple[str, str | None], ...]:
    """The fields that are references, with the list they lead to, and those that may hold records with references (None)."""
    found: list[tuple[str, str | None]] = []
    for item in msgspec.structs.fields(record):
        kind = inspect.type_info(item.type)
        parts = list(kind.types) if isinstance(kind, inspect.UnionType) else [kind]
        parts += [part.item_type for part in parts if isinstance(part, inspect.VarTupleType)]
        extras = [part.extra or {} for part in parts if isinstance(part, inspect.Metadata)]
        target = next((extra["ref"] for extra in extras if "ref" in extra), None)
        if target is not None or any(isinstance(part, inspect.VarTupleType) for part in parts):
            found.append((item.name, target))
    return tuple(found)


def _products(scope: Scope) -> Iterator[Fault]:
    for path, product in scope.records(Product):
        for side in LIMITS:
            sold, burst = getattr(product, f"{side}_bps"), getattr(product, f"{side}_burst_bps")
            if burst is not None and burst < (sold or 0):
                yield Fault((*path, f"{side}_burst_bps"), f"'{side}_burst_bps' is less than '{side}_bps'")


def _locations(scope: Scope) -> Iterator[Fault]:
    for path, location in scope.records(Location):
        if (location.latitude is None) != (location.longitude is None):
            yield Fault(path, f"location {location.id!r} needs both 'latitude' and 'longitude', or neither")


def _templates(scope: Scope) -> Iterator[Fault]:
    for path, template in scope.records(Template):
        tree = [(item.role, item.parent, item.group) for item in template.elements]
        yield from service_checks.structure(f"template {template.id!r}", "role", path, tree, template.groups)


def _prices(scope: Scope) -> Iterator[Fault]:
    for path, entry in scope.records(PriceBookEntry):
        book = scope.find(PriceBook, entry.price_book)
        amounts: list[tuple[Path, Money | None]] = [((*path, "mrc"), entry.mrc), ((*path, "otc"), entry.otc)]
        amounts += [((*path, "upgrade_path", i, "price_delta"), step.price_delta) for i, step in enumerate(entry.upgrade_path)]
        for where, money in amounts:
            if book is not None and money is not None and money.currency != book.currency:
                yield Fault(where, f"{where[-1]!r} is in {money.currency}, but price book {book.id!r} is in {book.currency}")
        for i, step in enumerate(entry.upgrade_path):
            if step.entry == entry.id:
                yield Fault((*path, "upgrade_path", i), f"price book entry {entry.id!r} cannot be an upgrade of itself")


def _status_pages(scope: Scope) -> Iterator[Fault]:
    """A page shows nothing that its readers have no business with: the names of other customers' services least of all."""
    for path, page in scope.records(StatusPage):
        if page.account is None and not page.components:
            yield Fault(path, f"status page {page.id!r} has neither an 'account' nor 'components': say what it shows")
        for i, component in enumerate(page.components):
            for j, key in enumerate(component.services):
                service = scope.find(Service, key)
                if page.account is not None and service is not None and service.account != page.account:
                    where = (*path, "components", i, "services", j)
                    yield Fault(
                        where, f"service {key!r} is of account {service.account!r}, not {page.account!r}, whose page this is"
                    )
