"""Host names to addresses, in threads of their own: a dead name server must not hold up the spool or the upload."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

FRESH = 300.0  # s an answer is used without asking again
PATIENCE = 3.0  # s
_threads = ThreadPoolExecutor(8, "resolve")


class Address(NamedTuple):
    """One address as the socket calls want it."""

    family: socket.AddressFamily
    sockaddr: tuple[str, int] | tuple[str, int, int, int]


class Name:
    """A target's name or address. `address` asks again after FRESH seconds and after `failed`."""

    def __init__(self, host: str, port: int = 0) -> None:
        self._host, self._port = host, port
        self._known: Address | None = None
        self._until = 0.0

    async def address(self) -> Address:
        """The first address of the name; the last known one while it cannot be looked up. Raises OSError: there is none."""
        loop = asyncio.get_running_loop()
        if self._known is None or loop.time() > self._until:
            try:
                async with asyncio.timeout(PATIENCE):
                    self._known = await loop.run_in_executor(_threads, _look_up, self._host, self._port)
            except TimeoutError:
                if self._known is None:
                    raise OSError(f"no answer about the name {self._host!r} within {PATIENCE:g} s") from None
            except OSError:
                if self._known is None:
                    raise
            self._until = math.inf if _is_address(self._host) else loop.time() + FRESH
        return self._known

    def failed(self) -> None:
        """What is known did not answer: a name is looked up again next time."""
        if not _is_address(self._host):
            self._until = 0.0


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> Address:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is no host name") from error
    family, _, _, _, (address, *rest) = found[0]
    if family == socket.AF_INET6:
        plain = ipaddress.IPv6Address(str(address).partition("%")[0])
        if plain.ipv4_mapped is not None:
            return Address(socket.AF_INET, (str(plain.ipv4_mapped), port))
        return Address(socket.AF_INET6, (str(address), port, 0, int(rest[-1])))
    return Address(family, (str(address), port))
