"""A small world with three kinds of things, told apart by a word in every name and text: what both a bound account manager and
a bound reseller see (SEEN), what only the manager sees (MANAGED), and what neither may ever see (FOREIGN).
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from server import setup
from storage.callers import bound_to
from storage.times import to_datetime
from tests.fakes.world import SECOND, START, World, batch, bearer, world

SEEN, MANAGED, FOREIGN = "seenword", "managedword", "foreignword"
MINUTE = 60 * SECOND


def _eur(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def _element(name: str, site: str, **more: Any) -> dict[str, Any]:
    sensors = [{"kind": "ping"}, {"kind": "snmp", "community": "public"}]
    return {"id": name, "name": name, "site": site, "address": "192.0.2.1", "sensors": sensors, **more}


def _service(name: str, account: str, elements: list[str], **more: Any) -> dict[str, Any]:
    placed: list[dict[str, Any]] = [{"element": element} for element in elements]
    placed[-1]["meter"] = {"metric": "if.out", "facing": "customer"}
    return {
        "id": name,
        "name": name,
        "customer_service_name": f"for {name}",
        "account": account,
        "product": "line",
        "mrr": _eur("100.00"),
        "elements": placed,
        **more,
    }


INVENTORY: dict[str, Any] = {
    "account_managers": [
        {"id": f"m-{MANAGED}", "name": f"Ada {MANAGED}", "email": f"ada@{MANAGED}.example"},
        {"id": f"m-{FOREIGN}", "name": f"Bob {FOREIGN}", "email": f"bob@{FOREIGN}.example"},
    ],
    "accounts": [
        {"id": f"a-{SEEN}", "name": f"Acme {SEEN}", "account_manager": f"m-{MANAGED}", "timezone": "Europe/Warsaw"},
        {"id": f"a-{MANAGED}", "name": f"Quiet {MANAGED}", "account_manager": f"m-{MANAGED}"},
        {"id": f"a-{FOREIGN}", "name": f"Rival {FOREIGN}", "account_manager": f"m-{FOREIGN}"},
        # the reseller sees himself; for the manager he is a stranger
        {"id": "reseller", "name": "The reseller"},
    ],
    "locations": [
        {"id": f"l-{SEEN}", "account": f"a-{SEEN}", "name": f"Pier {SEEN}", "city": f"Gdynia {SEEN}"},
        {"id": f"l-{MANAGED}", "account": f"a-{SEEN}", "name": f"Yard {MANAGED}", "city": f"Sopot {MANAGED}"},
        {"id": f"l-{FOREIGN}", "account": f"a-{FOREIGN}", "name": f"Dock {FOREIGN}", "city": f"Hel {FOREIGN}"},
    ],
    "templates": [{"id": f"t-{MANAGED}", "name": f"Shape {MANAGED}", "elements": [{"role": "line"}]}],
    "products": [
        {"id": "line", "name": "Line 100", "down_bps": 100_000_000, "up_bps": 20_000_000, "sla_percent": 99.9},
    ],
    "price_books": [{"id": f"b-{MANAGED}", "name": f"Prices {MANAGED}", "currency": "EUR"}],
    "price_book_entries": [{"id": f"e-{MANAGED}", "price_book": f"b-{MANAGED}", "product": "line", "mrc": _eur("77.00")}],
    "sites": [
        {"id": "hq", "name": "Headquarters"},
        {"id": f"s-{MANAGED}", "name": f"Cellar {MANAGED}"},
        {"id": f"s-{FOREIGN}", "name": f"Attic {FOREIGN}"},
    ],
    "elements": [
        _element("core", "hq", cost=_eur("30.00")),
        {"id": f"p-{SEEN}", "name": f"core port {SEEN}", "device": "core", "port": "ge1"},
        {"id": f"p-{FOREIGN}", "name": f"core port {FOREIGN}", "device": "core", "port": "ge2"},
        _element(f"cpe-{MANAGED}", f"s-{MANAGED}", cost=_eur("5.00")),
        _element(f"cpe-{FOREIGN}", f"s-{FOREIGN}", cost=_eur("7.00")),
    ],
    "services": [
        _service(
            f"sp-{SEEN}", f"a-{SEEN}", ["core", f"p-{SEEN}"], location=f"l-{SEEN}", price_book_entry=f"e-{MANAGED}",
            reseller="reseller", show_in_reseller_portal=True, commission=_eur("4.00"),
        ),
        _service(f"sp-1-{MANAGED}", f"a-{SEEN}", [f"cpe-{MANAGED}"], location=f"l-{MANAGED}", reseller="reseller"),
        _service(f"sp-2-{MANAGED}", f"a-{MANAGED}", [f"cpe-{MANAGED}"]),
        _service(f"sp-{FOREIGN}", f"a-{FOREIGN}", ["core", f"p-{FOREIGN}", f"cpe-{FOREIGN}"], location=f"l-{FOREIGN}"),
    ],
}  # fmt: skip


def _facts(word: str, account: str, service: str) -> dict[str, dict[str, Any]]:
    """Facts about one account or service, by path under /crm/v1."""
    money = {"amount": "12.34", "currency": "EUR"}
    at = "2026-09-01T08:00:00Z"
    return {
        f"orders/o-{word}": {
            "name": f"Order {word}",
            "account": account,
            "service": service,
            "status": "Pending",
            "opened_at": at,
        },
        f"cases/c-{word}": {"account": account, "service": service, "status": "New", "opened_at": at, "subject": f"Slow {word}"},
        f"invoices/i-{word}": {"account": account, "issued_on": "2026-09-01", "amount": money, "balance_due": money},
        f"maintenance-windows/w-{word}": {
            "title": f"Work {word}",
            "starts_at": "2026-09-22T00:00:00Z",
            "ends_at": "2026-09-22T02:00:00Z",
            "services": [service],
        },
    }


class Sides(NamedTuple):
    """The world, and keys: of the bound account manager, of the bound reseller, of one who reads everything."""

    world: World
    manager: str
    reseller: str
    whole: str


@contextlib.asynccontextmanager
async def sides(dsn: str, folder: Path) -> AsyncIterator[Sides]:
    """The world, with measurements, statuses, facts and discoveries of every kind."""
    async with world(dsn, folder, INVENTORY) as made:
        facts: dict[str, dict[str, Any]] = {}
        for word, service in ((MANAGED, f"sp-1-{MANAGED}"), (FOREIGN, f"sp-{FOREIGN}")):
            facts |= _facts(word, f"a-{SEEN}" if word == MANAGED else f"a-{FOREIGN}", service)
        seen = _facts(SEEN, f"a-{SEEN}", f"sp-{SEEN}")
        # a reseller sees his services' cases and windows; orders and invoices are the account's
        facts |= {path: body for path, body in seen.items() if path.startswith(("cases", "maintenance"))}
        for path, body in facts.items():
            answer = await made.client.put(f"/crm/v1/{path}", json=body, headers=bearer(made.key))
            assert answer.status_code == 201, answer.text
        await _measure(made)
        yield Sides(
            made,
            await _key(made, f"m-{MANAGED}", None),
            await _key(made, None, "reseller"),
            await setup.new_key(made.con, made.tenant, "reader", ["crm-read", "noc-read"], START),
        )


async def _key(made: World, manager: str | None, reseller: str | None) -> str:
    bound = await bound_to(made.con, made.tenant, manager, reseller)
    return await setup.new_key(made.con, made.tenant, "bound", ["crm-read", "noc-read"], START, bound)


async def _measure(made: World) -> None:
    """Twenty minutes of samples: the core answers, its ports carry traffic, a foreign port that is no element too; one CPE fails."""
    sensors = await made.sensors()
    snmp, ping = sensors["core snmp"], sensors["core ping"]
    rows = []
    for minute in range(1, 21):
        at = made.now + minute * MINUTE
        rows += [(ping, "reachable", "", at, 1.0), (ping, "rtt", "", at, 0.01), (snmp, "reachable", "", at, 1.0)]
        rows += [(snmp, "cpu.load", "", at, 25.0)]
        for port, value in (("ge1", 1e6), ("ge2", 2e6), (f"port {FOREIGN}", 3e6)):
            rows += [
                (snmp, "if.oper_status", port, at, 1.0),
                (snmp, "if.in", port, at, value),
                (snmp, "if.out", port, at, 2 * value),
            ]
    made.now += 20 * MINUTE
    answer = await made.put(batch(rows))
    assert answer.status_code == 200, answer.text
    await made.decide()
    await made.con.execute(
        """insert into discovery (tenant_id, sensor_id, kind, instance, name, value, seen_at)
           values ($1, $2, 'interface', 'ge2', 'alias', $3, $4)""",
        made.tenant,
        snmp,
        f"line of Rival {FOREIGN}",
        to_datetime(made.now),
    )
    for word in (SEEN, FOREIGN):
        await made.con.execute(
            "insert into service_add_on (tenant_id, service_id, product_id, mrr, start_date) "
            "select s.tenant_id, s.id, s.product_id, 1, $2 from service s where s.external_id = $1",
            f"sp-{word}",
            date(2026, 1, 1),
        )
