"""The rivals of the snmp bench, and what answers them all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from gufo.snmp import Aes128Key, Sha256Key, SnmpVersion, User, aio, sync
from numpy.typing import NDArray

from tests.fakes import snmp_users
from tests.fakes.snmpd import snmpd
from tests.peers import find

HERE = Path(__file__).resolve().parent
UPTIME = "1.3.6.1.2.1.1.3.0"
_TABLE = "1.3.6.1.2.1.31.1.1.1"
# Interfaces and the first ifIndex of each kind of device, as in snmp_responder.c.
PORTS = ((32, 1), (24, 101), (48, 1001), (10, 1), (16, 70_001))
KINDS = len(PORTS)
_SECURE = 60  # sessions with the one snmpd, whose socket holds about 90 questions
_ASYNC = 100  # of gufo's sessions that wait for an answer at the same time


class Fleet(NamedTuple):
    """Devices and what to ask each: sysUpTime, then its counters."""

    hosts: list[str]
    port: int
    columns: dict[str, str]  # metric -> OID
    oids: list[list[str]]
    kinds: list[int]
    sensor: dict[str, Any]  # how ours asks
    session: dict[str, Any]  # how gufo-snmp does


def fleet(kinds: Sequence[int], port: int, first: int = 0) -> Fleet:
    """Devices of snmp_responder.c, by their kinds."""
    columns = {"if.in": f"{_TABLE}.6", "if.out": f"{_TABLE}.10"}
    numbers = range(first, first + len(kinds))
    hosts = [f"127.1.{number // 250}.{number % 250 + 1}" for number in numbers]
    indices = [range(PORTS[kind][1], PORTS[kind][1] + PORTS[kind][0]) for kind in kinds]
    oids = [[UPTIME, *(f"{column}.{index}" for column in columns.values() for index in rows)] for rows in indices]
    session = {"community": "public", "version": SnmpVersion.v2c}
    return Fleet(hosts, port, columns, oids, list(kinds), {"community": "public"}, session)


def build(folder: Path) -> None:
    """Compile the two C programs into `folder`."""
    compiler = find("gcc") or find("cc")
    if compiler is None:
        raise SystemExit("The bench compiles two small C programs: ./dev setup --peers installs gcc and libsnmp-dev.")
    for name, libraries in (("snmp_responder", ()), ("netsnmp_poll", ("-lnetsnmp",))):
        command = [compiler, "-O2", "-o", folder / name, HERE / f"{name}.c", *libraries]
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        if made.returncode:
            raise SystemExit(f"{name}.c could not be compiled (./dev setup --peers installs libsnmp-dev): {made.stderr[:500]}")


@contextlib.contextmanager
def responder(folder: Path, asked: Fleet) -> Iterator[None]:
    """The devices of `asked`, answering; gone afterwards."""
    number = [int(part) for part in asked.hosts[0].split(".")]
    first = number[2] * 250 + number[3] - 1
    groups = [f"{kind}:1" for kind in asked.kinds]
    command: list[str | Path] = [folder / "snmp_responder", str(asked.port), "600", str(first), *groups]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise SystemExit("snmp_responder did not start")
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def secure(folder: Path) -> Iterator[Fleet]:
    """A real snmpd with a user of SHA-256 and AES-128, asked by many sessions for all 64-bit counters of its interfaces."""
    loop = asyncio.new_event_loop()
    kind = ("sha256", "aes128")
    running = snmpd(folder / "secure", extra=snmp_users.config([kind]))
    daemon = loop.run_until_complete(running.__aenter__())
    try:
        columns = {f"if.counter.{n}": f"{_TABLE}.{n}" for n in range(6, 14)}
        names = sync.SnmpSession("127.0.0.1", port=daemon.port, community=daemon.community).getnext(columns["if.counter.6"])
        indices = [name.rpartition(".")[2] for name, _ in names]
        oids = [UPTIME, *(f"{column}.{index}" for column in columns.values() for index in indices)]
        user = snmp_users.user(*kind)
        sensor = {"version": "3", "user": user.name.decode(), "auth": user.auth, "auth_secret": user.auth_secret.decode()}
        sensor |= {"priv": user.priv, "priv_secret": user.priv_secret.decode()}
        theirs = User(user.name.decode(), auth_key=Sha256Key(user.auth_secret), priv_key=Aes128Key(user.priv_secret))
        session = {"user": theirs, "version": SnmpVersion.v3}
        yield Fleet(["127.0.0.1"] * _SECURE, daemon.port, columns, [oids] * _SECURE, [0] * _SECURE, sensor, session)
    finally:
        loop.run_until_complete(running.__aexit__(None, None, None))
        loop.close()


class Meter:
    """Makes rates of what a rival read, as cheaply as NumPy does it: all devices at once, into columns."""

    def __init__(self, asked: Fleet) -> None:
        counts = np.array([len(oids) - 1 for oids in asked.oids])
        self.device = np.repeat(np.arange(len(counts)), counts)
        self.cell = np.concatenate([np.arange(count) for count in counts])
        self.last: NDArray[np.uint64] | None = None
        self.uptime: NDArray[np.int64] | None = None
        self.columns: tuple[NDArray[Any], ...] = ()

    def take(self, answers: Sequence[Sequence[int]]) -> int:
        """Rates of one round, each answer the sysUpTime and then the counters; how many there are."""
        now = np.fromiter(itertools.chain.from_iterable(answer[1:] for answer in answers), np.uint64, len(self.device))
        uptime = np.array([answer[0] for answer in answers], np.int64)
        if self.last is not None and self.uptime is not None:
            seconds = ((uptime - self.uptime) % (1 << 32) / 100)[self.device]
            good = np.flatnonzero((now >= self.last) & (seconds > 0))
            value = (now - self.last)[good] / seconds[good] * 8
            self.columns = (self.device[good], self.cell[good], value, seconds[good].astype(np.float32))
        self.last, self.uptime = now, uptime
        return len(self.device)


def _values(answer: dict[str, Any], oids: list[str]) -> list[int]:
    values = list(answer.values())
    if len(values) != len(oids):
        raise SystemExit("gufo-snmp did not get what it asked for")
    return values


class Gufo:
    """gufo-snmp, one device after the other."""

    def __init__(self, asked: Fleet) -> None:
        self.asked = asked
        self.meter = Meter(asked)
        self.sessions = [sync.SnmpSession(host, port=asked.port, timeout=2, **asked.session) for host in asked.hosts]
        if "user" in asked.session:
            for session in self.sessions:
                session.refresh()

    def sweep(self) -> tuple[float, int]:
        """(CPU-seconds, rates made) of one poll of every device."""
        begin = time.process_time()
        pairs = zip(self.sessions, self.asked.oids, strict=True)
        made = self.meter.take([_values(session.get_many(oids), oids) for session, oids in pairs])
        return time.process_time() - begin, made


class GufoAsync:
    """gufo-snmp by asyncio, many devices at a time."""

    def __init__(self, asked: Fleet) -> None:
        self.asked = asked
        self.meter = Meter(asked)
        self.loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self.loop.run_until_complete(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.close()

    def sweep(self) -> tuple[float, int]:
        """As Gufo's."""
        begin = time.process_time()
        made = self.meter.take(self.loop.run_until_complete(self._poll()))
        return time.process_time() - begin, made

    async def _open(self) -> None:
        asked = self.asked
        self.sessions = [aio.SnmpSession(host, port=asked.port, timeout=2, **asked.session) for host in asked.hosts]
        if "user" in asked.session:
            for session in self.sessions:
                await session.refresh()

    async def _poll(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.sessions]
        todo = iter(range(len(self.sessions)))

        async def worker() -> None:
            for k in todo:
                oids = self.asked.oids[k]
                found[k] = _values(await self.sessions[k].get_many(oids), oids)

        await asyncio.gather(*(worker() for _ in range(_ASYNC)))
        return found


class NetSnmp:
    """net-snmp's library in netsnmp_poll.c; for identical devices."""

    def __init__(self, folder: Path, asked: Fleet) -> None:
        self.command: list[str | Path] = [folder / "netsnmp_poll", str(asked.port), str(len(asked.hosts)), str(PORTS[0][0])]

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def sweep(self) -> tuple[float, int]:
        """As Gufo's."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        seconds, made = self.process.stdout.readline().split()
        return float(seconds), max(int(made), 1)
