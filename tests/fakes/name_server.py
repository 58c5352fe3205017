"""Name servers for tests: Debian's dnsmasq, and one that answers each question with the bytes it is given. Loopback only."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from protocols import dns

Datagrams = Callable[[bytes], list[bytes]]


def free_port() -> int:
    """A port that is free for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def dnsmasq(program: str, *records: str) -> Iterator[int]:
    """The port of a dnsmasq that knows these records (its own options) and asks nobody else."""
    port = free_port()
    command = [
        program,
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file",
        "--no-resolv",
        "--no-hosts",
        f"--port={port}",
    ]
    command += ["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/#/", "--log-facility=-"]
    with subprocess.Popen([*command, *records], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = []
        for line in process.stderr:
            told.append(line)
            if "started" in line:
                break
        else:
            raise RuntimeError(f"dnsmasq did not start: {''.join(told)}")
        try:
            yield port
        finally:
            process.terminate()


class Liar(asyncio.DatagramProtocol):
    """Answers each datagram with those that `answers` makes of it."""

    def __init__(self, answers: Datagrams) -> None:
        self.answers = answers

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for answer in self.answers(data):
            self.transport.sendto(answer, addr)


def answer(query: bytes, *records: tuple[str, bytes], flags: bytes = b"\x81\x80") -> bytes:
    """A response to `query` with records of a type and their data, by the name of the question."""
    made = query[:2] + flags + query[4:6] + len(records).to_bytes(2, "big") + bytes(4) + query[12:]
    for kind, data in records:
        made += b"\xc0\x0c" + dns.TYPES[kind].to_bytes(2, "big") + b"\x00\x01" + bytes(4) + len(data).to_bytes(2, "big") + data
    return made
