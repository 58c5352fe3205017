"""Planned work: the month, the form that plans it, and the feed that calendars read, read back by two other programs' eyes."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx2
import pytest
from dateutil.rrule import rrulestr
from dateutil.tz import tzical
from icalendar import Calendar

from server import auth
from server.app import ROUTES
from server.config import Settings
from server.web import create_app
from storage import maintenance, window_views
from storage.database import as_tenant, connect, connect_owner
from storage.maintenance import Change
from storage.times import to_datetime, to_us
from tests.fakes import seed, seed_measured
from tests.server.pages import NOW
from tests.server.test_pages import text_of

WARSAW = ZoneInfo("Europe/Warsaw")


@asynccontextmanager
async def signed_in(dsn: str, tmp_path, *scopes: str, more: dict[str, object] | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser without JavaScript in a session with `scopes`, on the real application."""
    cookie = auth.new_secret()
    con = await connect_owner(dsn)
    try:
        await con.execute(
            """insert into page_session (tenant_id, link_sha256, link_expires_at, expires_at, scopes, cookie_sha256, redeemed_at)
               values (1, $1, $2, $2, $3, $1, $2)""",
            auth.sha256(cookie), to_datetime(NOW + auth.LINK_US), list(scopes),
        )  # fmt: skip
    finally:
        await con.close()
    app = create_app(Settings(database_url=dsn, data=str(tmp_path), host="127.0.0.1"), dsn, ROUTES, lambda: NOW)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        headers = {"accept": "text/html", "accept-encoding": "identity"}
        cookies = {auth.COOKIE: cookie}
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://lineside", headers=headers, cookies=cookies
        ) as client:
            yield client


def form_of(page: str, **changes: object) -> dict[str, object]:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found
    return {
        "csrf": found[1], "title": "Router software", "start": "2026-11-29T01:00", "end": "2026-11-29T03:00",
        "zone": "Europe/Warsaw", "repeat": "", "service": ["SP-IN-60-0001"], "do": "save",
    } | changes  # fmt: skip


async def saved(dsn: str) -> list[window_views.WindowView]:
    pool = await connect(dsn, "lineside_app", 1)
    try:
        async with as_tenant(pool, 1) as con:
            return await window_views.windows(con, 0)
    finally:
        await pool.close()


async def test_a_window_is_planned_changed_and_canceled_by_the_form(database: str, tmp_path) -> None:
    await seed.world(database, NOW)
    async with signed_in(database, tmp_path, "noc-read", "noc-write") as browser:
        page = (await browser.get("/maintenance/new?service=SP-IN-60-0001")).text
        assert 'value="SP-IN-60-0001" checked' in page
        wanted = form_of(page, repeat="weekly", day=["SU"], until="2027-03-28")
        answer = await browser.post("/maintenance", data=wanted)
        assert answer.status_code == 303, text_of(answer.text)
        address = answer.headers["location"]
        said = text_of((await browser.get(address)).text)
        assert "every week on Sunday, until 2027-03-28 · Europe/Warsaw · version 1" in said
        [window] = await saved(database)
        assert window.newest.rrule == "FREQ=WEEKLY;BYDAY=SU;UNTIL=20270328"
        assert window.newest.start == to_us(datetime(2026, 11, 29, 1, tzinfo=WARSAW))
        assert "Router software" in text_of((await browser.get("/maintenance?month=2026-12")).text)
        again = await browser.post(address.partition("?")[0], data=wanted | {"repeat": "", "title": "Once"})
        assert again.status_code == 303
        gone = await browser.post(address.partition("?")[0], data=wanted | {"do": "cancel"})
        assert gone.status_code == 303
    [window] = await saved(database)
    assert (window.number, window.title, window.newest.canceled, window.newest.rrule) == (3, "Once", True, "")


async def changed(browser: httpx2.AsyncClient, address: str, known: str) -> str:
    """The page as soon as it is another one than the one with the ETag `known`; the clock of the server stands still."""
    for _ in range(100):
        answer = await browser.get(address, headers={"if-none-match": known})
        if answer.status_code == 200:
            return text_of(answer.text)
        assert answer.status_code == 304
        await asyncio.sleep(0.02)
    pytest.fail(f"{address} stayed as it was")


async def test_what_is_planned_shows_at_once_and_where_it_counts(database: str, tmp_path) -> None:
    await seed.world(database, NOW)
    async with signed_in(database, tmp_path, "noc-read", "noc-write") as browser:
        places = ("/", "/maintenance", "/services/SP-IN-60-0001")
        wanted = form_of((await browser.get("/maintenance/new")).text)
        known = {address: (await browser.get(address)).headers["etag"] for address in places}
        window = (await browser.post("/maintenance", data=wanted)).headers["location"].partition("?")[0]
        for address, tag in known.items():
            assert "Router software" in await changed(browser, address, tag), address
        tag = (await browser.get(places[2])).headers["etag"]
        assert (await browser.post(window, data=wanted | {"service": ["SP-DL-20-0007"]})).status_code == 303
        assert "Router software" not in await changed(browser, places[2], tag)
        assert "Router software" in text_of((await browser.get("/services/SP-DL-20-0007")).text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": " "}, "Give the work a title"),
        ({"end": "2026-11-29T01:00"}, "The work must end after it begins."),
        ({"start": "soon"}, "Write day and time as"),
        ({"zone": "Mars/Base"}, "Mars/Base is no time zone"),
        ({"service": []}, "Choose at least one service"),
        ({"service": ["nobody"]}, "There is no service nobody."),
        ({"start": "2026-11-20T01:00", "end": "2026-11-20T02:00"}, "give a reason for the back-dating"),
        ({"repeat": "weekly", "day": ["MO"]}, "does not begin on a day of its rule"),
        ({"repeat": "daily", "times": "many"}, "Write a whole number"),
        ({"repeat": "hourly"}, "Choose how often"),
    ],
)
async def test_a_form_that_cannot_be_saved_says_why_and_keeps_what_was_written(database: str, tmp_path, changes, said) -> None:
    await seed.world(database, NOW)
    async with signed_in(database, tmp_path, "noc-read", "noc-write") as browser:
        page = (await browser.get("/maintenance/new")).text
        answer = await browser.post("/maintenance", data=form_of(page, **changes))
        assert answer.status_code == 422
        assert said in text_of(answer.text)
        assert 'value="2026-11-29T03:00"' in answer.text or "end" in changes
        assert 'aria-invalid="true"' in answer.text
    assert await saved(database) == []


async def test_only_a_session_that_may_write_sends_forms_and_only_its_own(database: str, tmp_path) -> None:
    await seed.world(database, NOW)
    await seed_measured.fill(database, NOW, days=1)
    async with signed_in(database, tmp_path, "noc-read", "noc-write") as writer:
        stolen = form_of((await writer.get("/maintenance/new")).text)
        crm = await writer.post("/maintenance/W-2", data=stolen)
        assert crm.status_code == 409
        assert "the CRM" in text_of(crm.text)
        assert (await writer.post("/maintenance", data=stolen | {"csrf": "0" * 64})).status_code == 403
        assert (await writer.get("/maintenance/none")).status_code == 404
    async with signed_in(database, tmp_path, "noc-read") as reader:
        assert "Plan work" not in (await reader.get("/maintenance")).text
        assert (await reader.get("/maintenance/new")).status_code == 403
        assert (await reader.post("/maintenance", data=stolen)).status_code == 403
        assert "Your session may look, not change." in text_of((await reader.get("/maintenance/W-1")).text)
    async with signed_in(database, tmp_path, "noc-read", "noc-write") as other:
        assert (await other.post("/maintenance", data=stolen)).status_code == 403  # the token is the other session's


async def test_a_calendar_address_works_until_it_is_stopped(database: str, tmp_path) -> None:
    await seed.world(database, NOW)
    await seed_measured.fill(database, NOW, days=1)
    async with signed_in(database, tmp_path, "noc-read") as browser:
        csrf = form_of((await browser.get("/maintenance")).text)["csrf"]
        page = (await browser.post("/maintenance/calendar", data={"csrf": csrf, "do": "make"})).text
        found = re.search(r"/maintenance/calendar\.ics\?key=[0-9a-f]{64}", page)
        assert found
        browser.cookies.clear()
        answer = await browser.get(found[0])
        assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
        events = {str(each["SUMMARY"]): each for each in Calendar.from_ical(answer.text).walk("VEVENT")}
        assert set(events) == {
            "Router software, POP Gdynia", "Weekly backup window", f"Power {seed.SCRIPT}", "Fibre splice"
        }  # fmt: skip
        assert events[f"Power {seed.SCRIPT}"]["STATUS"] == "CANCELLED"
        assert "SP-DL-20-0007 (Bluefin Logistics)" in events["Weekly backup window"]["DESCRIPTION"]
        same = await browser.get(found[0], headers={"if-none-match": answer.headers["etag"]})
        assert same.status_code == 304
        assert (await browser.get("/maintenance/calendar.ics?key=guess")).status_code == 404
    async with signed_in(database, tmp_path, "noc-read") as browser:
        csrf = form_of((await browser.get("/maintenance")).text)["csrf"]
        assert "does not work any more" in text_of(
            (await browser.post("/maintenance/calendar", data={"csrf": csrf, "do": "stop"})).text
        )
        assert (await browser.get(found[0])).status_code == 404


async def test_recurring_work_keeps_to_the_local_clock_across_summer_time_in_every_reader(database: str, tmp_path) -> None:
    """dateutil reads the VTIMEZONE and expands the rule on its own; icalendar parses the whole."""
    await seed.world(database, NOW)
    begin = datetime(2027, 3, 14, 1, 30, tzinfo=WARSAW)
    pool = await connect(database, "lineside_app", 1)
    try:
        async with as_tenant(pool, 1) as con:
            change = Change(
                "dst", "Güterbahnhof, " * 9, to_us(begin), to_us(begin.replace(hour=3)), "Europe/Warsaw", ["SP-IN-60-0001"],
                "FREQ=WEEKLY;BYDAY=SU;UNTIL=20270418",
            )  # fmt: skip
            await maintenance.save(con, 1, "api", change, NOW)
    finally:
        await pool.close()
    async with signed_in(database, tmp_path, "noc-read") as browser:
        csrf = form_of((await browser.get("/maintenance")).text)["csrf"]
        page = (await browser.post("/maintenance/calendar", data={"csrf": csrf, "do": "make"})).text
        found = re.search(r"/maintenance/calendar\.ics\?key=[0-9a-f]{64}", page)
        assert found
        body = (await browser.get(found[0])).content
    assert body.count(b"\r\n") == body.count(b"\n")
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
    [event] = Calendar.from_ical(body).walk("VEVENT")
    assert event["RRULE"].to_ical() == b"FREQ=WEEKLY;UNTIL=20270418T215959Z;BYDAY=SU"
    zone = tzical(io.StringIO(re.search(r"BEGIN:VTIMEZONE.*END:VTIMEZONE\r\n", body.decode(), re.DOTALL)[0])).get("Europe/Warsaw")
    start = datetime.strptime(event["DTSTART"].to_ical().decode(), "%Y%m%dT%H%M%S").replace(tzinfo=zone)
    theirs = [each.astimezone(UTC) for each in rrulestr(event["RRULE"].to_ical().decode(), dtstart=start)]
    [window] = await saved(database)
    ours = [to_datetime(span.start) for span in window.open_in(0, to_us(datetime(2028, 1, 1, tzinfo=UTC)))]
    assert theirs == ours
    assert [each.hour for each in ours] == [0, 0, 0, 23, 23, 23]  # 28 March: still 1:30 by the clock of Warsaw
