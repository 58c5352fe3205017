"""Money and counts in words: how much a month, by currency, never added across currencies."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


def money(amount: Decimal, currency: str) -> str:
    """`€ 420`, `$ 1,299.50`, `PLN 80`: cents only where there are any; the blank does not break."""
    whole = amount == amount.to_integral_value()
    return (
        f"{SIGNS.get(currency, currency)}\u00a0{amount:,.0f}" if whole else f"{SIGNS.get(currency, currency)}\u00a0{amount:,.2f}"
    )


def monies(sums: Mapping[str, Decimal]) -> str:
    """Several currencies side by side, the largest first: `€ 420 + $ 99`; empty where there is nothing."""
    return " + ".join(money(amount, currency) for currency, amount in sorted(sums.items(), key=lambda item: -item[1]) if amount)


def add(each: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Amounts summed by currency."""
    sums: dict[str, Decimal] = {}
    for currency, amount in each:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def counted(n: int, one: str, many: str = "") -> str:
    """`1 service`, `1,204 services`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def troubled(down: int, issues: int) -> str:
    """`2 Down, 1 with issues`; empty when neither."""
    parts = [f"{down:,} Down" if down else "", f"{issues:,} with issues" if issues else ""]
    return ", ".join(part for part in parts if part)


def tally(words: Iterable[str]) -> dict[str, int]:
    """How many of each word, most first."""
    return dict(Counter(words).most_common())
