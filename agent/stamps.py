"""When datagrams came, as the kernel noted it: then they may wait in the socket's buffer, and nobody's response time grows."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence

ROOM = 64  # bytes of notes beside a datagram
_TIMESTAMP = 35  # SO_TIMESTAMPNS of Linux
_TIMESPEC = struct.Struct("@ll")


def wanted(sock: socket.socket) -> bool:
    """Ask the kernel to note it; whether it does."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
    except OSError:
        return False
    return True


def ahead(now: float) -> float:
    """Seconds by which the clock that says `now` is ahead of the kernel's, which may be set at any time."""
    return now - time.clock_gettime(time.CLOCK_REALTIME)


def came(notes: Sequence[tuple[int, int, bytes]], ahead: float, now: float) -> float:
    """When the datagram with these `notes` came, by our clock."""
    if not notes or len(notes[0][2]) != _TIMESPEC.size:
        return now
    seconds, nanoseconds = _TIMESPEC.unpack(notes[0][2])
    return min(float(seconds + nanoseconds / 1e9 + ahead), now)
