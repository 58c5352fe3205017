"""Profit and margin of services and accounts: monthly revenue less what elements cost, less commissions; currencies do not mix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

Money = Mapping[str, Decimal]  # amount by currency


class Profit(NamedTuple):
    """Amounts by currency, and margins from 0 to 1: None without revenue, or where two currencies cannot be compared."""

    gross: Money
    net: Money
    gross_margin: float | None
    net_margin: float | None


def profit(revenue: Money, costs: Money, commissions: Money) -> Profit:
    """Gross is revenue less costs, net is gross less commissions; a margin is profit / revenue."""
    gross = less(revenue, costs)
    net = less(gross, commissions)
    return Profit(gross, net, _margin(gross, revenue), _margin(net, revenue))


def less(amounts: Money, minus: Money) -> Money:
    """By currency; one in which there is something on one side only is kept."""
    return {each: amounts.get(each, Decimal(0)) - minus.get(each, Decimal(0)) for each in sorted({*amounts, *minus})}


def total(amounts: Iterable[tuple[str, Decimal]]) -> Money:
    """Sums by currency, without those that are nothing."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return {currency: amount for currency, amount in sorted(sums.items()) if amount}


def _margin(gain: Money, revenue: Money) -> float | None:
    currencies = {currency for money in (gain, revenue) for currency, amount in money.items() if amount}
    if len(currencies) != 1:
        return None
    (currency,) = currencies
    base = revenue.get(currency, Decimal(0))
    return float(gain.get(currency, Decimal(0)) / base) if base else None
