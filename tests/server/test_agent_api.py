"""Enrolment, plan and heartbeat: the agent's other calls."""

from __future__ import annotations

import asyncio
from pathlib import Path

from protocols.uplink.plan import Snmp, decode_plan
from tests.fakes.world import INVENTORY, SECOND, SECRET, World, bearer, world

DAY = 86_400 * SECOND


async def _plan(w: World, secret: str = SECRET, **headers: str) -> object:
    return await w.client.get("/agent/v1/plan", headers=bearer(secret) | {k.replace("_", "-"): v for k, v in headers.items()})


async def test_the_same_token_and_secret_give_the_same_answer_another_secret_does_not(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        token = await w.token()
        first, again = await w.enrol(token, "cd" * 32), await w.enrol(token, "cd" * 32)
        assert first.status_code == again.status_code == 200
        assert first.json()["agent"] == again.json()["agent"]
        other = await w.enrol(token, "ee" * 32)
        assert other.status_code == 409
        assert "lineside agent token" in other.json()["detail"]
        assert await w.con.fetchval("select count(*) from agent") == 2


async def test_expired_and_unknown_tokens_are_refused_with_what_to_do(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        token = await w.token()
        w.now += DAY + SECOND
        for spent, title in ((token, "Enrolment token expired"), ("x" * 43, "Unknown enrolment token")):
            answer = await w.enrol(spent, "cd" * 32)
            assert (answer.status_code, answer.json()["title"]) == (403, title)
            assert "lineside agent token" in answer.json()["detail"]


async def test_neither_token_nor_secret_nor_community_is_stored_in_clear(database: str, tmp_path: Path) -> None:
    async with world(
        database,
        tmp_path,
        INVENTORY
        | {
            "elements": [
                {
                    "id": "e",
                    "name": "e",
                    "site": "hq",
                    "address": "192.0.2.9",
                    "sensors": [{"kind": "snmp", "community": "s3cr3t-community"}],
                }
            ],
            "services": [],
        },
    ) as w:
        token = await w.token()
        tables = await w.con.fetch(
            "select table_name as t from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
        )
        everything = ""
        for row in tables:
            everything += str(await w.con.fetchval(f"select coalesce(json_agg(x)::text, '') from {row['t']} x"))
        assert len(everything) > 1_000
        for secret in (token, SECRET, w.key, w.link, "s3cr3t-community"):
            assert secret not in everything


async def test_an_snmpv3_sensor_comes_with_its_secrets_and_they_are_kept_when_it_is_applied_without(
    database: str, tmp_path: Path
) -> None:
    sensor = {"kind": "snmp", "version": "3", "user": "joe", "auth": "sha256", "priv": "aes256c"}
    secrets = {"auth_secret": "s3cr3t-authentic", "priv_secret": "s3cr3t-private"}
    async with world(database, tmp_path) as w:
        (element,) = [dict(element) for element in INVENTORY["elements"] if element["id"] == "edge1"]
        await w.apply({"elements": [element | {"sensors": [sensor | secrets]}]})
        for again in (sensor | {"retries": 1}, sensor | {"auth_secret": "another-phrase"}):
            await w.apply({"elements": [element | {"sensors": [again]}]})
        (target,) = decode_plan((await _plan(w)).content).targets
        rows = await w.con.fetch("select settings::text as s from sensor")
    (snmp,) = target.sensors
    assert isinstance(snmp, Snmp)
    assert (snmp.version, snmp.user, snmp.auth, snmp.priv, snmp.community) == ("3", "joe", "sha256", "aes256c", "")
    assert (snmp.auth_secret, snmp.priv_secret) == ("another-phrase", "s3cr3t-private")
    assert not any("phrase" in row["s"] or "s3cr3t" in row["s"] for row in rows)


async def test_the_plan_holds_what_is_placed_in_an_active_service_and_nothing_else(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.apply(
            {"elements": [{"id": "spare", "name": "spare", "site": "hq", "address": "192.0.2.2", "sensors": [{"kind": "ping"}]}]}
        )
        plan = decode_plan((await _plan(w)).content)
        assert [target.element for target in plan.targets] == ["edge1"]
        kinds = {type(sensor).__name__: sensor for sensor in plan.targets[0].sensors}
        assert kinds["Snmp"].community == "public"
        assert set(kinds["Snmp"].profiles) <= plan.profiles.keys()
        service = INVENTORY["services"][0] | {"fulfilment_status": "Expired"}
        await w.apply({"services": [service]})
        assert decode_plan((await _plan(w)).content).targets == ()


async def test_the_plan_is_sent_again_only_when_it_changed(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        first = await _plan(w)
        assert (await _plan(w, If_None_Match=first.headers["etag"])).status_code == 304
        waiting = asyncio.create_task(
            w.client.get("/agent/v1/plan?wait=30", headers=bearer(SECRET) | {"If-None-Match": first.headers["etag"]})
        )
        await asyncio.sleep(0.2)
        assert not waiting.done()
        element = INVENTORY["elements"][0] | {"address": "192.0.2.77"}
        await w.apply({"elements": [element]})
        changed = await asyncio.wait_for(waiting, 5)
        assert decode_plan(changed.content).targets[0].address == "192.0.2.77"


async def test_a_new_agent_of_a_site_takes_over_from_the_old_one(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        await w.enrol(await w.token(), "cd" * 32, "new box")
        assert decode_plan((await _plan(w, "cd" * 32)).content).targets
        assert decode_plan((await _plan(w)).content).targets == ()


async def test_a_heartbeat_is_kept_and_presence_goes_on(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        for pause in (0, 30, 30, 200, 30):
            w.now += pause * SECOND
            beat = {"version": "1.2", "plan": "r1", "spool_bytes": 7, "errors": {"snmp.timeout": 3}}
            answer = await w.client.post("/agent/v1/heartbeat", json=beat, headers=bearer(SECRET))
            assert answer.status_code == 204
        row = await w.con.fetchrow("select version, plan_revision, spool_bytes, errors from agent")
        assert tuple(row) == ("1.2", "r1", 7, {"snmp.timeout": 3})
        spans = await w.con.fetch("select extract(epoch from until - since)::int as s from agent_presence order by since")
        assert [row["s"] for row in spans] == [60, 30]


async def test_an_unknown_field_in_a_message_is_refused_by_name(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        answer = await w.client.post("/agent/v1/heartbeat", json={"version": "1", "plan": "", "spol": 1}, headers=bearer(SECRET))
        assert answer.status_code == 400
        assert "spol" in answer.json()["detail"]
