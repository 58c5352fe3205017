"""PostgreSQL servers for tests: the embedded one, Debian's 15 and TimescaleDB, each with a migrated template to copy from."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

from storage import database
from storage.embedded import Embedded
from storage.migrate import migrate
from tests.peers import need

KINDS = ("embedded", "postgres15", "timescale")
THROWN_AWAY = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB", "shared_buffers": "128MB"}
# the unpacked server has no LLVM, which it would load for the first expensive query
TIMESCALE = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "max_worker_processes": "32",
    "jit": "off",
}
TEMPLATE = "lineside_template"
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
_numbers = itertools.count(1)
_libc = ctypes.CDLL(None)


class Server:
    """A running server: `create` makes an empty database with our schema, `drop` ends its sessions and removes it."""

    def __init__(self, kind: str, dsn: str) -> None:
        self.kind = kind
        self.pattern = dsn
        self.with_template = False

    def dsn(self, name: str) -> str:
        return self.pattern.format(name=name)

    def create(self, template: str = TEMPLATE) -> str:
        """A new database, its DSN; `template` "template0" gives one that no migration has seen."""
        if template == TEMPLATE and not self.with_template:
            asyncio.run(self._migrate_template())
            self.with_template = True
        name = f"test_{next(_numbers)}"
        asyncio.run(self._execute(f"create database {name} template {template}"))
        return self.dsn(name)

    def drop(self, dsn: str) -> None:
        name = dsn.split("?", 1)[0].rsplit("/", 1)[1]
        asyncio.run(self._execute(f"drop database if exists {name} with (force)"))

    async def _execute(self, statement: str) -> None:
        con = await asyncpg.connect(self.dsn("postgres"))
        try:
            await con.execute(statement)
        finally:
            await con.close()

    async def _migrate_template(self) -> None:
        await self._execute(f"create database {TEMPLATE} template template0")
        con = await database.connect_owner(self.dsn(TEMPLATE))
        try:
            await migrate(con)
        finally:
            await con.close()
        # no connections, so that TimescaleDB's workers cannot hold the template while it is copied
        await self._execute(f"alter database {TEMPLATE} allow_connections false")
        await self._execute(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{TEMPLATE}'")


@contextlib.contextmanager
def running(kind: str) -> Iterator[Server]:
    """A server of `kind` (one of KINDS) for as long as the block runs; it dies with this process, whatever happens."""
    binaries = None if kind == "embedded" else Path(need(kind))
    folder = Path(tempfile.mkdtemp(prefix=f"lineside-{kind}-", dir="/tmp"))
    folder.chmod(0o711)  # as root the server runs as another user, who must reach its data
    try:
        if binaries is None:
            embedded = Embedded(folder / "data", THROWN_AWAY)
            asyncio.run(embedded.start())
            try:
                yield Server(kind, embedded.dsn("{name}"))
            finally:
                asyncio.run(embedded.stop())
        else:
            with _postgres(binaries, folder / "data", THROWN_AWAY | (TIMESCALE if kind == "timescale" else {})):
                yield Server(kind, f"postgresql://postgres@/{{name}}?host={quote(str(folder / 'data'), safe='')}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _postgres(binaries: Path, data: Path, settings: dict[str, str]) -> Iterator[None]:
    identity: dict[str, Any] = {"cwd": "/", "env": ENVIRONMENT, "stdin": subprocess.DEVNULL}
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        identity |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(data, nobody.pw_uid, nobody.pw_gid)
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, **identity)
    command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", data, "-c", "listen_addresses="]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (data.parent / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent, **identity)  # noqa: PLW1509
    try:
        end = time.monotonic() + 60
        while not _says_ready(data):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((data.parent / "log").read_text())
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(signal.SIGQUIT)  # its data is thrown away
        process.wait()


def _says_ready(data: Path) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return (data / "postmaster.pid").read_text().split("\n")[7].strip() == "ready"
    return False


def _die_with_parent() -> None:
    _libc.prctl(1, signal.SIGQUIT)
