"""The status job: samples in, timelines out, on every database; late data, silence and time itself included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocols.uplink.batch import REASON_CODE
from storage import agents
from storage.database import as_tenant
from storage.times import to_datetime, to_us
from tests.fakes.world import SECOND, SECRET, START, World, batch, bearer, world

pytestmark = pytest.mark.every_database
MINUTE = 60 * SECOND


async def _poll(w: World, seq: int, minute: int, ping: float, snmp: float, oper: float = 1.0, reason: str = "") -> None:
    """One poll of edge1 at `minute`: ping and SNMP answer or not, and the port's operational status."""
    sensors = await w.sensors()
    at = START + minute * MINUTE
    rows = [(sensors["edge1 ping"], "reachable", "", at, ping), (sensors["edge1 snmp"], "reachable", "", at, snmp)]
    if snmp:
        rows += [
            (sensors["edge1 snmp"], "if.oper_status", "ge1", at, oper),
            (sensors["edge1 snmp"], "if.admin_status", "ge1", at, 1.0),
        ]
    answer = await w.put(batch(rows, reason=REASON_CODE[reason or ("" if ping and snmp else "timeout")]), seq)
    assert answer.json()["result"] == "stored"


async def _beat(w: World, minute: int) -> None:
    w.now = START + minute * MINUTE
    await w.client.post("/agent/v1/heartbeat", json={"version": "1", "plan": ""}, headers=bearer(SECRET))


async def _story(w: World, *answers: float, start: int = 0) -> None:
    for minute, answer in enumerate(answers, start):
        await _beat(w, minute)
        await _poll(w, 100 + minute, minute, answer, answer)
        await w.decide()


async def _spans(w: World) -> list[tuple[int, str]]:
    """(minute since START, status) of each stretch with something measured; a change of cause alone cuts none."""
    rows = await w.con.fetch("select starts_at, shown from service_span order by starts_at")
    stretches: list[tuple[int, str]] = []
    for row in rows:
        if row["shown"] != "No Data" and (not stretches or stretches[-1][1] != row["shown"]):
            stretches.append((round((to_us(row["starts_at"]) - START) / MINUTE), row["shown"]))
    return stretches


async def test_down_is_confirmed_by_three_polls_and_back_dated_to_the_first(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _story(w, 1, 1, 0, 0)
        assert (await w.status())["shown"] == "Up", "two failures are not confirmed"
        await _story(w, 0, start=4)
        row = await w.status()
        assert (row["shown"], to_us(row["since"])) == ("Down", START + 2 * MINUTE)
        (cause,) = [cause for cause in row["cause"] if not cause["implied_by"]]
        assert (cause["name"], cause["evidence"][0]["ts"], cause["evidence"][0]["reason"]) == (
            "edge1",
            START + 2 * MINUTE,
            "timeout",
        )
        await _story(w, 1, 1, start=5)
        assert await _spans(w) == [(0, "Up"), (2, "Down"), (5, "Up")]


async def test_a_batch_that_arrives_late_is_decided_from_its_first_sample(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _story(w, 1, 1, 1)
        for minute in (7, 8, 9):
            await _beat(w, minute)
            await _poll(w, 100 + minute, minute, 1, 1)
        await w.decide()
        assert (
            await w.con.fetchval(
                "select count(*) from service_span where shown = 'No Data' and starts_at > $1", to_datetime(START)
            )
            == 1
        )
        for minute in (3, 4, 5, 6):
            await _poll(w, 100 + minute, minute, 0, 0)
        await w.decide()
        assert await _spans(w) == [(0, "Up"), (3, "Down"), (7, "Up")]


async def test_samples_in_any_order_give_the_same_history(database: str, tmp_path: Path) -> None:
    story = [1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    histories = []
    for order in (range(len(story)), reversed(range(len(story))), [6, 1, 9, 0, 11, 3, 5, 2, 10, 8, 4, 7]):
        async with world(database, tmp_path) as w:
            await w.con.execute(
                "truncate element_span, service_span, element_due, sample, ingest_claim, status_dirty, agent_presence"
            )
            await _beat(w, 0)
            for minute in order:
                await _poll(w, 100 + minute, minute, story[minute], story[minute])
                w.now = max(w.now, START + minute * MINUTE)
                await w.decide()
            histories.append(await _spans(w))
            await w.con.execute("truncate tenant cascade")
    assert histories[0] == histories[1] == histories[2] == [(0, "Up"), (2, "Down"), (5, "Up"), (8, "Down")]


async def test_no_data_starts_when_the_stale_time_runs_out_and_names_a_silent_agent(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _story(w, 1, 1)
        await _beat(w, 2)
        w.now = START + 4 * MINUTE + SECOND
        await w.decide()
        row = await w.status()
        assert (row["shown"], row["reason"], to_us(row["starts_at"])) == ("No Data", "agent_offline", START + 4 * MINUTE)
        await _beat(w, 10)
        await w.decide()
        row = await w.status()
        assert (row["shown"], row["reason"], to_us(row["since"])) == ("No Data", "stale", START + 4 * MINUTE), (
            "heard again, no samples"
        )


async def test_an_agent_that_falls_silent_while_samples_are_stale_changes_the_reason(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _story(w, 1, 1)
        for minute in range(2, 8):
            await _beat(w, minute)
        await w.decide()
        assert (await w.status())["reason"] == "stale"
        w.now = START + 10 * MINUTE
        async with as_tenant(w.app.state.pool, w.tenant) as con:
            assert len(await agents.fallen_silent(con, w.tenant, w.now)) == 1
            assert await agents.fallen_silent(con, w.tenant, w.now) == [], "noticed once"
        await w.decide()
        assert (await w.status())["reason"] == "agent_offline"


async def test_a_port_that_goes_down_takes_the_service_down_while_its_device_is_up(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        for minute, oper in enumerate((1, 1, 2, 2, 2)):
            await _beat(w, minute)
            await _poll(w, minute, minute, 1, 1, oper)
        await w.decide()
        row = await w.status()
        assert (row["shown"], to_us(row["since"])) == ("Down", START + 2 * MINUTE)
        assert [(cause["name"], cause["evidence"][0]["metric"]) for cause in row["cause"]] == [("edge1 ge1", "if.oper_status")]


async def test_a_device_that_stops_answering_takes_its_ports_with_it_and_nothing_contradicts(
    database: str, tmp_path: Path
) -> None:
    async with world(database, tmp_path) as w:
        await _story(w, 1, 1, 0)
        assert (await _element(w, "edge1-ge1"))["shown"] == "Up", "one lost answer says nothing of a port"
        await _story(w, 0, 0, start=3)
        port = await _element(w, "edge1-ge1")
        assert (port["shown"], port["reason"], to_us(port["starts_at"])) == ("No Data", "unknown", START + 2 * MINUTE)
        row = await w.status()
        assert (row["shown"], row["flags"]) == ("Down", [])
        implied = {cause["name"]: cause["implied_by"] for cause in row["cause"]}
        assert implied == {"edge1": "", "edge1 ge1": "edge1"}
        await _story(w, 1, 1, start=5)
        port = await _element(w, "edge1-ge1")
        assert (port["shown"], to_us(port["starts_at"])) == ("Up", START + 5 * MINUTE)


async def test_a_poll_that_failed_at_the_agent_itself_is_no_evidence(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _story(w, 1, 1)
        for minute in range(2, 7):
            await _beat(w, minute)
            await _poll(w, minute, minute, 0, 0, reason="local_error")
        await w.decide()
        row = await w.status()
        assert (row["shown"], row["reason"]) == ("No Data", "unknown")


async def test_a_service_taken_out_of_service_is_not_in_service_from_that_moment(database: str, tmp_path: Path) -> None:
    from tests.fakes.world import INVENTORY

    async with world(database, tmp_path) as w:
        await _story(w, 1, 1)
        w.now = START + 2 * MINUTE
        await w.apply({"services": [INVENTORY["services"][0] | {"fulfilment_status": "Suspended For Non-Pay"}]})
        await w.decide()
        row = await w.status()
        assert (row["shown"], row["reason"], to_us(row["since"])) == (
            "Not in service",
            "Suspended For Non-Pay",
            START + 2 * MINUTE,
        )


async def test_what_was_decided_of_days_whose_samples_are_gone_stands(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await _story(w, 1, 1)
        before = await _spans(w)
        w.now = START + 20 * 24 * 60 * MINUTE
        horizon = to_datetime(START + 6 * 24 * 60 * MINUTE).date()
        await w.con.execute(
            "insert into history_progress (tenant_id, packed_to, raw_from) values ($1, $2, $2)", w.tenant, horizon
        )
        await w.con.execute("delete from sample")
        await _poll(w, 999, 3, 1, 1)
        await w.decide()
        assert await _spans(w) == before
        assert not await w.con.fetchval(
            "select count(*) from service_span where shown = 'No Data' and starts_at = $1", to_datetime(START)
        )


async def test_what_a_failed_round_had_claimed_returns_to_the_queue(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.decide()
        await _beat(w, 0)
        await _poll(w, 1, 0, 1, 1)
        await w.con.execute("alter table element_span rename to hidden")
        with pytest.raises(Exception, match="element_span"):
            await w.decide()
        await w.con.execute("alter table hidden rename to element_span")
        await w.decide()
        assert (await w.status())["shown"] == "Up"


async def _element(w: World, name: str) -> Any:
    return await w.con.fetchrow(
        "select p.* from element_span p join element e on e.id = p.element_id where e.external_id = $1 and p.ends_at is null",
        name,
    )
