"""Run inside a fresh network namespace: a router behind a wire has no route on, and for some places we have none ourselves."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter

from agent import udp, web
from agent.collectors import dns, tcp
from agent.echo import Pinger
from agent.resolve import Name
from protocols.uplink.plan import Dns

OURS = """
sysctl -qw net.ipv6.conf.default.accept_dad=0
ip link set lo up
ip link add v0 type veth peer name v1 netns {pid}
ip addr add 192.0.2.2/24 dev v0
ip addr add 2001:db8::2/64 dev v0 nodad
ip link set v0 up
nsenter -t {pid} -n sh -ec '{theirs}'
ip route add 203.0.113.0/24 via 192.0.2.1
ip route add 2001:db8:1::/64 via 2001:db8::1
"""
THEIRS = """
sysctl -qw net.ipv6.conf.default.accept_dad=0
ip addr add 192.0.2.1/24 dev v1
ip addr add 2001:db8::1/64 dev v1 nodad
ip link set v1 up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
"""
HOSTS = ("198.51.100.1", "2001:db8:2::1", "203.0.113.1", "2001:db8:1::1")
LIMIT = 1.5


async def snmp(host: str, exchange: udp.Exchange) -> str:
    try:
        await exchange.ask(await udp.resolve(host, 161), lambda number: number.to_bytes(4, "big"), 0.1, 1)
    except udp.NoAnswer as error:
        return error.reason
    return ""


async def every_way(host: str, pinger: Pinger, exchange: udp.Exchange) -> dict[str, str]:
    url = f"http://[{host}]/" if ":" in host else f"http://{host}/"
    return {
        "ping": (await pinger.ping(await Name(host).address(), LIMIT)).reason,
        "tcp": (await tcp.connect(Name(host, 80), LIMIT)).reason,
        "http": (await web.visit(web.Request(url, "GET", True, 0, keep=False), Name(host, 80), LIMIT, web.contexts())).reason,
        "dns": (await dns.ask(Name(host, 53), Dns(1, "x", timeout=0.2), Counter())).reason,
        "snmp": await snmp(host, exchange),
    }


async def beside(pinger: Pinger) -> dict[str, str]:
    """Those that are well, asked in the moment in which the kernel has an error of another one to tell."""
    hosts = ("203.0.113.1", "127.0.0.1", "2001:db8:1::1", "::1")
    addresses = [await Name(host).address() for host in hosts]
    outcomes = await asyncio.gather(*(pinger.ping(address, LIMIT) for address in addresses))
    return {host: outcome.reason for host, outcome in zip(hosts, outcomes, strict=True) if host in ("127.0.0.1", "::1")}


async def ask() -> dict[str, dict[str, str]]:
    counters: Counter[str] = Counter()
    pinger, exchange = Pinger(counters), udp.Exchange("x", lambda data: int.from_bytes(data[:4], "big"), counters)
    try:
        return {host: await every_way(host, pinger, exchange) for host in HOSTS} | {"beside": await beside(pinger)}
    finally:
        pinger.close()
        exchange.close()


if __name__ == "__main__":
    with subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE) as router:
        assert router.stdout is not None
        router.stdout.readline()
        try:
            subprocess.run(["sh", "-ec", OURS.format(pid=router.pid, theirs=THEIRS)], check=True)
            if sys.argv[1] == "datagram":
                subprocess.run(["sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"], check=True)
            print(json.dumps(asyncio.run(ask())))
        finally:
            router.kill()
