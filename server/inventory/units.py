"""Quantities as people write them, `100 Mbit/s`, `1 TB`, `5m`, `99.9 %`, `49.90 EUR`, and back."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_KILO = Decimal(1_000)
_KIBI = Decimal(1_024)
_RATES = {f"{prefix}{word}": _KILO**i for i, prefix in enumerate(("", "k", "M", "G", "T")) for word in ("bit/s", "bps")}
_SIZES = {f"{prefix}B": _KILO**i for i, prefix in enumerate(("", "k", "M", "G", "T", "P"))}
_SIZES |= {f"{prefix}iB": _KIBI**i for i, prefix in enumerate(("", "K", "M", "G", "T", "P")) if i}
_SECONDS = {"ms": "0.001", "s": "1", "m": "60", "min": "60", "h": "3600", "d": "86400"}
_TIMES = {word: Decimal(seconds) for word, seconds in _SECONDS.items()}

# The unit of the number in the document -> what may be written behind a number, and how many of that unit it is.
UNITS: dict[str, dict[str, Decimal]] = {
    "bit/s": _RATES | {"Kbit/s": _KILO},
    "B": _SIZES | {"KB": _KILO},
    "s": _TIMES,
    "ms": {word: _TIMES[word] * 1_000 for word in ("ms", "s")},
    "d": {"d": Decimal(1), "day": Decimal(1), "days": Decimal(1)},
    "%": {"%": Decimal(1)},
}
EXAMPLES = {
    "bit/s": "100 Mbit/s",
    "B": "500 GB",
    "s": "60s, 5m or 1h",
    "ms": "50 ms",
    "d": "14 days",
    "%": "99.9 %",
}
_QUANTITY = re.compile(r"^([+-]?(?:\d[\d_]*)(?:\.\d+)?|[+-]?\.\d+)\s*(\S*)$")
_MONEY = re.compile(r"^(-?\d{1,10}(?:\.\d{1,4})?)\s+([A-Z]{3})$")


def number(text: str, unit: str | None = None) -> Decimal | None:
    """`text` as a number of `unit` (a key of UNITS); a bare number counts as that unit. None if it is no such quantity."""
    match = _QUANTITY.match(text.strip())
    if match is None:
        return None
    factor = Decimal(1) if not match[2] else UNITS.get(unit or "", {}).get(match[2])
    try:
        return None if factor is None else Decimal(match[1].replace("_", "")) * factor
    except InvalidOperation:
        return None


def money(text: str) -> tuple[str, str] | None:
    """(amount, currency) of `49.90 EUR`, or None."""
    match = _MONEY.match(text.strip())
    return None if match is None else (match[1], match[2])


def amount(text: str) -> str:
    """The one way an amount is written: no needless zeros, but two decimals at least. `text` is a valid amount."""
    whole, _, cents = f"{Decimal(text):f}".partition(".")
    return f"{'0' if whole == '-0' and not cents.strip('0') else whole}.{cents.rstrip('0').ljust(2, '0')}"


def show(value: float, unit: str) -> str:
    """A number of `unit` in its largest whole unit: 100000000 bit/s -> '100 Mbit/s', 300 s -> '5 m'."""
    if unit in {"%", "d"}:
        return f"{value:.15g} {unit}"
    best, factor = unit, Decimal(1)
    for word, candidate in UNITS[unit].items():
        exact = Decimal(str(value)) / candidate
        if candidate > factor and exact == exact.to_integral() and not word.endswith("ps") and word not in {"min", "d"}:
            best, factor = word, candidate
    return f"{Decimal(str(value)) / factor:f}".removesuffix(".0") + f" {best}"
