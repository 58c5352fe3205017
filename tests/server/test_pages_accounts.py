"""The first page and the pages about accounts: who is hurt, by how much, what is planned; and nothing is asked for nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator

import pytest

from storage.database import Bound
from tests.clusters import Server
from tests.fakes import business, seed
from tests.server.pages import NOW, on_database
from tests.server.test_pages import text_of


@pytest.fixture(scope="module")
def seeded(database_server: Server) -> Iterator[str]:
    """The world at NOW with what the CRM and the operators say of it."""
    dsn = database_server.create()
    asyncio.run(seed.world(dsn, NOW))
    asyncio.run(business.add(dsn, NOW))
    yield dsn
    database_server.drop(dsn)


async def read(dsn: str, address: str) -> str:
    async with on_database(dsn) as browser:
        page = await browser.get(address)
    assert page.status_code == 200
    return text_of(page.text)


async def test_the_first_page_says_who_is_hurt_and_what_it_costs(seeded: str) -> None:
    said = await read(seeded, "/")
    assert "1 service is Down, 2 have issues and 1 has no data." in said
    assert "2 accounts are hurt; € 420 of monthly revenue is affected and $ 1,299.50 + € 89 is at risk" in said.replace(
        "\xa0", " "
    )
    assert "Harbour Foods 1 Down, 1 with issues" in said
    assert "edge1 does not answer ping and SNMP (no answer in time) since 14:22, and 1 more." in said


async def test_the_first_page_says_what_is_planned_and_who_is_silent(seeded: str) -> None:
    said = await read(seeded, "/")
    assert "Under way Router software, POP 1 until 16:00 CET · SP-DL-20-0007, SP-IN-60-0002" in said
    assert "Backup of the web shop 25 Nov 15:00 to 25 Nov 16:00 CET" in said  # weekly, begun 20 days ago
    assert "1 of 2 agents is silent" in said
    assert "agent-haifa POP 1 · last heard 2 h ago" in said


async def test_the_least_available_services_are_measured_against_what_was_promised(seeded: str) -> None:
    said = await read(seeded, "/")
    assert "SP-IN-60-0001 Harbour Foods · Down for 1 h 38 min 96.016 % below the 99.9 % promised" in said


async def test_accounts_stand_in_the_order_of_their_trouble(seeded: str) -> None:
    async with on_database(seeded) as browser:
        page = (await browser.get("/accounts")).text
        found = (await browser.get("/accounts", params={"q": "NOWAK"})).text
    assert re.findall(r'id="a-([^"]+)"', page) == ["A-1", "A-2", "A-3"]
    assert re.findall(r'id="a-([^"]+)"', found) == ["A-1", "A-2"]  # by their account manager
    assert "<script>alert" not in page


async def test_an_account_shows_status_revenue_periods_cases_orders_and_places(seeded: str) -> None:
    said = (await read(seeded, "/accounts/A-1")).replace("\xa0", " ")
    assert "3 services in service, all measured · 1 service in maintenance · account manager Ada Nowak" in said
    assert "€ 420 monthly revenue affected; € 89 at risk" in said
    assert "Last 30 Days 26 Oct to 24 Nov 99.649 % 99.634 %" in said
    assert "No Internet at Store 114 C-1041 · SP-IN-60-0001 In Progress 36 min 14:24" in said
    assert "Old trouble" not in said  # closed
    assert "O-77 SP-IN-60-0002 Pending 2 days" in said
    assert "Europe/Warsaw (CET)" in said


async def test_an_account_of_which_nothing_is_known_says_so(seeded: str) -> None:
    said = (await read(seeded, "/accounts/A-3")).replace("\xa0", " ")
    assert "1 service in service, 0 of 1 measured" in said
    assert "No case is open." in said


async def test_list_views_hold_what_their_names_say(seeded: str) -> None:
    async with on_database(seeded) as browser:
        for view, names in {
            "cases": ["SP-IN-60-0001", "SP-IN-60-0002"],
            "cases-over-1-day": ["SP-IN-60-0002"],
            "maintenance": ["SP-DL-20-0007", "SP-IN-60-0002"],
            "nonsense": None,
        }.items():
            found = re.findall(r'id="s-([^"]+)"', (await browser.get("/services", params={"view": view})).text)
            assert found == names if names else len(found) == 6


async def test_while_nothing_changes_a_poll_asks_the_database_nothing(seeded: str) -> None:
    async with on_database(seeded) as browser:
        state = browser._transport.app.state
        for address in ("/", "/accounts", "/accounts/A-1", "/services"):
            first = await browser.get(address, headers={"hx-request": "true"})
            pool, state.pool = state.pool, None  # who asks it now fails
            headers = {"hx-request": "true", "if-none-match": first.headers["etag"]}
            assert (await browser.get(address, headers=headers)).status_code == 304
            state.pool = pool
            state.status_change.fire()
            again = await browser.get(address, headers=headers)
            assert again.status_code == 304  # looked again, and found the same
            assert again.headers["etag"] != first.headers["etag"]


async def test_a_reseller_sees_its_own_services_only(seeded: str) -> None:
    async with on_database(seeded, bound=Bound(None, 3)) as browser:
        listed, account = await browser.get("/services"), await browser.get("/accounts/A-1")
        first = await browser.get("/")
    for page in (listed, first):
        assert page.status_code == 200
        assert "SP-IN-60-0001" not in page.text
    assert account.status_code == 404
