"""The inventory document: every noun a person may write, as frozen structs. Field names are the keys of the file."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, field

from server.inventory.fields import (
    AccountId,
    AccountManagerId,
    Bytes,
    Count,
    Country,
    Criticality,
    Currency,
    Days,
    ElementId,
    EntryId,
    Facing,
    Fulfilment,
    Id,
    LocationId,
    Milliseconds,
    Name,
    Percent,
    Policy,
    PriceBookId,
    ProductId,
    Rate,
    ServiceId,
    SiteId,
    TemplateId,
    Text,
    Zone,
)
from server.inventory.sensor import Sensor

MAX_RECORDS = 100_000  # of one list


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """What every noun has: `id` is its external id, unique among its kind and never shown as a name."""

    id: Id


class Money(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount with at most 4 decimals, and its ISO 4217 currency; `49.90 EUR` in a file."""

    amount: Annotated[str, Meta(pattern=r"^-?\d{1,10}(\.\d{1,4})?$", extra={"check": "amount"})]
    currency: Currency


NOTHING = Money("0.00", "EUR")


class AccountManager(Record, frozen=True):
    """Who looks after accounts."""

    name: Name
    email: Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=255, extra={"check": "email"})]


class Account(Record, frozen=True):
    """A customer, reseller or provider."""

    name: Name
    account_manager: AccountManagerId | None = None
    timezone: Zone | None = None
    country: Country | None = None


class Location(Record, frozen=True):
    """Where a customer is served."""

    account: AccountId
    name: Name
    street: Text = ""
    city: Text = ""
    postal_code: Text = ""
    region: Text = ""
    country: Country | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    timezone: Zone | None = None


class Meter(Struct, frozen=True, forbid_unknown_fields=True):
    """The traffic of the service is what this placement's metric says; `facing` tells down from up."""

    metric: Name
    facing: Facing


class Group(Struct, frozen=True, forbid_unknown_fields=True):
    """A redundancy group: `k` of its members are needed."""

    name: Name
    k: Annotated[int, Meta(ge=1, le=10_000)] = 1
    criticality: Criticality = "required"


class TemplatePlacement(Struct, frozen=True, forbid_unknown_fields=True):
    """An element's place in a service, the element named by its role."""

    role: Name
    criticality: Criticality = "required"
    parent: tuple[Name, ...] = ()
    group: Name | None = None
    meter: Meter | None = None


class Template(Record, frozen=True):
    """A service structure that is applied to services."""

    name: Name
    elements: tuple[TemplatePlacement, ...] = ()
    groups: tuple[Group, ...] = ()


class Product(Record, frozen=True):
    """What is sold, with its sold limits; a limit that is left out is not sold."""

    name: Name
    kind: Text = ""
    is_add_on: bool = False
    down_bps: Rate | None = None
    up_bps: Rate | None = None
    down_burst_bps: Rate | None = None
    up_burst_bps: Rate | None = None
    storage_bytes: Bytes | None = None
    vcpu: Count | None = None
    ram_bytes: Bytes | None = None
    seats: Count | None = None
    response_time_ms: Milliseconds | None = None
    loss_percent: Percent | None = None
    jitter_ms: Milliseconds | None = None
    hard_limit: bool = False
    sla_percent: Annotated[float, Meta(gt=0, le=100, extra={"unit": "%"})] | None = None
    maintenance_policy: Policy = "exclude"
    lead_time_days: Days = 0


class PriceBook(Record, frozen=True):
    """A price list in one currency."""

    name: Name
    currency: Currency


class Upgrade(Struct, frozen=True, forbid_unknown_fields=True):
    """A next tier or an add-on, and what it costs more a month."""

    entry: EntryId
    price_delta: Money


class PriceBookEntry(Record, frozen=True):
    """A product's price in a book, with its template and its upgrade path, nearest first."""

    price_book: PriceBookId
    product: ProductId
    mrc: Money | None = None
    otc: Money | None = None
    template: TemplateId | None = None
    upgrade_path: tuple[Upgrade, ...] = ()


class Site(Record, frozen=True):
    """Where an agent stands."""

    name: Name
    timezone: Zone | None = None
    country: Country | None = None


class Threshold(Struct, frozen=True, forbid_unknown_fields=True):
    """A condition is raised at one value and cleared at the other (default: 90 % of it)."""

    raise_: float = field(name="raise")
    clear: float | None = None


class Element(Record, frozen=True):
    """A part that carries services: a device with an address, or a port of a device, or a logical one."""

    name: Name
    kind: Text = ""
    site: SiteId | None = None
    address: Annotated[str, Meta(min_length=1, max_length=253, extra={"check": "address"})] | None = None
    device: ElementId | None = None
    port: Name | None = None
    managed: bool = True
    provider_account: AccountId | None = None
    cost: Money = NOTHING
    thresholds: dict[Name, Threshold] = {}
    sensors: tuple[Sensor, ...] | None = None


class AddOn(Struct, frozen=True, forbid_unknown_fields=True):
    """A product sold beside the service's own."""

    product: ProductId
    mrr: Money | None = None
    start_date: date | None = None
    end_date: date | None = None


class Placement(Struct, frozen=True, forbid_unknown_fields=True):
    """An element's place in one service; `role` takes what is not given from the service's template."""

    element: ElementId
    role: Name | None = None
    criticality: Criticality | None = None
    parent: tuple[Id, ...] = ()
    group: Name | None = None
    meter: Meter | None = None


class Service(Record, frozen=True):
    """A subscription product sold to an account: what is monitored."""

    name: Name
    account: AccountId
    product: ProductId
    customer_service_name: Text = ""
    price_book_entry: EntryId | None = None
    location: LocationId | None = None
    floor: Text = ""
    suite: Text = ""
    room: Text = ""
    cage: Text = ""
    cabinet: Text = ""
    rack: Text = ""
    fulfilment_status: Fulfilment = "In Service"
    replaced_with: ServiceId | None = None
    reseller: AccountId | None = None
    show_in_reseller_portal: bool = False
    mrr: Money = NOTHING
    commission: Money | None = None
    service_start: date | None = None
    service_end: date | None = None
    term_end: date | None = None
    month_to_month: bool = False
    add_ons: tuple[AddOn, ...] = ()
    template: TemplateId | None = None
    elements: tuple[Placement, ...] = ()
    groups: tuple[Group, ...] = ()


class StatusComponent(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a status page: what its readers know as one thing."""

    name: Name
    services: Annotated[tuple[ServiceId, ...], Meta(min_length=1, max_length=500)]
    description: Text = ""


class StatusPage(Record, frozen=True):
    """A page for whoever knows its address: of one account, or of the provider (no account), which names its components."""

    title: Name
    account: AccountId | None = None
    enabled: bool = True
    components: Annotated[tuple[StatusComponent, ...], Meta(max_length=500)] = ()


class Document(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. With `prune`, what an earlier file made and this one no longer names is removed."""

    prune: bool = False
    account_managers: tuple[AccountManager, ...] = ()
    accounts: tuple[Account, ...] = ()
    locations: tuple[Location, ...] = ()
    templates: tuple[Template, ...] = ()
    products: tuple[Product, ...] = ()
    price_books: tuple[PriceBook, ...] = ()
    price_book_entries: tuple[PriceBookEntry, ...] = ()
    sites: tuple[Site, ...] = ()
    elements: tuple[Element, ...] = ()
    services: tuple[Service, ...] = ()
    status_pages: tuple[StatusPage, ...] = ()


# The document's lists in dependency order: a record only refers to earlier lists, or to its own.
LISTS: dict[str, type[Record]] = {
    "account_managers": AccountManager,
    "accounts": Account,
    "locations": Location,
    "templates": Template,
    "products": Product,
    "price_books": PriceBook,
    "price_book_entries": PriceBookEntry,
    "sites": Site,
    "elements": Element,
    "services": Service,
    "status_pages": StatusPage,
}
