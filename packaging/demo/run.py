"""The demo: a server on its embedded database, a real agent, and three simulated devices that speak SNMP on loopback.

run.py           runs until Ctrl-C; a device fails and recovers while you watch
run.py --check   the same in a temporary folder on free ports; proves a failure and a recovery, prints one JSON line
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import json
import os
import secrets
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2

from storage.database import connect_owner
from storage.embedded import Embedded

ROOT = Path(__file__).resolve().parents[2]
DEVICES = ("edge1", "edge2", "core1")
VICTIM = "edge1"
FAILS_EVERY, FAILS_FOR = 90.0, 40.0  # seconds
CHECK_PATIENCE = 40.0
_libc = ctypes.CDLL(None)


class Trouble(Exception):  # noqa: N818 - what went wrong, in one line for a person
    """Ends the demo with exit code 1."""


class Demo:
    """Everything that runs, started in order and stopped in the opposite one."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.began = time.monotonic()
        self._running: list[tuple[str, subprocess.Popen[Any]]] = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LINESIDE_")}
        self._environment = environment | {
            "LINESIDE_DATA": str(folder / "data"),
            "LINESIDE_PORT": str(port),
            "LINESIDE_URL": self.url,
            "PYTHONPATH": str(ROOT),
        }
        self._agent = {"LINESIDE_AGENT_STATE": str(folder / "agent"), "LINESIDE_AGENT_SERVER": self.url}

    def start(self) -> dict[str, int]:
        """Start the parts; returns the process id of each. Raises Trouble."""
        site_command = [
            sys.executable,
            str(ROOT / "tests" / "fakes" / "site.py"),
            "--devices",
            ",".join(DEVICES),
            "--port-base",
            "0",
        ]
        self._site = self._spawn("site", site_command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._spawn("server", [sys.executable, "-m", "server.app", "server", "run"])
        self._wait_ready()
        self.say("the server answers")
        key = self._key()
        ports = json.loads(self._hear())
        self._apply(ports, key)
        self._enrol(key)
        self._spawn("agent", [sys.executable, "-m", "agent.app", "run"], more=self._agent)
        self.say(f"the agent polls {', '.join(f'{name} on port {port}' for name, port in ports.items())}")
        return {name: process.pid for name, process in self._running}

    def tell(self, line: str) -> None:
        """One command to the simulated site."""
        assert self._site.stdin is not None  # noqa: S101 - it was asked for
        self._site.stdin.write(line + "\n")
        self._site.stdin.flush()
        answer = self._hear()
        if answer != "ok":
            raise Trouble(f"the simulated site answered {answer!r} to {line!r}")

    def _hear(self) -> str:
        assert self._site.stdout is not None  # noqa: S101 - it was asked for
        return str(self._site.stdout.readline()).strip()

    def link(self) -> str:
        """A fresh one-time link."""
        return self._run(["server.app", "link"])

    def watch(self) -> None:
        """Raise Trouble when a part has ended by itself."""
        for name, process in self._running:
            if process.poll() is not None:
                words = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()[-5:]
                raise Trouble("\n  ".join([f"the {name} ended with code {process.returncode}; its last words:", *words]))

    def stop(self) -> None:
        """Stop everything, the last started first; nothing is left behind."""
        for _, process in reversed(self._running):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            if process.poll() is None:
                process.kill()
                process.wait()
        self._running.clear()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:5.1f} s  {text}", file=sys.stderr, flush=True)

    def _spawn(
        self, name: str, command: Sequence[str], more: dict[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process: subprocess.Popen[Any] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment | (more or {}),
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us, and we stop them in order
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call
                **({"stdout": log} | options),
            )
        self._running.append((name, process))
        return process

    def _run(self, arguments: Sequence[str], more: dict[str, str] | None = None) -> str:
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment | (more or {}), check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise Trouble(f"`{' '.join(arguments[:2])}` failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def _wait_ready(self) -> None:
        self.say("starting the database and the server")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.watch()
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/readyz", timeout=2).is_success:
                    return
            time.sleep(0.05)
        raise Trouble(f"the server did not become ready; its words are in {self.folder / 'server.log'}")

    def _key(self) -> str:
        """The demo's API key, made once."""
        path = self.folder / "admin.key"
        if not path.exists():
            key = self._run(["server.app", "key", "create", "--name", "demo", "--scope", "admin"])
            path.touch(0o600)
            path.write_text(key)
        return path.read_text()

    def _apply(self, ports: dict[str, int], key: str) -> None:
        text = string.Template((ROOT / "packaging" / "demo" / "inventory.yaml").read_text())
        path = self.folder / "inventory.yaml"
        path.write_text(text.substitute({f"{name}_port": port for name, port in ports.items()}))
        done = self._run(
            ["server.app", "inventory", "apply", str(path)], {"LINESIDE_KEY": key, "LINESIDE_DEMO_COMMUNITY": "public"}
        )
        self.say(f"inventory: {done.splitlines()[-1]}")

    def _enrol(self, key: str) -> None:
        identity = self.folder / "agent" / "agent.json"
        if identity.exists() and self.url in identity.read_text():
            return
        identity.unlink(missing_ok=True)
        token = self._run(["server.app", "agent", "token", "--site", "pop-1"], {"LINESIDE_KEY": key})
        self._run(["agent.app", "enrol", "--server", self.url, "--token", token, "--name", "demo agent"], self._agent)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description="Lineside with a simulated site, to look at.")
    parser.add_argument("--check", action="store_true", help="prove one failure and one recovery, print one JSON line, end")
    parser.add_argument("--port", type=int, help="where the pages are (default: 8080, or the next free port)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier demo stored")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    try:
        return check() if options.check else show(options)
    except Trouble as trouble:
        print(f"demo: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def show(options: argparse.Namespace) -> int:
    """Run until Ctrl-C."""
    folder = lasting_folder()
    if options.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    demo = Demo(folder, options.port or free_port(8080))
    with stopping(demo):
        demo.start()
        print(f"\nLineside runs. Open this link, which signs in one browser, once:\n\n    {demo.link()}\n", flush=True)
        print(f"Every {FAILS_EVERY:.0f} s {VICTIM} stops answering for {FAILS_FOR:.0f} s. Ctrl-C stops everything.", flush=True)
        while True:
            pause(demo, FAILS_EVERY - FAILS_FOR)
            demo.tell(f"stop {VICTIM}")
            demo.say(f"{VICTIM} has stopped answering")
            pause(demo, FAILS_FOR)
            demo.tell(f"start {VICTIM}")
            demo.say(f"{VICTIM} answers again")


def check() -> int:
    """A failure and a recovery, seen by the statuses and on the page; one JSON line."""
    with tempfile.TemporaryDirectory(prefix="lineside-demo-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        demo = Demo(folder, free_port())
        with stopping(demo):
            result: dict[str, Any] = {"pids": demo.start()}
            with httpx2.Client(follow_redirects=True, headers={"Accept": "text/html"}) as browser:
                link = demo.link()
                began = time.monotonic()
                if not browser.get(link).is_success:
                    raise Trouble("the one-time link did not open the pages")
                result["first_page_ms"] = round((time.monotonic() - began) * 1000)
                result["start_to_first_page_s"] = round(time.monotonic() - demo.began, 1)
                statuses = Statuses(Embedded(folder / "data").dsn())
                wait(demo, "all services are Up", lambda: set(statuses.now().values()) == {"Up"})
                demo.tell(f"stop {VICTIM}")
                demo.say(f"{VICTIM} has stopped answering")
                wait(demo, "SP-IN-0003 is Down", lambda: statuses.now()["SP-IN-0003"] == "Down")
                result |= {"down_at": statuses.since("SP-IN-0003"), "cause": statuses.cause("SP-IN-0003")}
                page = browser.get(f"{demo.url}/services/SP-IN-0003").text
                if "Down" not in page or VICTIM not in page:
                    raise Trouble("the page does not show the failure")
                demo.tell(f"start {VICTIM}")
                demo.say(f"{VICTIM} answers again")
                wait(demo, "all services are Up again", lambda: set(statuses.now().values()) == {"Up"})
                result |= {"up_at": statuses.since("SP-IN-0003"), "services": statuses.now(), "rows": statuses.rows()}
        if result["cause"] != [VICTIM]:
            raise Trouble(f"the cause of SP-IN-0003's failure is {result['cause']}, not {VICTIM}")
        result["seconds"] = round(time.monotonic() - demo.began, 1)
    print(json.dumps(result), flush=True)
    return 0


class Statuses:
    """What the database says of the services, asked afresh each time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def now(self) -> dict[str, str]:
        rows = self._ask("""select v.external_id, coalesce(p.shown, 'No Data') as shown from service v
            left join service_span p on p.service_id = v.id and p.ends_at is null order by 1""")
        return {row["external_id"]: row["shown"] for row in rows}

    def since(self, service: str) -> str:
        return str(self._open(service)["since"].isoformat())

    def cause(self, service: str) -> list[str]:
        return [each["name"] for each in self._open(service)["cause"]]

    def rows(self) -> int:
        return int(self._ask("select count(*) as n from sample")[0]["n"])

    def _open(self, service: str) -> Any:
        return self._ask(
            "select p.* from service_span p join service v on v.id = p.service_id where p.ends_at is null and v.external_id = $1",
            service,
        )[0]

    def _ask(self, sql: str, *values: object) -> list[Any]:
        async def ask() -> list[Any]:
            con = await connect_owner(self._dsn)
            try:
                return list(await con.fetch(sql, *values))
            finally:
                await con.close()

        return asyncio.run(ask())


def wait(demo: Demo, what: str, so: Callable[[], bool]) -> None:
    end = time.monotonic() + CHECK_PATIENCE
    while not so():
        demo.watch()
        if time.monotonic() > end:
            raise Trouble(f"waited {CHECK_PATIENCE:.0f} s in vain until {what}")
        time.sleep(0.2)
    demo.say(what)


def pause(demo: Demo, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        demo.watch()
        time.sleep(0.5)


@contextlib.contextmanager
def stopping(demo: Demo) -> Iterator[None]:
    """Whatever happens inside, everything is stopped afterwards; a second Ctrl-C does not interrupt that."""
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        demo.say("stopping")
        demo.stop()


def lasting_folder() -> Path:
    """Where the demo keeps its data from one start to the next: in the checkout, or where PostgreSQL's user can reach it."""
    near = ROOT / ".cache" / "demo"
    if os.geteuid() != 0:
        return near
    # As root the database runs as another user, who may not enter a checkout under /root.
    name = f"lineside-demo-{secrets.token_hex(4)}" if not (note := ROOT / ".cache" / "demo-folder").exists() else note.read_text()
    note.parent.mkdir(exist_ok=True)
    note.write_text(name)
    return Path("/var/tmp") / name  # noqa: S108 - a random name that lasts; the data in it is 0700


def free_port(wanted: int = 0) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise Trouble("no port is free")


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
