"""The demo: a server on its embedded database, two real agents, and thirty simulated devices that speak SNMP on loopback.

run.py           the first time it lives through 90 days, then it runs until Ctrl-C; devices fail and recover while you watch
run.py --check   a small one in a temporary folder on free ports; proves a failure and a recovery, prints one JSON line
"""

from __future__ import annotations

import argparse
import itertools
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path

from check import check
from parts import ROOT, Demo, Trouble, free_port, stopping
from story import VICTIMS, Story, guide

from protocols.errors import ConfigError, Unavailable

FAILS_EVERY, FAILS_FOR = 150.0, 60.0  # seconds
DAYS = 90


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev demo", description="Lineside with a simulated provider, to look at.")
    parser.add_argument("--check", action="store_true", help="prove one failure and one recovery, print one JSON line, end")
    parser.add_argument("--port", type=int, help="where the pages are (default: 8080, or the next free port)")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier demo stored")
    parser.add_argument("--days", type=int, default=DAYS, help=f"how much of the past is lived through (default: {DAYS} days)")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    try:
        return check() if options.check else show(options)
    except (Trouble, ConfigError, Unavailable) as trouble:
        print(f"demo: {trouble}\n(`./dev demo --fresh` forgets what an earlier demo stored.)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def show(options: argparse.Namespace) -> int:
    """Run until Ctrl-C."""
    folder = lasting_folder()
    if options.fresh or not (folder / "demo.json").exists():  # without it an earlier past was not finished
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    story = Story.of(folder, options.days)
    demo = Demo(folder, options.port or free_port(8080), story.sites, story.secrets)
    with stopping(demo):
        story.begin(demo)
        print(guide(demo.link(), demo.status_pages(), FAILS_EVERY, FAILS_FOR), flush=True)
        for victim in itertools.cycle(VICTIMS):
            story.pause(demo, FAILS_EVERY - FAILS_FOR)
            demo.tell(f"stop {victim}")
            demo.say(f"{victim} has stopped answering: {VICTIMS[victim]}")
            story.pause(demo, FAILS_FOR)
            demo.tell(f"start {victim}")
            demo.say(f"{victim} answers again")
    return 0


def lasting_folder() -> Path:
    """Where the demo keeps its data from one start to the next: in the checkout, or where PostgreSQL's user can reach it."""
    near = ROOT / ".cache" / "demo"
    if os.geteuid() != 0:
        return near
    # As root the database runs as another user, who may not enter a checkout under /root.
    name = f"lineside-demo-{secrets.token_hex(4)}" if not (note := ROOT / ".cache" / "demo-folder").exists() else note.read_text()
    note.parent.mkdir(exist_ok=True)
    note.write_text(name)
    return Path("/var/tmp") / name  # noqa: S108 - a random name that lasts; the data in it is 0700


if __name__ == "__main__":
    sys.exit(main())
