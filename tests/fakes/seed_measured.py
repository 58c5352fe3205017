"""More of the small world of tests/fakes/seed.py: contracts, cases, planned work, agents, traffic and what devices say."""

from __future__ import annotations

import math
from datetime import timedelta

from storage.database import Connection, connect_owner
from storage.times import to_datetime
from tests.fakes.seed import HOUR, MINUTE, SCRIPT, TENANT, put

DAY = 24 * HOUR
DOWN, UP, RTT = 900, 901, 902  # serials of series
GAP = range(100, 130)  # buckets of yesterday without a measurement


async def fill(dsn: str, now: int, days: int = 35) -> None:
    """Everything here, as it stands at `now`; traffic of `days` days."""
    con = await connect_owner(dsn)
    try:
        await _contracts(con, now)
        await _windows(con, now)
        await _agents(con, now)
        await _measured(con, now, days)
    finally:
        await con.close()


async def traffic(dsn: str, now: int, days: int = 35) -> None:
    """Only what is measured: a meter with its traffic, a ping, and what devices say; beside tests/fakes/business.py."""
    con = await connect_owner(dsn)
    try:
        await _measured(con, now, days)
    finally:
        await con.close()


async def _measured(con: Connection, now: int, days: int) -> None:
    await con.execute("update placement set meter_metric = 'if.in', facing = 'customer' where id = 3")
    await con.execute("update product set response_time_ms = 40, loss_percent = 1 where id = 1")
    for number in range(3):
        for name, value in (("model", "MX204"), ("software", "22.4R3"), ("serial", f"AB{SCRIPT}{number}")):
            await con.execute(
                "insert into discovery values (1, 2, 'entity', $1, $2, $3, $4)", f"{number}", name, value, to_datetime(now - HOUR)
            )
    await _traffic(con, now, days)
    await _flows(con, now, min(days, 7))


async def _contracts(con: Connection, now: int) -> None:
    await con.execute("update product set sla_percent = 99.9 where id = 1")
    await con.execute(
        "update service set mrr = 420, service_start = '2025-03-01', month_to_month = true, rack = 'R7' where id = 1"
    )
    await con.execute("update placement set meter_metric = 'if.in', facing = 'customer' where id = 3")
    await put(
        con, "support_case", external_id="C-1", owner="crm", account_id=1, service_id=1, subject="Line drops at noon",
        status="Working", opened_at=to_datetime(now - 30 * HOUR),
    )  # fmt: skip


async def _windows(con: Connection, now: int) -> None:
    for name, title, start, end, rrule, owner, canceled, services in (
        ("W-1", "Router software, POP Gdynia", now - HOUR, now + HOUR, None, "api", False, (1, 2)),
        ("W-2", "Weekly backup window", now - 16 * DAY, now - 16 * DAY + 2 * HOUR, "FREQ=WEEKLY;BYDAY=SU", "crm", False, (2,)),
        ("W-3", f"Power {SCRIPT}", now + 3 * DAY, now + 3 * DAY + HOUR, None, "api", True, (1,)),
        ("W/4 odd?#", "Fibre splice", now - 9 * DAY, now - 9 * DAY + 3 * HOUR, None, "yaml", False, (1, 5)),
    ):
        number = await put(
            con, "maintenance_window", external_id=name, owner=owner, version=1, title=title, starts_at=to_datetime(start),
            ends_at=to_datetime(end), rrule=rrule, timezone="Europe/Warsaw", canceled=canceled,
            recorded_at=to_datetime(now - 30 * DAY),
        )  # fmt: skip
        for service in services:
            await con.execute("insert into maintenance_window_service values (1, $1, 1, $2)", number, service)


async def _agents(con: Connection, now: int) -> None:
    for name, heard, skew, dropped in (
        ("pop-1-a", 20, 0.2, {}),
        ("pop-1-b", 4_000, 95.0, {"metrics": 1_200}),
        ("new", None, None, {}),
    ):
        number = await put(
            con, "agent", external_id=f"agent-{name}", site_id=1, name=name, version="0.3.0", skew_seconds=skew,
            enrolled_at=to_datetime(now - 40 * DAY), plan_revision="abcdef0123456789", dropped=dropped, errors={"timeout": 3},
            spool_records=None if heard is None else heard, spool_bytes=None if heard is None else heard * 900,
        )  # fmt: skip
        if heard is not None:
            until = to_datetime(now - heard * 1_000_000)
            await con.execute(
                "insert into agent_presence values (1, $1, $2, $3, $4)", number, until - timedelta(days=3), until, heard > 90
            )
    await con.execute(
        "insert into ingest_gap (tenant_id, agent_id, lane, first_ts, last_ts, rows, reason) values (1, 2, 'metrics', $1, $2, 1200, $3)",
        to_datetime(now - 3 * HOUR), to_datetime(now - 2 * HOUR), "spool_full",
    )  # fmt: skip
    await con.execute(
        """insert into ingest_reject (tenant_id, agent_id, at, lane, epoch, seq, reason, rows, example)
           values (1, 1, $1, 'metrics', 'e', 7, 'unknown_sensor', 12, 'sensor 99')""",
        to_datetime(now - 5 * HOUR),
    )


async def _traffic(con: Connection, now: int, days: int) -> None:
    """A port's two counters and a ping: 5-minute rows of the days before today, samples of today."""
    base, today = TENANT << 40, to_datetime(now).date()
    sensor = await put(con, "sensor", element_id=9, name="port", kind="port", role="reachability")
    for serial, element, sensor_id, metric, instance in (
        (DOWN, 9, sensor, "if.out", ""), (UP, 9, sensor, "if.in", ""), (RTT, 2, 3, "rtt", "history"),
    ):  # fmt: skip
        await put(con, "series", id=base + serial, element_id=element, sensor_id=sensor_id, metric=metric, instance=instance)
    await con.execute("insert into history_progress values (1, $1, $1)", today)
    for back in range(days, 0, -1):
        day = today - timedelta(days=back)
        await con.execute("select ensure_history_day($1)", day)
        for serial in (DOWN, UP, RTT):
            means = [math.nan if back == 1 and i in GAP else value(serial, back, i) for i in range(288)]
            await con.execute(
                "insert into history_5m values ($1, $2, $3, $4, $5)", base + serial, day, means, [each * 1.2 for each in means],
                [0 if math.isnan(each) else 300 for each in means],
            )  # fmt: skip
    await con.execute("select ensure_sample_day($1)", today)
    start = now // DAY * DAY
    rows = [
        (base + serial, to_datetime(start + (i + 1) * 5 * MINUTE), value(serial, 0, i), 300.0, 0)
        for serial in (DOWN, UP, RTT)
        for i in range((now - start) // (5 * MINUTE))
    ]
    await con.executemany("insert into sample values ($1, $2, $3, $4, $5) on conflict do nothing", rows)


def value(serial: int, back: int, bucket: int) -> float:
    """The 5-minute mean of a series `back` days ago: busy at noon, quieter at weekends."""
    daily = 0.5 - 0.5 * math.cos(bucket / 288 * 2 * math.pi)
    busy = 20e6 + 70e6 * daily + 4e6 * math.sin(bucket * 1.7 + back)
    return {DOWN: busy, UP: busy / 5, RTT: 0.012 + 0.02 * daily}[serial]


async def _flows(con: Connection, now: int, days: int) -> None:
    """The same traffic by application, cloud and network, in hours until this one."""
    mix = (
        ("https", "Microsoft 365", "AS8075", 0.35), ("https", "AWS", "AS16509", 0.2), ("teams", "Microsoft 365", "AS8075", 0.15),
        ("", "", "other", 0.12), ("backup", "", "203.0.113.0/24", 0.1), (f"app {SCRIPT}", "", "2001:db8::/32", 0.05),
    )  # fmt: skip
    base = TENANT << 40
    for number, (application, provider, remote, _) in enumerate(mix):
        for direction in (0, 1):
            await con.execute(
                "insert into flow_key values (1, $1, 9, '', $2, $3, $4, $5)",
                base + number * 2 + direction, direction, application, provider, remote,
            )  # fmt: skip
    for day in range(days + 1):
        await con.execute("select ensure_flow_day($1)", to_datetime(now - day * DAY).date())
    rows = []
    for at in range(now // HOUR * HOUR - days * DAY, now // HOUR * HOUR, HOUR):
        for direction, serial in ((0, UP), (1, DOWN)):
            octets = sum(value(serial, (now // DAY - at // DAY), at % DAY // (5 * MINUTE) + i) for i in range(12)) * 300 / 8
            rows += [(base + n * 2 + direction, to_datetime(at), octets * part[3]) for n, part in enumerate(mix)]
    await con.executemany(
        "insert into flow_hour values ($1, $2, $3::float8, $3::float8 / 900, $3::float8, $3::float8 / 900, 100)", rows
    )
    await con.execute("insert into flow_progress (tenant_id, rolled_to) values (1, $1)", to_datetime(now // HOUR * HOUR))
