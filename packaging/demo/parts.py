"""What a demo is made of: processes that are started in order and stopped in the opposite one, and the commands they are told by."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from agent.state import identity, keep_identity

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 40.0
_libc = ctypes.CDLL(None)


class Trouble(Exception):  # noqa: N818 - what went wrong, in one line for a person
    """Ends the demo with exit code 1."""


class Demo:
    """Everything that runs. `sites` have an agent each; `secrets` are what the inventory names by `env:`."""

    def __init__(self, folder: Path, port: int, sites: Sequence[str], secrets: Mapping[str, str]) -> None:
        self.folder, self.sites = folder, sites
        self.url = f"http://127.0.0.1:{port}"
        self.began = time.monotonic()
        self._running: list[tuple[str, subprocess.Popen[Any]]] = []
        self._secrets = dict(secrets)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LINESIDE_")}
        self.environment = environment | {
            "LINESIDE_DATA": str(folder / "data"),
            "LINESIDE_PORT": str(port),
            "LINESIDE_TENANT_NAME": "Northline Networks",
            "PYTHONPATH": str(ROOT),
        }

    def start_site(self, *arguments: str) -> dict[str, int]:
        """Start the simulated devices; the port of each."""
        command = [sys.executable, str(ROOT / "tests" / "fakes" / "site.py"), *arguments]
        self._site = self.spawn("site", command, self._secrets, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = self._hear()
        self.watch()
        ports: dict[str, int] = json.loads(said)
        return ports

    def start_server(self) -> None:
        """Start the server on its embedded database."""
        self.say("starting the database and the server")
        self.spawn("server", [sys.executable, "-m", "server.app", "server", "run"])
        self.wait_ready()
        self.say("the server answers")

    def start_agents(self) -> None:
        """Start the agent of each site, which is enrolled already."""
        for site in self.sites:
            self.spawn(f"agent-{site}", [sys.executable, "-m", "agent.app", "run"], self._agent(site))

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each part."""
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
        """A fresh one-time link, for someone who may plan maintenance."""
        return self._run(["server.app", "link", "--scope", "noc-write"])

    def status_pages(self) -> list[str]:
        """The address of each status page."""
        return [line.split()[-1] for line in self._run(["server.app", "status-page", "list"]).splitlines()]

    def key(self) -> str:
        """The demo's API key, made once."""
        path = self.folder / "admin.key"
        if not path.exists():
            scopes = [word for scope in ("admin", "crm-read", "crm-write", "noc-read") for word in ("--scope", scope)]
            key = self._run(["server.app", "key", "create", "--name", "demo", *scopes])
            path.touch(0o600)
            path.write_text(key)
        return path.read_text()

    def apply(self, inventory: str) -> str:
        """Make the inventory what the text says; what changed, in a line."""
        path = self.folder / "inventory.yaml"
        path.write_text(inventory, encoding="utf-8")
        done = self._run(["server.app", "inventory", "apply", str(path)], self._admin() | self._secrets)
        return done.splitlines()[-1]

    def enrol(self) -> None:
        """Enrol the agents that are not; those that are find the server where it is now."""
        for site in self.sites:
            folder = self.state_of(site)
            who = identity(folder)
            if who is not None and who.agent:
                keep_identity(folder, msgspec.structs.replace(who, server=self.url))
                continue
            token = self._run(["server.app", "agent", "token", "--site", site], self._admin())
            command = ["agent.app", "enrol", "--server", self.url, "--token", token, "--name", f"agent in {site.capitalize()}"]
            self._run(command, self._agent(site))

    def state_of(self, site: str) -> Path:
        """Where the agent of a site keeps what it knows."""
        return self.folder / f"agent-{site}"

    def _agent(self, site: str) -> dict[str, str]:
        return {"LINESIDE_AGENT_STATE": str(self.state_of(site)), "LINESIDE_AGENT_SERVER": self.url}

    def _admin(self) -> dict[str, str]:
        return {"LINESIDE_URL": self.url, "LINESIDE_KEY": self.key()}

    def wait_ready(self) -> None:
        """Until the server can work."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            self.watch()
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/readyz", timeout=2).is_success:
                    return
            time.sleep(0.05)
        raise Trouble(f"the server did not become ready; its words are in {self.folder}/*.log")

    def watch(self) -> None:
        """Raise Trouble when a part has ended by itself."""
        for name, process in self._running:
            if process.poll() is not None:
                words = (self.folder / f"{name}.log").read_text(errors="replace").strip().splitlines()[-5:]
                raise Trouble("\n  ".join([f"the {name} ended with code {process.returncode}; its last words:", *words]))

    def wait(self, what: str, so: Callable[[], bool]) -> None:
        """Until `so`, and say it. Raises Trouble after a while."""
        end = time.monotonic() + PATIENCE
        while not so():
            self.watch()
            if time.monotonic() > end:
                raise Trouble(f"waited {PATIENCE:.0f} s in vain until {what}")
            time.sleep(0.2)
        self.say(what)

    def pause(self, seconds: float) -> None:
        """Let time pass, as long as all parts run."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.watch()
            time.sleep(0.5)

    @contextlib.contextmanager
    def besides(self, commands: Mapping[str, Sequence[str]]) -> Iterator[None]:
        """More parts, for as long as the block runs."""
        before = len(self._running)
        try:
            for name, command in commands.items():
                self.spawn(name, command)
            yield
        finally:
            _end(self._running[before:])
            del self._running[before:]

    def stop(self) -> None:
        """Stop everything, the last started first; nothing is left behind."""
        _end(self._running)
        self._running.clear()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:5.1f} s  {text}", file=sys.stderr, flush=True)

    def spawn(
        self, name: str, command: Sequence[str], more: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a part; what it writes to stderr goes to a log of its name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process: subprocess.Popen[Any] = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment | dict(more or {}),
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us, and we stop them in order
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call in the child
                **({"stdout": log} | options),
            )
        self._running.append((name, process))
        return process

    def _run(self, arguments: Sequence[str], more: Mapping[str, str] | None = None) -> str:
        command = [sys.executable, "-m", *arguments]
        environment = self.environment | dict(more or {})
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Trouble(f"`{' '.join(arguments[:2])}` failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()


def _end(running: Sequence[tuple[str, subprocess.Popen[Any]]]) -> None:
    for _, process in reversed(running):
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(30)
        if process.poll() is None:
            process.kill()
            process.wait()


@contextlib.contextmanager
def stopping(demo: Demo) -> Iterator[None]:
    """Whatever happens inside, everything is stopped afterwards; a second Ctrl-C does not interrupt that."""
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        demo.say("stopping")
        demo.stop()


def free_port(wanted: int = 0) -> int:
    """`wanted` if it is free, else any."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise Trouble("no port is free")


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGTERM)
