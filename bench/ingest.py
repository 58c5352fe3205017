"""Ingest: 20,000-row batches over 200,000 series through the whole server, beside raw binary COPY into the same table.

Ours: HTTP, authentication, claim, series mapping, rejects and dirty marks, with the jobs running. The other side: prebuilt COPY
buffers on one connection. Both write to the same indexed table of the same database, in turn, with fsync and synchronous_commit on.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from bench import harness
from protocols.uplink.batch import Batch, Samples, encode
from server.auth import sha256
from storage import batches
from storage.database import connect_owner
from storage.times import to_datetime
from tests.fakes import lineside

if TYPE_CHECKING:
    from io import BytesIO

    from storage.database import Connection

DEVICES = 2_000
METRICS = ["reachable", "rtt", "cpu.load", "memory.used_percent"] + [
    f"if.{way}{kind}" for way in ("in", "out") for kind in ("", ".packets")
]
PORTS = [f"ge-0/0/{n}" for n in range(24)]
SERIES = DEVICES * 100
ROWS = 20_000
CONNECTIONS = 3
SECRET = "5ec2e7" + "0" * 58
EPOCH = "b1" * 8


class Fleet(NamedTuple):
    """What the agent reports for."""

    tenant: int
    first_sensor: int


async def seed(con: Connection) -> Fleet:
    """A tenant with DEVICES devices, each with an SNMP sensor, placed in a service."""
    tenant = await con.fetchval("select id from tenant where external_id = 'default'")
    site = await con.fetchval(
        "insert into site (tenant_id, external_id, name, owner) values ($1, 'hq', 'HQ', 'api') returning id", tenant
    )
    agent = await con.fetchval(
        "insert into agent (tenant_id, external_id, site_id, name, enrolled_at) values ($1, 'a', $2, 'a', now()) returning id",
        tenant,
        site,
    )
    await con.execute("insert into agent_secret values ($1, $2, $3, now())", tenant, agent, sha256(SECRET))
    await con.execute(
        """insert into element (tenant_id, external_id, owner, name, site_id, address)
           select $1, 'd' || n, 'api', 'd' || n, $2, '127.0.0.1' from generate_series(1, $3::int) n""",
        tenant,
        site,
        DEVICES,
    )
    await con.execute(
        """insert into sensor (tenant_id, element_id, name, kind, role)
           select tenant_id, id, 'snmp', 'snmp', 'reachability' from element where tenant_id = $1 order by id""",
        tenant,
    )
    return Fleet(tenant, await con.fetchval("select min(id) from sensor where tenant_id = $1", tenant))


def bodies(fleet: Fleet, rounds: int, start_us: int) -> list[bytes]:
    """The batches of `rounds` polls of all devices: 4 series of the device itself and 4 of each of 24 ports."""
    random = np.random.default_rng(1)
    per_device = np.array([(m, 0) for m in range(4)] + [(m, p + 1) for p in range(len(PORTS)) for m in range(4, 8)], np.int64)
    devices = ROWS // len(per_device)
    out = []
    for number in range(rounds):
        for first in range(0, DEVICES, devices):
            sensor = np.repeat(np.arange(first, first + devices), len(per_device)) + fleet.first_sensor
            keys = np.tile(per_device, (devices, 1))
            value = np.where(keys[:, 0] == 0, 1.0, random.lognormal(3, 1, ROWS))
            value[(keys[:, 0] > 0) & (keys[:, 0] < 4)] %= 50
            columns = Samples(
                sensor.astype(np.uint32),
                keys[:, 0].astype(np.uint16),
                keys[:, 1].astype(np.uint32),
                np.full(ROWS, start_us + number * 60_000_000, np.int64) + sensor,
                value,
                np.full(ROWS, 60, np.float32),
                np.zeros(ROWS, np.uint8),
                METRICS,
                ["", *PORTS],
                np.unique(sensor).astype(np.uint32),
                np.full(devices, 60, np.float32),
            )
            out.append(encode(Batch(samples=columns)))
    return out


def buffers(tenant: int, rounds: int, start_us: int) -> list[BytesIO]:
    """The same number of rows as prebuilt COPY streams, under series of another tenant."""
    random = np.random.default_rng(2)
    series = (tenant << 40) + np.arange(SERIES, dtype=np.int64)
    return [
        batches.copy_buffer(
            series[first : first + ROWS],
            np.full(ROWS, start_us + number * 60_000_000, np.int64),
            random.lognormal(3, 1, ROWS),
            np.full(ROWS, 60, np.float32),
            np.zeros(ROWS, np.uint8),
        )
        for number in range(rounds)
        for first in range(0, SERIES, ROWS)
    ]


async def send(url: str, work: list[tuple[int, bytes]]) -> None:
    """PUT every (seq, body) over CONNECTIONS connections kept open; raises where one is not stored."""
    queue = list(reversed(work))

    async def sender() -> None:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        reader, writer = await asyncio.open_connection(host, port)
        while queue:
            seq, body = queue.pop()
            head = f"PUT /agent/v1/ingest/metrics/{EPOCH}/{seq} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {SECRET}\r\n"
            head += f"Content-Encoding: zstd\r\nX-Sent-At: {time.time()}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            text = await reader.readexactly(length)
            if b'"result":"stored","rows":20000' not in text:
                raise RuntimeError(f"{answer!r} {text!r}")
        writer.close()

    await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))


async def copy(con: Connection, streams: list[BytesIO]) -> None:
    for stream in streams:
        stream.seek(0)
        await batches.copy_samples(con, stream)


async def measure(server: lineside.Lineside, rounds: int, batches_a_round: int) -> tuple[list[float], list[float]]:
    """Seconds of each round of ours and of raw COPY, in turn."""
    con = await connect_owner(server.dsn)
    fleet = await seed(con)
    polls = batches_a_round * ROWS // SERIES
    start = int(time.time() * 1e6) - 3_600_000_000 * 10
    await batches.ensure_days(con, sorted({start // 86_400_000_000, start // 86_400_000_000 + 1}))
    harness.progress("making the series with a first poll")
    await send(server.url, list(enumerate(bodies(fleet, 1, start - 60_000_000))))
    ours: list[float] = []
    raw: list[float] = []
    for number in range(rounds):
        at = start + number * polls * 60_000_000
        work = list(enumerate(bodies(fleet, polls, at), 1_000 + number * batches_a_round))
        streams = buffers(fleet.tenant + 1, polls, at)
        for name in ("ours", "copy") if number % 2 else ("copy", "ours"):
            begin = time.perf_counter()
            await (send(server.url, work) if name == "ours" else copy(con, streams))
            (ours if name == "ours" else raw).append(time.perf_counter() - begin)
        harness.progress(f"round {number + 1} of {rounds}: ours {ours[-1]:.2f} s, copy {raw[-1]:.2f} s")
    stored = await con.fetchval(
        "select count(*) from sample where series_id >> 40 = $1 and ts >= $2", fleet.tenant, to_datetime(start)
    )
    if stored != rounds * batches_a_round * ROWS:
        raise RuntimeError(f"{stored} rows are stored, {rounds * batches_a_round * ROWS} were sent")
    await con.close()
    return ours, raw


def main() -> None:
    given = harness.options("ingest")
    rounds, batches_a_round = (4, 30) if given.quick else (12, 50)
    with lineside.running() as server:
        ours, raw = asyncio.run(measure(server, rounds, batches_a_round))
    rows = batches_a_round * ROWS
    pairs = [copy_s / our_s for our_s, copy_s in zip(ours, raw, strict=True)]
    figures = {
        "rows_per_s": round(rows / statistics.median(ours)),
        "ratio_to_copy": round(statistics.median(pairs), 3),
        "batch_rows": ROWS,
        "series": SERIES,
        "rows": rows * rounds,
        "seconds_a_round": harness.summary(ours),
    }
    peers = {"raw_binary_copy": {"rows_per_s": round(rows / statistics.median(raw)), "seconds_a_round": harness.summary(raw)}}
    harness.report(given, figures, peers)


if __name__ == "__main__":
    main()
