"""The pages against a real database: what a person reads, finds and does not get to see."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Iterator

import pytest

from server import auth
from server.pages import assets
from storage import callers
from storage.database import connect_owner
from tests.clusters import Server
from tests.fakes import seed
from tests.server.pages import NOW, on_database


@pytest.fixture(scope="module")
def seeded(database_server: Server) -> Iterator[str]:
    """The world at NOW, which no test of this module changes."""
    dsn = database_server.create()
    asyncio.run(seed.world(dsn, NOW))
    yield dsn
    database_server.drop(dsn)


@pytest.fixture(scope="module")
def crowded(database_server: Server) -> Iterator[str]:
    """The world with 250 more services."""
    dsn = database_server.create()
    asyncio.run(seed.world(dsn, NOW))
    asyncio.run(seed.many(dsn, 250))
    yield dsn
    database_server.drop(dsn)


def text_of(html: str) -> str:
    """What a person reads: without tags, in one line."""
    flowing = re.sub(r"</?(bdi|time|a|code)\b[^>]*>", "", html)
    return " ".join(re.sub(r"<[^>]+>", " ", flowing).split())


async def test_the_list_shows_status_since_and_cause_with_the_worst_first(seeded: str) -> None:
    async with on_database(seeded) as browser:
        page = await browser.get("/services")
    assert page.status_code == 200
    rows = re.findall(r'<tr role="row" id="s-.*?</tr>', page.text, re.DOTALL)
    words = [text_of(row).split()[0] for row in rows]
    assert words == ["Down", "Has", "Has", "No", "Up", "Not"]
    said = text_of(rows[0])
    assert "38 min 14:22 CET" in said  # the account's zone, an hour ahead of UTC
    assert 'title="24 Nov 2026 13:22:00 UTC"' in rows[0]
    assert "edge1 does not answer ping and SNMP (no answer in time) since 14:22, and 1 more." in said
    assert "Suspended For Non-Pay." in text_of(rows[5])
    assert "1 is Down, 2 have issues and 1 has no data." in text_of(page.text)


async def test_every_row_speaks_in_the_zone_of_its_own_account(seeded: str) -> None:
    async with on_database(seeded) as browser:
        said = text_of((await browser.get("/services")).text)
    assert "uplink-a does not answer ping (no route to it) since 06:00; the redundancy is lost." in said
    assert "2 h 14:00 IST" in said


async def test_filters_count_what_the_search_finds(seeded: str) -> None:
    async with on_database(seeded) as browser:
        page = await browser.get("/services", params={"q": "harbour", "status": "Has Issues"})
    assert re.findall(r'id="s-([^"]+)"', page.text) == ["SP-CS-0003"]
    assert "<b>3</b> <span>All</span>" in page.text
    assert 'href="/services?q=harbour&amp;status=Down"' in page.text
    assert 'hx-get="/services?q=harbour&amp;status=Has+Issues"' in page.text


@pytest.mark.parametrize("q", ["sp-in-60-0001", "GDYNIA", "ge-0/0/7", "192.0.2.1", "Main line"])
async def test_the_search_finds_a_service_by_what_people_know_of_it(seeded: str, q: str) -> None:
    async with on_database(seeded) as browser:
        page = await browser.get("/services", params={"q": q})
    assert "SP-IN-60-0001" in re.findall(r'id="s-([^"]+)"', page.text)


@pytest.mark.parametrize(
    "q", ["%", "_", "\\", "'", "\x00", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "x" * 5_000]
)
async def test_no_search_is_an_error(seeded: str, q: str) -> None:
    async with on_database(seeded) as browser:
        page = await browser.get("/services", params={"q": q, "page": "-7", "status": "\x00<b>"})
    assert page.status_code == 200
    assert "<b>\x00" not in page.text
    assert "Show all services" in page.text


async def test_hostile_names_are_text_and_cannot_turn_a_line(seeded: str) -> None:
    async with on_database(seeded) as browser:
        listed = await browser.get("/services")
        one = await browser.get("/services/S%2F4%20odd%3F%23%25")
    for page in (listed, one):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "\u202e" not in page.text
        assert "<bdi>مكتب حيفا</bdi>" in page.text


async def test_a_service_names_the_observation_that_shows_why_it_is_down(seeded: str) -> None:
    async with on_database(seeded) as browser:
        said = text_of((await browser.get("/services/SP-IN-60-0001")).text)
    assert "edge1 does not answer ping and SNMP (no answer in time) since 14:22. 14:22:00 ping: no answer in time" in said
    assert "edge1 ge-0/0/7 is cut off: edge1 in front of it is Down." in said
    assert "Internet access 100 · Harbour Foods · Store 114, Gdynia · since 14:22, for 38 min" in said
    assert "100 / 20 Mbit/s sold, down / up" in said
    assert "ping: no answer in time 14:22:00, last 14:59:40" in said


async def test_the_tree_shows_groups_with_k_of_n_and_parents_above_children(seeded: str) -> None:
    async with on_database(seeded) as browser:
        page = (await browser.get("/services/SP-DL-20-0007")).text
    names = re.findall(r'class="d(\d) c-name">(?:<a [^>]*>)?<bdi>([^<]+)', page)
    assert names == [("0", "core1"), ("1", "uplinks"), ("2", "uplink-a"), ("2", "uplink-b"), ("3", "cpe-pier4")]
    said = text_of(page)
    assert "1 of 2 up, 1 needed The redundancy is lost." in said
    assert "behind uplink-a and uplink-b" in said


async def test_the_timeline_is_drawn_and_told_in_a_table(seeded: str) -> None:
    async with on_database(seeded) as browser:
        page = (await browser.get("/services/SP-IN-60-0001")).text
    assert 'aria-label="Status in the last 24 hours: Up 22 h 21 min, Down 1 h 39 min"' in page
    drawing = page[page.index('<svg class="bars"') :].split("</svg>")[0]
    assert len(re.findall(r"<rect ", drawing)) == 4
    table = text_of(page[page.index("Show as a table") :].split("</details>")[0])
    assert "06:00 07:00 Down edge1 does not answer" in table
    assert table.count("Down") == 2


async def test_no_data_says_why_and_what_to_do(seeded: str) -> None:
    async with on_database(seeded) as browser:
        page = await browser.get("/services/S%2F4%20odd%3F%23%25")
    assert "the agent that measures it is silent." in text_of(page.text)
    assert "<code>lineside-agent check</code>" in page.text


async def test_a_service_out_of_service_says_so(seeded: str) -> None:
    async with on_database(seeded) as browser:
        said = text_of((await browser.get("/services/SP-IN-60-0009")).text)
    assert "its fulfilment status is “Suspended For Non-Pay”" in said
    assert "No element is placed in this service yet." in said


async def test_without_services_the_page_says_what_to_do_next(database: str) -> None:
    await seed.tenants(database)
    async with on_database(database) as browser:
        page = (await browser.get("/services")).text
    assert "No services yet" in page
    assert "lineside inventory apply inventory.yaml --dry-run" in page


async def test_another_provider_sees_none_of_it(seeded: str) -> None:
    async with on_database(seeded, seed.OTHER_TENANT) as browser:
        listed, one = await browser.get("/services"), await browser.get("/services/SP-IN-60-0001")
    assert "No services yet" in listed.text
    assert one.status_code == 404


@pytest.mark.parametrize("number", ["nope", "%00", "../../etc/passwd", "%3Cscript%3E"])
async def test_an_unknown_service_is_a_page_that_helps(seeded: str, number: str) -> None:
    async with on_database(seeded) as browser:
        page = await browser.get(f"/services/{number}")
    assert page.status_code == 404
    assert "<script>" not in page.text.replace("</script>", "").replace("<script src", "")
    if "etc" not in number:
        assert "There is no such service" in page.text


async def test_htmx_gets_only_the_live_part_and_only_when_it_changed(seeded: str) -> None:
    async with on_database(seeded) as browser:
        for address in ("/services", "/services/SP-IN-60-0001"):
            part = await browser.get(address, headers={"hx-request": "true"})
            title, end, live = part.text.strip().partition("</title>")
            assert live.startswith('<div id="live"')
            again = await browser.get(address, headers={"hx-request": "true", "if-none-match": part.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            whole = await browser.get(address)
            assert whole.headers["etag"] != part.headers["etag"]
            assert title + end in whole.text
            assert live in whole.text


async def test_a_change_of_status_changes_the_live_part(database: str) -> None:
    await seed.world(database, NOW)
    async with on_database(database) as browser:
        before = (await browser.get("/services", headers={"hx-request": "true"})).headers["etag"]
        await seed.recover(database, NOW)
        browser._transport.app.state.status_change.fire()
        after = await browser.get("/services", headers={"hx-request": "true", "if-none-match": before})
    assert after.status_code == 200
    assert "2 have issues and 1 has no data." in text_of(after.text)


async def test_every_answer_forbids_foreign_and_inline_code_and_keeps_to_it(seeded: str) -> None:
    async with on_database(seeded) as browser:
        for address in ("/services", "/services/SP-DL-20-0007", "/services/nope"):
            page = await browser.get(address)
            assert page.headers["content-security-policy"].startswith("default-src 'self'")
            assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=|href=\"http|src=\"http", page.text)


async def test_a_long_list_has_pages_of_a_hundred(crowded: str) -> None:
    async with on_database(crowded) as browser:
        first, third = await browser.get("/services"), await browser.get("/services?page=3")
        beyond = await browser.get("/services?page=9")
    assert first.text.count('<tr role="row" id="s-') == 100
    assert "1 to 100 of 256" in first.text
    assert 'href="/services?page=2"' in first.text
    assert "201 to 256 of 256" in third.text
    assert "Show all services" in beyond.text


async def test_pages_and_files_travel_packed_and_together_stay_below_60_kb(crowded: str) -> None:
    async with on_database(crowded) as browser:
        headers = {"accept-encoding": "gzip"}
        page = await browser.get("/services", headers=headers)
        assert page.headers["content-encoding"] == "gzip"
        weight = len(gzip.compress(page.content, 6))
        for name in ("app.css", "frame.js", "live.js", "icon.svg", "vendor/htmx.min.js"):
            asset = assets._assets()[name]
            weight += len(asset.packed or asset.plain)
            answer = await browser.get(assets.address(name), headers=headers)
            assert "immutable" in answer.headers["cache-control"]
        missing = await browser.get("/static/../assets.py")
    assert missing.status_code == 404
    assert weight <= 60_000


async def test_a_link_opens_one_session_once(database: str) -> None:
    await seed.tenants(database)
    con = await connect_owner(database)
    await callers.add_link(con, seed.TENANT, auth.sha256("token"), auth.LINK_SCOPES, NOW + 1)
    await con.close()
    async with on_database(database, tenant=0) as browser:
        app = browser._transport.app
        app.state.doorkeeper = auth.Doorkeeper(app.state.pool)
        app.state.settings = type("Settings", (), {"url": "http://127.0.0.1"})()
        opened = await browser.get("/sign-in?token=token")
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        cookie = opened.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        again = await browser.get("/sign-in?token=token")  # with the cookie of the session it opened
        assert (again.status_code, again.headers["location"]) == (303, "/")
        browser.cookies.clear()
        for token in ("token", "never", "x" * 9_000):
            spent = await browser.get("/sign-in", params={"token": token})
            assert spent.status_code == 401
            assert "This sign-in link does not work any more" in spent.text
            assert "<code>lineside link</code>" in spent.text
        without = await browser.get("/sign-in")
        assert without.status_code == 200
        assert "it works once, within a day" in without.text
