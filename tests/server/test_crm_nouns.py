"""The CRM's nouns over HTTP: put, get, list, many at once, delete; by external ids that may hold anything."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest

from tests.fakes.world import bearer, world
from tests.server.crm_records import EUR, RECORDS, named


@pytest.fixture
async def crm(database, tmp_path):
    async with world(database, tmp_path, {"sites": [{"id": "hq", "name": "HQ"}]}) as made:
        yield Crm(made)


class Crm:
    """The API as a CRM calls it, with a key of an admin."""

    def __init__(self, w):
        self.w = w

    async def __call__(self, method, path, body=None, key=None, **headers):
        sent = bearer(key or self.w.key) | {name.replace("_", "-"): value for name, value in headers.items()}
        more = {} if body is None else {"json": body}
        return await self.w.client.request(method, f"/crm/v1/{path}", headers=sent, **more)

    async def put(self, path, **body):
        return await self("PUT", path, body)

    async def ids(self, path):
        answer = await self("GET", path)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    async def all(self, suffix=""):
        """Put every record of the table, each under its noun's name and `suffix`."""
        for noun in RECORDS:
            answer = await self("PUT", f"{noun}/{quote(noun + suffix, safe='')}", named(noun, suffix))
            assert (answer.status_code, answer.json()["result"]) == (201, "created"), answer.text


@pytest.mark.parametrize("suffix", ["", "/a b%2F ü/timeline"], ids=["plain", "hostile"])
async def test_every_noun_is_created_once_read_back_listed_and_put_again_without_a_change(crm, suffix):
    await crm.all(suffix)
    for noun in RECORDS:
        path = f"{noun}/{quote(noun + suffix, safe='')}"
        again = await crm("PUT", path, named(noun, suffix))
        assert (again.status_code, again.json()) == (200, {"id": noun + suffix, "result": "unchanged"})
        read = await crm("GET", path)
        assert read.headers["etag"] == again.headers["etag"]
        record = read.json()
        assert (record["id"], record["owner"]) == (noun + suffix, "crm")
        back = await crm("PUT", path, record)
        assert back.json()["result"] == "unchanged", back.text
        listed = await crm("GET", noun)
        assert record["id"] in [item["id"] for item in listed.json()["items"]]
        assert listed.json()["next_cursor"] is None


async def test_values_come_back_in_one_form(crm):
    await crm.all()
    window = (await crm("GET", "maintenance-windows/maintenance-windows")).json()
    assert (window["starts_at"], window["ends_at"]) == ("2026-09-30T22:00:00.000Z", "2026-10-01T00:00:00.000Z")
    assert (await crm("GET", "cases/cases")).json()["opened_at"] == "2026-09-01T08:00:00.123Z"
    invoice = (await crm("GET", "invoices/invoices")).json()
    assert invoice["balance_due"] == {"amount": "4.00", "currency": "EUR"}
    service = (await crm("GET", "services/services")).json()
    assert service["elements"][0] == {
        "element": "elements",
        "role": None,
        "criticality": "required",
        "parent": [],
        "group": None,
        "meter": {"metric": "if.in", "facing": "network"},
    }


async def test_a_put_replaces_the_whole_record(crm):
    await crm.put("products/p", name="Line", down_bps=5, vcpu=2)
    changed = await crm.put("products/p", name="Line", down_bps=6)
    assert (changed.status_code, changed.json()["result"]) == (200, "changed")
    assert (await crm("GET", "products/p")).json()["vcpu"] is None


async def test_faults_are_told_together_each_with_its_place(crm):
    answer = await crm.put("services/s", name="s", acount="x", account="nobody", product=3)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    found = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert found["/acount"] == "unknown key 'acount' in a service: did you mean 'account'?"
    assert found["/product"] == "'product' is a text, not 3"
    await crm.put("accounts/nobodi", name="Nobody")
    answer = await crm.put("services/s", name="s", account="nobody", product="p")
    assert answer.json()["errors"][0] == {"pointer": "/account", "detail": "there is no account 'nobody': did you mean 'nobodi'?"}


async def test_many_are_put_all_or_none_with_the_faults_of_each(crm):
    good = [{"id": f"a{i:03}", "name": f"Account {i}"} for i in range(250)]
    answer = await crm("PUT", "accounts", {"items": [*good, {"id": "bad"}, {"id": "a000", "name": "Twice"}]})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/items/250", "/items/251"]
    assert await crm.ids("accounts") == []
    answer = await crm("PUT", "accounts", {"items": good})
    assert answer.status_code == 200
    assert answer.json()["created"] == 250
    assert answer.json()["items"][7] == {"id": "a007", "result": "created"}
    answer = await crm("PUT", "accounts", {"items": [*good[:2], good[2] | {"name": "Another"}]})
    assert [item["result"] for item in answer.json()["items"]] == ["unchanged", "unchanged", "changed"]
    too_many = [{"id": str(i), "name": "x"} for i in range(1001)]
    answer = await crm("PUT", "accounts", {"items": too_many})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/items")


async def test_many_windows_are_all_or_none_too(crm):
    await crm.all()
    window = RECORDS["maintenance-windows"]
    items = [{"id": "good", **window}, {"id": "past", **window, "starts_at": "2026-01-01T00:00:00Z", "rrule": ""}]
    answer = await crm("PUT", "maintenance-windows", {"items": items})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/items/1")
    assert await crm.ids("maintenance-windows") == ["maintenance-windows"]


async def test_lists_come_in_pages_that_meet(crm):
    await crm("PUT", "sites", {"items": [{"id": f"s{i:02}", "name": "Site"} for i in range(25)]})
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = (await crm("GET", f"sites?limit=10{cursor and '&cursor=' + cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert seen == ["hq", *(f"s{i:02}" for i in range(25))]
    assert pages == 3


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("acount=x", "'acount' is none: did you mean 'account'?."),
        ("limit=0", "'limit' is a whole number from 1 to 1000, not '0'."),
        ("limit=2&limit=3", "'limit' can be given once."),
        ("cursor=!", "'cursor' is the next_cursor of the page before, as it was given."),
        ("status=up", "'status' is one of Down, Has Issues, No Data, Not in service, Up, not 'up'."),
    ],
)
async def test_a_query_that_does_not_fit_is_refused_in_words(crm, query, detail):
    answer = await crm("GET", f"services?{query}")
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


async def test_lists_are_narrowed_by_what_a_crm_asks_for(crm):
    await crm.all()
    await crm.put("services/other", name="Other", account="accounts", product="products", fulfilment_status="Expired")
    for query, ids in {
        "account=accounts": ["other", "services"],
        "account=nobody": [],
        "q=SP-": ["services"],
        "element=elements": ["services"],
        "location=locations&product=products": ["services"],
        "fulfilment_status=Expired": ["other"],
        "status=Not%20in%20service": ["other"],
        "status=No%20Data": ["services"],
        "view=active": ["services"],
        "view=open_cases": ["services"],
        "view=open_cases_1d": ["services"],
        "view=down": [],
        "view=maintenance": [],
        "view=due_now": [],
        "view=due_30": [],
    }.items():
        assert await crm.ids(f"services?{query}") == ids, query
    assert await crm.ids("cases?open=true&service=services") == ["cases"]
    assert await crm.ids("cases?open=false") == []
    assert await crm.ids("invoices?unpaid=true") == ["invoices"]
    assert await crm.ids("orders?account=accounts&status=Pending") == ["orders"]
    assert await crm.ids("elements?service=services&site=sites") == ["elements"]
    assert await crm.ids("price-book-entries?price_book=price-books") == ["price-book-entries"]
    assert await crm.ids("accounts?account_manager=account-managers&q=ACME") == ["accounts"]
    assert await crm.ids("maintenance-windows?service=services&canceled=false") == ["maintenance-windows"]


async def test_what_a_file_made_is_not_the_crms_to_change(crm):
    answer = await crm.put("sites/hq", name="Main")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "site 'hq' is owned by an inventory file: change it there, or leave it out here"
    assert (await crm("DELETE", "sites/hq")).status_code == 409
    assert (await crm.put("sites/hq", name="HQ")).json()["result"] == "unchanged"
    await crm.put("accounts/mine", name="Mine")
    answer = await crm.w.client.put(
        "/api/v1/inventory", json={"accounts": [{"id": "mine", "name": "Yours"}]}, headers=bearer(crm.w.key)
    )
    assert answer.status_code == 409
    await crm.w.apply({"accounts": [{"id": "ACME", "name": "Acme"}]})
    assert (await crm("DELETE", "accounts/ACME")).json()["detail"].startswith("Account 'ACME' is owned by")
    answer = await crm("PUT", "accounts", {"items": [{"id": "new", "name": "New"}, {"id": "ACME", "name": "Other"}]})
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (409, ["/items/1"])
    assert (await crm("GET", "accounts/new")).status_code == 404


async def test_what_is_in_use_is_not_deleted_and_what_is_deleted_is_gone(crm):
    await crm.all()
    answer = await crm("DELETE", "accounts/accounts")
    assert (answer.status_code, answer.json()["title"]) == (409, "Still in use")
    for noun in ("invoices", "cases", "orders"):
        assert (await crm("DELETE", f"{noun}/{noun}")).status_code == 204
        assert (await crm("GET", f"{noun}/{noun}")).status_code == 404
    assert (await crm("DELETE", "services/services")).status_code == 204
    assert (await crm("DELETE", "services/services")).status_code == 404
    assert (await crm("DELETE", "elements/elements")).status_code == 204
    refused = await crm("DELETE", "maintenance-windows/maintenance-windows")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, PUT")
    assert refused.json()["detail"] == "DELETE does nothing at this address; it takes GET, PUT."


async def test_if_match_keeps_two_writers_apart(crm):
    first = await crm.put("accounts/a", name="A")
    second = await crm("PUT", "accounts/a", {"name": "B"}, if_match=first.headers["etag"])
    assert second.status_code == 200
    late = await crm("PUT", "accounts/a", {"name": "C"}, if_match=first.headers["etag"])
    assert (late.status_code, late.json()["title"]) == (412, "It has changed since")
    assert (await crm("PUT", "accounts/a", {"name": "C"}, if_none_match="*")).status_code == 412
    assert (await crm("DELETE", "accounts/a", if_match=first.headers["etag"])).status_code == 412
    assert (await crm("DELETE", "accounts/a", if_match=second.headers["etag"])).status_code == 204
    assert (await crm("PUT", "accounts/a", {"name": "C"}, if_match="*")).status_code == 412


async def test_bodies_that_are_no_record_are_refused(crm):
    async def put(content, **headers):
        sent = bearer(crm.w.key) | {name.replace("_", "-"): value for name, value in headers.items()}
        return (await crm.w.client.put("/crm/v1/accounts/a", content=content, headers=sent)).status_code

    assert await put(b"{") == 400
    assert await put(b"[]") == 422
    assert await put(b'"' + b"x" * (2 << 20) + b'"') == 413
    assert await put(b"name=A", content_type="application/x-www-form-urlencoded") == 415
    assert await put(b'{"name": "A", "id": "b"}') == 422
    assert await put(b'{"name": "A", "id": "a"}', content_type="application/json; charset=utf-8") == 201


async def test_a_window_is_versioned_canceled_and_changes_the_past_only_with_a_reason(crm):
    await crm.all()
    window = named("maintenance-windows", "")
    path = "maintenance-windows/maintenance-windows"
    past = window | {"starts_at": "2026-09-01T00:00:00Z", "ends_at": "2026-09-01T01:00:00Z", "rrule": ""}
    assert (await crm("PUT", path, past)).status_code == 409
    told = await crm("PUT", path, past | {"back_dated_reason": "The work was not announced"})
    assert told.json()["result"] == "changed"
    assert (await crm("PUT", path, past)).json()["result"] == "unchanged", "the reason needs no repeating"
    assert (await crm("PUT", path, past | {"canceled": True, "back_dated_reason": "It did not happen"})).status_code == 200
    assert (await crm("GET", path)).json()["canceled"] is True
    versions = await crm.w.con.fetch("select version, canceled from maintenance_window order by version")
    assert [tuple(row) for row in versions] == [(1, False), (2, False), (3, True)]
    assert (await crm("PUT", path, past | {"rrule": "FREQ=HOURLY"})).status_code == 422


async def test_secrets_are_kept_and_never_shown(crm):
    sensor = {"kind": "snmp", "community": "s3cret"}
    element = {"name": "e", "site": "hq", "address": "192.0.2.9", "sensors": [sensor]}
    await crm("PUT", "elements/e", element)
    read = await crm("GET", "elements/e")
    assert "s3cret" not in read.text
    assert read.json()["sensors"][0]["community"] is None
    assert (await crm("PUT", "elements/e", read.json())).json()["result"] == "unchanged"
    assert (await crm("PUT", "elements/e", element | {"sensors": [sensor | {"community": "other"}]})).json()[
        "result"
    ] == "changed"


async def test_the_template_of_the_price_book_entry_places_the_elements_of_a_new_service(crm):
    await crm.all()
    body = {"name": "T", "account": "accounts", "product": "products", "price_book_entry": "price-book-entries"}
    answer = await crm("PUT", "services/t", body | {"elements": [{"element": "elements", "role": "line"}]})
    assert answer.status_code == 201, answer.text
    assert (await crm("GET", "services/t")).json()["elements"][0]["criticality"] == "required"
    answer = await crm("PUT", "services/u", body | {"name": "U", "elements": [{"element": "elements", "role": "lime"}]})
    assert answer.json()["errors"][0]["pointer"] == "/elements/0/role"


async def test_names_of_services_and_ports_are_unique_beyond_what_is_sent(crm):
    await crm.all()
    body = {"name": "SP-1", "account": "accounts", "product": "products"}
    answer = await crm("PUT", "services/second", body)
    assert answer.json()["errors"][0]["pointer"] == "/name"
    snmp = [{"kind": "snmp", "community": "c"}]
    await crm("PUT", "elements/device", {"name": "d", "site": "hq", "address": "192.0.2.2", "sensors": snmp})
    await crm("PUT", "elements/port", {"name": "p", "device": "device", "port": "ge1"})
    answer = await crm("PUT", "elements/same", {"name": "q", "device": "device", "port": "ge1"})
    assert answer.json()["errors"][0] == {"pointer": "/port", "detail": "port 'ge1' of 'device' is element 'port' already"}


async def test_a_ring_of_replaced_services_is_found_beyond_what_is_sent(crm):
    await crm.all()
    body = {"account": "accounts", "product": "products"}
    await crm("PUT", "services/b", body | {"name": "b", "replaced_with": "services"})
    await crm("PUT", "services/c", body | {"name": "c", "replaced_with": "b"})
    answer = await crm("PUT", "services/services", named("services", "") | {"replaced_with": "c"})
    assert "in a circle: services -> c -> b -> services" in answer.json()["errors"][0]["detail"]


async def test_the_same_put_at_once_creates_one_record(crm):
    for path, body in (
        ("accounts/a", {"name": "A"}),
        ("cases/c", {"account": "a", "status": "New", "opened_at": "2026-09-01T08:00:00Z"}),
    ):
        answers = await asyncio.gather(*(crm("PUT", path, body) for _ in range(8)))
        assert sorted(answer.json()["result"] for answer in answers) == ["created", *["unchanged"] * 7]


@pytest.mark.parametrize(
    ("noun", "changes", "pointer"),
    [
        ("cases", {"closed_at": "2026-08-01T08:00:00Z"}, "/closed_at"),
        ("cases", {"opened_at": "2026-09-01T08:00:00"}, "/opened_at"),
        ("cases", {"opened_at": "2026-09-31T08:00:00Z"}, "/opened_at"),
        ("cases", {"service": "unknown"}, "/service"),
        ("cases", {"status": "closed"}, "/status"),
        ("orders", {"status": "In progress"}, "/status"),
        ("orders", {"line_items": [{"sales_class": "Gift"}]}, "/line_items/0/sales_class"),
        ("orders", {"line_items": [{"sales_class": "New", "mrc": EUR, "otc": EUR | {"currency": "USD"}}]}, "/line_items/0/otc"),
        ("orders", {"line_items": [{"sales_class": "New", "price_book_entry": "x"}]}, "/line_items/0/price_book_entry"),
        ("invoices", {"balance_due": EUR | {"currency": "USD"}}, "/balance_due"),
        ("invoices", {"amount": {"amount": "1.23456", "currency": "EUR"}}, "/amount/amount"),
        ("maintenance-windows", {"timezone": "Europe/Berlim"}, "/timezone"),
        ("maintenance-windows", {"services": ["services", "x"]}, "/services/1"),
        ("maintenance-windows", {"ends_at": "2026-09-01T00:00:00Z"}, ""),
        ("products", {"down_bps": 2**60}, "/down_bps"),
    ],
)
async def test_facts_and_records_are_checked(crm, noun, changes, pointer):
    await crm.all()
    answer = await crm("PUT", f"{noun}/new", named(noun, "") | changes)
    assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [pointer]), answer.text


@pytest.mark.parametrize("noun", ["accounts", "cases"])
async def test_an_id_that_no_database_can_hold_is_a_fault_like_any_other(crm, noun):
    await crm.all()
    answer = await crm("PUT", noun, {"items": [{"id": "a\0b", **named(noun, "")}]})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/items/0/id")
    answer = await crm("PUT", f"{noun}/a%00b", named(noun, ""))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/id")
    assert (await crm("PUT", f"{noun}/a%FFb", named(noun, ""))).status_code == 422  # or a%FEb would be the same record
    for method in ("GET", "DELETE"):
        assert (await crm(method, f"{noun}/a%00b")).status_code == 404
        assert (await crm(method, f"{noun}/a%FFb")).status_code == 404
