"""A real Open vSwitch samples traffic by sFlow: `unshare -n python -m tests.protocols.sflow.openvswitch FOLDER` writes FOLDER/sflow.pcap.

It runs in a network namespace of its own, in userspace, with two ports that are taps; frames are put into one of them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.peers import need
from tests.protocols.sflow.samples import V4, V6
from tests.protocols.test_pcap import classic

MACS = bytes.fromhex("020000000002020000000001")
FRAMES = (
    MACS + b"\x08\0" + V4 + bytes(100),
    MACS + b"\x86\xdd" + V6 + bytes(100),
    MACS + b"\x81\0\x60\5\x08\0" + V4 + bytes(60),
)
ROUNDS = 10
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def call(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, timeout=30).stdout


@contextlib.contextmanager
def switch(folder: Path, port: int) -> Iterator[None]:
    database = f"unix:{folder}/db.sock"
    call("ovsdb-tool", "create", folder / "conf.db", SCHEMA)
    server = [need("ovsdb-server"), f"--remote=p{database}", f"--unixctl={folder}/db.ctl", str(folder / "conf.db")]
    daemon = [need("ovs-vswitchd"), database, f"--unixctl={folder}/switch.ctl", "--disable-system"]
    with (folder / "log").open("wb") as log, contextlib.ExitStack() as stack:
        for command in (server, daemon):
            process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OVS_RUNDIR": str(folder)})
            stack.callback(process.wait)
            stack.callback(process.terminate)
            time.sleep(0.5)
        sampling = ["agent=lo", f'targets="127.0.0.1:{port}"', "header=128", "sampling=1", "polling=1"]
        call(
            "ovs-vsctl", f"--db={database}", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
            "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=internal",
            "--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=internal",
            "--", "--id=@s", "create", "sflow", *sampling, "--", "set", "bridge", "br0", "sflow=@s",
        )  # fmt: skip
        yield


def main(folder: Path) -> None:
    call("ip", "link", "set", "lo", "up")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.5)
        received: list[bytes] = []
        with switch(folder, listener.getsockname()[1]):
            for name in ("br0", "p1", "p2"):
                call("ip", "link", "set", name, "up")
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
                sender.bind(("p1", 0))
                for _ in range(ROUNDS):
                    for frame in FRAMES:
                        sender.send(frame)
            until = time.monotonic() + 5
            while time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    received.append(listener.recv(65_535))
    (folder / "sflow.pcap").write_bytes(classic(*map(framed, received)))


def framed(payload: bytes) -> bytes:
    udp = struct.pack("!HHHH", 5000, 6343, 8 + len(payload), 0) + payload
    local = bytes((127, 0, 0, 1))
    return MACS + b"\x08\0" + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0, local, local) + udp


if __name__ == "__main__":
    main(Path(sys.argv[1]))
