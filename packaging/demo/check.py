"""The small demo as a test: three devices, no history; a failure and a recovery are seen by the statuses and on a page."""

from __future__ import annotations

import asyncio
import json
import string
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
from parts import ROOT, Demo, Trouble, free_port, stopping

from storage.database import connect_owner
from storage.embedded import Embedded

DEVICES = ("edge1", "edge2", "core1")
VICTIM = "edge1"


def check() -> int:
    """Prints one JSON line; the exit code."""
    with tempfile.TemporaryDirectory(prefix="lineside-demo-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        demo = Demo(folder, free_port(), ["pop-1"], {"LINESIDE_DEMO_COMMUNITY": "public"})
        with stopping(demo):
            result: dict[str, Any] = {"pids": start_small(demo)}
            with httpx2.Client(follow_redirects=True, headers={"Accept": "text/html"}) as browser:
                result |= _seen(demo, browser, Statuses(Embedded(folder / "data").dsn()))
        if result["cause"] != [VICTIM]:
            raise Trouble(f"the cause of SP-IN-0003's failure is {result['cause']}, not {VICTIM}")
        result["seconds"] = round(time.monotonic() - demo.began, 1)
    print(json.dumps(result), flush=True)
    return 0


def start_small(demo: Demo) -> dict[str, int]:
    """Start all parts; the process id of each."""
    ports = demo.start_site("--devices", ",".join(DEVICES), "--port-base", "0")
    demo.start_server()
    text = string.Template((ROOT / "packaging" / "demo" / "inventory.yaml").read_text(encoding="utf-8"))
    demo.say(f"inventory: {demo.apply(text.substitute({f'{device}_port': port for device, port in ports.items()}))}")
    demo.enrol()
    demo.start_agents()
    demo.say(f"the agent polls {', '.join(f'{device} on port {port}' for device, port in ports.items())}")
    return demo.pids


def _seen(demo: Demo, browser: httpx2.Client, statuses: Statuses) -> dict[str, Any]:
    link = demo.link()
    began = time.monotonic()
    if not browser.get(link).is_success:
        raise Trouble("the one-time link did not open the pages")
    result: dict[str, Any] = {"first_page_ms": round((time.monotonic() - began) * 1000)}
    result["start_to_first_page_s"] = round(time.monotonic() - demo.began, 1)
    demo.wait("all services are Up", lambda: set(statuses.now().values()) == {"Up"})
    demo.tell(f"stop {VICTIM}")
    demo.say(f"{VICTIM} has stopped answering")
    demo.wait("SP-IN-0003 is Down", lambda: statuses.now()["SP-IN-0003"] == "Down")
    result |= {"down_at": statuses.since("SP-IN-0003"), "cause": statuses.cause("SP-IN-0003")}
    page = browser.get(f"{demo.url}/services/SP-IN-0003").text
    if "Down" not in page or VICTIM not in page:
        raise Trouble("the page does not show the failure")
    demo.tell(f"start {VICTIM}")
    demo.say(f"{VICTIM} answers again")
    demo.wait("all services are Up again", lambda: set(statuses.now().values()) == {"Up"})
    return result | {"up_at": statuses.since("SP-IN-0003"), "services": statuses.now(), "rows": statuses.rows()}


class Statuses:
    """What the database says of the services, asked afresh each time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def now(self) -> dict[str, str]:
        rows = self._ask("""select v.external_id, coalesce(p.shown, 'No Data') as shown from service v
            left join service_span p on p.service_id = v.id and p.ends_at is null order by 1""")
        return {row["external_id"]: row["shown"] for row in rows}

    def since(self, service: str) -> str:
        return str(self._open(service)["since"].isoformat())

    def cause(self, service: str) -> list[str]:
        return [each["name"] for each in self._open(service)["cause"]]

    def rows(self) -> int:
        return int(self._ask("select count(*) as n from sample")[0]["n"])

    def _open(self, service: str) -> Any:
        return self._ask(
            "select p.* from service_span p join service v on v.id = p.service_id where p.ends_at is null and v.external_id = $1",
            service,
        )[0]

    def _ask(self, sql: str, *values: object) -> list[Any]:
        async def ask() -> list[Any]:
            con = await connect_owner(self._dsn)
            try:
                return list(await con.fetch(sql, *values))
            finally:
                await con.close()

        return asyncio.run(ask())
