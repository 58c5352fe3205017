"""A real FreeRADIUS with a configuration of its own: it takes accounting, queues it in `detail` files, and relays these.

With `sql` (dialect, and what the driver needs) it writes radacct as well. The relay is the recipe of docs/radius.md.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.peers import find

SECRET = "0123456789abcdef"
QUERIES = "/etc/freeradius/3.0/mods-config/sql/main"
_START = 15.0  # seconds

HEAD = """
prefix = /usr
libdir = /usr/lib/freeradius
run_dir = {folder}
pidfile = {folder}/radiusd.pid
max_request_time = 30
cleanup_delay = 2
max_requests = 65536
log {{ destination = files
  file = {folder}/radius.log }}
security {{ allow_core_dumps = no }}
thread pool {{ start_servers = 4
  max_servers = 8
  min_spare_servers = 2
  max_spare_servers = 6
  max_requests_per_server = 0 }}
client site {{ ipaddr = 127.0.0.0/8
  secret = {secret} }}
modules {{
  detail queued {{ filename = {folder}/queue/detail-%Y%m%d:%H:%G
    permissions = 0600
    locking = yes }}
  always ok {{ rcode = ok }}
  expr {{ safe_characters = "@abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_: /" }}
  {sql}
}}
server in {{
  listen {{ type = acct
    ipaddr = 127.0.0.1
    port = {port} }}
  preacct {{ {first} }}
  accounting {{ {modules} }}
}}
"""
UNIQUE = """update request {
  Acct-Unique-Session-Id := "%{md5:%{User-Name},%{Acct-Session-ID},%{NAS-IP-Address},%{NAS-Port}}"
  }"""
RELAY = """
home_server lineside {{ type = acct
  ipaddr = 127.0.0.1
  port = {agent}
  secret = {secret}
  response_window = 5
  response_timeouts = 10
  zombie_period = 10
  revive_interval = 10
  status_check = status-server
  check_interval = 6
  num_answers_to_alive = 1 }}
home_server_pool lineside {{ type = fail-over
  home_server = lineside }}
realm lineside {{ acct_pool = lineside }}
server relay {{
  listen {{ type = detail
    filename = "{folder}/queue/detail-*"
    load_factor = 90
    track = yes
    poll_interval = 1
    retry_interval = 2 }}
  preacct {{ update control {{ Proxy-To-Realm := "lineside" }} }}
  accounting {{ ok }}
}}
"""
SQL = """
  sql {{ dialect = "{dialect}"
    driver = "rlm_sql_${{dialect}}"
    {connection}
    acct_table1 = "radacct"
    acct_table2 = "radacct"
    postauth_table = "radpostauth"
    authcheck_table = "radcheck"
    authreply_table = "radreply"
    groupcheck_table = "radgroupcheck"
    groupreply_table = "radgroupreply"
    usergroup_table = "radusergroup"
    client_table = "nas"
    group_attribute = "SQL-Group"
    read_clients = no
    pool {{ start = 4
      min = 2
      max = 8
      spare = 4
      uses = 0
      lifetime = 0
      idle_timeout = 60 }}
    $INCLUDE {queries}/{dialect}/queries.conf }}
"""


class Radiusd:
    """One FreeRADIUS: `port` takes accounting; what it takes is relayed to the agent at `agent` (0 = not)."""

    def __init__(self, folder: Path, port: int, agent: int = 0, sql: Mapping[str, str] | None = None) -> None:
        self.folder, self.port = folder, port
        self.process: asyncio.subprocess.Process | None = None
        (folder / "queue").mkdir(parents=True, exist_ok=True)
        module = SQL.format(queries=QUERIES, **sql) if sql else ""
        modules = "\n    ".join([*(["queued"] if agent else []), *(["sql"] if sql else []), "ok"])
        values = {"folder": folder, "port": port, "agent": agent, "secret": SECRET, "sql": module, "modules": modules}
        values["first"] = UNIQUE if sql else "ok"
        text = HEAD.format(**values) + (RELAY.format(**values) if agent else "")
        text = text.replace("{ ", "{\n").replace(" }", "\n}")  # its parser wants a line for each
        (folder / "radiusd.conf").write_text(text, encoding="utf-8")

    @property
    def queue(self) -> list[Path]:
        """The detail files that are not relayed yet."""
        return [path for path in (self.folder / "queue").iterdir() if path.stat().st_size]

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        program = find("freeradius") or "/usr/sbin/freeradius"
        log = self.folder / "radius.log"
        told = log.read_text(encoding="utf-8").count("Ready to process") if log.exists() else 0
        self.process = await asyncio.create_subprocess_exec(
            program, "-f", "-d", str(self.folder), "-n", "radiusd", stdout=subprocess.DEVNULL, env={**os.environ}
        )
        async with asyncio.timeout(_START):
            while not log.exists() or log.read_text(encoding="utf-8").count("Ready to process") <= told:
                if self.process.returncode is not None:
                    raise RuntimeError(f"FreeRADIUS ended: {log.read_text(encoding='utf-8') if log.exists() else ''}")
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


async def radclient(folder: Path, port: int, requests: str, *, together: int = 200, secret: str = SECRET) -> dict[str, int]:
    """Send accounting requests (FreeRADIUS's own text, an empty line between two); {"accepted": n, "lost": m}."""
    file = folder / f"requests-{os.urandom(4).hex()}"
    file.write_text(requests, encoding="utf-8")
    program = find("radclient") or "radclient"
    command = [program, "-q", "-s", "-c", "1", "-r", "10", "-t", "3", "-p", str(together), "-f", str(file)]
    process = await asyncio.create_subprocess_exec(*command, f"127.0.0.1:{port}", "acct", secret, stdout=-1, stderr=-1)
    out, _ = await process.communicate()
    words = {line.split(":")[0].strip(): line.split(":")[1].strip() for line in out.decode().splitlines() if ":" in line}
    return {name.lower(): int(words.get(name, "0")) for name in ("Accepted", "Lost")}
