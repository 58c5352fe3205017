"""The simulated site: it says where it is, obeys, and never outlives its parent."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from agent.access import by_community
from agent.device import Device
from agent.udp import Exchange, NoAnswer, resolve
from protocols.snmp import message, oid

SITE = Path(__file__).with_name("site.py")
COMMAND = [sys.executable, str(SITE), "--devices", "edge1,edge2,core1", "--port-base", "0"]
OPER = oid.parse("1.3.6.1.2.1.2.2.1.8.2")


async def test_it_obeys_line_by_line() -> None:
    process = await asyncio.create_subprocess_exec(*COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    ports = json.loads(await process.stdout.readline())
    assert list(ports) == ["edge1", "edge2", "core1"]
    exchange = Exchange("snmp", message.request_id, Counter())

    async def tell(line: str) -> str:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{line}\n".encode())
        return (await process.stdout.readline()).decode().strip()

    async def oper(name: str) -> object:
        device = Device(exchange, await resolve("127.0.0.1", ports[name]), by_community("public"), (0.3, 0))
        (part,) = await device.get([OPER])
        return part.values[OPER].value

    assert await oper("edge1") == 1
    assert await tell("port edge1 ge-0/0/1 down") == "ok"
    assert (await oper("edge1"), await oper("edge2")) == (2, 1)
    assert await tell("stop edge2") == "ok"
    with pytest.raises(NoAnswer):
        await oper("edge2")
    assert await tell("start edge2") == "ok"
    assert await oper("edge2") == 1
    assert await tell("reboot core1") == "ok"
    assert await tell("port edge1 ge-9/9/9 down") == "edge1 has no port ge-9/9/9"
    assert (await tell("explode edge1")).startswith("say: stop DEVICE")
    exchange.close()
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 5) == 0


def test_it_ends_with_its_parent() -> None:
    """A parent that is killed has no time to close a pipe, and somebody else may hold the other end."""
    code = (
        "import subprocess, sys, time; "
        f"p = subprocess.Popen({COMMAND!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE); "
        "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
