"""From a trap to an alarm: events stored with their batch, rules, repeats, clearing, statuses, and who may see and do what."""

from __future__ import annotations

from pathlib import Path

from agent.happenings import KIND, Happening, columns
from protocols.uplink.batch import Batch, encode
from server.jobs.raise_alarms import decide
from tests.fakes.world import INVENTORY, SECOND, START, World, batch, bearer, world

MINUTE = 60 * SECOND
WITH_TRAPS = INVENTORY | {
    "elements": [
        INVENTORY["elements"][0]
        | {"sensors": [{"kind": "ping"}, {"kind": "snmp", "community": "public"}, {"kind": "trap"}, {"kind": "syslog"}]},
        INVENTORY["elements"][1],
    ]
}


async def tell(w: World, seq: int, ts: int, name: str, detail: str = "{}", *, again: bool = False) -> dict[str, object]:
    number = (await w.sensors())["edge1 trap"]
    row = Happening(number, ts, KIND["trap"], 3, "192.0.2.1", "1.3.6.1.6.3.1.1.5.3", name, detail)
    answer = (await w.put(encode(Batch(events=columns([row]))), seq)).json()
    assert answer["result"] == ("duplicate" if again else "stored"), answer
    while await decide(w.app.state.pool, w.tenant, w.now):
        pass
    return answer


async def alarms(w: World) -> list[dict[str, object]]:
    rows = await w.con.fetch(
        """select e.external_id as element, a.condition, a.instance, a.state, a.count from alarm a
           left join element e on e.id = a.element_id order by a.id"""
    )
    return [dict(row) for row in rows]


async def test_a_trap_raises_an_alarm_that_repeats_and_clears(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_TRAPS) as w:
        down = '{"ifIndex.7":7,"ifOperStatus.7":"down","ifName.7":"ge-0/0/7"}'
        await tell(w, 1, START, "linkDown", down)
        await tell(w, 1, START, "linkDown", down, again=True)
        await tell(w, 2, START + SECOND, "linkDown", down)
        (alarm,) = await alarms(w)
        assert alarm == {"element": "edge1", "condition": "link_down", "instance": "ge-0/0/7", "state": "open", "count": 2}
        await tell(w, 3, START + MINUTE, "linkUp", '{"ifIndex.7":7,"ifName.7":"ge-0/0/7"}')
        assert (await alarms(w))[0]["state"] == "cleared"
        await tell(w, 4, START + 5 * MINUTE, "linkDown", down)
        (alarm,) = await alarms(w)
        assert (alarm["state"], alarm["count"]) == ("open", 3)
        spans = await w.con.fetch("select starts_at, ends_at from alarm_span order by starts_at")
        assert [row["ends_at"] is None for row in spans] == [False, True]
        assert (spans[0]["ends_at"] - spans[0]["starts_at"]).total_seconds() == 60
        assert await w.con.fetchval("select count(*) from event") == 4


async def test_an_alarm_that_comes_long_after_clearing_is_a_new_one(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_TRAPS) as w:
        w.now = START + 60 * MINUTE
        await tell(w, 1, START, "upsTrapOnBattery")
        await tell(w, 2, START + MINUTE, "powerRestored")
        await tell(w, 3, START + 12 * MINUTE, "upsTrapOnBattery")
        assert [alarm["state"] for alarm in await alarms(w)] == ["closed", "open"]


async def test_a_port_that_is_an_element_has_the_alarm_and_names_its_service(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_TRAPS) as w:
        await tell(w, 1, START, "linkDown", '{"ifIndex.1":1,"ifName.1":"ge1"}')
        (alarm,) = await alarms(w)
        assert (alarm["element"], alarm["instance"]) == ("edge1-ge1", "")
        assert await w.con.fetchval("select v.external_id from alarm_service l join service v on v.id = l.service_id") == "SP-1"


async def test_a_status_raises_one_alarm_and_clears_it(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_TRAPS) as w:
        sensors = await w.sensors()
        ping, snmp = sensors["edge1 ping"], sensors["edge1 snmp"]
        for minute, value in ((0, 1.0), (1, 0.0), (2, 0.0), (3, 0.0)):
            at = START + minute * MINUTE
            w.now = at + SECOND
            await w.put(batch([(ping, "reachable", "", at, value), (snmp, "reachable", "", at, value)], reason=1), minute)
        await w.decide()
        for _ in range(3):
            await decide(w.app.state.pool, w.tenant, w.now)
        found = {(alarm["element"], alarm["condition"]): alarm for alarm in await alarms(w)}
        assert found["edge1", "down"]["count"] == 1
        assert found["edge1", "down"]["state"] == "open"
        for minute in (4, 5, 6):
            at = START + minute * MINUTE
            w.now = at + SECOND
            await w.put(batch([(ping, "reachable", "", at, 1.0), (snmp, "reachable", "", at, 1.0)]), minute)
        await w.decide()
        await decide(w.app.state.pool, w.tenant, w.now)
        found = {(alarm["element"], alarm["condition"]): alarm for alarm in await alarms(w)}
        assert found["edge1", "down"]["state"] == "cleared"


async def test_old_events_go_after_ninety_days(database: str, tmp_path: Path) -> None:
    from server.jobs.retain import retain

    async with world(database, tmp_path, WITH_TRAPS) as w:
        await tell(w, 1, START, "coldStart")
        day = START // (86_400 * SECOND)
        await retain(w.app.state.pool, day + 90)
        assert await w.con.fetchval("select count(*) from event") == 1
        await retain(w.app.state.pool, day + 92)
        assert await w.con.fetchval("select count(*) from event") == 0


async def test_alarms_and_events_are_told_to_the_crm_and_shown(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_TRAPS) as w:
        w.now = START + MINUTE
        for seq in range(3):
            await tell(w, seq, START + seq, "linkDown", f'{{"ifName.7":"ge{seq}","note":"<b>hot</b>"}}')
        admin = bearer(w.key)
        first = (await w.client.get("/crm/v1/events?limit=2&service=SP-1", headers=admin)).json()
        rest = (await w.client.get(f"/crm/v1/events?limit=2&cursor={first['next_cursor']}", headers=admin)).json()
        assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
        assert first["items"][0]["name"] == "linkDown"
        assert (await w.client.get("/crm/v1/events?q=nothing", headers=admin)).json()["items"] == []
        listed = (await w.client.get("/crm/v1/alarms?state=open", headers=admin)).json()["items"]
        assert {alarm["instance"] for alarm in listed} == {"ge0", "", "ge2"}  # ge1 is an element
        assert listed[0]["services"] == ["SP-1"]
        assert listed[0]["accounts"] == ["acme"]
        assert listed[0]["perceived_severity"] == "major"
        line = (await w.client.get("/crm/v1/services/SP-1/alarms", headers=admin)).json()["items"]
        assert len(line) == 3
        assert line[0]["to"] is None
        for cursor in ("x", "1-2", "9" * 30, "-1"):
            assert (await w.client.get(f"/crm/v1/events?cursor={cursor}", headers=admin)).status_code == 400
        shown = (await w.client.get("/events?element=edge1&severity=4", headers=admin)).text
        assert "&lt;b&gt;hot" in shown
        assert "<b>hot" not in shown
        assert "Link down" in (await w.client.get("/alarms", headers=admin)).text


async def test_a_person_acknowledges_and_clears_with_a_reason(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, WITH_TRAPS) as w:
        await tell(w, 1, START, "upsTrapOnBattery")
        admin, number = bearer(w.key), await w.con.fetchval("select id from alarm")
        page = (await w.client.get("/alarms", headers=admin)).text
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        address = f"/alarms/{number}"
        forged = await w.client.post(address, headers=admin, data={"csrf": "0", "do": "acknowledge"})
        good = await w.client.post(address, headers=admin, data={"csrf": csrf, "do": "acknowledge"})
        assert (forged.status_code, good.status_code) == (403, 303)
        assert (await alarms(w))[0]["state"] == "acknowledged"
        bare = await w.client.post(address, headers=admin, data={"csrf": csrf, "do": "clear", "reason": " "})
        w.now = START + MINUTE
        told = await w.client.post(address, headers=admin, data={"csrf": csrf, "do": "clear", "reason": "generator test"})
        assert (bare.status_code, told.status_code) == (422, 303)
        row = await w.con.fetchrow("select state, clear_reason, cleared_by from alarm")
        assert tuple(row) == ("cleared", "generator test", "test")
        again = await w.client.post(address, headers=admin, data={"csrf": csrf, "do": "clear", "reason": "x"})
        assert again.status_code == 409
