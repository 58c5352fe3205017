"""A key or a session that is bound to an account manager or a reseller sees theirs only, on every page and in every answer."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from server import setup
from server.app import ROUTES
from storage.callers import bound_to
from tests.fakes.sides import FOREIGN, INVENTORY, MANAGED, SEEN, Sides, sides
from tests.fakes.world import START, bearer


@pytest.fixture
async def both(database, tmp_path):
    async with sides(database, tmp_path) as made:
        yield made


def _addresses() -> list[str]:
    """Every address that reads, with the id of everything there is in place of the one it takes."""
    ids = [record["id"] for records in INVENTORY.values() for record in records]
    ids += [f"{letter}-{word}" for letter in "ociw" for word in (SEEN, MANAGED, FOREIGN)]
    found = []
    for route in ROUTES:
        if route.method != "GET" or route.scope not in ("crm-read", "noc-read"):
            continue
        names = ids if "{" in route.path else [""]
        found += [re.sub(r"{[^}]*}", quote(name, safe=""), route.path) for name in names]
        if route.path in ("/services", "/accounts", "/crm/v1/services", "/crm/v1/accounts"):
            found += [f"{route.path}?q={word}" for word in ("a", "port", "Quiet", "sp")]
        if route.path.endswith("/metrics"):
            found += [
                re.sub(r"{[^}]*}", name, route.path) + "?period=Last+24+Hours&metric=if.in,if.out,rtt,cpu.load" for name in ids
            ]
    return found


async def _told(both: Sides, key: str) -> dict[str, str]:
    """Address -> what it answers, without the search word that it repeats."""
    told = {}
    for address in _addresses():
        answer = await both.world.client.get(address, headers=bearer(key))
        assert answer.status_code < 500, (address, answer.text)
        # an id that was asked for may come back in a sentence or a link; what is found beside it may not
        asked = re.findall(f"[\\w.-]*(?:{FOREIGN}|{MANAGED}|{SEEN})", address)
        told[address] = _without(answer.text, asked) if answer.status_code == 404 else answer.text
    return told


def _without(text: str, words: list[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text


async def test_nothing_of_a_foreign_account_appears_to_a_bound_account_manager(both: Sides) -> None:
    told = await _told(both, both.manager)
    assert [address for address, text in told.items() if FOREIGN in text.lower()] == []
    for noun in ("services", "accounts", "locations", "elements", "cases", "maintenance-windows", "orders", "invoices", "sites"):
        assert MANAGED in told[f"/crm/v1/{noun}"], noun
    for page in ("/accounts", "/services", "/agents", f"/accounts/a-{SEEN}", f"/services/sp-{SEEN}"):
        assert SEEN in told[page] or page == "/agents", page


async def test_a_bound_reseller_sees_the_services_he_sells_and_may_see_and_nothing_beside(both: Sides) -> None:
    told = await _told(both, both.reseller)
    assert [address for address, text in told.items() if FOREIGN in text.lower() or MANAGED in text.lower()] == []
    for address in ("/crm/v1/services", "/crm/v1/accounts", "/services", f"/services/sp-{SEEN}", "/crm/v1/cases"):
        assert SEEN in told[address], address
    for address in ("/crm/v1/orders", "/crm/v1/invoices", "/crm/v1/price-books", "/crm/v1/templates"):
        assert '"items":[]' in told[address], address


async def test_one_who_is_not_bound_sees_all_of_it(both: Sides) -> None:
    told = await _told(both, both.whole)
    for address in ("/crm/v1/services", "/crm/v1/accounts", "/crm/v1/elements", "/services", "/accounts"):
        assert all(word in told[address] for word in (FOREIGN, MANAGED, SEEN)), address


async def test_what_an_account_is_as_a_whole_is_not_told_to_a_reseller(both: Sides) -> None:
    client = both.world.client
    account = (await client.get(f"/crm/v1/accounts/a-{SEEN}", headers=bearer(both.reseller))).json()
    assert account["name"] == f"Acme {SEEN}"
    assert set(account["computed"].values()) == {None}
    service = (await client.get(f"/crm/v1/services/sp-{SEEN}", headers=bearer(both.reseller))).json()
    assert service["computed"]["gross_profit"] is None
    assert "commission" not in service
    element = (await client.get("/crm/v1/elements/core", headers=bearer(both.reseller))).json()
    assert (element["name"], "cost" in element) == ("core", False)
    assert service["computed"]["operational_status"] == "Up"
    for what in ("timeline", "availability"):
        answer = await client.get(f"/crm/v1/accounts/a-{SEEN}/{what}", headers=bearer(both.reseller))
        assert answer.status_code == 403, answer.text


async def test_work_that_was_moved_to_a_foreign_service_is_not_told_any_more(both: Sides) -> None:
    w = both.world
    moved = {
        "title": f"Work {FOREIGN}",
        "starts_at": "2026-09-22T00:00:00Z",
        "ends_at": "2026-09-22T02:00:00Z",
        "services": [f"sp-{FOREIGN}"],
    }
    answer = await w.client.put(f"/crm/v1/maintenance-windows/w-{SEEN}", json=moved, headers=bearer(w.key))
    assert answer.json()["result"] == "changed", answer.text
    for key in (both.manager, both.reseller):
        for address in ("/crm/v1/maintenance-windows", "/maintenance", "/", f"/services/sp-{SEEN}"):
            text = (await w.client.get(address, headers=bearer(key) | {"accept": "text/html"})).text
            assert FOREIGN not in text, address
        assert (await w.client.get(f"/maintenance/w-{SEEN}", headers=bearer(key))).status_code == 404


async def test_a_shared_element_is_shared_out_the_same_whoever_asks(both: Sides) -> None:
    """The core costs 30.00, carries two services, and one of them pays half of it; a commission of 4.00 comes on top."""
    for key in (both.manager, both.whole):
        answer = await both.world.client.get(f"/crm/v1/services/sp-{SEEN}", headers=bearer(key))
        computed = answer.json()["computed"]
        assert computed["gross_profit"] == {"amount": "85.00", "currency": "EUR"}
        assert computed["net_profit"] == {"amount": "81.00", "currency": "EUR"}
        assert (computed["gross_margin"], computed["net_margin"]) == (0.85, 0.81)


async def test_a_bound_key_changes_nothing(both: Sides) -> None:
    for method, address in (
        ("PUT", f"/crm/v1/services/sp-{SEEN}"),
        ("DELETE", f"/crm/v1/cases/c-{SEEN}"),
        ("POST", "/maintenance"),
        ("PUT", "/api/v1/inventory"),
    ):
        answer = await both.world.client.request(method, address, headers=bearer(both.manager), json={})
        assert answer.status_code == 403, (address, answer.text)


async def test_a_session_by_a_bound_link_is_bound(both: Sides) -> None:
    w = both.world
    bound = await bound_to(w.con, w.tenant, f"m-{MANAGED}", None)
    token = await setup.new_link(w.con, w.tenant, START, bound)
    w.client.cookies.clear()
    entered = await w.client.get(f"/sign-in?token={token}")
    assert entered.status_code == 303, entered.text
    # the cookie is for https only where the address is: given by hand, since this client speaks http
    page = await w.client.get("/services", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert SEEN in page.text
    assert FOREIGN not in page.text.lower()


async def test_with_the_account_manager_goes_the_key(both: Sides) -> None:
    w = both.world
    await w.con.execute("update account set account_manager_id = null")
    await w.con.execute("delete from account_manager")
    w.app.state.doorkeeper.forget()
    assert (await w.client.get("/crm/v1/services", headers=bearer(both.manager))).status_code == 401


async def test_a_bound_key_can_only_be_made_to_read(both: Sides) -> None:
    w = both.world
    bound = await bound_to(w.con, w.tenant, None, "reseller")
    with pytest.raises(setup.Refused, match="only reads"):
        await setup.new_key(w.con, w.tenant, "x", ["crm-read", "admin"], START, bound)
    with pytest.raises(setup.Refused, match="no account manager"):
        await setup.bound_to(w.con, w.tenant, "nobody", None)


async def test_every_table_of_a_tenant_says_what_bound_callers_see_of_it(both: Sides) -> None:
    """A new table needs `select show_bound('its_name', '...')` in its migration."""
    rows = await both.world.con.fetch(
        """select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
           where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relrowsecurity
             and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'bound')"""
    )
    assert [row["relname"] for row in rows] == []
