"""A real net-snmp snmpd on a free loopback port, with a configuration of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

PROGRAM = "/usr/sbin/snmpd"
_START = 10.0  # seconds


class Snmpd:
    """One snmpd: `port`, `kill()` it as the kernel would, `start()` it again on the same port."""

    def __init__(self, folder: Path, community: str, host: str, extra: str) -> None:
        self.folder = folder
        self.community = community
        self.host = host
        self.port = free_port(host)
        self.process: asyncio.subprocess.Process | None = None
        family = "rocommunity6" if ":" in host else "rocommunity"
        config = f"{family} {community}\nsysName {folder.name}\nsysLocation here\nsysContact nobody\n{extra}\n"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "snmpd.conf").write_text(config, encoding="utf-8")

    @property
    def agent(self) -> str:
        """The address as net-snmp's own programs take it."""
        return f"udp6:[{self.host}]:{self.port}" if ":" in self.host else f"udp:{self.host}:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(self.folder / "state"), "MIBS": ""}
        arguments = ["-f", "-Lo", "-C", "-c", str(self.folder / "snmpd.conf"), "-p", str(self.folder / "pid"), self.agent]
        log = (self.folder / "log").open("ab")
        with log:
            self.process = await asyncio.create_subprocess_exec(PROGRAM, *arguments, stdout=log, stderr=log, env=environment)
        async with asyncio.timeout(_START):
            while not await self._answers():
                if self.process.returncode is not None:
                    raise RuntimeError(f"snmpd ended: {(self.folder / 'log').read_text(encoding='utf-8')}")
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        from protocols.snmp import oid
        from protocols.snmp.request import get

        datagram = get(self.community.encode(), (oid.parse("1.3.6.1.2.1.1.3.0"),)).datagram(1 << 30)
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((self.host, self.port))
            loop = asyncio.get_running_loop()
            try:
                await loop.sock_sendall(sock, datagram)
                async with asyncio.timeout(0.3):
                    return bool(await loop.sock_recv(sock, 2048))
            except (OSError, TimeoutError):
                return False

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


def free_port(host: str) -> int:
    """A UDP port on `host` that nobody has now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def snmpd(folder: Path, community: str = "public", host: str = "127.0.0.1", extra: str = "") -> AsyncIterator[Snmpd]:
    """A running snmpd that keeps everything in `folder`; its sysName is the folder's name. It is gone afterwards."""
    daemon = Snmpd(folder, community, host, extra)
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.kill()
