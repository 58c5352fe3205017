"""What lists of the CRM's API can be asked for: the query of each, as structs."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from msgspec import Meta, Struct

from protocols.errors import Refused
from server.inventory.fields import Fulfilment, Id, Name

Limit = Annotated[int, Meta(ge=1, le=1_000)]
Cursor = Annotated[str, Meta(min_length=1, max_length=2_000)]
Search = Annotated[str, Meta(min_length=1, max_length=255)]
Status = Literal["Up", "Has Issues", "Down", "No Data", "Not in service"]
View = Literal["active", "due_now", "due_30", "open_cases", "open_cases_1d", "down", "maintenance"]


class ListQuery(Struct, frozen=True):
    """What every list takes: how many at once, and where the list before ended."""

    limit: Limit = 100
    cursor: Cursor | None = None


class SearchQuery(ListQuery, frozen=True):
    """`q` is looked for in ids and names, whatever the case."""

    q: Search | None = None


class AccountsQuery(SearchQuery, frozen=True):
    """Accounts of one account manager."""

    account_manager: Id | None = None


class LocationsQuery(SearchQuery, frozen=True):
    """Locations of one account."""

    account: Id | None = None


class EntriesQuery(ListQuery, frozen=True):
    """Entries of one price book, or of one product."""

    price_book: Id | None = None
    product: Id | None = None


class ElementsQuery(SearchQuery, frozen=True):
    """Elements at one site, ports of one device, or what carries one service."""

    site: Id | None = None
    device: Id | None = None
    service: Id | None = None


class ServicesQuery(SearchQuery, frozen=True):
    """Services of one account, product, location or element, in one status or list view."""

    account: Id | None = None
    product: Id | None = None
    location: Id | None = None
    element: Id | None = None
    status: Status | None = None
    fulfilment_status: Fulfilment | None = None
    view: View | None = None


class OrdersQuery(ListQuery, frozen=True):
    """Orders of one account or service."""

    account: Id | None = None
    service: Id | None = None
    status: Name | None = None


class CasesQuery(OrdersQuery, frozen=True):
    """Cases of one account or service; open are all that are not Closed."""

    open: bool | None = None


class InvoicesQuery(ListQuery, frozen=True):
    """Invoices of one account; unpaid are those with a balance due."""

    account: Id | None = None
    unpaid: bool | None = None


class WindowsQuery(ListQuery, frozen=True):
    """Windows over one service."""

    service: Id | None = None
    canceled: bool | None = None


def filters(query: ListQuery) -> dict[str, str]:
    """The filters that were given, as text for the database."""
    values = {name: getattr(query, name) for name in query.__struct_fields__ if name not in {"limit", "cursor"}}
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items() if value is not None}


def cursor(external_id: str) -> str:
    """Where the next page starts: behind this id. Opaque to whoever gets it."""
    return base64.urlsafe_b64encode(external_id.encode()).decode().rstrip("=")


def behind(query: ListQuery) -> str:
    """The id behind which the page starts. Raises Refused 400 for a cursor that is not ours."""
    if query.cursor is None:
        return ""
    try:
        found = base64.b64decode(query.cursor + "=" * (-len(query.cursor) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        found = ""
    if not found or "\0" in found:
        raise Refused(400, "The query does not fit", "'cursor' is the next_cursor of the page before, as it was given.")
    return found
