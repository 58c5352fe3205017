"""What a person meets in a real browser: every page in light and dark, full and empty, narrow and wide; and it is live."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import NOW, Theme, chromium, keep, listen, served, violations
from tests.fakes import seed

FULL = {
    "services": "/services",
    "filtered": "/services?status=Has+Issues&q=blue",
    "no-match": "/services?q=nothing+like+it",
    "down": "/services/SP-IN-60-0001",
    "has-issues": "/services/SP-DL-20-0007",
    "degraded": "/services/SP-CS-0003",
    "no-data": "/services/S%2F4%20odd%3F%23%25",
    "up": "/services/SP-IN-60-0002",
    "not-in-service": "/services/SP-IN-60-0009",
    "unknown": "/services/nope",
}
LOOKED_AT_NARROW = {"services", "has-issues", "no-data"}  # the others are built of the same parts
EMPTY = {"services": "/services", "unknown": "/services/nope"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("content", ["data", "empty"])
async def test_every_page_is_accessible_quiet_and_fits(database: str, tmp_path: Path, theme: Theme, content: str) -> None:
    await (seed.world(database, NOW) if content == "data" else seed.tenants(database))
    faults: list[str] = []
    async with served(database, tmp_path) as site, chromium(theme) as browser:
        page = await browser.new_page()
        await page.goto(await site.link())
        listen(page, faults)
        for name, address in (FULL if content == "data" else EMPTY).items():
            await page.goto(site.url + address)
            if name == "unknown":
                faults[:] = [f for f in faults if "404" not in f]  # that the page itself is not there is meant
            for width in (1280, 390):
                await page.set_viewport_size({"width": width, "height": 900})
                await page.evaluate("document.fonts.ready")
                where = f"{name}-{content}-{theme}-{width}"
                if width == 1280 or name in LOOKED_AT_NARROW:
                    await keep(page, where)
                    faults += [f"{where}: {found}" for found in await violations(page)]
                if await page.evaluate("document.documentElement.scrollWidth") > width:
                    faults.append(f"{where}: wider than the window")
    assert faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_without_a_session_the_page_says_how_to_get_a_link(database: str, tmp_path: Path, theme: Theme) -> None:
    await seed.tenants(database)
    async with served(database, tmp_path) as site, chromium(theme) as browser:
        page = await browser.new_page()
        for name, address in {"signed-out": "/services", "link-spent": "/sign-in?token=spent"}.items():
            answer = await page.goto(site.url + address)
            assert answer is not None
            assert answer.status == 401
            await expect(page.locator("main code")).to_have_text("lineside link")
            await keep(page, f"{name}-{theme}")
            assert await violations(page) == []


async def test_a_change_appears_without_a_reload_and_disturbs_nothing(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        faults: list[str] = []
        listen(page, faults)
        answers: list[int] = []
        page.on("response", lambda answer: answers.append(answer.status) if answer.request.resource_type == "fetch" else None)
        await page.goto(await site.link())
        await page.goto(f"{site.url}/services/SP-IN-60-0001")
        await expect(page.locator("#live-state")).to_have_text("Live")
        await page.locator("summary").click()
        await page.locator("#live a").first.focus()
        await page.evaluate("window.sameDocument = true; scrollTo(0, 120)")
        await page.wait_for_timeout(4_500)
        assert answers[0] == 200  # it asks
        assert set(answers[1:]) == {304}  # and is sent nothing while nothing has changed
        await seed.recover(database, NOW)
        await expect(page.locator("h1 .pill")).to_have_text("Up", timeout=5_000)
        await expect(page).to_have_title("Up: SP-IN-60-0001 · Lineside")
        state = await page.evaluate(
            "[window.sameDocument, scrollY, document.querySelector('details').open, document.activeElement.textContent]"
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
        await page.wait_for_url("**/services")
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


async def test_a_first_visit_loads_at_most_60_kb(database: str, tmp_path: Path) -> None:
    await seed.world(database, NOW)
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
        await page.goto(f"{site.url}/services/SP-DL-20-0007", wait_until="networkidle")
        await page.goto(f"{site.url}/services?status=Up", wait_until="domcontentloaded")  # the rest is in the cache
        await asyncio.sleep(0.2)
    assert 20_000 < sum(loaded) <= 60_000 + 4_000  # two pages


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
