"""Run inside a fresh network namespace: builds a small network, pings into it, prints what came out as JSON."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter

from agent.collectors import ping
from agent.echo import Pinger
from agent.resolve import Name
from protocols.errors import ConfigError
from protocols.uplink.plan import Ping, Plan, Target

NETWORK = """
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 192.0.2.2/24 dev v0
ip addr add 2001:db8::2/64 dev v0 nodad
ip link set v0 up
ip link set v1 up
ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0
ip neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0
sysctl -qw net.ipv4.neigh.v0.retrans_time_ms=50 net.ipv4.neigh.v0.mcast_solicit=1
sysctl -qw net.ipv6.neigh.v0.retrans_time_ms=50 net.ipv6.neigh.v0.mcast_solicit=1
"""
# By twos: the route leads to nobody; the neighbour takes packets and says nothing; there is no route from here.
TARGETS = ("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1", "192.0.2.9", "2001:db8::9", "203.0.113.1", "2001:db8:1::1")


async def ask() -> dict[str, str]:
    counters: Counter[str] = Counter()
    pinger = Pinger(counters)
    try:
        addresses = [await Name(host).address() for host in TARGETS]
        outcomes = await asyncio.gather(*(pinger.ping(address, 0.8) for address in addresses))
    except ConfigError as error:
        told = await ping.check(Target("e", "t", "127.0.0.1", (Ping(1),)), Ping(1), Plan("r"))
        return {"error": str(error), "check": told}
    finally:
        pinger.close()
    return {host: outcome.reason or "ok" for host, outcome in zip(TARGETS, outcomes, strict=True)}


if __name__ == "__main__":
    subprocess.run(["sh", "-ec", NETWORK], check=True)
    if sys.argv[1] == "datagram":
        subprocess.run(["sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"], check=True)
    print(json.dumps(asyncio.run(ask())))
