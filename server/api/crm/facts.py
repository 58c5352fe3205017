"""What the CRM and billing tell beside the inventory: orders, cases, invoices and planned maintenance, as frozen structs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import replace

from server import instants
from server.inventory import units
from server.inventory.document import Money, Record
from server.inventory.fields import AccountId, EntryId, Name, ServiceId, Text, Zone
from server.inventory.nodes import Fault, Path

Instant = Annotated[str, Meta(max_length=40, extra={"check": "instant"}, extra_json_schema={"format": "date-time"})]
SalesClass = Literal["New", "Replace", "Re-Term/Re-Rate", "Service Request", "Cancel"]
R = TypeVar("R", bound=Record)


class LineItem(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of an order: what is sold (or given up), and its monthly and one-time charge."""

    sales_class: SalesClass
    service: ServiceId | None = None
    price_book_entry: EntryId | None = None
    mrc: Money | None = None
    otc: Money | None = None


class Order(Record, frozen=True):
    """An order. It is active while its `status` is Pending or In Progress."""

    account: AccountId
    status: Name
    opened_at: Instant
    name: Text = ""
    service: ServiceId | None = None
    closed_at: Instant | None = None
    line_items: Annotated[tuple[LineItem, ...], Meta(max_length=1_000)] = ()


class Case(Record, frozen=True):
    """A support case. It is open while its `status` is any but Closed."""

    account: AccountId
    status: Name
    opened_at: Instant
    subject: Text = ""
    service: ServiceId | None = None
    closed_at: Instant | None = None


class Invoice(Record, frozen=True):
    """An invoice, and what of it is still to be paid."""

    account: AccountId
    issued_on: date
    amount: Money
    due_on: date | None = None
    balance_due: Money | None = None


class MaintenanceWindow(Record, frozen=True):
    """Planned work over services, once or recurring; every change makes a new version.

    `starts_at` and `ends_at` are the first occurrence; `rrule` is a RECUR value of RFC 5545 without DTSTART, counted in the
    local time of `timezone`. What changes the time before now needs a `back_dated_reason`.
    """

    title: Name
    starts_at: Instant
    ends_at: Instant
    services: Annotated[tuple[ServiceId, ...], Meta(max_length=10_000)]
    rrule: Text = ""
    timezone: Zone = "UTC"
    back_dated_reason: Text = ""
    canceled: bool = False


class Facts(Struct, frozen=True, forbid_unknown_fields=True):
    """The lists of facts, as the inventory's document holds its lists."""

    orders: tuple[Order, ...] = ()
    cases: tuple[Case, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    maintenance_windows: tuple[MaintenanceWindow, ...] = ()


# Statuses that computed fields go by, in this spelling; a CRM may have any others.
COUNTED: dict[type[Record], tuple[str, ...]] = {Order: ("Pending", "In Progress"), Case: ("Closed",)}
FACT_LISTS: dict[str, type[Record]] = {
    "orders": Order,
    "cases": Case,
    "invoices": Invoice,
    "maintenance_windows": MaintenanceWindow,
}


def canonical(record: R) -> R:
    """`record` with instants in UTC and money in one form, so that what was sent and what is stored can be compared."""
    if isinstance(record, (Order, Case)):
        closed = record.closed_at and instants.in_one_form(record.closed_at)
        record = replace(record, opened_at=instants.in_one_form(record.opened_at), closed_at=closed)
    if isinstance(record, Order):
        lines = tuple(replace(line, mrc=_money(line.mrc), otc=_money(line.otc)) for line in record.line_items)
        return replace(record, line_items=lines)
    if isinstance(record, Invoice):
        due = record.balance_due or Money("0", record.amount.currency)
        return replace(record, amount=_form(record.amount), balance_due=_form(due))
    if isinstance(record, MaintenanceWindow):
        starts, ends = instants.in_one_form(record.starts_at), instants.in_one_form(record.ends_at)
        return replace(record, starts_at=starts, ends_at=ends, services=tuple(sorted(set(record.services))))
    return record


def check(record: Record, path: Path) -> Iterator[Fault]:
    """What no type can say about a canonical fact."""
    if isinstance(record, (Order, Case)) and record.closed_at is not None and record.closed_at < record.opened_at:
        yield Fault((*path, "closed_at"), f"'closed_at' {record.closed_at} is before 'opened_at' {record.opened_at}")
    if isinstance(record, (Order, Case)):
        meant = [word for word in COUNTED[type(record)] if word.casefold() == record.status.casefold()]
        if meant and record.status not in meant:
            yield Fault((*path, "status"), f"'status' {record.status!r} would not count as {meant[0]!r}: write it so")
    if isinstance(record, Order):
        for i, line in enumerate(record.line_items):
            if line.mrc is not None and line.otc is not None and line.mrc.currency != line.otc.currency:
                where = (*path, "line_items", i, "otc")
                yield Fault(
                    where, f"'otc' is in {line.otc.currency}, but 'mrc' is in {line.mrc.currency}: one line has one currency"
                )
    if isinstance(record, Invoice) and record.balance_due is not None and record.balance_due.currency != record.amount.currency:
        where = (*path, "balance_due")
        yield Fault(where, f"'balance_due' is in {record.balance_due.currency}, but 'amount' is in {record.amount.currency}")


def _form(money: Money) -> Money:
    return Money(units.amount(money.amount), money.currency)


def _money(money: Money | None) -> Money | None:
    """`money` in one form; nothing if it is zero, which is not told from nothing."""
    plain = None if money is None else _form(money)
    return None if plain is None or plain.amount == "0.00" else plain
