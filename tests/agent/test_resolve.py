"""Names and addresses: looked up aside, again after a failure, and never in anybody's way."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from agent import resolve
from agent.resolve import Address, Name

V4 = Address(socket.AF_INET, ("192.0.2.1", 80))


async def test_an_address_needs_no_thread_and_a_mapped_one_is_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "_aside", None)
    assert await Name("192.0.2.1", 80).address() == V4
    assert await Name("::ffff:192.0.2.1", 80).address() == V4
    assert await Name("2001:db8::1", 80).address() == Address(socket.AF_INET6, ("2001:db8::1", 80, 0, 0))


async def test_a_name_is_looked_up_again_after_a_failure_and_an_address_never() -> None:
    name, literal = Name("localhost", 80), Name("127.0.0.1", 80)
    first = await name.address()
    assert await name.address() is first
    name.failed()
    assert await name.address() is not first
    kept = await literal.address()
    literal.failed()
    assert await literal.address() is kept


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300, "x..y", "bad host"])
async def test_a_name_without_an_address_is_an_os_error(host: str) -> None:
    with pytest.raises(OSError, match=r"."):
        await Name(host, 80).address()


async def test_while_a_name_cannot_be_looked_up_the_last_address_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    name = Name("localhost", 80)
    known = await name.address()

    def broken(host: str, port: int) -> Address:
        raise socket.gaierror(socket.EAI_AGAIN, "the name server is away")

    monkeypatch.setattr(resolve, "_look_up", broken)
    name.failed()
    assert await name.address() == known


async def test_a_name_server_that_says_nothing_costs_a_bounded_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = threading.Event()

    def silent(host: str, port: int) -> Address:
        silence.wait(10)
        return V4

    monkeypatch.setattr(resolve, "_look_up", silent)
    monkeypatch.setattr(resolve, "PATIENCE", 0.2)
    results = await asyncio.gather(*(Name(f"host{n}").address() for n in range(100)), return_exceptions=True)
    waiting = [thread for thread in threading.enumerate() if thread.name == "resolve"]
    assert all(isinstance(result, OSError) for result in results)
    assert len(waiting) == resolve.TOGETHER
    assert all(thread.daemon for thread in waiting)
    silence.set()
    assert await Name("host").address() == V4
