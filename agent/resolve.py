"""Host names to addresses, aside: a dead name server holds up neither the spool, nor the upload, nor the end of the program."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

FRESH = 300.0  # s an answer is used without asking again
PATIENCE = 3.0  # s
TOGETHER = 32  # look-ups at a time
_places = threading.Semaphore(TOGETHER)


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
        now = asyncio.get_running_loop().time
        if self._known is not None and now() < self._until:
            return self._known
        if _is_address(self._host):
            self._known, self._until = _look_up(self._host, self._port, socket.AI_NUMERICHOST), math.inf
            return self._known
        try:
            async with asyncio.timeout(PATIENCE):
                self._known = await _aside(partial(_look_up, self._host, self._port))
        except TimeoutError:
            if self._known is None:
                raise OSError(f"no answer about the name {self._host!r} within {PATIENCE:g} s") from None
        except OSError:
            if self._known is None:
                raise
        self._until = now() + FRESH
        return self._known

    def failed(self) -> None:
        """What is known did not answer: a name is looked up again next time."""
        if not _is_address(self._host):
            self._until = 0.0


async def _aside(call: Callable[[], Address]) -> Address:
    """`call` in a daemon thread. The pools of asyncio would be waited for at exit, however long a name server takes."""
    while not _places.acquire(blocking=False):
        await asyncio.sleep(0.05)
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Address] = loop.create_future()

    def deliver(address: Address | None, error: OSError | None) -> None:
        if future.done():
            return  # nobody waits any longer
        if address is not None:
            future.set_result(address)
        else:
            future.set_exception(error or OSError("no address"))

    def work() -> None:
        address, failure = None, None
        try:
            address = call()
        except OSError as error:
            failure = error
        finally:
            _places.release()
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(deliver, address, failure)

    threading.Thread(target=work, name="resolve", daemon=True).start()
    return await future


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int, flags: int = 0) -> Address:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
    except UnicodeError as error:
        raise OSError(f"{host!r} is no host name") from error
    family, _, _, _, (address, *rest) = found[0]
    if family == socket.AF_INET6:
        plain = ipaddress.IPv6Address(str(address).partition("%")[0])
        if plain.ipv4_mapped is not None:
            return Address(socket.AF_INET, (str(plain.ipv4_mapped), port))
        return Address(socket.AF_INET6, (str(address), port, 0, int(rest[-1])))
    return Address(family, (str(address), port))
