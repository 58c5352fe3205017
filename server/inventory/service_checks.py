"""Checks of services: is each tree a tree, can each group be satisfied, do products, prices and dates fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from server.inventory.document import Group, PriceBookEntry, Product, Service
from server.inventory.nearest import hint
from server.inventory.nodes import Fault, Path
from server.inventory.scope import Scope

Member = tuple[str, tuple[str, ...], str | None]  # the element's id or role, its parents, its group


def check(scope: Scope) -> Iterator[Fault]:
    """Every fault of the file's services, which are complete already."""
    stored = (scope.stored or {}).get("services", {})
    names = {service.name: key for key, service in stored.items() if key not in scope.draft.ids["services"]}
    for path, service in scope.records(Service):
        first = names.setdefault(service.name, service.id)
        if first != service.id:
            yield Fault((*path, "name"), f"service {first!r} has the name {service.name!r} already; names of services are unique")
        if service.template is None:  # a template that only the server knows is applied there
            tree = [(item.element, item.parent, item.group) for item in service.elements]
            yield from structure(f"service {service.id!r}", "element", path, tree, service.groups)
        yield from _sold(service, path, scope)
        yield from _money(service, path)
        yield from _dates(service, path)
        yield from _replaced(service, path, scope)


def structure(whose: str, word: str, path: Path, tree: Sequence[Member], groups: Sequence[Group]) -> Iterator[Fault]:
    """Faults of a tree: members twice, unknown parents and groups, cycles, groups that can never be satisfied."""
    parents = {member: above for member, above, _ in tree}
    members = Counter(group for _, _, group in tree)
    known = {group.name: group for group in groups}
    seen: set[str] = set()
    for i, (member, above, group) in enumerate(tree):
        where = (*path, "elements", i)
        if member in seen:
            yield Fault(where, f"{whose} names the {word} {member!r} twice")
        seen.add(member)
        for j, parent in enumerate(above):
            if parent not in parents:
                near = hint(parent, parents)
                yield Fault((*where, "parent", j), f"the parent {parent!r} of {member!r} is no {word} of {whose}{near}")
        if group is not None and group not in known:
            yield Fault((*where, "group"), f"{whose} has no group {group!r}{hint(group, known)}")
    if cycle := _cycle(parents):
        position = next(i for i, (member, _, _) in enumerate(tree) if member == cycle[0])
        yield Fault((*path, "elements", position, "parent"), f"the parents in {whose} go in a circle: {' -> '.join(cycle)}")
    for i, item in enumerate(groups):
        if item.k > members[item.name]:
            have = f"has {members[item.name]} member{'' if members[item.name] == 1 else 's'}"
            yield Fault((*path, "groups", i), f"group {item.name!r} of {whose} needs {item.k} but {have}")
        if groups[:i] and item.name in {other.name for other in groups[:i]}:
            yield Fault((*path, "groups", i), f"{whose} has two groups {item.name!r}")


def _cycle(parents: dict[str, tuple[str, ...]]) -> list[str] | None:
    """The members of one cycle, first one repeated at the end; walks without recursion."""
    done: set[str] = set()
    for start in parents:
        trail: list[str] = []
        stack: list[tuple[str, bool]] = [(start, True)]
        while stack:
            member, entering = stack.pop()
            if not entering:
                done.add(trail.pop())
            elif member in trail:
                return [*trail[trail.index(member) :], member]
            elif member not in done and member in parents:
                trail.append(member)
                stack.append((member, False))
                stack.extend((parent, True) for parent in parents[member])
    return None


def _sold(service: Service, path: Path, scope: Scope) -> Iterator[Fault]:
    product = scope.find(Product, service.product)
    if product is not None and product.is_add_on:
        yield Fault((*path, "product"), f"product {product.id!r} is an add-on: it belongs in 'add_ons' of a service")
    entry = scope.find(PriceBookEntry, service.price_book_entry)
    if entry is not None and entry.product != service.product:
        yield Fault(
            (*path, "price_book_entry"), f"price book entry {entry.id!r} is of product {entry.product!r}, not {service.product!r}"
        )
    seen: set[str] = set()
    for i, add_on in enumerate(service.add_ons):
        where = (*path, "add_ons", i, "product")
        sold = scope.find(Product, add_on.product)
        if sold is not None and not sold.is_add_on:
            yield Fault(where, f"product {sold.id!r} is no add-on: set 'is_add_on: true' on it")
        if add_on.product in seen:
            yield Fault(where, f"service {service.id!r} names the add-on {add_on.product!r} twice")
        seen.add(add_on.product)


def _money(service: Service, path: Path) -> Iterator[Fault]:
    amounts = [((*path, "commission"), service.commission)]
    amounts += [((*path, "add_ons", i, "mrr"), add_on.mrr) for i, add_on in enumerate(service.add_ons)]
    for where, money in amounts:
        if money is not None and money.currency != service.mrr.currency:
            yield Fault(where, f"{where[-1]!r} is in {money.currency}, but the service's 'mrr' is in {service.mrr.currency}")


def _dates(service: Service, path: Path) -> Iterator[Fault]:
    for key in ("service_end", "term_end"):
        end = getattr(service, key)
        if end is not None and service.service_start is not None and end < service.service_start:
            yield Fault((*path, key), f"{key!r} {end} is before 'service_start' {service.service_start}")
    for i, add_on in enumerate(service.add_ons):
        if add_on.start_date and add_on.end_date and add_on.end_date < add_on.start_date:
            yield Fault((*path, "add_ons", i), f"the add-on {add_on.product!r} ends before it starts")


def _replaced(service: Service, path: Path, scope: Scope) -> Iterator[Fault]:
    trail = [service.id]
    follower = service
    while follower.replaced_with is not None and len(trail) < 100:
        trail.append(follower.replaced_with)
        if follower.replaced_with == service.id:
            yield Fault((*path, "replaced_with"), f"services are replaced in a circle: {' -> '.join(trail)}")
            return
        found = scope.find(Service, follower.replaced_with)
        if found is None:
            return
        follower = found
