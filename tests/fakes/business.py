"""What the CRM and the operators say about the small world: revenue, managers, cases, orders, maintenance, agents, history."""

from __future__ import annotations

from storage.database import Connection, connect_owner
from storage.times import to_datetime
from tests.fakes.seed import HOUR, MINUTE, TENANT, put

DAY = 24 * HOUR


async def add(dsn: str, now: int) -> None:
    """To seed.world as it stands at `now`."""
    con = await connect_owner(dsn)
    try:
        await _revenue(con)
        await _facts(con, now)
        await _windows(con, now)
        await _agents(con, now)
        await _history(con, now)
    finally:
        await con.close()


async def _revenue(con: Connection) -> None:
    manager = await put(con, "account_manager", external_id="M-1", owner="crm", name="Ada Nowak", email="ada@example.net")
    await con.execute("update account set account_manager_id = $1 where id in (1, 2)", manager)
    for service, mrr, currency in ((1, 420, "EUR"), (2, 1_299.5, "USD"), (3, 89, "EUR"), (4, 60, "PLN"), (5, 420, "EUR")):
        await con.execute("update service set mrr = $2::float8, currency = $3 where id = $1", service, float(mrr), currency)
    await con.execute("update product set sla_percent = 99.9 where id in (1, 2)")


async def _facts(con: Connection, now: int) -> None:
    for number, subject, status, age, service in (
        ("C-1041", "No Internet at Store 114", "In Progress", 36 * MINUTE, 1),
        ("C-0987", "Slow uploads in the evening", "Waiting For Customer", 3 * DAY, 5),
        ("C-0800", "Old trouble", "Closed", 30 * DAY, 1),
    ):
        await put(
            con,
            "support_case",
            external_id=number,
            owner="crm",
            account_id=1,
            service_id=service,
            subject=subject,
            status=status,
            opened_at=to_datetime(now - age),
        )
    await put(
        con,
        "sales_order",
        external_id="O-77",
        owner="crm",
        account_id=1,
        service_id=5,
        status="Pending",
        opened_at=to_datetime(now - 2 * DAY),
    )


async def _windows(con: Connection, now: int) -> None:
    for number, title, start, end, rrule, services in (
        ("W-1", "Router software, POP 1", -HOUR, HOUR, None, (2, 5)),
        ("W-2", "Fibre works at Pier 4", 30 * HOUR, 33 * HOUR, None, (2,)),
        ("W-3", "Backup of the web shop", -20 * DAY, -20 * DAY + HOUR, "FREQ=WEEKLY", (3,)),
    ):
        window = await put(
            con,
            "maintenance_window",
            external_id=number,
            owner="api",
            title=title,
            starts_at=to_datetime(now + start),
            ends_at=to_datetime(now + end),
            rrule=rrule,
            timezone="Europe/Warsaw",
            recorded_at=to_datetime(now - 40 * DAY),
        )
        for service in services:
            await con.execute("insert into maintenance_window_service values ($1, $2, 1, $3)", TENANT, window, service)
    await con.execute("update service_span set flags = '{maintenance}' where service_id in (2, 5) and ends_at is null")


async def _agents(con: Connection, now: int) -> None:
    for name, since, heard in (("agent-pop1", 90 * DAY, 10_000_000), ("agent-haifa", 60 * DAY, 2 * HOUR)):
        agent = await put(
            con, "agent", external_id=name, site_id=1, name=name, version="0.1.0", enrolled_at=to_datetime(now - since)
        )
        await con.execute(
            "insert into agent_presence values ($1, $2, $3, $4, $5)",
            TENANT,
            agent,
            to_datetime(now - since),
            to_datetime(now - heard),
            heard > HOUR,
        )


async def _history(con: Connection, now: int) -> None:
    """75 days before the first span of service 5: Down twice, in maintenance once; and the timelines of accounts."""
    begin = now - 41 * HOUR
    down = {12: "Down", 33: "Has Issues", 47: "Down", 60: "maintenance"}
    at = now - 75 * DAY
    for back in [*sorted(down, reverse=True), 0]:
        start = begin if not back else now - back * DAY
        await _span(con, at, start, "Up", [])
        if back:
            kind = down[back]
            at = start + HOUR
            await _span(con, start, at, "Up" if kind == "maintenance" else kind, [kind] if kind == "maintenance" else [])
    for account, end, status, services, bad in (
        (1, now - 38 * MINUTE, "Up", 3, 0),
        (1, None, "Has Issues", 3, 2),
        (2, now - 3 * HOUR, "Up", 1, 0),
        (2, None, "Has Issues", 1, 1),
    ):
        start = (now - 38 * MINUTE if account == 1 else now - 3 * HOUR) if end is None else now - 41 * HOUR
        await con.execute(
            "insert into account_span values ($1, $2, $3, $4, $5, $5, $6, $6, $7)",
            TENANT,
            account,
            to_datetime(start),
            None if end is None else to_datetime(end),
            status,
            services,
            bad,
        )


async def _span(con: Connection, start: int, end: int, status: str, flags: list[str]) -> None:
    await con.execute(
        """insert into service_span (tenant_id, service_id, starts_at, ends_at, raw, shown, flags, since)
           values ($1, 5, $2, $3, $4, $4, $5, $2)""",
        TENANT,
        to_datetime(start),
        to_datetime(end),
        status,
        flags,
    )
