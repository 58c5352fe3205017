"""What a list of records can be narrowed by: list -> filter -> predicate over the row `t`.

In a predicate, {p} is the value; $1 is the tenant, $2 now.
"""

from __future__ import annotations


def _of(table: str, column: str) -> str:
    return f"t.{column} = (select f.id from {table} f where f.tenant_id = $1 and f.external_id = {{p}})"  # noqa: S608 - ours


def _found(*columns: str) -> str:
    return f"strpos(lower(concat_ws(E'\\n', t.external_id, {', '.join(f't.{column}' for column in columns)})), lower({{p}})) > 0"


_OPEN_SPAN = "from service_span p where p.tenant_id = $1 and p.service_id = t.id and p.ends_at is null"
_STATUS = f"""coalesce((select p.shown {_OPEN_SPAN}), case when t.in_service then 'No Data' else 'Not in service' end)"""
_CASES = "exists (select from support_case c where c.tenant_id = $1 and c.service_id = t.id and c.status <> 'Closed'"
# The list views that people know from the CRM, one predicate each; an opportunity is none before anything finds one.
SERVICE_VIEWS = {
    "active": "t.active",
    "due_now": "false",
    "due_30": "false",
    "open_cases": f"{_CASES} and c.opened_at <= $2)",
    "open_cases_1d": f"{_CASES} and c.opened_at <= $2 - interval '1 day')",
    "down": f"{_STATUS} = 'Down'",
    "maintenance": f"exists (select {_OPEN_SPAN} and 'maintenance' = any(p.flags))",
}
_ACCOUNT, _SERVICE = _of("account", "account_id"), _of("service", "service_id")
_OPEN = "(t.status <> 'Closed') = {p}::text::boolean"

FILTERS: dict[str, dict[str, str]] = {
    "account_managers": {"q": _found("name", "email")},
    "accounts": {"q": _found("name"), "account_manager": _of("account_manager", "account_manager_id")},
    "locations": {"q": _found("name", "street", "city"), "account": _ACCOUNT},
    "templates": {"q": _found("name")},
    "products": {"q": _found("name", "kind")},
    "price_books": {"q": _found("name")},
    "price_book_entries": {"price_book": _of("price_book", "price_book_id"), "product": _of("product", "product_id")},
    "sites": {"q": _found("name")},
    "elements": {
        "q": _found("name", "address"),
        "site": _of("site", "site_id"),
        "device": _of("element", "device_id"),
        "service": """exists (select from placement p join service f on f.tenant_id = $1 and f.id = p.service_id
          where p.tenant_id = $1 and p.element_id = t.id and f.external_id = {p})""",
    },
    "services": {
        "q": _found("name", "customer_service_name"),
        "account": _ACCOUNT,
        "product": _of("product", "product_id"),
        "location": _of("location", "location_id"),
        "fulfilment_status": "t.fulfilment_status = {p}",
        "status": f"{_STATUS} = {{p}}",
        "element": """exists (select from placement p join element f on f.tenant_id = $1 and f.id = p.element_id
          where p.tenant_id = $1 and p.service_id = t.id and f.external_id = {p})""",
        "view": "case {p}::text " + " ".join(f"when '{name}' then {rule}" for name, rule in SERVICE_VIEWS.items()) + " end",
    },
    "orders": {"account": _ACCOUNT, "service": _SERVICE, "status": "t.status = {p}"},
    "cases": {"account": _ACCOUNT, "service": _SERVICE, "status": "t.status = {p}", "open": _OPEN},
    "invoices": {
        "account": _ACCOUNT,
        "unpaid": "(t.balance_due > 0) = {p}::text::boolean",
    },
    "maintenance_windows": {
        "service": """exists (select from maintenance_window_service w join service f on f.tenant_id = $1 and f.id = w.service_id
          where w.tenant_id = $1 and w.window_id = t.id and w.version = t.version and f.external_id = {p})""",
        "canceled": "t.canceled = {p}::text::boolean",
    },
}
