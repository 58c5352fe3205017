"""Opening a TCP connection, and what the operating system says where it fails, as one of batch.REASONS."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

from agent.resolve import Address

REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.EHOSTDOWN: "unreachable",
}


def reason_of(error: OSError) -> str:
    """The reason; what concerns this machine alone is `local_error`, such as that it has no route (ENETUNREACH)."""
    return REASONS.get(error.errno or 0, "local_error")


async def connected(address: Address) -> socket.socket:
    """A socket with a connection to `address`, not blocking; the caller closes it. Raises OSError."""
    sock = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        code = sock.connect_ex(address.sockaddr)
        if code == errno.EINPROGRESS:
            await _connecting(sock, address)
        elif code:  # before anything was sent: no route from here, say
            raise OSError(code, os.strerror(code))
    except BaseException:
        sock.close()
        raise
    return sock


async def _connecting(sock: socket.socket, address: Address) -> None:
    try:
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
    except OSError as error:
        if error.errno != errno.ENETUNREACH:
            raise
        raise OSError(errno.EHOSTUNREACH, error.strerror) from None  # by now it is a router that says so
