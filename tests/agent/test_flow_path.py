"""From datagrams to rows: who is remote, what it is, how much, which way, in which minute; nothing twice and nothing lost."""

from __future__ import annotations

import json
import random
from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from agent.app import main
from agent.flows import aggregate, cloud, minutes
from agent.flows.path import Path, Watched
from agent.flows.prefixes import Prefixes
from agent.replay import rows_of
from protocols.uplink import batch
from tests.protocols.netflow.messages import SECONDS, UPTIME, flowset, ipfix, options9, row, specified, template, v5, v5_row, v9
from tests.protocols.test_pcap import MACS, classic

NOW = SECONDS * 1_000_000
CLOUDS = cloud.load(None)
HERE, TEAMS, AWS, ELSEWHERE = (int(ip_address(text)) for text in ("10.1.2.3", "52.112.7.9", "3.5.140.1", "198.51.100.77"))
# addresses, ports, protocol, interfaces, direction, octets, packets, first and last in ms of uptime
FULL = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (10, 4), (14, 4), (61, 1), (1, 8), (2, 8), (22, 4), (21, 4))
Row = dict[str, Any]


def path(*watched: Watched) -> Path:
    return Path(watched or [Watched(7, ("192.0.2.1/32",))], CLOUDS, Counter())


def flow(source: int, target: int, ports: tuple[int, int] = (40_000, 443), **given: int) -> bytes:
    into, out, way = given.get("into", 1), given.get("out", 2), given.get("way", 0)
    last = UPTIME - 1_000 * given.get("ago", 0)
    first = last - 1_000 * given.get("took", 0)
    values = (into, out, way, given.get("octets", 1_000), given.get("packets", 10), first, last)
    return row(FULL, source, target, *ports, given.get("protocol", 6), *values)


def message(*flows: bytes, **given: int) -> bytes:
    return v9(flowset(0, template(300, FULL)), flowset(300, *flows), **given)


def told(one: Path, *datagrams: bytes, sender: str = "192.0.2.1", now: int = NOW, before: int = 1 << 40) -> list[Row]:
    one.take([(sender, data) for data in datagrams], now)
    rows = one.rows(before)
    if rows is None:
        return []
    assert batch.decode(batch.encode(batch.Batch(flows=rows))).rows == len(rows.ts)
    return list(rows_of(rows))


def sums(rows: list[Row], *names: str) -> dict[Any, float]:
    found: Counter[Any] = Counter()
    for each in rows:
        found[tuple(each[name] for name in names)] += each["octets"]
    return dict(found)


def test_a_flow_counts_once_for_each_of_its_interfaces() -> None:
    rows = told(path(), message(flow(HERE, AWS, octets=4_000)))
    assert sums(rows, "interface", "direction") == {(1, "ingress"): 4_000, (2, "egress"): 4_000}
    (one, _) = rows
    assert (one["sensor"], one["name"], one["application"], one["provider"]) == (7, "if1", "https", "AWS")
    assert (one["remote"], one["packets"], one["measured_octets"], one["flows"]) == ("3.5.140.0/24", 10, 4_000, 1)


def test_no_address_leaves_whichever_end_is_remote() -> None:
    rows = told(path(), message(flow(HERE, ELSEWHERE), flow(ELSEWHERE, HERE, (443, 40_000)), flow(HERE, HERE + 1)))
    assert {each["remote"] for each in rows} == {"198.51.100.0/24", ""}


@pytest.mark.parametrize(
    ("flows", "application"),
    [
        (flow(HERE, TEAMS, (50_001, 3_480), protocol=17), "teams"),
        (flow(HERE, ELSEWHERE, (50_001, 3_480), protocol=17), "stun"),
        (flow(TEAMS, HERE, (443, 50_001)), "microsoft-365"),
        (flow(HERE, ELSEWHERE, (53, 53), protocol=17), "dns"),
        (flow(HERE, ELSEWHERE, (0, 2_048), protocol=1), "icmp"),
        (flow(HERE, ELSEWHERE, (16_384, 20_002), protocol=17, octets=200_000, packets=1_000, took=20), "rtp"),
        (flow(HERE, ELSEWHERE, (16_384, 20_002), protocol=17, octets=1_400_000, packets=1_000, took=20), ""),
        (flow(HERE, ELSEWHERE, (51_000, 52_000)), ""),
    ],
)
def test_what_a_flow_is(flows: bytes, application: str) -> None:
    assert {each["application"] for each in told(path(), message(flows))} == {application}


def test_an_exporters_own_name_comes_first() -> None:
    fields = (*FULL, (95, 4))
    names = flowset(1, options9(400, [(1, 4)], [(95, 4), (96, 24)]), padding=2)
    named = flowset(400, row([(1, 4), (95, 4)], 1, 0x0D00_0123) + b"ms-teams-audio".ljust(24, b"\0"))
    data = flowset(300, flow(HERE, ELSEWHERE) + (0x0D00_0123).to_bytes(4, "big"))
    rows = told(path(), v9(names, named), v9(flowset(0, template(300, fields)), data, sequence=1))
    assert {each["application"] for each in rows} == {"teams"}


@pytest.mark.parametrize("given", ["sampler", "all", "header", "fallback", "nothing"])
def test_sampling_is_found_where_it_is_said(given: str) -> None:
    one = path(Watched(7, ("192.0.2.1/32",), 0 if given == "nothing" else 500))
    if given == "header":
        data = [v5(v5_row(source=HERE, destination=AWS, input=1, output=2, packets=3, bytes=100), sampling=1 << 14 | 100)]
        rate, octets, packets = 100, 100, 3
    else:
        fields = (*FULL, (48, 1))
        option = flowset(1, options9(400, [(1, 4)], [(48, 1), (50, 4)]))
        said = {"sampler": row([(1, 4), (48, 1), (50, 4)], 1, 5, 100), "all": row([(1, 4), (48, 1), (50, 4)], 1, 0, 100)}
        first = [v9(option, flowset(400, said[given]))] if given in said else []
        data = [*first, v9(flowset(0, template(300, fields)), flowset(300, flow(HERE, AWS) + b"\5"), sequence=len(first))]
        rate, octets, packets = {"fallback": 500, "nothing": 1}.get(given, 100), 1_000, 10
    for each in told(one, *data):
        assert (each["octets"], each["packets"]) == (octets * rate, packets * rate)
        assert (each["measured_octets"], each["measured_packets"]) == (octets, packets)


def test_a_flow_looked_at_twice_is_not_counted_twice() -> None:
    one = path()
    one.take([("192.0.2.1", message(flow(HERE, AWS), flow(HERE, AWS, way=1)))], NOW)
    one.rows(1 << 40)
    rows = told(one, message(flow(HERE, AWS, octets=700), flow(HERE, AWS, way=1, octets=700), flow(AWS, HERE, into=2, out=3)))
    assert sums(rows, "interface", "direction") == {
        (1, "ingress"): 700, (2, "egress"): 700, (2, "ingress"): 1_000, (3, "egress"): 1_000
    }  # fmt: skip


def test_without_interfaces_inside_tells_the_way() -> None:
    rows = told(path(), message(flow(HERE, AWS, into=0, out=0, octets=5), flow(AWS, HERE, into=0, out=0, octets=9)))
    assert sums(rows, "interface", "direction") == {(0, "egress"): 5, (0, "ingress"): 9}


def test_what_is_inside_is_the_customers_to_say() -> None:
    one = path(Watched(7, ("192.0.2.1/32",), 0, ("198.51.100.0/24",)), Watched(8, ("192.0.2.2/32",)))
    data = message(flow(ELSEWHERE, HERE))
    assert {each["remote"] for each in told(one, data)} == {"10.1.2.0/24"}
    assert {each["remote"] for each in told(one, data, sender="192.0.2.2")} == {"198.51.100.0/24"}


def test_a_long_flow_is_spread_over_its_minutes_and_adds_up() -> None:
    rows = told(path(), message(flow(HERE, AWS, octets=1_000_003, packets=997, took=300, ago=10)))
    ways = [each for each in rows if each["direction"] == "ingress"]
    assert sum(each["octets"] for each in ways) == 1_000_003
    assert sum(each["packets"] for each in ways) == 997
    assert sum(each["flows"] for each in ways) == 1
    assert len({each["ts"] for each in ways}) == 6
    assert max(each["octets"] for each in ways) == pytest.approx(200_000, abs=2)


def test_the_parts_of_flows_add_up_whenever_they_were() -> None:
    dice = np.random.default_rng(1)
    start = dice.integers(0, 20 * minutes.MINUTE, 5_000)
    end = start + dice.integers(0, 9 * minutes.MINUTE, 5_000) * (dice.random(5_000) < 0.5)
    octets, packets = dice.integers(0, 1 << 50, 5_000), dice.integers(0, 100, 5_000)
    parts = minutes.spread(start, end, octets, packets)
    of = np.concatenate([np.arange(5_000), parts.row])
    for counted, given in ((parts.octets, octets), (parts.packets, packets)):
        added = np.zeros(5_000, np.int64)
        np.add.at(added, of, counted)
        assert (added == given).all()
        assert (counted >= 0).all()
    assert (parts.minute >= start[of] // minutes.MINUTE).all()
    assert (parts.minute <= end[of] // minutes.MINUTE).all()


@pytest.mark.parametrize("hours", [-5, 3])
def test_an_exporter_with_a_wrong_clock_is_counted_now(hours: int) -> None:
    one = path()
    rows = told(one, message(flow(HERE, AWS), seconds=SECONDS + 3_600 * hours))
    assert {each["ts"][:16] for each in rows} == {"2023-11-14T22:13"}
    assert one.counters["flow.clock_off"] == 1


def test_strangers_are_counted_and_not_read() -> None:
    one = path()
    assert told(one, message(flow(HERE, AWS)), sender="192.0.2.9") == []
    assert (one.counters["flow.sender_unknown"], one.counters["flow.flows"]) == (1, 0)


def test_the_longest_network_owns_a_sender_and_who_it_says_it_is_comes_first() -> None:
    one = path(Watched(7, ("192.0.2.0/24",)), Watched(8, ("192.0.2.1/32",)), Watched(9, ("203.0.113.0/24",)))
    assert [one.who(text) for text in ("192.0.2.1", "192.0.2.2", "203.0.113.5", "::ffff:192.0.2.1", "rubbish")] == [
        1,
        0,
        2,
        1,
        -1,
    ]
    fields = (*FULL, (130, 4))
    behind = flow(HERE, AWS) + int(ip_address("203.0.113.5")).to_bytes(4, "big")
    rows = told(one, v9(flowset(0, template(300, fields)), flowset(300, behind)))
    assert {each["sensor"] for each in rows} == {9}


def test_both_ways_of_a_bidirectional_record_count() -> None:
    fields = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (10, 4), (14, 4), (1, 8), (2, 8), (1, 8, 29305), (2, 8, 29305))
    data = row(fields, HERE, AWS, 40_000, 443, 6, 1, 2, 500, 5, 90_000, 70)
    rows = told(path(), ipfix(flowset(2, template(300, fields)), flowset(300, data)))
    assert sums(rows, "interface", "direction") == {
        (1, "ingress"): 500, (2, "egress"): 500, (2, "ingress"): 90_000, (1, "egress"): 90_000
    }  # fmt: skip
    assert {each["remote"] for each in rows} == {"3.5.140.0/24"}


def test_a_firewalls_two_counts_are_two_ways() -> None:
    fields = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (10, 2), (14, 2), (233, 1), (231, 4), (232, 4))
    data = row(fields, HERE, AWS, 40_000, 443, 6, 3, 4, 2, 1_000, 20_000)
    rows = told(path(), v9(flowset(0, template(300, fields)), flowset(300, data)))
    assert sums(rows, "interface", "direction")[(4, "ingress")] == 20_000
    assert sums(rows, "interface", "direction")[(3, "ingress")] == 1_000


def test_only_the_largest_remotes_keep_their_name_and_nothing_is_lost() -> None:
    dice = random.Random(1)
    flows = [
        flow(HERE, (11 << 24) + 256 * number, octets=1_000_000 // (number + 1), into=dice.randrange(1, 4))
        for number in range(600)
    ]
    whole = sum(1_000_000 // (number + 1) for number in range(600))
    rows = told(path(), *(message(*flows[at : at + 20]) for at in range(0, 600, 20)))
    out = [each for each in rows if each["direction"] == "egress"]
    assert sum(each["octets"] for each in out) == whole
    assert len({each["remote"] for each in out}) == aggregate.TOP + 1
    assert {"11.0.0.0/24", "11.0.1.0/24", "other"} <= {each["remote"] for each in out}


def test_minutes_that_are_not_over_are_kept() -> None:
    one = path()
    minute = NOW // minutes.MINUTE
    assert told(one, message(flow(HERE, AWS)), before=minute) == []
    assert sums(told(one, message(flow(HERE, AWS, octets=5)), before=minute + 1), "direction") == {
        ("ingress",): 1_005, ("egress",): 1_005
    }  # fmt: skip
    assert told(one, before=minute + 9) == []


def test_many_kinds_of_traffic_add_up_in_whatever_table_they_are() -> None:
    dice = random.Random(2)
    one, whole = path(), 0
    for _ in range(30):
        flows = [
            flow(HERE, dice.randrange(11 << 24, 100 << 24), (dice.randrange(1, 65_535), dice.randrange(1, 9_000)),
                 into=dice.randrange(1, 900), out=dice.randrange(70_000, 70_500), octets=dice.randrange(1, 9_999),
                 took=dice.choice((0, 0, 30, 500)), ago=dice.randrange(0, 90))
            for _ in range(25)
        ]  # fmt: skip
        whole += sum(int.from_bytes(data[22:30], "big") for data in flows)
        one.take([("192.0.2.1", message(*flows))], NOW)
    rows = told(one)
    assert sum(each["octets"] for each in rows if each["direction"] == "egress") == whole
    assert sum(each["flows"] for each in rows if each["direction"] == "ingress") == 750


def test_prefixes_find_the_longest_as_a_plain_loop_does() -> None:
    dice = random.Random(3)
    networks: list[Any] = []
    for _ in range(400):
        size = dice.choice((8, 12, 16, 20, 24, 30, 32))
        networks.append(ip_network((dice.randrange(1 << 10) << 22 | dice.randrange(1 << 22), size), strict=False))
        wide = dice.choice((20, 32, 48, 64, 96, 128))
        networks.append(ip_network((0x2A << 120 | dice.randrange(1 << 8) << 88 | dice.randrange(4) << 40, wide), strict=False))
    labels = {network: number for number, network in enumerate(dict.fromkeys(networks), 1)}
    table = Prefixes(labels.items())
    for version in (4, 6):
        own = [network for network in labels if network.version == version]
        asked = [n[dice.randrange(n.num_addresses)] for n in own for _ in range(3)]
        asked += [network.broadcast_address for network in own]
        wanted = [max((n.prefixlen, labels[n]) for n in own if each in n)[1] for each in asked]
        numbers = [int(each) for each in asked]
        if version == 4:
            found = table.four(np.array(numbers, np.uint32))
        else:
            found = table.six(np.array([(n >> 64, n & 0xFFFF_FFFF_FFFF_FFFF) for n in numbers], np.uint64))
        assert found.tolist() == wanted


def test_a_capture_is_replayed_through_the_whole_path(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    import struct

    payload = message(flow(HERE, AWS, octets=4_321))
    udp = struct.pack("!HHHH", 4000, 2055, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 7, 0, 64, 17, 0, bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
    (tmp_path / "c.pcap").write_bytes(classic(MACS + b"\x08\0" + head + udp))
    (tmp_path / "agent.toml").write_text(f'state = "{tmp_path}"\n')
    assert main(["--config", str(tmp_path / "agent.toml"), "replay", str(tmp_path / "c.pcap"), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["direction"], each["octets"], each["provider"]) for each in rows] == [
        ("ingress", 4_321, "AWS"), ("egress", 4_321, "AWS")
    ]  # fmt: skip


def test_variable_names_of_applications_and_interfaces_are_harmless() -> None:
    one = path()
    option = flowset(1, options9(400, [(1, 4)], [(10, 4), (82, 16)]))
    named = flowset(400, row([(1, 4), (10, 4)], 1, 1) + b"Gi0/1\x1b[31m".ljust(16, b"\0"))
    rows = told(one, v9(option, named), message(flow(HERE, AWS), sequence=1))
    assert {each["name"] for each in rows} == {"Gi0/1[31m", "if2"}
    assert specified([]) == b""
