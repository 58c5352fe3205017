"""What a person does in a real browser on the pages of a service and of maintenance: zoom, look at a day, plan work by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import Theme, chromium, keep, listen, served, violations
from tests.e2e.test_browser import full

SERVICE = "/services/SP-IN-60-0001"
HOUR = 3_600


async def opened(site: object, page: Page, address: str, faults: list[str], *more: str) -> None:
    await page.goto(await site.link(*more))  # type: ignore[attr-defined]
    listen(page, faults)
    await page.goto(site.url + address)  # type: ignore[attr-defined]


async def window_of(page: Page) -> tuple[int, int]:
    """(start, step) in seconds of what the traffic chart shows."""
    found: list[int] = await page.locator("#chart-traffic").evaluate("box => [box.dataset.start, box.dataset.step].map(Number)")
    return found[0], found[1]


async def test_a_chart_zooms_by_dragging_by_buttons_and_back(database: str, tmp_path: Path) -> None:
    await full(database)
    faults: list[str] = []
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        await opened(site, page, SERVICE, faults)
        chart = page.locator("#chart-traffic")
        await chart.scroll_into_view_if_needed()
        await expect(chart.locator(".chart-table tbody tr")).to_have_count(2)
        await expect(chart.locator(".chart-table tbody")).to_contain_text("90 %")
        day, step = await window_of(page)
        assert step == 300
        over = chart.locator(".u-over")
        await over.scroll_into_view_if_needed()
        box = await over.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=5)
        await page.mouse.up()
        await expect(chart).not_to_have_attribute("data-start", str(day))
        start, _ = await window_of(page)
        assert abs(start - (day + 6 * HOUR)) < HOUR / 2  # a quarter into the day
        assert await chart.locator('[aria-pressed="true"]').count() == 0
        await keep(page, "chart-zoomed")
        await chart.get_by_role("button", name="Zoom out").press("Enter")
        await expect(chart).not_to_have_attribute("data-start", str(start))
        assert (await window_of(page))[0] < start
        await chart.get_by_role("button", name="30 days").press("Space")
        await expect(chart.get_by_role("button", name="30 days")).to_have_attribute("aria-pressed", "true")
        await expect(chart).to_have_attribute("data-step", "3600")
        assert "95th percentile" in str(await chart.locator(".plot").get_attribute("aria-label"))
        await page.wait_for_timeout(2_500)  # the page asks again meanwhile, and leaves the chart alone
        assert await chart.locator("canvas").count() == 1
        await chart.get_by_role("button", name="1 year").click()
        await expect(chart).to_have_attribute("data-step", "86400")
    assert faults == []


async def test_the_arrow_keys_say_how_each_day_was(database: str, tmp_path: Path) -> None:
    await full(database)
    faults: list[str] = []
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        await opened(site, page, SERVICE, faults)
        days = page.get_by_role("slider")
        await days.focus()
        await expect(page.locator(".day-said")).to_contain_text("24 Nov: Down")
        await expect(page.locator(".day-said")).to_contain_text("Down 1 h 38 min")
        await page.keyboard.press("ArrowLeft")
        await expect(days).to_have_attribute("aria-valuenow", "89")
        await expect(days).to_have_attribute("aria-valuetext", await page.locator(".day-said").inner_text())
        assert await violations(page) == []
    assert faults == []


async def test_the_range_of_the_timeline_changes_without_a_reload(database: str, tmp_path: Path) -> None:
    await full(database)
    faults: list[str] = []
    async with served(database, tmp_path) as site, chromium() as browser:
        page = await browser.new_page()
        await opened(site, page, SERVICE, faults)
        await page.locator("#chart-traffic").scroll_into_view_if_needed()
        await expect(page.locator("#chart-traffic canvas")).to_have_count(1)
        await page.evaluate("window.sameDocument = true")
        await page.get_by_role("navigation", name="Range of the timeline").get_by_role("link", name="7 days").click()
        await page.wait_for_url("**?range=7d")
        assert await page.evaluate("window.sameDocument")
        await page.wait_for_timeout(2_500)
        assert await page.locator('.ranges [aria-current="true"]').inner_text() == "7 days"
        assert await page.locator("#chart-traffic canvas").count() == 1
    assert faults == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_work_is_planned_by_keyboard_alone(database: str, tmp_path: Path, theme: Theme) -> None:
    await full(database)
    faults: list[str] = []
    async with served(database, tmp_path) as site, chromium(theme) as browser:
        page = await browser.new_page()
        await opened(site, page, "/maintenance", faults, "noc-write")
        await page.get_by_role("link", name="Plan work").focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/maintenance/new")
        assert await violations(page) == []
        await keep(page, f"window-new-{theme}")
        await page.get_by_label("Title").focus()
        await page.keyboard.press("Enter")  # sent too early: it says what is missing, and where
        await expect(page.get_by_role("alert")).to_contain_text("Give the work a title")
        faults[:] = [fault for fault in faults if "422" not in fault]  # that the form was refused is meant
        await expect(page.get_by_label("Title")).to_be_focused()
        assert await violations(page) == []
        await keep(page, f"window-refused-{theme}")
        await page.keyboard.type("Swap the uplink")
        await page.get_by_label("How often").focus()
        await page.keyboard.type("Every week")
        await page.get_by_label("SP-IN-60-0001").focus()
        await page.keyboard.press("Space")
        await page.get_by_role("button", name="Plan the work").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_contain_text("Swap the uplink")
        await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        await expect(page.locator(".sub")).to_contain_text("every week on Tuesday")
        await page.goto(f"{site.url}/maintenance")
        await expect(page.locator(".month li", has_text="Swap the uplink").first).to_be_visible()
        await page.get_by_role("button", name="Make an address").press("Enter")
        await expect(page.locator(".given")).to_contain_text("/maintenance/calendar.ics?key=")
        await keep(page, f"maintenance-address-{theme}")
        assert await violations(page) == []
    assert faults == []
