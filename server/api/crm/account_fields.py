"""What Lineside computes about accounts: status, revenue at stake, services, dates, cases, orders, profit and invoices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from analytics.account_status import roll_up
from analytics.element_status import DOWN, HAS_ISSUES, MEASURED, NO_DATA
from analytics.margins import Profit, profit, total
from analytics.periods import local_date
from server import instants
from server.api.crm.money import by_currency
from server.inventory.document import Money
from storage import computed as rows
from storage.database import Connection

Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Days = Annotated[int, Meta(ge=0, le=1_000_000)]
Amounts = tuple[Money, ...]
Of = TypeVar("Of", rows.Sum, rows.Billed)


class AccountFields(Struct, frozen=True, kw_only=True):
    """The computed fields of an account; all of them null to resellers, who see a part of its services only.

    Money is summed per currency, one entry each. Statistics count services In Service; `total_services` counts all. Dates and
    days follow the account's time zone. `affected_revenue` is of services that are Down, `at_risk_revenue` of those with
    issues, `unknown_revenue` of those without data. Margins are shares of the revenue, null without it or with two currencies.
    """

    is_customer: bool | None = None
    is_reseller: bool | None = None
    is_provider: bool | None = None
    operational_status: str | None = None
    status_since: str | None = None
    measured_services: Count | None = None
    services_down: Count | None = None
    affected_revenue: Amounts | None = None
    at_risk_revenue: Amounts | None = None
    unknown_revenue: Amounts | None = None
    undergoing_maintenance: bool | None = None
    active_services: Count | None = None
    total_services: Count | None = None
    active_locations: Count | None = None
    first_service_start_date: date | None = None
    last_service_end_date: date | None = None
    days_since_first_service_start_date: Days | None = None
    account_age_days: Days | None = None
    month_to_month_services: Count | None = None
    has_month_to_month_services: bool | None = None
    has_active_orders: bool | None = None
    active_orders: Count | None = None
    total_orders: Count | None = None
    has_open_cases: bool | None = None
    cases_open_since: str | None = None
    open_cases: Count | None = None
    total_cases: Count | None = None
    monthly_recurring_revenue: Amounts | None = None
    monthly_gross_profit: Amounts | None = None
    monthly_gross_margin: float | None = None
    monthly_net_profit: Amounts | None = None
    monthly_net_margin: float | None = None
    average_revenue_per_service: Amounts | None = None
    average_gross_profit_per_service: Amounts | None = None
    average_net_profit_per_service: Amounts | None = None
    first_invoice_date: date | None = None
    first_invoice_amount: Money | None = None
    latest_invoice_date: date | None = None
    latest_invoice_amount: Money | None = None
    total_amount_billed: Amounts | None = None
    balance_due: Amounts | None = None
    past_due_amount: Amounts | None = None
    # The upgrade fields follow here when there are opportunities: has_active_upgrade_opportunities, upgradeable_services,
    # upgradeable_mrr, potential_uplift.


class _Known(NamedTuple):
    """All that is known of one account."""

    row: rows.AccountRow
    since: int | None
    sums: Sequence[rows.Sum]
    costs: Mapping[str, Decimal]
    billed: Sequence[rows.Billed]
    today: date


async def account_fields(con: Connection, tenant_id: int, accounts: Sequence[int], now_us: int) -> Mapping[int, AccountFields]:
    """Account id -> its computed fields at `now_us`, for those that the caller of the transaction may see."""
    if await rows.for_reseller(con):
        return {account: AccountFields() for account in accounts}
    found = await rows.accounts(con, tenant_id, accounts)
    today = {row.id: local_date(now_us, ZoneInfo(row.zone)) for row in found}
    ids = list(today)
    sums = _by_account(await rows.sums(con, tenant_id, ids))
    billed = _by_account(await rows.billed(con, tenant_id, today))
    since = await rows.started(con, tenant_id, ids, now_us)
    costs: dict[int, dict[str, Decimal]] = {}
    for account, currency, cost in await rows.account_costs(con, tenant_id, ids):
        costs.setdefault(account, {})[currency] = cost
    return {
        row.id: _fields(
            _Known(row, since.get(row.id), sums.get(row.id, []), costs.get(row.id, {}), billed.get(row.id, []), today[row.id])
        )
        for row in found
    }


def _by_account(found: Sequence[Of]) -> dict[int, list[Of]]:
    groups: dict[int, list[Of]] = {}
    for each in found:
        groups.setdefault(each.account_id, []).append(each)
    return groups


def _fields(known: _Known) -> AccountFields:
    row, statuses = known.row, Counter[str]()
    for each in known.sums:
        statuses[each.status] += each.services

    def revenue(status: str) -> Amounts:
        return by_currency(total((each.currency, each.mrr) for each in known.sums if each.status == status))

    return AccountFields(
        is_customer=row.customer,
        is_reseller=row.reseller,
        is_provider=row.provider,
        operational_status=roll_up(statuses.elements(), any_down=row.any_down),
        status_since=None if known.since is None else instants.text(known.since),
        measured_services=sum(statuses[status] for status in MEASURED),
        services_down=statuses[DOWN] + statuses[HAS_ISSUES],
        affected_revenue=revenue(DOWN),
        at_risk_revenue=revenue(HAS_ISSUES),
        unknown_revenue=revenue(NO_DATA),
        undergoing_maintenance=row.maintained > 0,
        active_services=row.in_service,
        total_services=row.services,
        active_locations=row.locations,
        month_to_month_services=row.month_to_month,
        has_month_to_month_services=row.month_to_month > 0,
        has_active_orders=row.active_orders > 0,
        active_orders=row.active_orders,
        total_orders=row.orders,
        has_open_cases=row.open_cases > 0,
        cases_open_since=None if row.cases_since is None else instants.text(row.cases_since),
        open_cases=row.open_cases,
        total_cases=row.cases,
        **_dates(row, known.today),
        **_profits(known),
        **_invoices(known.billed),
    )


def _dates(row: rows.AccountRow, today: date) -> dict[str, Any]:
    """The age stops at the last end date; what has not begun yet has no age."""
    last = row.last_end if not row.active else None
    begun = row.first_start if row.first_start is not None and row.first_start <= today else None
    return {
        "first_service_start_date": row.first_start,
        "last_service_end_date": last,
        "days_since_first_service_start_date": None if begun is None else (today - begun).days,
        "account_age_days": None if begun is None else max((min(last or today, today) - begun).days, 0),
    }


def _profits(known: _Known) -> dict[str, Any]:
    services = Counter[str]()
    for each in known.sums:
        services[each.currency] += each.services
    mrr = total((each.currency, each.mrr) for each in known.sums)
    gain: Profit = profit(mrr, known.costs, total((each.currency, each.commission) for each in known.sums))

    def average(amounts: Mapping[str, Decimal]) -> Amounts:
        """Over the services in the same currency; costs in one that no service is sold in have none to be shared by."""
        return by_currency({currency: amount / services[currency] for currency, amount in amounts.items() if services[currency]})

    return {
        "monthly_recurring_revenue": by_currency(mrr),
        "monthly_gross_profit": by_currency(gain.gross),
        "monthly_gross_margin": gain.gross_margin,
        "monthly_net_profit": by_currency(gain.net),
        "monthly_net_margin": gain.net_margin,
        "average_revenue_per_service": average(mrr),
        "average_gross_profit_per_service": average(gain.gross),
        "average_net_profit_per_service": average(gain.net),
    }


def _invoices(billed: Sequence[rows.Billed]) -> dict[str, Any]:
    first = min(billed, key=lambda each: each.first_on, default=None)
    latest = max(billed, key=lambda each: each.latest_on, default=None)
    return {
        "first_invoice_date": first and first.first_on,
        "first_invoice_amount": first and by_currency({first.currency: first.first_amount})[0],
        "latest_invoice_date": latest and latest.latest_on,
        "latest_invoice_amount": latest and by_currency({latest.currency: latest.latest_amount})[0],
        "total_amount_billed": by_currency({each.currency: each.amount for each in billed}),
        "balance_due": by_currency({each.currency: each.balance_due for each in billed}),
        "past_due_amount": by_currency({each.currency: each.past_due for each in billed}),
    }
