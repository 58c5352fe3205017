"""The inventory over HTTP and from the command line, through the real application on a socket."""

import argparse
import asyncio
import contextlib
import io
from dataclasses import dataclass

import httpx2
import msgspec
import pytest
import uvicorn

from server import auth, web
from server.app import ROUTES
from server.config import Settings
from server.inventory import cli
from server.inventory.document import Document
from server.setup import new_key
from storage import agents
from storage.database import as_tenant, connect_owner
from tests.server.inventories import COMMUNITY, ENVIRONMENT, NOW, SMALL, World, ask, body, demo


@dataclass
class Served:
    """The application at `url`, a key with the scope admin, and its tenant's rows."""

    url: str
    key: str
    world: World

    def call(self, method, path, content=b"", key=None):
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return asyncio.to_thread(httpx2.request, method, self.url + path, content=content, headers=headers, timeout=30)

    async def command(self, *argv, **environment):
        """(exit code, standard output, standard error) of `lineside *argv`."""
        parser = argparse.ArgumentParser()
        cli.add_arguments(parser.add_subparsers(dest="command"))
        arguments = parser.parse_args([str(word) for word in argv])
        out, err = io.StringIO(), io.StringIO()
        function = {"inventory": cli.apply, "agent": cli.token}[arguments.command]
        set_to = ENVIRONMENT | {"LINESIDE_URL": self.url, "LINESIDE_KEY": self.key} | environment
        return await asyncio.to_thread(function, arguments, set_to, out, err), out.getvalue(), err.getvalue()


@pytest.fixture
async def served(inventory_database, world, tmp_path):
    con = await connect_owner(inventory_database)
    key = await new_key(con, world.tenant, "test", ["admin"], NOW)
    await con.close()
    app = web.create_app(Settings(data=str(tmp_path)), inventory_database, ROUTES, lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    server.install_signal_handlers = lambda: None
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(f"http://127.0.0.1:{port}", key, world)
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "inventory.yaml"
        path.write_text(text)
        return path

    return write


async def test_put_answers_the_changes_and_get_exports_what_was_put(served):
    dry = await served.call("PUT", "/api/v1/inventory?dry_run=true", body(demo()))
    assert (dry.status_code, dry.json()["applied"]) == (200, False)
    assert await ask(served.world, "select count(*) from service") == [(0,)]
    done = await served.call("PUT", "/api/v1/inventory", body(demo()))
    assert done.json() == dry.json() | {"applied": True}
    assert done.json()["summary"] == {"create": 32, "change": 0, "remove": 0, "unchanged": 0}
    assert COMMUNITY not in done.text
    exported = await served.call("GET", "/api/v1/inventory")
    assert COMMUNITY not in exported.text
    assert [service.id for service in msgspec.json.decode(exported.content, type=Document).services] == [
        "SP-IN-0001",
        "SP-IN-0002",
        "SP-IN-0003",
        "SP-IN-0005",
        "SP-WF-0004",
    ]
    again = await served.call("PUT", "/api/v1/inventory", exported.content)
    assert again.json()["summary"] == {"create": 0, "change": 0, "remove": 0, "unchanged": 32}


async def test_a_problem_names_every_fault_and_its_place(served):
    answer = await served.call("PUT", "/api/v1/inventory", b'{"sites": [{"id": "a"}, {"id": "b", "nam~e/": "B", "name": "B"}]}')
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "The inventory has faults",
        "status": 422,
        "detail": "a site needs the key 'name' (and 1 more)",
        "errors": [
            {"pointer": "/sites/0", "detail": "a site needs the key 'name'"},
            {"pointer": "/sites/1/nam~0e~1", "detail": "unknown key 'nam~e/' in a site: did you mean 'name'?"},
        ],
    }


@pytest.mark.parametrize(
    ("content", "status", "title"),
    [
        (b"{", 400, "Not an inventory"),
        (b'"' + b"x" * (17 << 20) + b'"', 413, "Too large"),
        (b"[]", 422, "The inventory has faults"),
    ],
    ids=["no json", "too large", "a list"],
)
async def test_a_body_that_is_no_inventory_is_refused(served, content, status, title):
    answer = await served.call("PUT", "/api/v1/inventory", content)
    assert (answer.status_code, answer.json()["title"]) == (status, title)


@pytest.mark.parametrize(("method", "path"), [("GET", "/inventory"), ("PUT", "/inventory"), ("POST", "/enrol-tokens")])
async def test_only_an_admin_may_touch_the_inventory(served, inventory_database, method, path):
    con = await connect_owner(inventory_database)
    weaker = await new_key(con, served.world.tenant, "weak", sorted(auth.SCOPES - {"admin", "public", "agent"}), NOW)
    await con.close()
    assert (await served.call(method, f"/api/v1{path}", b"{}", weaker)).status_code == 403
    assert (await served.call(method, f"/api/v1{path}", b"{}", "unknown")).status_code == 401


async def test_the_command_shows_the_difference_and_applies_it(served, file):
    code, out, err = await served.command("inventory", "apply", file(SMALL), "--dry-run")
    assert (code, err) == (0, "")
    assert out.endswith("\n6 to create, 0 to change, 0 to remove, 0 unchanged (dry run: nothing was changed)\n")
    code, out, err = await served.command("inventory", "apply", file(SMALL))
    assert (code, err) == (0, "")
    assert "+ element edge (Edge)\n    kind: device\n    site: hq\n    address: 192.0.2.1\n    sensors.ping.kind: ping\n" in out
    assert "    sensors.snmp.community: set (secret)\n" in out
    assert COMMUNITY not in out
    code, out, _ = await served.command("inventory", "apply", file(SMALL.replace("Acme", "ACME")))
    assert out == "~ account acme (ACME)\n    name: Acme -> ACME\n\n0 to create, 1 to change, 0 to remove, 5 unchanged\n"


async def test_the_command_names_file_and_line_of_what_the_server_finds_wrong(served, file):
    path = file(SMALL.replace("account: acme", "account: acne"))
    code, out, err = await served.command("inventory", "apply", path)
    assert (code, out) == (1, "")
    assert err == f"{path}:29: there is no account 'acne': did you mean 'acme'?\n"
    path = file(SMALL.replace("site: hq", "site: hq\n    adress: x"))
    code, out, err = await served.command("inventory", "apply", path)
    assert (code, err) == (1, f"{path}:16: unknown key 'adress' in an element: did you mean 'address'?\n")


async def test_the_command_says_who_owns_a_record(served, file):
    await served.command("inventory", "apply", file(SMALL))
    async with as_tenant(*served.world) as con:
        await con.execute("update site set owner = 'api'")
    path = file(SMALL.replace("name: HQ", "name: Main"))
    code, _, err = await served.command("inventory", "apply", path)
    assert (code, err) == (1, f"{path}:10: site 'hq' is owned by the API: change it there, or leave it out here\n")


async def test_the_command_says_in_a_sentence_why_it_could_not_talk_to_the_server(served, file):
    path = file(SMALL)
    code, _, err = await served.command("inventory", "apply", path, LINESIDE_KEY="")
    assert code == 2
    assert err.startswith("lineside: Set LINESIDE_KEY: an API key with the scope admin (lineside key create ")
    code, _, err = await served.command("inventory", "apply", path, LINESIDE_KEY="wrong")
    assert (code, err.split(". ")[0]) == (1, "lineside: The server does not know the key in LINESIDE_KEY")
    code, _, err = await served.command("inventory", "apply", path, LINESIDE_URL="http://127.0.0.1:1")
    assert code == 1
    assert err.startswith("lineside: http://127.0.0.1:1 cannot be reached (")
    code, _, err = await served.command("inventory", "apply", path, LINESIDE_URL="lineside.example")
    assert (code, err) == (
        1,
        "lineside: LINESIDE_URL is 'lineside.example', which is no address; it looks like https://lineside.example.\n",
    )
    code, _, err = await served.command("inventory", "apply", path.with_name("no.yaml"))
    assert (code, err) == (2, f"lineside: {path.with_name('no.yaml')} cannot be read: No such file or directory\n")
    assert all(text.count("\n") == 1 for text in (err,))


async def test_a_token_is_printed_once_kept_as_a_hash_and_enrols_an_agent(served, file):
    await served.command("inventory", "apply", file(SMALL))
    code, out, err = await served.command("agent", "token", "--site", "hq")
    token = out.strip()
    assert code == 0
    assert len(token) == 64
    assert err == "It enrols one agent at hq until 2025-06-16T15:06:40.000Z.\n"
    assert token not in repr(await ask(served.world, "select * from enrol_token"))
    async with as_tenant(*served.world) as con:
        assert await agents.tenant_of_token(con, auth.sha256(token)) == served.world.tenant


async def test_a_token_for_an_unknown_site_is_refused_with_the_nearest(served, file):
    await served.command("inventory", "apply", file(SMALL))
    code, out, err = await served.command("agent", "token", "--site", "hqq")
    assert (code, out, err) == (1, "", "lineside: Unknown site. There is no site 'hqq': did you mean 'hq'?\n")
    answer = await served.call("POST", "/api/v1/enrol-tokens", b'{"sight": "hq"}')
    assert (answer.status_code, answer.json()["title"]) == (422, "The request does not fit")
    answer = await served.call("POST", "/api/v1/enrol-tokens", b'{"site": "' + b"x" * 5000 + b'"}')
    assert answer.status_code == 413
