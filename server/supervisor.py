"""`lineside server run`: the database (embedded unless one is named), web and jobs, each restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from protocols.errors import ConfigError, Unavailable
from server import keys, setup
from server.profiles import load_profiles
from storage.database import connect_owner
from storage.embedded import Embedded, die_with_parent, make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from server.config import Settings

log = logging.getLogger("lineside.supervisor")
LOOK_EVERY = 0.2
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
CALM = 60.0  # seconds of life after which a fall counts as the first again
GRACE = 20.0


class Child:
    """One process of ours, started again when it falls, later each time."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], keep: Sequence[int]) -> None:
        self.name = name
        self._command, self._environment, self._keep = command, environment, keep
        self._falls = 0
        self._next = 0.0
        self._started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def look(self, now: float) -> None:
        """Start it if it is not running and its time has come; `now` is monotonic seconds."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            self._falls = 0 if now - self._started > CALM else self._falls + 1
            wait = BACKOFF[min(self._falls, len(BACKOFF) - 1)]
            log.warning("%s ended with code %s, starting it again in %.1f s", self.name, code, wait)
            self._next = now + wait
            self.process = None
        if now >= self._next:
            self._started = now
            self.process = subprocess.Popen(
                self._command,
                env=self._environment,
                pass_fds=self._keep,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call in the child
            )

    async def stop(self) -> None:
        """Ask it to finish what it does; after GRACE, end it."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self.process.wait, GRACE)
        except subprocess.TimeoutExpired:
            log.warning("%s did not stop within %.0f s and was killed", self.name, GRACE)
            self.process.kill()
            await asyncio.to_thread(self.process.wait)


async def run(settings: Settings, clock: Callable[[], int], say: Callable[[str], None]) -> None:
    """Until SIGTERM or SIGINT. Raises ConfigError and Unavailable before anything is served."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listener = _bind(settings)
    database = None if settings.database_url else Embedded(Path(settings.data))
    try:
        load_profiles(settings.profiles_path)
        if database is not None:
            database.make_folder()
        elif not settings.key_file:
            make_folder(Path(settings.data))
        keys.read_or_make(settings.key_path)
        if database is not None:
            say("starting the database")
        dsn = settings.database_url if database is None else await database.start()
        con = await connect_owner(dsn)
        try:
            link = await setup.prepare(con, settings, clock(), say)
        finally:
            await con.close()
        children = _children(settings, dsn, listener)
        host, port = listener.getsockname()[:2]
        url = settings.public_url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
        say(f"Lineside is at {url}/sign-in?token={link}")
        await _watch(database, children, stop)
        say("stopping")
        await asyncio.gather(*(child.stop() for child in children))
    finally:
        listener.close()
        if database is not None:
            await database.stop()
    say("stopped")


async def _watch(database: Embedded | None, children: Sequence[Child], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    while not stop.is_set():
        if database is not None and database.process is not None and database.process.poll() is not None:
            log.warning("the database ended with code %s, starting it again", database.process.returncode)
            try:
                await database.restart()
            except (Unavailable, ConfigError) as error:
                log.error("%s", error)  # noqa: TRY400 - a sentence for the operator
        for child in children:
            child.look(loop.time())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY)


def _children(settings: Settings, dsn: str, listener: socket.socket) -> list[Child]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LINESIDE_")} | _as_environment(settings, dsn)
    program = [sys.executable, "-P", "-m", "server.app", "server"]
    fd = listener.fileno()
    webs = [Child(f"web {n + 1}", [*program, "web", "--fd", str(fd)], environment, [fd]) for n in range(settings.web_processes)]
    return [*webs, Child("jobs", [*program, "jobs"], environment, [])]


def _as_environment(settings: Settings, dsn: str) -> dict[str, str]:
    """The settings as the children read them."""
    values = {name: str(getattr(settings, name)) for name in settings.__struct_fields__} | {"database_url": dsn}
    return {f"LINESIDE_{name.upper()}": value for name, value in values.items() if value}


def _bind(settings: Settings) -> socket.socket:
    """The listening socket, inherited by the web processes: a connection waits in it while they restart."""
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, settings.port))
    except OSError as error:
        msg = f"Port {settings.port} on {host} cannot be used: {error.strerror}. Choose another with LINESIDE_PORT."
        raise ConfigError(msg) from None
    listener.listen(1024)
    return listener
