"""The large demo's life: when it was born, how far it has lived, and how it begins again where it stopped."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from backfill import Bar, Span, backfill
from compose import HERE, compose
from facts import Facts
from parts import Demo

from tests.fakes import devices

DAY = 86_400.0
GAP = 600.0  # seconds that may be missing before they are lived through, too
KEPT_EVERY = 20.0  # seconds between two notes of how far it has lived
# Which devices stop answering while you watch, and what that means.
VICTIMS = {
    "lindgren-rtr-1": "three services of Lindgren Dental go Down by one router",
    "orchard-ap-1": "the Wi-Fi of Orchard Schools goes Down",
    "bluefin-sdwan-2": "the SD-WAN service of Bluefin Logistics goes Down",
}
DEVICES = HERE / "devices.yaml"
PORT = 16_161


class Story:
    """What lies in demo.json of the demo's folder. Instants in seconds since the epoch."""

    def __init__(
        self, path: Path, birth: float, lived: float, port: int, passwords: Mapping[str, str], told: int | None = None
    ) -> None:
        self._path, self.birth, self.lived, self._port, self._told = path, birth, lived, port, told
        self.secrets = dict(passwords)
        self.devices = devices.load(DEVICES, birth)
        self.sites = sorted({each.site for each in self.devices})
        self._kept = 0.0

    @classmethod
    def of(cls, folder: Path, days: int) -> Story:
        """The one that began in this folder, or a new one with so many days behind it."""
        path = folder / "demo.json"
        if path.exists():
            return cls(path, **json.loads(path.read_text()))
        birth = time.time()
        start = (birth // DAY - days) * DAY
        made = {"LINESIDE_DEMO_AUTH": secrets.token_hex(8), "LINESIDE_DEMO_PRIV": secrets.token_hex(8)}
        return cls(path, birth, start, PORT, {"LINESIDE_DEMO_COMMUNITY": "public"} | made)

    def keep(self) -> None:
        """Note how far it has lived."""
        values = {"birth": self.birth, "lived": self.lived, "port": self._port, "passwords": self.secrets}
        values["told"] = self._told
        new = self._path.with_suffix(".new")
        new.touch(0o600)
        new.write_text(json.dumps(values))
        new.replace(self._path)

    def begin(self, demo: Demo) -> None:
        """Live through what is missing, then start everything."""
        ports = demo.start_site("--file", str(DEVICES), "--birth", repr(self.birth), "--port-base", str(self._port))
        self._port = next(iter(ports.values()))
        demo.say(f"{len(ports)} simulated devices answer SNMP on 127.10.1.1 and others, port {self._port}")
        facts, applied = Facts(demo, self.birth, self.lived, self._told), [""]

        def prepare(day: int) -> None:
            text = compose(self.devices, ports, list(VICTIMS), day)
            if text != applied[0]:
                demo.apply(text)
                applied[0] = text
            facts.tell(day)
            self._told = facts.told

        if time.time() - self.lived > GAP:
            self._live(demo, prepare)
        demo.start_server()
        prepare(int((time.time() - self.birth) // DAY))
        demo.enrol()
        demo.start_agents()
        demo.say("the agents measure")
        self.keep()

    def _live(self, demo: Demo, prepare: object) -> None:
        new = not self._path.exists()
        days = (time.time() - self.lived) / DAY
        what = f"{days:.0f} days" if days > 2 else f"{days * 24:.1f} hours"
        demo.say(f"living through {what}, once: " if new else f"living through the {what} since it was stopped:")
        span = Span(self.lived, self.birth)
        told = backfill(demo, self.devices, span, prepare, demo.enrol, Bar())  # type: ignore[arg-type]
        self.lived = self.lived + told.days * DAY
        self.keep()
        size = sum(file.stat().st_size for file in (demo.folder / "data").rglob("*") if file.is_file()) / 1e6
        demo.say(
            f"{told.rows:,} samples of {told.days:.0f} days in {told.seconds:.0f} s; {size:,.0f} MB on disk, kept for next time"
        )

    def pause(self, demo: Demo, seconds: float) -> None:
        """Let time pass, and note that it did."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            demo.pause(min(left, KEPT_EVERY))
            self.lived = time.time()
            self.keep()


def guide(link: str, status_pages: Sequence[str], every: float, lasts: float) -> str:
    """What to look at."""
    pages = "\n    ".join(status_pages)
    return f"""
Lineside watches what customers bought. Open this link, which signs in one browser, once:

    {link}

You are Northline Networks, a provider with seven customers in Hamburg and around New York. Worth a look:

  - the overview          which services are Down or have issues now, and how much revenue that is
  - Build server          is Down, and why
  - Pier 4 internet       has issues: one of its two lines is down, the other one carries the customer
  - Studio internet       has issues: a damaged fibre, errors since three days
  - Head office internet  its traffic of 30 days against the 250 Mbit/s sold: full on every workday
  - SD-WAN to Savannah    its availability: less than was promised
  - Maintenance           what is done now, and what is planned

Their customers see status pages of their own, for which nobody signs in:

    {pages}

Every {every:.0f} s a device stops answering for {lasts:.0f} s: watch a service go Down and come back. Ctrl-C stops everything.
"""
