"""Every route, asked by every role with a real request: tests/server/roles.txt says what each is answered.

A route without a row fails, and so does a row without a route. `LINESIDE_WRITE_ROLES=1` writes the table anew: read what changed.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.requests import Request

from server import auth, setup
from server.app import ROUTES
from server.pages import forms
from server.web import Route
from storage import callers
from tests.fakes.sides import SEEN, Sides, sides
from tests.fakes.world import EPOCH, SECRET, START, bearer

TABLE = Path(__file__).with_name("roles.txt")
SCOPED = ("crm-read", "crm-write", "noc-read", "noc-write", "admin")
ROLES = ("none", "agent", "other_agent", *SCOPED, "revoked", "other_tenant", "bound")
OTHER_SECRET = "cd" * 32
# What stands in a path, by the noun before it: something that exists and may be read. What is deleted does not exist.
IDS = {
    "accounts": f"a-{SEEN}",
    "account-managers": "m-managedword",
    "locations": f"l-{SEEN}",
    "products": "line",
    "price-books": "b-managedword",
    "price-book-entries": "e-managedword",
    "templates": "t-managedword",
    "sites": "hq",
    "elements": f"p-{SEEN}",
    "services": f"sp-{SEEN}",
    "maintenance-windows": f"w-{SEEN}",
    "maintenance": f"w-{SEEN}",
    "orders": "o-managedword",
    "cases": f"c-{SEEN}",
    "invoices": "i-managedword",
}


@pytest.fixture
async def asked(database, tmp_path):
    async with sides(database, tmp_path) as made:
        yield made, await _credentials(made)


async def _credentials(made: Sides) -> dict[str, str | None]:
    w = made.world
    credentials: dict[str, str | None] = {"none": None, "agent": SECRET, "other_agent": OTHER_SECRET, "bound": made.manager}
    answer = await w.enrol(await w.token("s-managedword"), OTHER_SECRET, "other")
    assert answer.status_code == 200, answer.text
    for scope in SCOPED:
        credentials[scope] = await setup.new_key(w.con, w.tenant, scope, [scope], START)
    credentials["revoked"] = await setup.new_key(w.con, w.tenant, "revoked", ["admin"], START)
    await w.con.execute("update api_key set revoked_at = created_at where name = 'revoked'")
    other = await callers.ensure_tenant(w.con, "other", "Another provider")
    credentials["other_tenant"] = await setup.new_key(w.con, other, "other", ["admin"], START)
    return credentials


def _path(route: Route) -> str:
    noun = route.path.removeprefix("/crm/v1/").strip("/").partition("/")[0]
    given = "nothing" if route.method == "DELETE" else IDS.get(noun, "nothing")
    path = route.path.replace("{lane}/{epoch}/{seq}", f"metrics/{EPOCH}/9").replace("{path:path}", "app.css")
    path = path.replace("{external_id:path}", quote(given, safe="")).replace("{slug}", "nothing")
    return f"{path}?metric=if.in" if path.endswith("/series.json") else path


async def _statuses(route: Route, made: Sides, credentials: dict[str, str | None]) -> list[str]:
    """What each role is answered to the bare request: no query, and no body but what shows that a form is from our page."""
    found = []
    for role in ROLES:
        made.world.client.cookies.clear()
        key = credentials[role]
        form = (
            {"csrf": await _form_token(made, key)}
            if route.method == "POST" and route.path.startswith(("/maintenance", "/agents", "/alarms"))
            else None
        )
        headers = {} if key is None else bearer(key)
        answer = await made.world.client.request(route.method, _path(route), headers=headers, data=form)
        found.append(str(answer.status_code))
    return found


async def _form_token(made: Sides, key: str | None) -> str:
    caller = await callers.by_key(made.world.con, auth.sha256(key or ""))
    if caller is None:
        return "none"
    known = auth.Caller(caller.tenant_id, "key", caller.id, caller.name, caller.scopes)
    return forms.token(Request({"type": "http", "app": made.world.app, "state": {"caller": known}}))


def _lines(rows: dict[str, list[str]]) -> str:
    width = max(map(len, rows))
    head = ["route".ljust(width), *ROLES]
    lines = [" ".join(head)]
    lines += [
        " ".join([name.ljust(width), *(each.ljust(len(role)) for each, role in zip(row, ROLES, strict=True))])
        for name, row in rows.items()
    ]
    return "".join(line.rstrip() + "\n" for line in lines)


def _table() -> dict[str, list[str]]:
    """Route -> status of each role, as it is written."""
    head, *lines = TABLE.read_text().splitlines()
    assert tuple(head.split()[1:]) == ROLES
    return {" ".join(words[:2]): words[2:] for words in map(str.split, lines)}


def test_every_route_has_a_row() -> None:
    assert list(_table()) == [f"{route.method} {route.path}" for route in ROUTES]


def test_nobody_without_a_credential_gets_past_a_door() -> None:
    """The table itself: only what is public answers none, only agents reach what is theirs, a bound caller never writes."""
    scopes = {f"{route.method} {route.path}": route.scope for route in ROUTES}
    for name, row in _table().items():
        said = dict(zip(ROLES, row, strict=True))
        if scopes[name] in ("public", "status-public"):
            continue
        assert said["none"] == said["revoked"] == "401", name
        assert (said["agent"] == "403") == (scopes[name] != "agent"), name
        assert (said["other_agent"] == "403") == (scopes[name] != "agent"), name
        for role in SCOPED:
            may = role == scopes[name] or (role == "admin" and scopes[name] != "agent")
            assert (said[role] != "403") == may, (name, role)
        assert (said["bound"] == "403") == (not name.startswith("GET ") or scopes[name] not in ("crm-read", "noc-read")), name


async def test_every_role_is_answered_as_the_table_says(asked: tuple[Sides, dict[str, str | None]]) -> None:
    made, credentials = asked
    found = {f"{route.method} {route.path}": await _statuses(route, made, credentials) for route in ROUTES}
    if os.environ.get("LINESIDE_WRITE_ROLES"):
        TABLE.write_text(_lines(found))
    written = _table()
    wrong = [
        f"{name}: {role} is answered {status}, the table says {said}"
        for name, row in found.items()
        for role, status, said in zip(ROLES, row, written.get(name, ["nothing"] * len(ROLES)), strict=True)
        if status != said
    ]
    assert wrong == []


async def test_another_tenant_sees_nothing_of_the_first(asked: tuple[Sides, dict[str, str | None]]) -> None:
    made, credentials = asked
    key = credentials["other_tenant"] or ""
    for route in ROUTES:
        if route.method == "GET" and route.scope not in ("public", "status-public", "agent"):
            answer = await made.world.client.get(_path(route), headers=bearer(key))
            text = answer.text.replace(_path(route), "").replace(IDS.get(_path(route).split("/")[-1], "\0"), "")
            assert answer.status_code in (200, 404), (route.path, answer.status_code)
            if answer.status_code == 200:
                assert SEEN not in text, route.path
                assert "managedword" not in text, route.path
