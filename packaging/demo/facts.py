"""What a CRM tells Lineside over the demo's life: maintenance windows, orders, cases and invoices, by /crm/v1, when it knows them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import yaml
from parts import Demo, Trouble

from tests.fakes.devices import spans

DAY = 86_400.0
_END = "9999"  # what has no start goes in any case
_OURS = {"id", "zone", "day", "at", "ago", "hours", "told"}


class Telling(NamedTuple):
    """One PUT: on which day of the birth (-90 = 90 days before), of what, and what it says."""

    day: int
    noun: str
    id: str
    body: dict[str, Any]


class Facts:
    """`tell(day)` sends what has become known since the day told last; `told` is that day.

    Maintenance from before `start` is left out: it would change a time that nobody lived through.
    """

    def __init__(self, demo: Demo, birth: float, start: float, told: int | None = None) -> None:
        self._demo, self.told = demo, told
        document = yaml.safe_load((Path(__file__).parent / "facts.yaml").read_text(encoding="utf-8"))
        known = (each for each in tellings(document, birth) if each.body.get("starts_at", _END) >= _written(start))
        self._all = sorted(known, key=lambda each: each.day)

    def tell(self, day: int) -> None:
        """Raises Trouble where the server refuses."""
        since = -math.inf if self.told is None else self.told
        headers = {"Authorization": f"Bearer {self._demo.key()}"}
        with httpx2.Client(base_url=self._demo.url, headers=headers, timeout=30) as client:
            for each in self._all:
                if since < each.day <= day:
                    answer = client.put(f"/crm/v1/{each.noun}/{each.id}", json=each.body)
                    if not answer.is_success:
                        raise Trouble(f"the server refuses {each.noun} {each.id}: {answer.status_code} {answer.text}")
        self.told = day


def tellings(document: Mapping[str, Any], birth: float) -> Iterator[Telling]:
    """All of it, in no order; `birth` in seconds since the epoch."""
    for raw in document["maintenance_windows"]:
        start, end = _span(raw, birth)
        body = _body(raw) | {"starts_at": _written(start), "ends_at": _written(end), "timezone": raw["zone"]}
        yield Telling(-raw["told"], "maintenance-windows", raw["id"], body)
    for noun, done in (("orders", "Completed"), ("cases", "Closed")):
        for raw in document[noun]:
            start, end = _span(raw, birth)
            body = {"status": "New"} | _body(raw) | {"opened_at": _written(start)}
            yield Telling(_day(start, birth), noun, raw["id"], body)
            if math.isfinite(end):
                yield Telling(_day(end, birth), noun, raw["id"], body | {"status": done, "closed_at": _written(end)})
    yield from _invoices(document["invoices"], birth)


def _invoices(raw: Mapping[str, Any], birth: float) -> Iterator[Telling]:
    for account, money in raw["amounts"].items():
        amount, currency = money.split()
        for number, day in enumerate(raw["days"], 1):
            issued = datetime.fromtimestamp(birth, UTC).date() + timedelta(days=day)
            due = issued + timedelta(days=raw["due"])
            body = {"account": account, "issued_on": f"{issued}", "due_on": f"{due}", "amount": _money(amount, currency)}
            name = f"INV-{account}-{number}"
            yield Telling(day, "invoices", name, body | {"balance_due": _money(amount, currency)})
            if account not in raw["unpaid"] or number < len(raw["days"]):
                yield Telling(day + raw["paid"], "invoices", name, body | {"balance_due": _money("0.00", currency)})


def _money(amount: str, currency: str) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def _body(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name not in _OURS}


def _span(raw: Mapping[str, Any], birth: float) -> tuple[float, float]:
    ((start, end),) = spans([raw], raw["zone"], birth)
    return start, end


def _day(at: float, birth: float) -> int:
    """The day on which it is told: the one it happens on, or the first start at the latest."""
    return math.floor((at - birth) / DAY)


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:00Z")
