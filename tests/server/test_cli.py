"""The commands of `lineside`: one sentence when something is wrong, never a traceback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from server import auth, cli
from server.app import JOBS, ROUTES
from storage.database import connect_owner
from tests.fakes import lineside
from tests.fakes.world import START


def _run(*arguments: str, **environment: str) -> int:
    return cli.main(arguments, environment, ROUTES, JOBS, lambda: START)


def test_check_and_migrate_say_where_the_database_stands(empty_database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("server", "check", LINESIDE_DATABASE_URL=empty_database) == 0
    assert "is behind: run `lineside server migrate`" in capsys.readouterr().err
    assert _run("server", "migrate", LINESIDE_DATABASE_URL=empty_database) == 0
    assert "applied 001_tenants" in capsys.readouterr().err
    assert _run("server", "check", LINESIDE_DATABASE_URL=empty_database) == 0
    assert "is up to date" in capsys.readouterr().err


def test_a_key_is_printed_once_and_stored_as_its_hash(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("key", "create", "--name", "ci", "--scope", "admin", LINESIDE_DATABASE_URL=database) == 0
    key = capsys.readouterr().out.strip()
    assert len(key) >= 43

    async def stored() -> str:
        con = await connect_owner(database)
        try:
            return str(await con.fetchval("select array_agg(k::text) from api_key k"))
        finally:
            await con.close()

    assert key not in asyncio.run(stored())


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("server", "check"), {"LINESIDE_DATABASE_URL": "postgresql://u:pw@127.0.0.1:1/x"}, "127.0.0.1:1/x cannot be reached"),
        (("server", "check"), {"LINESIDE_DATABASE_URL": "nonsense"}, "is not an address of a database"),
        (("server", "check"), {"LINESIDE_DATABASE_URL": "postgresql://u:pw@h:abc/x"}, "(its port is no number); it looks like"),
        (("server", "run"), {"LINESIDE_PORT": "abc"}, "LINESIDE_PORT = 'abc': a port is a number from 1 to 65535"),
        (("server", "run"), {"LINESIDE_PORT": "0", "LINESIDE_DATA": "/dev/null/x"}, "lineside: /dev/null is no folder."),
        (
            ("server", "run"),
            {"LINESIDE_PORT": "0", "LINESIDE_DATA": "/proc/x", "LINESIDE_DATABASE_URL": "postgresql://h/x"},
            "lineside: The folder /proc/x cannot be made: ",
        ),
        (
            ("server", "run"),
            {"LINESIDE_PORT": "0", "LINESIDE_PROFILES": "/nope"},
            "lineside: /nope: there is no such folder of profiles.",
        ),
        (("server", "run"), {"LINESIDE_HOST": "0.0.0.0"}, "loopback only"),
        (("server", "check"), {"LINESIDE_PROT": "1"}, "LINESIDE_PROT: no such setting; did you mean LINESIDE_PORT"),
        (("--config", "/nowhere.toml", "server", "check"), {}, "/nowhere.toml: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: tuple[str, ...], environment: dict[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*arguments, **environment) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.startswith("lineside: ")
    assert "Traceback" not in said
    assert "pw@" not in said


def test_a_database_address_that_leads_to_something_else_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    with _answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert _run("server", "check", LINESIDE_DATABASE_URL=f"postgresql://u@127.0.0.1:{port}/x") == 1
        assert f"at 127.0.0.1:{port}/x is there but does not speak PostgreSQL. Check" in capsys.readouterr().err
        assert _run("server", "check", LINESIDE_DATABASE_URL=f"postgresql://u@127.0.0.1:{port}/x?sslmode=require") == 1
        assert "does not speak PostgreSQL, or offers no TLS, which sslmode asks for." in capsys.readouterr().err


def test_a_web_process_that_cannot_begin_says_one_sentence(database: str, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LINESIDE_")}
    environment |= {"LINESIDE_DATABASE_URL": database, "LINESIDE_DATA": str(tmp_path), "LINESIDE_PROFILES": "/nope"}
    command = [sys.executable, "-m", "server.app", "server", "web"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment | {"LINESIDE_PORT": "0"})
    assert (done.returncode, done.stderr) == (1, "lineside: /nope: there is no such folder of profiles.\n")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LINESIDE_URL": "http://127.0.0.1:1"}, "Set LINESIDE_KEY: an API key with the scope admin (lineside key create"),
        ({"LINESIDE_KEY": "k"}, "Set LINESIDE_URL: the address of the server, such as https://lineside.example."),
        ({}, "https://lineside.example, and LINESIDE_KEY: an API key"),
        ({"LINESIDE_URL": "http://127.0.0.1:1", "LINESIDE_KEY": "ключ"}, "holds characters that no key has: copy it again."),
        ({"LINESIDE_URL": "http://127.0.0.1:1", "LINESIDE_KEY": "a\nb"}, "holds characters that no key has: copy it again."),
    ],
)
def test_a_command_that_calls_the_server_names_what_is_missing(
    environment: dict[str, str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("agent", "token", "--site", "s", **environment) == (2 if "Set" in words or not environment else 1)
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    if len(environment) == 1:
        assert not any(f"{name}:" in said for name in environment), "what is there is not asked for"


def test_https_to_a_server_without_tls_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with _answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        url = f"https://127.0.0.1:{port}"
        assert _run("agent", "token", "--site", "s", LINESIDE_URL=url, LINESIDE_KEY="k") == 1
    assert f"{url} does not speak TLS: write http://, or put TLS in front of it." in capsys.readouterr().err


@contextlib.contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """The port of something that says `answer` to whatever it is told."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1_000)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_without_the_server_extra_it_says_what_to_install() -> None:
    program = "import sys; sys.modules['fastapi'] = None; import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if n == 'fastapi' else f(n); import server.app"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "lineside: the server is not installed here; run: pip install 'lineside[server]'\n",
    )


def test_the_supervisor_brings_back_what_dies_and_leaves_nothing_behind() -> None:
    with lineside.running() as server:
        before = {word: server.children(word) for word in ("server web", "server jobs", "/postgres")}
        for word, pids in before.items():
            assert len(pids) == 1, word
            os.kill(pids[0], signal.SIGKILL)
        server.wait_ready()
        end = time.monotonic() + 30
        while not all(server.children(word) and server.children(word) != before[word] for word in before):
            assert time.monotonic() < end, "something did not come back"
            time.sleep(0.1)
        server.wait_ready()
        after = [pid for word in before for pid in server.children(word)]
        port = subprocess.run(
            [sys.executable, "-m", "server.app", "server", "run"],
            check=False,
            capture_output=True,
            text=True,
            env=server.environment,
        )
        assert port.returncode == 1
        assert f"Port {server.port} on 127.0.0.1 cannot be used" in port.stderr
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)
        assert server.log.read_text().endswith("lineside: stopping\nlineside: stopped\n")
    for pid in after:
        assert not Path(f"/proc/{pid}").exists(), f"process {pid} was left behind"
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(server.url)


def test_every_page_is_closed_without_a_session_and_a_link_opens_it_once() -> None:
    with lineside.running() as server:
        assert httpx2.get(f"{server.url}/services").status_code == 401
        link = server.command("link")
        with httpx2.Client() as browser:
            opened = browser.get(link)
            assert (opened.status_code, opened.headers["location"]) == (303, "/")
            cookie = opened.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=lax" in cookie
            assert browser.get(f"{server.url}/services").status_code == 200
        assert httpx2.get(link).status_code == 401, "a link opens one session"


def test_a_secret_can_stand_on_any_command_line() -> None:
    assert all(auth.new_secret().isalnum() and len(auth.new_secret()) == 64 for _ in range(200))
