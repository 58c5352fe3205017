"""One record of every noun of the CRM's API, which refer to each other by the names of the nouns."""

from __future__ import annotations

EUR = {"amount": "10.00", "currency": "EUR"}
# noun -> a record of it, whose references are other records of this table; in an order in which they can be put
RECORDS = {
    "account-managers": {"name": "Ada", "email": "ada@example.net"},
    "accounts": {"name": "Acme", "account_manager": "account-managers", "timezone": "Europe/Berlin", "country": "DE"},
    "locations": {"account": "accounts", "name": "Berlin", "latitude": 52.5, "longitude": 13.4},
    "products": {"name": "Line 100", "down_bps": 100_000_000, "up_bps": 20_000_000, "sla_percent": 99.9},
    "price-books": {"name": "List", "currency": "EUR"},
    "templates": {"name": "One line", "elements": [{"role": "line"}]},
    "price-book-entries": {"price_book": "price-books", "product": "products", "mrc": EUR, "template": "templates"},
    "sites": {"name": "Headquarters"},
    "elements": {"name": "edge", "site": "sites", "address": "192.0.2.1", "cost": EUR},
    "services": {
        "name": "SP-1",
        "account": "accounts",
        "product": "products",
        "price_book_entry": "price-book-entries",
        "location": "locations",
        "mrr": EUR,
        "elements": [{"element": "elements", "meter": {"metric": "if.in", "facing": "network"}}],
    },
    "maintenance-windows": {
        "title": "New power supply",
        "starts_at": "2026-10-01T00:00:00+02:00",
        "ends_at": "2026-10-01T02:00:00+02:00",
        "timezone": "Europe/Berlin",
        "rrule": "FREQ=WEEKLY;COUNT=3",
        "services": ["services"],
    },
    "orders": {
        "account": "accounts",
        "status": "Pending",
        "opened_at": "2026-09-01T08:00:00Z",
        "line_items": [{"sales_class": "New", "service": "services", "price_book_entry": "price-book-entries", "mrc": EUR}],
    },
    "cases": {"account": "accounts", "service": "services", "status": "New", "opened_at": "2026-09-01T08:00:00.123456Z"},
    "invoices": {"account": "accounts", "issued_on": "2026-09-01", "amount": EUR, "balance_due": EUR | {"amount": "4"}},
}


def named(noun, suffix):
    """The record with its references suffixed."""

    def walk(value):
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return value + suffix if value in RECORDS else value

    return walk(RECORDS[noun])
