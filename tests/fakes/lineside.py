"""A whole server as users run it: `lineside server run` in a folder of its own, with its embedded database, on a free port."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from storage.embedded import Embedded

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Lineside:
    """A running server. `dsn` reaches its database as the owner; `log` is where it writes."""

    url: str
    dsn: str
    folder: Path
    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def kill_and_restart(self) -> None:
        """kill -9 of the supervisor, as an out-of-memory killer would; then the start that systemd would do."""
        self.process.kill()
        self.process.wait()
        self.process = _start(self.folder, self.environment)

    def wait_ready(self, patience: float = 60.0) -> None:
        """Until it answers that it can work."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/readyz", timeout=2).is_success:
                    return
            time.sleep(0.05)
        raise RuntimeError("the server did not become ready")

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def command(self, *arguments: str, **more: str) -> str:
        """Run `lineside …` against this server, with `more` in its environment; its standard output."""
        command = [sys.executable, "-m", "server.app", *arguments]
        environment = self.environment | more
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def key(self) -> str:
        """A new API key that may do everything."""
        return self.command("key", "create", "--name", "test", "--scope", "admin")

    def apply(self, inventory: dict[str, Any], key: str) -> None:
        """Make the inventory what the document says."""
        answer = httpx2.put(
            f"{self.url}/api/v1/inventory", json=inventory, headers={"Authorization": f"Bearer {key}"}, timeout=60
        )
        if not answer.is_success:
            raise RuntimeError(answer.text)

    def children(self, word: str) -> list[int]:
        """Process ids of its children whose command line holds `word` ("web", "jobs", "postgres")."""
        return [pid for pid, line in _children(self.process.pid) if word in line]


@contextlib.contextmanager
def running(settings: Mapping[str, str] | None = None, patience: float = 60.0) -> Iterator[Lineside]:
    """A server in a folder of its own for as long as the block runs."""
    # not pytest's folder: as root the database runs as another user, who may not enter that
    with tempfile.TemporaryDirectory(prefix="lineside-server-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with _running(Path(name), settings or {}, patience) as server:
            yield server


@contextlib.contextmanager
def _running(folder: Path, settings: Mapping[str, str], patience: float) -> Iterator[Lineside]:
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LINESIDE_")}
    environment |= {
        "LINESIDE_DATA": str(folder / "data"),
        "LINESIDE_PORT": str(port),
        "PYTHONPATH": str(ROOT),
        **(settings or {}),
    }
    server = Lineside(
        f"http://127.0.0.1:{port}", Embedded(folder / "data").dsn(), folder, _start(folder, environment), environment
    )
    try:
        server.wait_ready(patience)
        yield server
    except BaseException:
        sys.stderr.write(f"the server's last words:\n{server.log.read_text()[-3000:]}\n")
        raise
    finally:
        server.process.send_signal(signal.SIGTERM)
        try:
            server.process.wait(30)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


def _start(folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "server.app", "server", "run"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _children(parent: int) -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found.append((int(entry.name), (entry / "cmdline").read_text().replace("\0", " ")))
    return found


@contextlib.contextmanager
def running_agent(server: Lineside, site: str, key: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A real agent process enrolled at `server`, for as long as the block runs."""
    environment = server.environment | {"LINESIDE_AGENT_STATE": str(folder)}
    token = server.command("agent", "token", "--site", site, LINESIDE_URL=server.url, LINESIDE_KEY=key)
    enrol = [sys.executable, "-m", "agent.app", "enrol", "--server", server.url, "--token", token]
    subprocess.run(enrol, cwd=ROOT, env=environment, check=True, capture_output=True)
    with (server.folder / "agent.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "agent.app", "run"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
