"""The page of one service in states that the seeded world does not have: flapping, first day, maintenance, a silent sensor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.database import Connection, connect_owner
from storage.times import to_datetime
from tests.fakes import seed
from tests.server.pages import NOW, on_database
from tests.server.test_pages import text_of

SERVICE = "SP-IN-60-0002"  # Up, on core1 (element 2) alone
SECOND = 1_000_000


@pytest.fixture
async def con(database: str) -> AsyncIterator[Connection]:
    """The world at NOW, to be changed by the test."""
    await seed.world(database, NOW)
    made = await connect_owner(database)
    yield made
    await made.close()


async def read(dsn: str, address: str = f"/services/{SERVICE}") -> str:
    async with on_database(dsn) as browser:
        return (await browser.get(address)).text


async def test_what_flaps_and_does_not_answer_now_is_not_counted_as_usable(database: str, con: Connection) -> None:
    await con.execute(
        """update element_span set raw = 'Down', shown = 'Has Issues', reason = 'flapping', flags = '{flapping}'
           where element_id = 2 and ends_at is null"""
    )
    said = text_of(await read(database))
    assert "0 of 1 monitored element usable" in said
    assert "Has Issues Down now flapping" in said


async def test_a_round_trip_has_the_name_of_its_sensor_and_says_that_it_answers(database: str, con: Connection) -> None:
    del con
    said = text_of(await read(database))
    assert "SNMP answers · ping 24.6 ms · CPU load 15 % 14:59" in said
    assert "ping answers" not in said


async def test_values_that_no_longer_come_say_when_they_last_came(database: str, con: Connection) -> None:
    poll = NOW - 10 * SECOND
    silent = await con.fetchval("select x.id from series x where x.element_id = 2 and x.instance = 'snmp'")
    await con.execute("delete from sample where series_id = $1", silent)
    await con.execute("insert into sample values ($1, $2, 0, 0, 1)", silent, to_datetime(poll + 100 * SECOND))
    page = await read(database)
    assert "ping 24.6 ms 14:59" in text_of(page)
    assert "SNMP: no answer in time 15:01" in text_of(page)
    assert "CPU load 15 % last at 14:59" in text_of(page)


async def test_a_service_younger_than_a_day_fills_its_timeline(database: str, con: Connection) -> None:
    born = NOW - 23 * 60 * SECOND
    await con.execute("update service_span set starts_at = $1, since = $1 where service_id = 5", to_datetime(born))
    page = await read(database)
    assert "Operational status, since 14:37" in text_of(page)
    assert 'aria-label="Status since 14:37: Up 24 min"' in page
    assert '<rect class="b-up" x="0.0" width="1440.0"' in page
    axis = page[page.index('class="axis"') :].split("</div>")[0]
    assert [text_of(part) for part in axis.split("<span>")[1:]] == ["14:37", "14:43", "14:49", "14:55", "now"]
    await con.execute("update service_span set starts_at = $1 where service_id = 5", to_datetime(NOW - 90 * SECOND))
    axis = (await read(database)).split('class="axis"')[1].split("</div>")[0]
    assert [text_of(part) for part in axis.split("<span>")[1:]] == ["14:58", "now"]


async def test_maintenance_stands_beside_the_status_on_list_and_page(database: str, con: Connection) -> None:
    assert "In maintenance" not in await read(database)
    await con.execute("update service_span set flags = '{maintenance}' where service_id = 5 and ends_at is null")
    said = text_of(await read(database))
    assert f"{SERVICE} Up In maintenance" in said
    assert "It is in maintenance: work on it was announced." in said
    assert text_of(await read(database, "/services")).count("In maintenance") == 2  # the list view and the service


async def test_a_zone_is_not_named_twice(database: str, con: Connection) -> None:
    assert "in the zone of the account, Europe/Warsaw (CET)." in text_of(await read(database))
    await con.execute("update account set timezone = 'UTC'")
    assert "in the zone of the account, UTC." in text_of(await read(database))
