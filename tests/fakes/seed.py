"""A small world for tests of what people see: one provider, three accounts in two zones, six services in every status.

Names are as hostile as devices and other systems make them. All instants are µs.
"""

from __future__ import annotations

from typing import Any

from storage.database import Connection, connect_owner
from storage.times import to_datetime

MINUTE = 60_000_000
HOUR = 60 * MINUTE
SCRIPT = "<script>alert(1)</script>"
RTL = "مكتب \u202eحيفا"
TENANT, OTHER_TENANT = 1, 2


async def tenants(dsn: str) -> None:
    """Two providers without anything."""
    con = await connect_owner(dsn)
    try:
        for name in ("Northline", "Someone else"):
            await con.execute("insert into tenant (external_id, name, timezone) values ($1, $1, 'Europe/Warsaw')", name)
    finally:
        await con.close()


async def world(dsn: str, now: int) -> None:
    """The whole world, as it stands at `now`."""
    await tenants(dsn)
    con = await connect_owner(dsn)
    try:
        await _inventory(con)
        await _services(con, now)
        await _statuses(con, now)
        await _samples(con, now)
    finally:
        await con.close()


async def recover(dsn: str, now: int) -> None:
    """The service that is Down is Up from `now` on."""
    con = await connect_owner(dsn)
    try:
        await con.execute("update service_span set ends_at = $1 where service_id = 1 and ends_at is null", to_datetime(now))
        await _span(con, "service", 1, now, None, "Up", "", [], since=to_datetime(now), cause=[])
        await con.execute("select pg_notify('lineside_status', '')")  # as the job says it
    finally:
        await con.close()


async def many(dsn: str, n: int) -> None:
    """`n` more services, all alike and Up; each with one element of its own."""
    con = await connect_owner(dsn)
    try:
        await con.execute(
            """insert into service (tenant_id, external_id, owner, name, account_id, product_id, location_id, fulfilment_status)
               select 1, 'BULK-' || i, 'yaml', 'Bulk ' || i, 1 + i % 2, 1, 1 + i % 2, 'In Service'
               from generate_series(1, $1::int) i""",
            n,
        )
        await con.execute(
            """insert into service_span (tenant_id, service_id, starts_at, raw, shown, since)
               select 1, id, '2026-01-01', 'Up', 'Up', '2026-01-01' from service where external_id like 'BULK-%'"""
        )
        await con.execute(
            """insert into element (tenant_id, external_id, owner, name) select 1, 'E-BULK-' || i, 'yaml', 'bulk router ' || i
               from generate_series(1, $1::int) i""",
            n,
        )
        await con.execute(
            """insert into placement (tenant_id, service_id, element_id, criticality)
               select 1, s.id, e.id, 'required' from service s join element e on e.external_id = 'E-' || s.external_id
               where s.external_id like 'BULK-%'"""
        )
        await con.execute("analyze")
    finally:
        await con.close()


async def put(con: Connection, table: str, **values: Any) -> int:
    """Insert one row for the first tenant (where the table is a tenant's own) and return its id."""
    values = {"tenant_id": TENANT} | values
    columns, places = ", ".join(values), ", ".join(f"${i}" for i in range(1, len(values) + 1))
    returning = " returning id" if table not in {"placement_parent", "service_span", "element_span", "sample"} else ""
    number = await con.fetchval(f"insert into {table} ({columns}) values ({places}){returning}", *values.values())
    return number or 0


async def _inventory(con: Connection) -> None:
    for external_id, name, zone in (
        ("A-1", "Harbour Foods", "Europe/Warsaw"),
        ("A-2", "Bluefin Logistics", "America/New_York"),
        ("A-3", f"Zażółć {SCRIPT}", None),
    ):
        await put(con, "account", external_id=external_id, owner="yaml", name=name, timezone=zone)
    for external_id, account, name, city, zone in (
        ("L-1", 1, "Store 114", "Gdynia", None),
        ("L-2", 2, "Pier 4", "Newark", None),
        ("L-3", 3, RTL, "Haifa", "Asia/Jerusalem"),
    ):
        await put(con, "location", external_id=external_id, owner="yaml", account_id=account, name=name, city=city, timezone=zone)
    for external_id, name, down, up in (
        ("P-100", "Internet access 100", 100_000_000, 20_000_000),
        ("P-1G", "Dedicated line 1G", 1_000_000_000, 1_000_000_000),
        ("P-VM", "Cloud server M", None, None),
    ):
        await put(con, "product", external_id=external_id, owner="yaml", name=name, down_bps=down, up_bps=up)
    site = await put(con, "site", external_id="pop-1", owner="yaml", name="POP 1")
    for name, kind, address in (
        ("edge1", "router", "192.0.2.1"),
        ("core1", "router", "192.0.2.254"),
        ("uplink-a", "link", "198.51.100.1"),
        ("uplink-b", "link", "198.51.100.2"),
        ("cpe-pier4", "router", "2001:db8::4"),
        ("vm-7", "virtual machine", "203.0.113.7"),
        (SCRIPT, "router", "192.0.2.66"),
        (RTL, "access point", "192.0.2.67"),
    ):
        number = await put(
            con, "element", external_id=f"E-{name[:20]}", owner="yaml", name=name, kind=kind, address=address, site_id=site
        )
        for sensor in ("ping", "snmp"):
            await put(con, "sensor", element_id=number, name=sensor, kind=sensor, role="reachability")
    await put(
        con, "element", external_id="E-port", owner="yaml", name="edge1 ge-0/0/7", kind="port", device_id=1, port="ge-0/0/7"
    )


async def _services(con: Connection, now: int) -> None:
    for external_id, name, account, product, location, fulfilment, placed in (
        ("SP-IN-60-0001", "SP-IN-60-0001", 1, 1, 1, "In Service", ((2, (), None), (1, (0,), None), (9, (1,), None))),
        ("SP-DL-20-0007", "SP-DL-20-0007", 2, 2, 2, "In Service", ((2, (), None), (3, (0,), 1), (4, (0,), 1), (5, (1, 2), None))),
        ("SP-CS-0003", "Web shop", 1, 3, None, "In Service", ((6, (), None),)),
        ("S/4 odd?#%", f"{SCRIPT} office", 3, 1, 3, "In Service", ((7, (), None), (8, (0,), None))),
        ("SP-IN-60-0002", "SP-IN-60-0002", 1, 1, 1, "In Service", ((2, (), None),)),
        ("SP-IN-60-0009", "SP-IN-60-0009", 2, 1, 2, "Suspended For Non-Pay", ()),
    ):
        service = await put(
            con,
            "service",
            external_id=external_id,
            owner="yaml",
            name=name,
            account_id=account,
            product_id=product,
            location_id=location,
            fulfilment_status=fulfilment,
            customer_service_name="Main line" if account == 1 and product == 1 else "",
        )
        groups = {}
        placements: list[int] = []
        for element, parents, group in placed:
            if group and group not in groups:
                groups[group] = await put(
                    con, "redundancy_group", service_id=service, name="uplinks", k=1, criticality="required"
                )
            placements.append(
                await put(
                    con,
                    "placement",
                    service_id=service,
                    element_id=element,
                    criticality="required",
                    group_id=groups.get(group),
                )
            )
            for parent in parents:
                await put(con, "placement_parent", placement_id=placements[-1], parent_id=placements[parent])


def _seen(sensor: int, name: str, metric: str, ts: int, value: float, reason: str = "") -> dict[str, Any]:
    return {
        "sensor_id": sensor,
        "sensor_name": name,
        "metric": metric,
        "instance": "",
        "ts": ts,
        "value": value,
        "reason": reason,
    }


async def _statuses(con: Connection, now: int) -> None:
    down = now - 38 * MINUTE
    silent = [_seen(1, "ping", "reachable", down, 0, "timeout"), _seen(2, "snmp", "reachable", down + 4_000_000, 0, "timeout")]
    lost = [_seen(5, "ping", "reachable", now - 3 * HOUR, 0, "unreachable")]
    hot = [_seen(12, "snmp", "cpu.load", now - 70 * MINUTE, 97.2)]
    for element, status, since, reason, flags, evidence in (
        (1, "Down", down, "", [], silent),
        (2, "Up", now - 40 * HOUR, "", [], []),
        (3, "Down", now - 3 * HOUR, "", [], lost),
        (4, "Up", now - 40 * HOUR, "", [], []),
        (5, "Up", now - 40 * HOUR, "", [], []),
        (6, "Has Issues", now - 70 * MINUTE, "", ["flapping"], hot),
        (7, "No Data", now - 2 * HOUR, "agent_offline", [], []),
        (8, "No Data", now - 2 * HOUR, "agent_offline", [], []),
        (9, "Down", down, "", [], []),
    ):
        at = now - 41 * HOUR
        if since > at + HOUR:
            await _span(con, "element", element, at, since, "Up", "", [], evidence=[])
        await _span(con, "element", element, since, None, status, reason, flags, evidence=evidence)
    causes = {
        1: [
            _cause(2, 1, "edge1", "Down", "no_answer", evidence=silent),
            _cause(3, 9, "edge1 ge-0/0/7", "Down", "no_answer", implied_by="edge1"),
        ],
        2: [_cause(5, 3, "uplink-a", "Down", "no_answer", evidence=lost)],
        3: [_cause(8, 6, "vm-7", "Has Issues", evidence=hot)],
        4: [_cause(9, 7, SCRIPT, "No Data", "agent_offline"), _cause(10, 8, RTL, "No Data", "agent_offline")],
    }
    for service, status, since, reason in (
        (1, "Down", down, ""),
        (2, "Has Issues", now - 3 * HOUR, "redundancy_lost"),
        (3, "Has Issues", now - 70 * MINUTE, ""),
        (4, "No Data", now - 2 * HOUR, "agent_offline"),
        (5, "Up", now - 41 * HOUR, ""),
    ):
        at = now - 41 * HOUR
        if service == 1:  # an old failure in the window of the timeline
            await _span(con, "service", 1, at, now - 9 * HOUR, "Up", "", [], since=to_datetime(at), cause=[])
            was = now - 9 * HOUR
            await _span(con, "service", 1, was, was + HOUR, "Down", "", [], since=to_datetime(was), cause=causes[1][:1])
            at = was + HOUR
        if since > at + HOUR:
            await _span(con, "service", service, at, since, "Up", "", [], since=to_datetime(at), cause=[])
        await _span(
            con, "service", service, since, None, status, reason, [], since=to_datetime(since), cause=causes.get(service, [])
        )


def _cause(placement: int, element: int, name: str, status: str, reason: str = "", **more: Any) -> dict[str, Any]:
    start = {"placement_id": placement, "element_id": element, "name": name, "status": status, "reason": reason}
    return start | {"implied_by": "", "evidence": []} | more


async def _span(
    con: Connection, of: str, number: int, start: int, end: int | None, status: str, reason: str, flags: list[str], **more: Any
) -> None:
    await put(
        con,
        f"{of}_span",
        **{f"{of}_id": number},
        starts_at=to_datetime(start),
        ends_at=None if end is None else to_datetime(end),
        raw=status,
        shown=status,
        reason=reason,
        flags=flags,
        **more,
    )


async def _samples(con: Connection, now: int) -> None:
    for day in {to_datetime(now).date(), to_datetime(now - HOUR).date()}:
        await con.execute("select ensure_sample_day($1)", day)
    serial = TENANT << 40
    for element in range(1, 9):
        for sensor, metric, value in (
            ("ping", "reachable", 1.0),
            ("ping", "rtt", 0.0123 * element),
            ("snmp", "reachable", 1.0),
            ("snmp", "cpu.load", 7.5 * element),
        ):
            serial += 1
            sensor_id = 2 * element - (sensor == "ping")
            instance = sensor if metric in ("reachable", "rtt") else ""
            gone = element in (1, 3) and metric == "reachable"
            if element in (7, 8) or (element in (1, 3) and metric != "reachable"):
                continue
            await put(con, "series", id=serial, element_id=element, sensor_id=sensor_id, metric=metric, instance=instance)
            await con.execute(
                "insert into sample values ($1, $2, $3, 0, $4)",
                serial,
                to_datetime(now - 20_000_000),
                value * (not gone),
                int(gone),
            )
