"""A past that is lived through: the demo's backfill over 18 days of three devices, by the ordinary way in, decided and packed."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "packaging" / "demo"))

from backfill import Bar, Span, Told, backfill
from compose import compose
from parts import ROOT, Demo, free_port
from rows import INTERVAL

from storage.database import connect_owner
from storage.embedded import Embedded
from tests.fakes import devices, patterns
from tests.fakes.devices import Device

DAY = 86_400.0
DAYS = 18
DEVICES = ("lindgren-rtr-1", "lindgren-voice-1", "lindgren-ap-1")
SECRETS = {"LINESIDE_DEMO_COMMUNITY": "public", "LINESIDE_DEMO_AUTH": "none-of-them", "LINESIDE_DEMO_PRIV": "none-of-them"}
PRACTICE = "SP-IN-1101"


class Lived:
    """What came of it: read by the owner, nothing else touches the tables."""

    def __init__(self, told: Told, some: Mapping[str, Device], answers: Mapping[str, list[Any]], end: float) -> None:
        self.told, self.devices, self.rows, self.end = told, some, answers, end


QUERIES = {
    "batches": "select count(*) as n, sum((select sum(upper(r) - lower(r)) from unnest(seen) r)) as batches from ingest_claim",
    "rejects": "select reason from ingest_reject",
    "service": """select p.raw, p.starts_at, p.ends_at, p.reason from service_span p join service v on v.id = p.service_id
      where v.external_id = 'SP-IN-1101' order by p.starts_at""",
    "voice": """select p.raw from service_span p join service v on v.id = p.service_id
      where v.external_id = 'SP-VO-1103' and p.raw = 'Has Issues'""",
    "progress": "select packed_to, raw_from from history_progress",
    "raw": "select min(ts) as first from sample",
    "packed": "select count(distinct day) as days from history_5m",
    "daily": """select d.ts, d.mean, d.seconds from history_1d_rows d join element e on e.id = d.element_id
      where d.metric = 'if.out' and e.external_id = 'lindgren-rtr-1.ge-0/0/1' order by d.ts""",
    "to do": "select 1 from status_dirty union all select 1 from history_dirty",
    "made": "select version from agent",
}


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    birth = time.time()
    start = (birth // DAY - DAYS) * DAY
    found = {each.name: each for each in devices.load(ROOT / "packaging" / "demo" / "devices.yaml", birth)}
    some = {name: found[name] for name in DEVICES}
    with tempfile.TemporaryDirectory(prefix="lineside-past-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        demo = Demo(folder, free_port(), ["hamburg"], SECRETS)
        inventory = small(compose(list(found.values()), dict.fromkeys(found, 16_161), (), 0))
        applied: list[int] = []

        def prepare(day: int) -> None:
            if not applied:
                demo.apply(inventory)
            applied.append(day)

        try:
            told = backfill(demo, list(some.values()), Span(start, birth), prepare, demo.enrol, Bar())
            answers = after(demo)
        finally:
            demo.stop()
        assert applied == list(range(applied[0], 1))
        yield Lived(told, some, answers, birth)


def small(inventory: str) -> str:
    """Only what stands on DEVICES."""
    document = yaml.safe_load(inventory)
    there = {each["id"] for each in document["elements"] if (each.get("device") or each["id"]) in DEVICES}
    document["elements"] = [each for each in document["elements"] if each["id"] in there]
    document["services"] = [each for each in document["services"] if each["account"] == "lindgren"]
    for each in document["services"]:
        each["elements"] = [placed for placed in each["elements"] if placed["element"] in there]
        for placed in each["elements"]:
            if placed.get("parent") not in there:
                placed.pop("parent", None)
    document.pop("status_pages", None)
    return yaml.safe_dump(document, sort_keys=False)


def after(demo: Demo) -> dict[str, list[Any]]:
    """The database as it was left, started once more."""

    async def ask() -> dict[str, list[Any]]:
        embedded = Embedded(demo.folder / "data")
        try:
            con = await connect_owner(await embedded.start())
            found = {name: list(await con.fetch(query)) for name, query in QUERIES.items()}
            await con.close()
            return found
        finally:
            await embedded.stop()

    return asyncio.run(ask())


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_every_row_came_in_as_a_batch_of_an_enrolled_agent(lived: Lived):
    assert lived.told.rows > DAYS * 288 * 8
    assert lived.rows["rejects"] == []
    assert lived.rows["batches"][0]["n"] == 1
    assert lived.rows["batches"][0]["batches"] >= DAYS / 2
    assert lived.rows["made"][0]["version"] != ""


def test_the_failures_of_the_past_are_decided_where_they_were(lived: Lived):
    spans = lived.rows["service"]
    (start, end), *_ = [span for span in lived.devices["lindgren-rtr-1"].outages if span[0] > lived.end - DAYS * DAY]
    down = [span for span in spans if span["raw"] == "Down"]
    assert len(down) == 1
    assert timedelta(0) <= down[0]["starts_at"] - at(start) < timedelta(seconds=INTERVAL)
    assert timedelta(0) <= down[0]["ends_at"] - at(end) < timedelta(seconds=INTERVAL)
    assert [span["raw"] for span in spans] == ["No Data", "Up", "Down", "Up"]
    assert spans[-1]["ends_at"] is None
    assert lived.rows["voice"], "slow answers in the busiest minutes are issues"


def test_days_are_packed_and_raw_samples_gone_as_if_they_had_been_waited_for(lived: Lived):
    today = at(lived.end - 20 * 60).date()
    (progress,) = lived.rows["progress"]
    assert progress["packed_to"] == today
    assert progress["raw_from"] >= today - timedelta(days=15)
    assert lived.rows["raw"][0]["first"].date() >= progress["raw_from"]
    assert lived.rows["packed"][0]["days"] - DAYS in {0, 1}  # the very first sample reaches back over midnight
    assert lived.rows["to do"] == []


def test_what_is_packed_is_what_was_measured(lived: Lived):
    pattern = lived.devices["lindgren-rtr-1"].lines[0].rate_out
    days = lived.rows["daily"]
    whole = [day for day in days if day["seconds"] == 86_400]
    assert len(whole) >= DAYS - 2
    for day in whole:
        t = day["ts"].timestamp() + np.arange(0, DAY, INTERVAL) + INTERVAL / 2
        assert day["mean"] == pytest.approx(patterns.values(pattern, t).mean(), rel=0.05)


def test_the_demo_writes_into_no_table():
    words = ("insert ", "update ", "delete ", "merge ", "copy ", "truncate ", "copy_to_table")
    for path in (ROOT / "packaging" / "demo").glob("*.py"):
        text = path.read_text(encoding="utf-8").lower()
        assert not [word for word in words if f'"{word}' in text or f"\n{word}" in text], path
