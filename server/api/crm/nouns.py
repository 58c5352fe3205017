"""The nouns of the CRM's API: one table says where each stands, what it holds, and how it is listed."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta, Struct, defstruct

from server.api.crm import queries
from server.api.crm.computed import AccountFields, ServiceFields, account_fields, service_fields
from server.api.crm.facts import FACT_LISTS
from server.inventory.document import LISTS, Record
from server.inventory.fields import Id
from server.inventory.shape import plain
from storage.database import Connection

Fields: TypeAlias = Callable[[Connection, int, Sequence[int], int], Awaitable[Mapping[int, Any]]]
Result = Literal["created", "changed", "unchanged"]
OWNER = "crm"
MAX_ITEMS = 1_000  # of a PUT of many
_READ = Meta(extra_json_schema={"readOnly": True})
# Keys of what is read that nobody writes; a PUT may bring them back, and they are not looked at.
READ_ONLY = ("owner", "computed")


class Noun(NamedTuple):
    """`name`: its list in the document. `fields`: how its computed fields are read, and their type."""

    name: str
    query: type[queries.ListQuery] = queries.SearchQuery
    fields: tuple[Fields, type[Struct]] | None = None
    removable: bool = True

    @property
    def record(self) -> type[Record]:
        """What is written."""
        return (LISTS | FACT_LISTS)[self.name]

    @property
    def is_fact(self) -> bool:
        """Whether it is told beside the inventory."""
        return self.name in FACT_LISTS

    @property
    def path(self) -> str:
        """Its place under /crm/v1."""
        return self.name.replace("_", "-")

    @property
    def words(self) -> tuple[str, str]:
        """(article, noun) in the singular."""
        return plain(self.record)

    @property
    def plural(self) -> str:
        """The noun in the plural."""
        return self.name.replace("_", " ")


NOUNS: tuple[Noun, ...] = (
    Noun("account_managers"),
    Noun("accounts", queries.AccountsQuery, (account_fields, AccountFields)),
    Noun("locations", queries.LocationsQuery),
    Noun("products"),
    Noun("price_books"),
    Noun("price_book_entries", queries.EntriesQuery),
    Noun("templates"),
    Noun("sites"),
    Noun("elements", queries.ElementsQuery),
    Noun("services", queries.ServicesQuery, (service_fields, ServiceFields)),
    # what was planned is history: a window is canceled, never deleted
    Noun("maintenance_windows", queries.WindowsQuery, removable=False),
    Noun("orders", queries.OrdersQuery),
    Noun("cases", queries.CasesQuery),
    Noun("invoices", queries.InvoicesQuery),
)


class Outcome(Struct, frozen=True):
    """What a PUT did to one record."""

    id: Id
    result: Result


class Outcomes(Struct, frozen=True):
    """What a PUT of many did to each, in the order in which they were sent, and how often."""

    items: tuple[Outcome, ...]
    created: Annotated[int, Meta(ge=0, le=MAX_ITEMS)]
    changed: Annotated[int, Meta(ge=0, le=MAX_ITEMS)]
    unchanged: Annotated[int, Meta(ge=0, le=MAX_ITEMS)]


@functools.cache
def item_type(noun: Noun) -> type[Struct]:
    """What is read of one record."""
    more: list[tuple[str, Any]] = [("owner", Annotated[Literal["yaml", "crm", "api"], _READ])]
    more += [("computed", Annotated[noun.fields[1], _READ])] if noun.fields else []
    return defstruct(noun.record.__name__, [*_fields(noun), *more], kw_only=True, namespace={"__doc__": noun.record.__doc__})


@functools.cache
def body_type(noun: Noun) -> type[Struct]:
    """The body of a PUT of one record: the id stands in the address."""
    fields = [each for each in _fields(noun) if each[0] != "id"]
    about = {"__doc__": noun.record.__doc__}
    return defstruct(f"{noun.record.__name__}Body", fields, kw_only=True, namespace=about, forbid_unknown_fields=True)


@functools.cache
def sent_type(noun: Noun) -> type[Struct]:
    """One record of a PUT of many."""
    about = {"__doc__": noun.record.__doc__}
    return defstruct(f"{noun.record.__name__}Item", _fields(noun), kw_only=True, namespace=about, forbid_unknown_fields=True)


@functools.cache
def page_type(noun: Noun) -> type[Struct]:
    """The answer of a list."""
    about = {"__doc__": f"Some {noun.plural}; `next_cursor` leads to the next ones, null after the last."}
    fields: list[Any] = [("items", tuple[item_type(noun), ...]), ("next_cursor", str | None)]  # type: ignore[misc]
    return defstruct(f"{noun.record.__name__}Page", fields, namespace=about)


@functools.cache
def items_type(noun: Noun) -> type[Struct]:
    """The body of a PUT of many."""
    about = {"__doc__": f"Up to {MAX_ITEMS:,} {noun.plural}."}
    fields: list[Any] = [("items", Annotated[tuple[sent_type(noun), ...], Meta(max_length=MAX_ITEMS)])]  # type: ignore[misc]
    return defstruct(f"{noun.record.__name__}Items", fields, namespace=about, forbid_unknown_fields=True)


def _fields(noun: Noun) -> list[tuple[str, Any, Any]]:
    """The record's fields as defstruct takes them; `raise` of a threshold lies deeper and keeps its name."""
    return [(each.name, each.type, _default(each)) for each in msgspec.structs.fields(noun.record)]


def _default(each: msgspec.structs.FieldInfo) -> Any:
    if each.default_factory is not msgspec.NODEFAULT:
        return msgspec.field(default_factory=each.default_factory)
    return msgspec.field(default=each.default)
