"""Who hears flows in bench/flows.py: we, nfcapd, and nfacctd with the same networks; what each costs and loses."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import flow_load
from bench.harness import ROOT

NFACCTD = """\
daemonize: false
nfacctd_port: {port}
nfacctd_ip: 127.0.0.1
nfacctd_pipe_size: 8388608
nfacctd_net: file
nfacctd_time_new: true
networks_file: {folder}/networks
plugins: memory[sums]
aggregate[sums]: in_iface, out_iface, src_net, dst_net, proto
plugin_pipe_size[sums]: 268435456
plugin_buffer_size[sums]: 65536
imt_path[sums]: {folder}/sums.pipe
imt_mem_pools_number[sums]: 0
imt_mem_pools_size[sums]: 1048576
imt_buckets[sums]: 1048573
"""
_TICKS = os.sysconf("SC_CLK_TCK")


class Heard(NamedTuple):
    """One run: seconds of CPU while datagrams came and were worked off, datagrams sent, and those the kernel dropped."""

    cpu_s: float
    sent: int
    drops: int
    seconds: float


def build(folder: Path) -> None:
    """Compile the sender into `folder`."""
    command = ["gcc", "-O2", "-o", str(folder / "flow_sender"), str(ROOT / "bench" / "flow_sender.c")]
    subprocess.run(command, check=True)


def free_port() -> int:
    """A UDP port that nobody has now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def command(name: str, folder: Path, port: int) -> list[str]:
    """How a listener is called; writes what it reads."""
    if name == "ours":
        return [sys.executable, "-m", "bench.flow_ours", str(folder), str(port)]
    if name == "nfcapd":
        (folder / "nfcapd").mkdir(exist_ok=True)
        return ["nfcapd", "-w", str(folder / "nfcapd"), "-p", str(port), "-b", "127.0.0.1", "-B", str(8 << 20)]
    (folder / "networks").write_text("\n".join(flow_load.prefixes()) + "\n")
    (folder / "nfacctd.conf").write_text(NFACCTD.format(port=port, folder=folder))
    return ["nfacctd", "-f", str(folder / "nfacctd.conf")]


@contextlib.contextmanager
def listening(name: str, folder: Path, port: int) -> Iterator[int]:
    """A running listener; its process id. It and its children are on the first core, the sender is on the second."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command(name, folder, port), stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            _pin(process.pid, 0)
            until = time.monotonic() + 20
            while _drops(port) is None:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{name} does not listen: {(folder / f'{name}.log').read_text()[-500:]}")
                time.sleep(0.05)
            time.sleep(1.0)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()


def hear(name: str, folder: Path, load: Path, rate: float, count: int) -> Heard:
    """Send `count` datagrams of `load` at `rate` a second to a listener."""
    port = free_port()
    with listening(name, folder, port) as pid:
        before = _cpu(pid)
        sender = [str(folder / "flow_sender"), str(load), str(port), str(rate), str(count)]
        said = json.loads(subprocess.run(sender, check=True, capture_output=True, preexec_fn=_second).stdout)
        cpu, quiet = _cpu(pid), 0
        while quiet < 3:  # work is over when half a second has brought next to nothing
            time.sleep(0.5)
            now = _cpu(pid)
            quiet, cpu = (quiet + 1, now) if now - cpu < 0.05 else (0, now)
        return Heard(cpu - before, said["sent"], _drops(port) or 0, said["seconds"])


def _second() -> None:
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _pin(pid: int, core: int) -> None:
    os.sched_setaffinity(pid, {sorted(os.sched_getaffinity(0))[core]})


def _cpu(pid: int) -> float:
    """Seconds of CPU of a process and its children."""
    total = 0
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], check=False, capture_output=True, text=True).stdout
    for each in (pid, *map(int, children.split())):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _drops(port: int) -> int | None:
    """What the kernel dropped at the sockets of a port; None where nobody listens."""
    found = None
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                found = (found or 0) + int(fields[-1])
    return found
