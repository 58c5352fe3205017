"""Money as the API says it: an amount as text, and its currency."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from server.inventory.document import Money

if TYPE_CHECKING:
    from collections.abc import Mapping

_CENT, _LEAST = Decimal("0.01"), Decimal("0.0001")


def money(amount: Decimal, currency: str) -> Money:
    """With two decimals, or up to four where they are needed."""
    exact = amount.quantize(_LEAST)
    short = exact.quantize(_CENT)
    return Money(str(short if short == exact else exact.normalize()), currency)


def by_currency(amounts: Mapping[str, Decimal]) -> tuple[Money, ...]:
    """One entry a currency, by its code; none where there is nothing."""
    return tuple(money(amount, currency) for currency, amount in sorted(amounts.items()))
