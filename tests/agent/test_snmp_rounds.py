"""Polling by rote: what many steady devices are read with must be what reading each value with care brings."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from agent import rates
from agent.batcher import Row
from agent.poller import Poller
from agent.rounds import Rounds
from agent.udp import Exchange
from protocols.snmp import message
from protocols.uplink.batch import Samples
from protocols.uplink.plan import Column, Profile, Snmp, Table
from tests.agent.snmp_stand import PROFILES, Ticking, by_name, target
from tests.fakes.snmp_device import Port, SnmpDevice

STORAGE = Column("storage.size", "1.3.6.1.2.1.25.2.3.1.5", wire="gauge32")


class Stand:
    """Some devices, each polled with care and by rote at the same moments of their clock."""

    def __init__(self, devices: Sequence[SnmpDevice], clock: Ticking) -> None:
        self.devices = devices
        self.clock = clock
        self.counters: Counter[str] = Counter()
        self.rows: list[Row] = []
        self.columns: list[Samples] = []

    async def start(self, **sensor: object) -> None:
        self.exchange = Exchange("snmp", message.request_id, self.counters, message.likely_id)
        self.rounds = Rounds(self.exchange, lambda rows, _: self.rows.extend(rows), self.columns.append, lambda: 7_000_000)
        self.pollers = []
        for number, device in enumerate(self.devices, 1):
            where = target(await device.start(), number=number, **sensor)
            (settings,) = where.sensors
            assert isinstance(settings, Snmp)
            self.pollers.append(Poller(self.exchange, where, settings, PROFILES, self.rounds.bank))

    async def sweep(self, seconds: float = 60.0) -> dict[int, list[Row]]:
        """Poll all once, `seconds` of their time after the last; the rows by sensor."""
        self.clock.now += seconds
        self.rows.clear()
        self.columns.clear()
        left = len(self.pollers)
        done = asyncio.get_running_loop().create_future()

        def after(pollers: Sequence[Poller], _good: bool) -> None:
            nonlocal left
            left -= len(pollers)
            if not left:
                done.set_result(None)

        self.rounds.after = after
        self.rounds.start(self.pollers)
        async with asyncio.timeout(20):
            await done
        found: dict[int, list[Row]] = {}
        for row in (*self.rows, *(row for samples in self.columns for row in rows_of(samples))):
            found.setdefault(row.sensor, []).append(row)
        return found


def rows_of(samples: Samples) -> list[Row]:
    names = ([samples.metrics[k] for k in samples.metric], [samples.instances[k] for k in samples.instance])
    columns = (samples.sensor, *names, samples.ts, samples.value, samples.seconds, samples.reason)
    return [Row(*row) for row in zip(*columns, strict=True)]


def device(number: int, clock: Ticking) -> SnmpDevice:
    ports = [Port(n, f"ge-0/0/{n}", mean_in=number * n * 1e5, hc=n % 3 != 0, speed=10**8) for n in range(1, 2 + number % 5 * 3)]
    for port in ports:
        port.octets = {"in": 3e9 * number, "out": 2e12}
    made = SnmpDevice(f"edge{number}", ports, clock=clock)
    made.uptime_offset = 1e6
    return made


@contextlib.asynccontextmanager
async def stand(count: int, **sensor: object) -> AsyncIterator[Stand]:
    clock = Ticking()
    made = Stand([device(number, clock) for number in range(1, count + 1)], clock)
    await made.start(**sensor)
    try:
        yield made
    finally:
        await made.rounds.close()
        made.exchange.close()
        for one in made.devices:
            one.close()


@pytest.fixture(autouse=True)
def any_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated devices' clocks leap while ours stands: believe them."""
    monkeypatch.setattr(rates, "SLACK", 1e9)


async def with_care(made: Stand) -> list[dict[tuple[str, str], tuple[float, float]]]:
    """What pollers of their own that never go by rote say of the same moments."""
    pollers = [Poller(made.exchange, poller.target, poller.sensor, PROFILES) for poller in made.pollers]
    made.careful = getattr(made, "careful", None) or pollers  # type: ignore[attr-defined]
    found = []
    for poller in made.careful:  # type: ignore[attr-defined]
        rows = await poller.poll(7_000_000)
        found.append({(row.metric, row.instance): (row.value, row.seconds) for row in rows if row.metric != "rtt"})
    return found


async def test_by_rote_brings_the_rows_that_care_brings() -> None:
    async with stand(12) as made:
        await with_care(made)
        for step in range(8):
            swept = await made.sweep(60.0 + step)
            expected = await with_care(made)
            for number, careful in enumerate(expected, 1):
                rows = [row for row in swept[number] if row.metric != "rtt"]
                assert {(row.metric, row.instance) for row in rows} == careful.keys() or step == 0
                assert all(row.ts == 7_000_000 for row in rows)
                if step:
                    mine = {(row.metric, row.instance): (row.value, row.seconds) for row in rows}
                    assert mine == {name: pytest.approx(value, rel=1e-5, abs=1e-9) for name, value in careful.items()}
                assert len(rows) == len({(row.metric, row.instance) for row in rows})
        assert made.counters["snmp.rote.differs"] == 0
        assert sum(len(samples.ts) for samples in made.columns) > 300
        assert all(one.proven for poller in made.pollers for one in poller.steady.values())


async def settled(made: Stand) -> None:
    """Sweep until every device goes by rote."""
    for _ in range(3):
        await made.sweep()
    assert all(one.proven for poller in made.pollers for one in poller.steady.values())
    assert made.columns


def rates_of(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.metric in {"if.in", "if.out", "if.in.packets"}]


async def test_a_reboot_gives_no_rate_and_the_next_poll_does() -> None:
    async with stand(3) as made:
        await settled(made)
        made.devices[1].reboot()
        swept = await made.sweep()
        assert rates_of(swept[2]) == []
        assert by_name(swept[2])["reachable", ""] == 1
        assert rates_of(swept[1])
        await made.sweep()
        assert rates_of((await made.sweep())[2])


async def test_a_counter_that_falls_gives_no_rate() -> None:
    async with stand(3) as made:
        await settled(made)
        for port in made.devices[0].ports:
            port.octets = {"in": 1e9, "out": 2e12}
        swept = await made.sweep()
        fallen = {row.instance for row in swept[1] if row.metric == "if.in"}
        assert fallen.isdisjoint(port.name for port in made.devices[0].ports if port.hc)
        assert ("if.out", "ge-0/0/1") in by_name(swept[1])


async def test_a_port_with_another_name_is_not_read_by_rote() -> None:
    async with stand(3) as made:
        await settled(made)
        made.devices[2].ports[0].name = "xe-0/0/0"
        swept = await made.sweep()
        assert "ge-0/0/1" not in {row.instance for row in swept[3]}
        assert made.pollers[2].by_rote() is None


async def test_a_silent_device_is_said_to_be_so_and_delays_no_other() -> None:
    async with stand(8) as made:
        await settled(made)
        made.devices[3].silent = True
        swept = await made.sweep()
        assert [(row.metric, row.value) for row in swept[4]] == [("reachable", 0.0)]
        live = [line.received - line.sent for k in (0, 7) for one in made.pollers[k].steady.values() for line in one.lines]
        assert max(live) < 0.1
        made.devices[3].silent = False
        assert by_name((await made.sweep())[4])["reachable", ""] == 1


@pytest.mark.parametrize("harm", ["cut", "bit", "id", "longer"])
async def test_a_damaged_answer_is_not_read_by_rote(harm: str) -> None:
    def mangle(data: bytes) -> bytes:
        match harm:
            case "cut":
                return data[:-1]
            case "bit":
                return data[:60] + bytes((data[60] ^ 1,)) + data[61:]
            case "id":
                return data.replace(b"\x02\x04", b"\x02\x05", 1)
        return data + b"\x00"

    async with stand(2) as made:
        await settled(made)
        made.devices[0].mangle = mangle
        swept = await made.sweep()
        assert by_name(swept[1])["reachable", ""] == 0 or rates_of(swept[1]) == []
        assert by_name(swept[2])["reachable", ""] == 1
        made.devices[0].mangle = None
        await made.sweep()
        assert rates_of((await made.sweep())[1])


async def test_a_table_that_is_due_seldom_is_asked_seldom_by_rote_too() -> None:
    async with stand(2) as made:
        column = Column("cpu.load", "1.3.6.1.2.1.25.3.3.1.2")
        slow = Profile("slow", tables=(Table("cpu", (column,), poll_every=3), Table("size", (STORAGE,))))
        for poller in made.pollers:
            poller.known = dict.fromkeys(PROFILES, slow)
        counts = []
        for _ in range(10):
            rows = (await made.sweep())[1]
            counts.append(sum(row.metric == "cpu.load" for row in rows))
            assert by_name(rows)["storage.size", "31"] == 3 << 30
        assert counts == [2, 0, 0, 2, 0, 0, 2, 0, 0, 2]
        assert made.counters["snmp.rote.differs"] == 0
        assert set(made.pollers[0].steady) == {1, 3}
