"""`lineside-agent replay FILE`: the flows of a capture through the agent's whole path, and what it would tell the server."""

from __future__ import annotations

import argparse
import asyncio
import mmap
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path as File
from typing import Any

import msgspec
import numpy as np

from agent import state
from agent.collectors.flows import watched
from agent.flows import cloud
from agent.flows.path import Path, Watched
from protocols import pcap
from protocols.errors import ConfigError, DecodeError
from protocols.pcap import Datagram
from protocols.uplink import batch

BATCH = 2_000  # datagrams
EVER = 1 << 40  # minutes
_TEXTS = {"name": "names", "application": "applications", "provider": "providers", "remote": "remotes"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("file", type=File, metavar="FILE.pcap", help="a pcap or pcapng file")
    parser.add_argument("--json", action="store_true", help="one JSON object for each row, a line each")
    parser.add_argument("--inside", action="append", default=[], metavar="CIDR", help="the customer's own networks")
    parser.add_argument("--sampling", type=int, default=0, metavar="N", help="1 in N packets, where an exporter does not say")
    parser.add_argument("--send", metavar="HOST:PORT", help="send the datagrams to a running agent instead")


def replay(options: argparse.Namespace, folder: File) -> int:
    """Run the command; the exit code. Raises ConfigError.

    Senders in the agent's last plan are its sensors; any other one is taken as a sensor of its own.
    """
    counters: Counter[str] = Counter()
    try:
        with options.file.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = pcap.datagrams(data, counters)  # type: ignore[arg-type] # it is read like bytes
            if options.send:
                return _send(found, options.send)
            path = _path(options, folder, {each.source for each in pcap.datagrams(data, Counter())}, counters)  # type: ignore[arg-type]
            for many in _batches(found):
                path.take([(each.source, each.payload) for each in many], many[-1].at)
    except DecodeError as error:
        raise ConfigError(f"{options.file}: {error}.") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{options.file} cannot be replayed: {error}.") from None
    rows = path.rows(EVER)
    for row in rows_of(rows) if rows is not None else ():
        sys.stdout.write((msgspec.json.encode(row).decode() if options.json else _words(row)) + "\n")
    sys.stdout.flush()
    sys.stderr.write(", ".join(f"{name} {count}" for name, count in sorted(counters.items()) if count) + "\n")
    return 0


def _path(options: argparse.Namespace, folder: File, senders: set[str], counters: Counter[str]) -> Path:
    plan = state.last_plan(folder)
    known = asyncio.run(watched(plan.targets, counters)) if plan is not None else []
    probe = Path(known, cloud.load(folder), Counter())
    strangers = sorted(sender for sender in senders if probe.who(sender) < 0)
    first = max((one.number for one in known), default=0) + 1
    inside = tuple(options.inside)
    known += [Watched(number, (sender,), options.sampling, inside, sender) for number, sender in enumerate(strangers, first)]
    return Path(known, cloud.load(folder), counters)


def _batches(datagrams: Iterator[Datagram]) -> Iterator[list[Datagram]]:
    """As many as are read together, none of them of another minute than the last."""
    while many := list(islice(datagrams, BATCH)):
        begin = 0
        for place, each in enumerate(many):
            if each.at // 1_000_000 != many[begin].at // 1_000_000:
                yield many[begin:place]
                begin = place
        yield many[begin:]


def _send(datagrams: Iterator[Datagram], where: str) -> int:
    host, _, port = where.rpartition(":")
    info = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
    count = 0
    with socket.socket(info[0], socket.SOCK_DGRAM) as sock:
        for each in datagrams:
            sock.sendto(each.payload, info[4])
            count += 1
    sys.stdout.write(f"{count} datagrams sent to {where}.\n")
    return 0


def rows_of(flows: batch.Flows) -> Iterator[dict[str, Any]]:
    """Each row as an object, with its texts in place of the numbers that point to them."""
    columns = {field: column.tolist() for field, column in flows._asdict().items() if isinstance(column, np.ndarray)}
    for field, texts in _TEXTS.items():
        columns[field] = [getattr(flows, texts)[number] for number in columns[field]]
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        yield row | {"direction": "egress" if row["direction"] else "ingress", "ts": f"{np.datetime64(row['ts'], 'us')}Z"}


def _words(row: dict[str, Any]) -> str:
    what = " ".join(str(row[name]) or "-" for name in ("ts", "name", "direction", "application", "provider", "remote"))
    return f"{what} {row['octets']:.0f} octets, {row['packets']:.0f} packets, {row['flows']} flows"
