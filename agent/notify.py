"""What systemd is told (sd_notify): ready, alive, stopping. Without NOTIFY_SOCKET it is told nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(environment: Mapping[str, str], text: str) -> None:
    """Send `text`, for example READY=1. A service manager that is gone is no reason to fail."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect("\0" + address[1:] if address.startswith("@") else address)
            sock.send(text.encode())
        except OSError:
            return


def watchdog(environment: Mapping[str, str]) -> float | None:
    """Seconds between two signs of life; None when nobody watches."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return max(int(microseconds) / 2e6, 0.1)
