"""What a person meets in a real browser: every page in light and dark, full and empty, narrow and wide; and it is live."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, Response, expect

from tests.e2e.browser import NOW, Theme, chromium, keep, listen, served, violations
from tests.e2e.places import PLACES, Content
from tests.fakes import business, seed, seed_heard, seed_measured


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("content", ["data", "empty"])
async def test_every_page_is_accessible_quiet_and_fits(database: str, tmp_path: Path, theme: Theme, content: Content) -> None:
    await (full(database) if content == "data" else seed.tenants(database))
    faults: list[str] = []
    async with served(database, tmp_path) as site, chromium(theme) as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        listen(page, faults)
        for name, look in PLACES.items():
            if content in look.content:
                await page.goto(site.url + look.address)
                if name.endswith("unknown"):
                    faults[:] = [f for f in faults if "404" not in f]  # that the page itself is not there is meant
                faults += await looked_at(page, f"{name}-{content}-{theme}", narrow=look.narrow)
    assert faults == []


async def full(database: str) -> None:
    await seed.world(database, NOW)
    await business.add(database, NOW)
    await seed_measured.traffic(database, NOW)
    await seed_heard.fill(database, NOW)


async def looked_at(page: Page, name: str, *, narrow: bool) -> list[str]:
    """What is wrong with the page as it is shown wide and narrow; a picture of each that is looked at closely is kept."""
    faults = []
    for width in (1280, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        if width == 1280 or narrow:
            await keep(page, f"{name}-{width}")
            faults += [f"{name}-{width}: {found}" for found in await violations(page)]
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{name}-{width}: wider than the window")
    return faults


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_without_a_session_the_page_says_how_to_get_a_link(database: str, tmp_path: Path, theme: Theme) -> None:
    await seed.tenants(database)
    async with served(database, tmp_path) as site, chromium(theme) as browser:
        page = await browser.new_page()
        for name, address in {
            "signed-out": "/services",
            "link-spent": "/sign-in?token=spent",
            "sign-in": "/sign-in",
            "left": "/sign-in?left",
        }.items():
            answer = await page.goto(site.url + address)
            assert answer is not None
            assert answer.status == (401 if name in {"signed-out", "link-spent"} else 200)
            await expect(page.locator("main code")).to_have_text("lineside link")
            await keep(page, f"{name}-{theme}")
            assert await violations(page) == []


def _is_poll(answer: Response, path: str) -> bool:
    """Whether the live part was asked for, rather than the data of a chart."""
    return answer.request.resource_type == "fetch" and answer.url.endswith(path)


async def test_a_change_appears_without_a_reload_and_disturbs_nothing(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        faults: list[str] = []
        listen(page, faults)
        answers: list[int] = []
        page.on("response", lambda answer: answers.append(answer.status) if _is_poll(answer, "/services/SP-IN-60-0001") else None)
        await page.goto(await site.link())
        await page.goto(f"{site.url}/services/SP-IN-60-0001")
        await expect(page.locator("#live-state")).to_have_text("Live")
        await page.locator("#as-table summary").click()
        await page.locator("#live a").first.focus()
        await page.evaluate("window.sameDocument = true; scrollTo(0, 120)")
        await page.wait_for_timeout(4_500)
        assert answers[0] == 200  # it asks
        assert set(answers[1:]) == {304}  # and is sent nothing while nothing has changed
        await seed.recover(database, NOW)
        await expect(page.locator("h1 .pill")).to_have_text("Up", timeout=5_000)
        await expect(page).to_have_title("Up: SP-IN-60-0001 · Lineside")
        state = await page.evaluate(
            "[window.sameDocument, scrollY, document.querySelector('#as-table').open, document.activeElement.textContent]"
        )
        assert state == [True, 120, True, "Harbour Foods"]
        assert faults == []


async def test_the_search_filters_while_one_types(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        faults: list[str] = []
        listen(page, faults)
        await page.goto(await site.link())
        await page.goto(f"{site.url}/services")
        await page.keyboard.press("Tab")
        await expect(page.locator(":focus")).to_have_text("Skip to the content")
        await page.keyboard.press("/")
        await page.keyboard.type("bluefin")
        await expect(page.locator("tbody tr")).to_have_count(2)
        assert page.url == f"{site.url}/services?q=bluefin"
        await page.wait_for_timeout(2_500)  # a poll later it is still filtered, and still typed into
        await expect(page.locator("tbody tr")).to_have_count(2)
        await page.keyboard.type(" nowhere")
        await expect(page.locator(".empty h2")).to_have_text("No service matches “bluefin nowhere”")
        await page.locator(".empty a").click()
        await expect(page.locator("tbody tr")).to_have_count(6)
        await page.get_by_role("link", name="1 Down").click()
        await expect(page.locator("tbody tr")).to_have_count(1)
        assert faults == []


async def test_a_lost_connection_is_said_and_heals(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site, chromium("dark") as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        await page.goto(f"{site.url}/services")
        live = page.locator("#live-state")
        await expect(live).to_have_text("Live")
        await browser.set_offline(True)
        await expect(live).to_contain_text("Connection lost since", timeout=6_000)
        await keep(page, "connection-lost")
        await expect(page.locator("tbody tr")).to_have_count(6)  # what was known stays readable
        await browser.set_offline(False)
        await expect(live).to_have_text("Live", timeout=6_000)
        await browser.clear_cookies()
        await expect(live).to_contain_text("Signed out", timeout=6_000)
        await expect(page.locator("tbody tr")).to_have_count(6)


@pytest.mark.parametrize(
    ("address", "said", "then"),
    [
        ("/", ".state", "2 services have issues and 1 has no data."),
        ("/accounts/A-1", ".kpi >> nth=2", "No revenue is affected; € 89 at risk"),
        ("/accounts", "#a-A-1 .c-money", "€ 89at risk"),
    ],
)
async def test_the_overview_and_accounts_follow_without_a_reload(
    database: str, tmp_path: Path, address: str, said: str, then: str
) -> None:
    await full(database)
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        await page.goto(site.url + address)
        await page.evaluate("window.sameDocument = true")
        await seed.recover(database, NOW)
        await expect(page.locator(said)).to_contain_text(then, timeout=5_000)
        assert await page.evaluate("window.sameDocument")


async def test_the_theme_stays_as_chosen_and_the_server_sends_it(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site, chromium("dark") as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        background = "getComputedStyle(document.body).backgroundColor"
        dark = await page.evaluate(background)
        await page.get_by_role("button", name="Theme: as the system. Change to light").click()
        light = await page.evaluate(background)
        assert light != dark
        answer = await page.goto(f"{site.url}/accounts")
        assert answer is not None
        assert '<html lang="en" data-theme="light">' in await answer.text()  # in the first bytes, so nothing flashes
        assert await page.evaluate(background) == light
        await page.locator("#theme").click()
        await page.locator("#theme").click()
        await expect(page.locator("#theme")).to_have_attribute("aria-label", "Theme: as the system. Change to light")
        assert await page.evaluate(background) == dark
        assert not [each for each in await browser.cookies() if each["name"] == "lineside_theme"]


async def test_who_signs_out_is_out(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        cookies = await browser.cookies()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.locator("h1")).to_have_text("You are signed out")
        await browser.add_cookies([{"name": c["name"], "value": c["value"], "url": site.url} for c in cookies])  # a copy
        answer = await page.goto(site.url)
        assert answer is not None
        assert answer.status == 401


@pytest.mark.parametrize(
    "address",
    ["/", "/accounts", "/accounts/A-1", "/services", "/services/SP-DL-20-0007", "/services/SP-IN-60-0001", "/elements/E-port"],
)
async def test_a_first_visit_loads_at_most_60_kb(database: str, tmp_path: Path, address: str) -> None:
    await full(database)
    await seed.many(database, 200)
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        await page.goto("about:blank")
        wire = await browser.new_cdp_session(page)
        await wire.send("Network.enable")
        await wire.send("Network.clearBrowserCache")
        loaded: list[float] = []
        wire.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
        await page.goto(site.url + address, wait_until="load")
        await page.wait_for_timeout(500)
    print(f"{address}: {sum(loaded) / 1_000:.1f} kB on the wire, headers and all")
    assert 15_000 < sum(loaded) <= 60_000


async def printed(page: Page) -> bytes:
    return await page.pdf(format="A4")


async def test_a_service_prints_on_paper(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site, chromium("dark") as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        await page.goto(f"{site.url}/services/SP-DL-20-0007")
        await page.emulate_media(media="print")
        await expect(page.locator("#live-state")).to_be_hidden()
        await keep(page, "print")
        assert (await printed(page)).startswith(b"%PDF")
