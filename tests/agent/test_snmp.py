"""The SNMP collector against simulated devices over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import Counter

import pytest

from agent import rates
from agent.batcher import Row
from agent.collectors import snmp
from agent.device import LARGE, SMALL
from protocols.snmp import ber, message, oid
from protocols.snmp.message import VarBind
from protocols.uplink.batch import REASON_CODE
from protocols.uplink.plan import Column, Profile, Table
from tests.agent.snmp_stand import EARLY, Ticking, by_name, has_ipv6, plan, polled, target
from tests.fakes.snmp_device import Port, SnmpDevice

GE = "ge-0/0/1"


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def device(clock: Ticking) -> SnmpDevice:
    return SnmpDevice("edge1", [Port(1, "ge-0/0/0"), Port(2, GE, mean_in=8e6, mean_out=4e6)], clock=clock)


@pytest.fixture
def any_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated devices' clocks leap while ours stands: believe them."""
    monkeypatch.setattr(rates, "SLACK", 1e9)


async def twice(poller: snmp.Poller, clock: Ticking, seconds: float = 60.0) -> list[Row]:
    """The rows of a second poll, `seconds` of the device's time after the first."""
    await poller.poll(0)
    clock.now += seconds
    return await poller.poll(60_000_000)


async def test_a_poll_brings_every_metric_of_the_profiles(device: SnmpDevice, clock: Ticking, any_pace: None) -> None:
    async with polled(device) as poller:
        rows = await twice(poller, clock)
    assert (rows[0].metric, rows[0].value, rows[0].seconds, rows[0].ts) == ("reachable", 1.0, 0.0, 60_000_000)
    values = by_name(rows)
    assert 0 < values["rtt", ""] < 1
    assert values["system.uptime", ""] == 60.0
    assert values["if.speed", GE] == 1e9
    assert values["if.oper_status", GE] == values["if.admin_status", GE] == 1
    assert values["if.in", GE] == pytest.approx(8e6, rel=0.9)
    assert values["if.in", GE] / values["if.in.packets", GE] == pytest.approx(800 * 8, rel=0.01)
    assert values["if.in.errors", GE] >= 0
    assert values["if.out.discards", GE] >= 0
    assert values["cpu.load", ""] == pytest.approx(40, abs=15)
    assert values["memory.size", "Physical memory"] == 4 << 30
    assert values["storage.size", "/"] == (3 << 30) * 4096  # negative on the wire
    assert values["storage.used_percent", "/"] == pytest.approx(100 * 120e9 / ((3 << 30) * 4096), rel=1e-4)
    assert {row.seconds for row in rows if row.metric == "if.in"} == {60.0}
    assert {row.seconds for row in rows if row.metric == "if.speed"} == {1.0}  # the interval
    assert {row.sensor for row in rows} == {EARLY}


async def test_the_first_poll_has_no_rates(device: SnmpDevice) -> None:
    async with polled(device) as poller:
        metrics = {row.metric for row in await poller.poll(0)}
    assert "if.oper_status" in metrics
    assert "if.in" not in metrics


async def test_a_port_without_64_bit_counters_is_polled_by_the_32_bit_ones(clock: Ticking, any_pace: None) -> None:
    ports = [Port(1, "eth0", speed=100_000_000, mean_in=8e6, hc=False), Port(2, "eth1", mean_in=8e6)]
    device = SnmpDevice("old", ports, clock=clock)
    async with polled(device) as poller:
        values = by_name(await twice(poller, clock))
    assert values["if.in", "eth0"] == pytest.approx(values["if.in", "eth1"], rel=1e-3)
    assert values["if.speed", "eth0"] == 1e8  # from ifSpeed, in bit/s


async def test_a_high_speed_of_zero_gives_way_to_the_old_one(clock: Ticking) -> None:
    device = SnmpDevice("adsl", [Port(1, "dsl0", speed=384_000, high_speed=0), Port(2, "none", speed=0)], clock=clock)
    async with polled(device) as poller:
        values = by_name(await poller.poll(0))
    assert values["if.speed", "dsl0"] == 384_000
    assert ("if.speed", "none") not in values


async def test_a_port_that_goes_down_says_so(device: SnmpDevice) -> None:
    async with polled(device) as poller:
        await poller.poll(0)
        device.set_port(GE, up=False)
        values = by_name(await poller.poll(1))
    assert (values["if.oper_status", GE], values["if.admin_status", GE]) == (2, 1)


async def test_a_failed_poll_is_a_sample(device: SnmpDevice) -> None:
    async with polled(device) as poller:
        await poller.poll(0)
        device.silent = True
        failed = await poller.poll(1)
        device.silent = False
        again = await poller.poll(2)
    assert failed == [Row(EARLY, "reachable", "", 1, 0.0, 0.0, REASON_CODE["timeout"])]
    assert again[0].value == 1
    assert poller.exchange.counters["snmp.failed.timeout"] == 1


async def test_a_wrong_community_is_silence(device: SnmpDevice) -> None:
    async with polled(device, community="wrong") as poller:
        (row,) = await poller.poll(0)
    assert (row.value, row.reason) == (0, REASON_CODE["timeout"])


async def test_an_error_as_answer_is_a_bad_answer(device: SnmpDevice) -> None:
    device.errors[oid.parse("1.3.6.1.2.1.1.3.0")] = 5  # genErr
    async with polled(device) as poller:
        (row,) = await poller.poll(0)
    assert (row.value, row.reason) == (0, REASON_CODE["bad_answer"])
    assert poller.exchange.counters["snmp.error_status.genErr"] > 0


async def test_bytes_that_are_no_answer_are_a_bad_answer(device: SnmpDevice) -> None:
    device.mangle = lambda data: data.replace(b"\x2b\x06\x01\x02\x01", b"\x2b\x06\x01\x02\x02")
    async with polled(device) as poller:
        (row,) = await poller.poll(0)
    assert (row.value, row.reason) == (0, REASON_CODE["bad_answer"])
    assert poller.exchange.counters["snmp.undecodable.unexpected_oid"] == 1


async def test_garbage_is_counted_and_waited_out(device: SnmpDevice) -> None:
    device.mangle = lambda data: data[:-3]
    async with polled(device) as poller:
        (row,) = await poller.poll(0)
    assert (row.value, row.reason) == (0, REASON_CODE["timeout"])
    assert poller.exchange.counters["snmp.undecodable.truncated"] == 2


async def test_an_error_for_one_object_costs_that_object_only(device: SnmpDevice) -> None:
    async with polled(device) as poller:
        await poller.poll(0)
        device.errors[oid.parse("1.3.6.1.2.1.2.2.1.8.2")] = 5  # genErr for ifOperStatus of one port
        values = by_name(await poller.poll(1))
    assert values["reachable", ""] == 1
    assert ("if.oper_status", GE) not in values
    assert values["if.admin_status", GE] == values["if.oper_status", "ge-0/0/0"] == 1


async def test_an_error_that_blames_nobody_is_narrowed_down(device: SnmpDevice) -> None:
    bad = oid.parse("1.3.6.1.2.1.2.2.1.8.2")
    async with polled(device) as poller:
        before = by_name(await poller.poll(0))
        device.errors[bad] = 5
        device.blames = False
        after = by_name(await poller.poll(1))
        assert before.keys() - after.keys() == {("if.oper_status", GE)}
        assert poller.device is not None
        assert poller.device.refused == {bad}
        device.errors.clear()
        await poller.rediscover(asyncio.get_running_loop().time() + 3600)
        assert by_name(await poller.poll(2)).keys() >= before.keys()


async def test_too_big_halves_the_requests_and_is_remembered(device: SnmpDevice) -> None:
    device.too_big_over = 9
    async with polled(device) as poller:
        values = by_name(await poller.poll(0))
        before = poller.exchange.counters["snmp.error_status.tooBig"]
        assert by_name(await poller.poll(1)).keys() >= values.keys()
    assert values["if.oper_status", GE] == 1
    assert poller.exchange.counters["snmp.error_status.tooBig"] == before > 0


async def test_a_device_silent_to_large_requests_gets_small_ones(device: SnmpDevice) -> None:
    device.swallows_over = 12
    async with polled(device) as poller:
        assert by_name(await poller.poll(0))["if.oper_status", GE] == 1
        assert poller.device is not None
        assert poller.device.limit == SMALL
        device.requests.clear()
        assert by_name(await poller.poll(1))["if.oper_status", GE] == 1
    assert max(len(request.varbinds) for request in device.requests) <= SMALL
    assert poller.exchange.counters["snmp.failed.timeout"] == 0


async def test_a_device_that_becomes_silent_to_large_requests_gets_small_ones(device: SnmpDevice) -> None:
    async with polled(device) as poller, asyncio.timeout(5):
        await poller.poll(0)
        device.swallows_over = 12
        assert by_name(await poller.poll(1))["if.oper_status", GE] == 1
        assert poller.exchange.counters["snmp.small_requests"] == 1
        assert by_name(await poller.poll(2))["if.oper_status", GE] == 1
        assert poller.exchange.counters["snmp.small_requests"] == 1


async def test_a_device_that_dies_in_the_middle_of_a_poll_keeps_what_it_said(device: SnmpDevice) -> None:
    device.ports += [Port(n, f"port {n}") for n in range(3, 30)]
    device.build()
    async with polled(device) as poller:
        await poller.poll(0)
        plain, answered = device.answer, []

        def dying(data: bytes) -> bytes | None:
            answered.append(data)
            return plain(data) if len(answered) <= 2 else None

        device.answer = dying  # type: ignore[method-assign]
        values = by_name(await poller.poll(1))
    assert values["reachable", ""] == 1
    assert 0 < sum(metric == "if.oper_status" for metric, _ in values) < 29
    assert poller.exchange.counters["snmp.incomplete.timeout"] == 1


async def test_a_table_is_polled_as_seldom_as_its_profile_says(device: SnmpDevice) -> None:
    async with polled(device, profiles=("slow",)) as poller:
        column = Column("cpu.load", "1.3.6.1.2.1.25.3.3.1.2")
        poller.known = {"slow": Profile("slow", tables=(Table("cpu", (column,), poll_every=3),))}
        rows = [await poller.poll(number) for number in range(7)]
    assert [len(each) - 2 for each in rows] == [2, 0, 0, 2, 0, 0, 2]
    assert {row.seconds for row in rows[0] if row.metric == "cpu.load"} == {3.0}


async def test_requests_have_at_most_40_varbinds_and_each_carries_the_devices_clock(device: SnmpDevice) -> None:
    device.ports += [Port(n, f"port {n}") for n in range(3, 50)]
    device.build()
    async with polled(device) as poller:
        await poller.poll(0)
        device.requests.clear()
        await poller.poll(1)
    assert max(len(request.varbinds) for request in device.requests) == LARGE
    clocks = [[oid.dotted(bind.oid) for bind in request.varbinds[:3]] for request in device.requests]
    assert {tuple(each) for each in clocks} == {("1.3.6.1.2.1.1.3.0", "1.3.6.1.6.3.10.2.1.2.0", "1.3.6.1.6.3.10.2.1.3.0")}
    assert len({request.request_id for request in device.requests}) == len(device.requests)


async def test_a_device_without_engine_time_is_polled_by_its_uptime(clock: Ticking, any_pace: None) -> None:
    device = SnmpDevice("edge1", [Port(1, "ge-0/0/0")], clock=clock)
    device.boot_known = False
    device.build()
    async with polled(device) as poller:
        assert ("if.in", "ge-0/0/0") in by_name(await twice(poller, clock))
    assert len(device.requests[-1].varbinds) < LARGE


async def test_a_device_that_walks_backwards_is_reachable_and_has_no_tables(device: SnmpDevice) -> None:
    device.goes_backwards = True
    async with polled(device) as poller:
        async with asyncio.timeout(5):
            values = by_name(await poller.poll(0))
    assert values["reachable", ""] == 1
    assert "system.uptime" in {metric for metric, _ in values}
    assert "if.oper_status" not in {metric for metric, _ in values}
    assert poller.exchange.counters["snmp.walk.not_increasing"] > 0


async def test_a_reboot_costs_one_interval(device: SnmpDevice, clock: Ticking) -> None:
    async with polled(device) as poller:
        device.uptime_offset = 1e6
        await poller.poll(0)
        device.reboot()
        clock.now += 2
        assert ("if.in", GE) not in by_name(await poller.poll(1))
        clock.now += 2
        assert ("if.in", GE) in by_name(await poller.poll(2))


async def test_a_renumbered_port_is_found_again_under_its_name(device: SnmpDevice, clock: Ticking) -> None:
    async with polled(device) as poller:
        await poller.poll(0)
        device.ports[0].index, device.ports[1].index = 2, 1
        device.build()
        clock.now += 2
        swapped = by_name(await poller.poll(1))
        assert not any(metric == "if.in" for metric, _ in swapped)
        assert not any(metric == "if.oper_status" for metric, _ in swapped)
        await poller.rediscover(asyncio.get_running_loop().time() + 60)
        clock.now += 2
        first = by_name(await poller.poll(2))
        assert first["if.oper_status", GE] == 1
        assert ("if.in", GE) not in first
        clock.now += 2
        after = by_name(await poller.poll(3))
    assert after["if.in", GE] == pytest.approx(8e6, rel=0.9)


async def test_a_port_that_was_pulled_disappears_after_discovery(device: SnmpDevice) -> None:
    async with polled(device) as poller:
        await poller.poll(0)
        del device.ports[0]
        device.build()
        values = by_name(await poller.poll(1))
        assert {instance for metric, instance in values if metric == "if.oper_status"} == {GE}
        await poller.rediscover(asyncio.get_running_loop().time() + 60)
        assert {entry.instance for entry in poller.entries if entry.table == "if_mib.interfaces"} == {GE}


async def test_a_device_that_denies_in_a_get_what_it_shows_in_a_walk_is_not_walked_all_the_time(device: SnmpDevice) -> None:
    plain = device._get

    def denying(name: bytes) -> VarBind:
        return VarBind(name, message.NO_SUCH_INSTANCE) if name == oid.parse("1.3.6.1.2.1.2.2.1.8.2") else plain(name)

    device._get = denying  # type: ignore[method-assign]
    walks = 0
    async with polled(device) as poller:
        await poller.poll(0)
        start = asyncio.get_running_loop().time()
        for second in range(1, 200):
            await poller.poll(second)
            before = poller._discovered
            await poller.rediscover(start + second)
            walks += poller._discovered != before
            poller._discovered = start + second if poller._discovered != before else before
    assert 5 <= walks <= 9  # after 1, 2, 4, 8 … intervals, not 199


async def test_names_from_a_device_are_harmless_and_unique(device: SnmpDevice) -> None:
    device.ports = [Port(1, "x\x1b[2J\u202e"), Port(2, "same"), Port(3, "same"), Port(4, "\x00"), Port(5, "long" * 100)]
    device.build()
    async with polled(device) as poller:
        values = by_name(await poller.poll(0))
    names = [instance for metric, instance in values if metric == "if.oper_status"]
    assert names == ["x[2J", "same", "same #3", "4", ("long" * 100)[:128]]


async def test_a_gauge_sent_as_a_counter_stays_a_gauge(device: SnmpDevice) -> None:
    """A Cisco wireless controller sends its number of clients as Counter32: the profile's type decides."""
    leaf = oid.parse("1.3.6.1.2.1.2.2.1.8.2")
    device._leaves[leaf] = lambda: (0x41, 6)
    async with polled(device) as poller:
        await poller.poll(0)
        assert by_name(await poller.poll(1))["if.oper_status", GE] == 6


async def test_a_text_that_is_a_number_is_a_number_and_another_is_none(device: SnmpDevice) -> None:
    texts = {"1.3.6.1.2.1.25.3.3.1.2.1": b"12.5", "1.3.6.1.2.1.25.3.3.1.2.2": b"n/a"}
    for name, content in texts.items():
        device._leaves[oid.parse(name)] = lambda content=content: (ber.OCTET_STRING, content)
    async with polled(device) as poller:
        assert by_name(await poller.poll(0))["cpu.load", ""] == 12.5


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")
async def test_ipv6(device: SnmpDevice) -> None:
    async with polled(device, host="::1") as poller:
        assert by_name(await poller.poll(0))["if.oper_status", GE] == 1


async def test_a_name_that_cannot_be_is_no_evidence_against_the_device(device: SnmpDevice) -> None:
    async with polled(device) as poller:
        poller.target = target(161, host="no-such-host.invalid")
        (row,) = await poller.poll(0)
    assert (row.value, row.reason) == (0, REASON_CODE["local_error"])


async def test_an_answer_from_another_address_or_with_another_id_is_not_believed(device: SnmpDevice) -> None:
    """The right answer from elsewhere, and one from the right place with an id that was never sent."""
    elsewhere = SnmpDevice("elsewhere")
    await elsewhere.start("127.0.0.2")
    async with polled(device) as poller:
        sock = poller.exchange._open(socket.AF_INET)
        sock.bind(("127.0.0.1", 0))
        plain = device.answer

        def forged(data: bytes) -> bytes | None:
            answer = plain(data)
            assert answer
            assert elsewhere.transport
            elsewhere.transport.sendto(answer, sock.getsockname())
            sent = message.decode(answer)
            return message.encode(sent._replace(request_id=sent.request_id ^ 1))

        device.answer = forged  # type: ignore[method-assign]
        (row,) = await poller.poll(0)
    elsewhere.close()
    assert (row.value, row.reason) == (0, REASON_CODE["timeout"])
    assert poller.exchange.counters["snmp.unmatched"] == 4  # two tries


async def test_a_dead_device_delays_no_other(device: SnmpDevice) -> None:
    dead = SnmpDevice("dead")
    dead.silent = True
    ports = [await device.start(), await dead.start()]
    rows: list[tuple[float, Row]] = []
    loop = asyncio.get_running_loop()
    targets = [
        target(ports[0], name="alive", number=1, interval=1.0),
        *(target(ports[1], name=f"dead{n}", number=n, interval=1.0, timeout=0.9, retries=2) for n in range(2, 40)),
    ]
    task = asyncio.create_task(
        snmp.run(targets, plan(*targets), lambda new, _: rows.extend((loop.time(), row) for row in new), lambda: 1, Counter())
    )
    await asyncio.sleep(3.6)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    device.close()
    dead.close()
    alive = [when for when, row in rows if row.metric == "reachable" and row.sensor == 1]
    assert len(alive) >= 3
    assert all(later - earlier == pytest.approx(1.0, abs=0.3) for earlier, later in itertools.pairwise(alive))
    assert {row.value for _, row in rows if row.sensor > 1} == {0.0}


def test_sensors_are_spread_over_their_interval_and_stay_there() -> None:
    phases = sorted(snmp.phase(number) for number in range(1, 1_001))
    assert phases[0] >= 0
    assert phases[-1] < 1
    assert max(later - earlier for earlier, later in itertools.pairwise(phases)) < 0.02
    assert snmp.phase(7) == snmp.phase(7)


async def test_check_says_what_is_right_and_what_is_wrong(device: SnmpDevice) -> None:
    port = await device.start()
    good, wrong = target(port), target(port, community="wrong")
    sentence = await snmp.check(good, good.sensors[0], plan(good))  # type: ignore[arg-type]
    assert sentence.startswith(f"edge1 (127.0.0.1, UDP port {port}) answers SNMP in ")
    assert "as edge1" in sentence
    silence = await snmp.check(wrong, wrong.sensors[0], plan(wrong))  # type: ignore[arg-type]
    assert "no answer" in silence
    assert all(word in silence for word in ("address", "port", "community"))
    device.close()
    await asyncio.sleep(0)
    nobody = await snmp.check(good, good.sensors[0], plan(good))  # type: ignore[arg-type]
    assert "nothing listens on this UDP port" in nobody
