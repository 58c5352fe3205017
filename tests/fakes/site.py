"""A simulated site: several SNMP devices in one process, told by lines on stdin what shall happen to them.

    python tests/fakes/site.py --devices edge1,edge2,core1 --port-base 0
    python tests/fakes/site.py --file packaging/demo/devices.yaml --birth 1790000000 --port-base 16161

prints one JSON line {"edge1": port, …} when it is ready, then obeys: stop D, start D, reboot D, port D NAME up|down.
Each command is answered by one line, "ok" or what was wrong. It ends with its parent, and when stdin ends.
The devices of a file have an address of 127/8 each and all the same port, which is free on each of them.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fakes import devices as described
from tests.fakes.simulated import Simulated
from tests.fakes.snmp_device import Port, SnmpDevice

_PR_SET_PDEATHSIG = 1
TRIES = 50  # ports


def main() -> None:
    """Run until the parent goes or stdin ends."""
    parser = argparse.ArgumentParser(description="Simulated SNMP devices on loopback.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--devices", help="names, separated by commas")
    what.add_argument("--file", type=Path, help="the devices and what they measure, as YAML")
    parser.add_argument("--birth", type=float, help="with --file: when its patterns began, seconds since the epoch")
    parser.add_argument(
        "--port-base", type=int, default=0, help="UDP port of the first device, the next follow; 0 = any free ones"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--community", default="public")
    options = parser.parse_args()
    die_with_parent()
    if options.file is None:
        asyncio.run(serve(options.devices.split(","), options.host, options.port_base, options.community))
    else:
        passwords = (
            os.environ.get("LINESIDE_DEMO_AUTH", "simulated-auth"),
            os.environ.get("LINESIDE_DEMO_PRIV", "simulated-priv"),
        )
        found = described.load(options.file, options.birth)
        made = [Simulated(each, options.community, passwords, time.time) for each in found]
        asyncio.run(serve_described(made, options.port_base))


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that happens."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the kernel knew
        sys.exit(0)


async def serve(names: list[str], host: str, base: int, community: str) -> None:
    """Start the devices, say where they are, obey."""
    devices = {name: SnmpDevice(name, ports_of(number), community) for number, name in enumerate(names)}
    ports = {name: await device.start(host, base and base + number) for number, (name, device) in enumerate(devices.items())}
    print(json.dumps(ports), flush=True)
    await obey_lines(devices)


async def serve_described(devices: Sequence[Simulated], base: int) -> None:
    """Start the devices of a file, each at its own address."""
    for number in range(TRIES):
        port = base + number if base else 16_161 + number
        try:
            for each in devices:
                await each.start(each.device.address, port)
                if seconds := [m.pattern for m in each.device.measures if m.metric == "response_time"]:
                    each.web = await each.serve_web(each.device.address, port, seconds[0])
        except OSError:
            for each in devices:
                each.close()
        else:
            break
    else:
        sys.exit("no port is free on all the addresses")
    print(json.dumps({each.name: port for each in devices}), flush=True)
    await obey_lines({each.name: each for each in devices})


async def obey_lines(devices: dict[str, SnmpDevice]) -> None:
    """Do what the lines on stdin say until it ends."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        print(obey(devices, line.decode(errors="replace").split()), flush=True)


def ports_of(number: int) -> list[Port]:
    """What a device of a small provider has: uplinks, customers' ports, and one that nobody uses."""
    scale = 1 + number / 3
    return [
        Port(1, "ge-0/0/0", 1_000_000_000, 320e6 * scale, 110e6 * scale),
        Port(2, "ge-0/0/1", 1_000_000_000, 60e6 * scale, 18e6 * scale),
        Port(3, "ge-0/0/2", 100_000_000, 22e6, 9e6),
        Port(4, "xe-0/1/0", 10_000_000_000, 1.4e9 * scale, 0.6e9 * scale),
        Port(5, "ge-0/0/3", 1_000_000_000, 0.0, 0.0, admin=2, oper=2),
    ]


def obey(devices: dict[str, SnmpDevice], words: list[str]) -> str:
    """Do what one line says; "ok", or what is wrong with it."""
    match words:
        case [("stop" | "start") as verb, name] if name in devices:
            devices[name].silent = verb == "stop"
        case ["reboot", name] if name in devices:
            devices[name].reboot()
        case ["port", name, port, ("up" | "down") as state] if name in devices:
            if port not in {each.name for each in devices[name].ports}:
                return f"{name} has no port {port}"
            devices[name].set_port(port, up=state == "up")
        case _:
            return "say: stop DEVICE | start DEVICE | reboot DEVICE | port DEVICE NAME up|down"
    return "ok"


if __name__ == "__main__":
    main()
