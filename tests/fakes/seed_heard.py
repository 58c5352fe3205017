"""More of the small world of tests/fakes/seed.py: what devices said by themselves, the alarms of it, and Wi-Fi sessions."""

from __future__ import annotations

from datetime import timedelta

from storage.database import Connection, connect_owner
from storage.times import to_datetime
from tests.fakes.seed import HOUR, MINUTE, RTL, SCRIPT, TENANT, put

SSIDS = ("Harbour guests", SCRIPT)


async def fill(dsn: str, now: int) -> None:
    """Everything here, as it stands at `now`."""
    con = await connect_owner(dsn)
    try:
        await _events(con, now)
        await _alarms(con, now)
        await _sessions(con, now)
    finally:
        await con.close()


async def _events(con: Connection, now: int) -> None:
    said = (
        ("trap", 3, "linkDown", '{"ifIndex.7":7,"ifName.7":"ge-0/0/7"}'),
        ("trap", 5, "linkUp", '{"ifIndex.7":7,"ifName.7":"ge-0/0/7"}'),
        ("syslog", 4, "sshd", f"Failed password for {SCRIPT} from 198.51.100.9"),
        ("syslog", 6, "cron", RTL),
        ("agent", 4, "suppressed", "412 traps suppressed: the sender sent more than 100 a second"),
    )
    for n, (kind, severity, name, detail) in enumerate(said):
        await con.execute(
            "insert into event values ($1, $2, 1, 1, $3, $4, $5, '192.0.2.1', '', $6, $7)",
            (TENANT << 40) | 1, n, to_datetime(now - n * 7 * MINUTE), kind, severity, name, detail,
        )  # fmt: skip


async def _alarms(con: Connection, now: int) -> None:
    for number, (condition, state, ago) in enumerate(
        (("link_down", "open", 1), ("ups_on_battery", "acknowledged", 5), ("bgp_down", "cleared", 30))
    ):
        raised = now - ago * HOUR
        cleared = to_datetime(raised + HOUR) if state == "cleared" else None
        key = await put(
            con, "alarm", element_id=1, condition=condition, instance=f"ge-0/0/{number}", state=state, severity=3,
            raised_at=to_datetime(raised), last_seen=to_datetime(raised + MINUTE), cleared_at=cleared, count=1 + number, detail=SCRIPT,
        )  # fmt: skip
        await con.execute("insert into alarm_span values ($1, $2, $3, $4)", TENANT, key, to_datetime(raised), cleared)
        await con.execute("insert into alarm_service select $1, $2, id from service where id in (1, 2)", TENANT, key)


async def _sessions(con: Connection, now: int) -> None:
    for number in range(6):
        begun = now - (number + 1) * HOUR
        ended = to_datetime(begun + HOUR // 2) if number % 3 == 2 else None
        await put(
            con, "radius_session", element_id=1, nas="ap-controller", session=f"s{number}", part="", multi="", user_name=f"{number:064x}",
            station=f"{number + 9:064x}", ap=f"AA-BB-CC-00-00-0{number % 2}", ssid=SSIDS[number % 2], address="", texts_at=[begun] * 7,
            starts_at=to_datetime(begun), last_at=to_datetime(now - MINUTE), stopped_at=ended, cause=0, octets_in=10**9 * number,
            octets_out=10**8, packets_in=10, packets_out=10, interim=timedelta(minutes=5), ended_at=ended,
            ended_by="stop" if ended else None,
        )  # fmt: skip
    for serial, metric in enumerate(("wifi.sessions", "wifi.users"), 950):
        for at, instance in enumerate(("", f"ssid:{SSIDS[0]}")):
            number = (TENANT << 40) | (serial + 10 * at)
            await con.execute("insert into series values ($1, $2, 1, 1, $3, $4)", TENANT, number, metric, instance)
            for back in range(100):
                ts = to_datetime(now - now % (5 * MINUTE) - back * 5 * MINUTE)
                await con.execute("insert into sample values ($1, $2, $3, 300, 0)", number, ts, float(20 + back % 50))
