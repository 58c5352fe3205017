"""What a flow decoder must get right whoever exports: templates, their changes and ends, waiting data, options, sequences."""

from __future__ import annotations

import struct

from protocols.netflow.columns import addresses, column
from protocols.netflow.decoder import Decoded, Decoder
from tests.protocols.netflow import messages
from tests.protocols.netflow.messages import V4, flowset, ipfix, options10, row, template, v5, v5_row, v9

NOW = 1_700_000_000_000_000
HERE = "192.0.2.1"
ONE = row(V4, 0x01020304, 0x05060708, 1000, 443, 6, 1500, 1, 100, 200)
DEFINE = flowset(0, template(256, V4))


def fed(decoder: Decoder, *payloads: bytes, exporter: str = HERE, now: int = NOW) -> Decoded:
    return decoder.decode([(exporter, payload) for payload in payloads], now)


def flows(decoded: Decoded) -> int:
    return sum(map(len, decoded.flows))


def test_a_template_counts_for_its_exporter_domain_and_version_only() -> None:
    decoder = Decoder()
    assert flows(fed(decoder, v9(DEFINE, flowset(256, ONE)))) == 1
    assert flows(fed(decoder, v9(flowset(256, ONE)))) == 1
    assert flows(fed(decoder, v9(flowset(256, ONE), source=1))) == 0
    assert flows(fed(decoder, ipfix(flowset(256, ONE)))) == 0
    assert flows(fed(decoder, v9(flowset(256, ONE)), exporter="192.0.2.2")) == 0
    assert decoder.counters["no_template"] == 3


def test_records_of_equal_layout_come_together_whoever_sent_them() -> None:
    payload = v9(DEFINE, flowset(256, ONE * 3))
    decoded = Decoder().decode([("192.0.2.1", payload), ("192.0.2.2", payload)], NOW)
    (records,) = decoded.flows
    assert [decoded.exporters[decoded.heads["exporter"][head]] for head in records.head] == 3 * ["192.0.2.1"] + 3 * ["192.0.2.2"]
    assert column(records, "bytes").tolist() == [1500] * 6
    assert records.template.tolist() == [256] * 6


def test_data_before_its_template_is_read_when_it_comes() -> None:
    decoder = Decoder()
    assert flows(fed(decoder, v9(flowset(256, ONE), seconds=5))) == 0
    decoded = fed(decoder, v9(DEFINE, seconds=9))
    assert flows(decoded) == 1
    assert decoded.heads["exported"][decoded.flows[0].head[0]] == 5_000_000
    assert flows(fed(Decoder(), v9(flowset(256, ONE), DEFINE))) == 1


def test_waiting_data_is_bounded() -> None:
    decoder = Decoder()
    fed(decoder, *[v9(flowset(256, ONE))] * 100)
    assert decoder.counters["dropped_without_template"] == 36
    assert flows(fed(decoder, v9(DEFINE))) == 64


def test_a_changed_template_does_not_change_data_before_it() -> None:
    other = ((8, 4), (1, 8))
    decoded = fed(
        Decoder(),
        v9(DEFINE, flowset(256, ONE)),
        v9(flowset(0, template(256, other)), flowset(256, row(other, 7, 9))),
        v9(DEFINE, flowset(256, ONE)),
    )
    assert sorted((len(records), column(records, "bytes").tolist()) for records in decoded.flows) == [(1, [9]), (2, [1500, 1500])]


def test_withdrawals_take_away_one_or_all_templates_of_a_kind() -> None:
    decoder = Decoder()
    define = flowset(2, template(256, V4), template(257, V4))
    options = flowset(3, options10(258, ((149, 4),), ((160, 8),)), options10(259, ((149, 4),), ((160, 8),)))
    data = [flowset(number, ONE) for number in (256, 257)] + [flowset(number, bytes(12)) for number in (258, 259)]

    def known() -> list[bool]:
        found = []
        for body in data:
            decoded = fed(decoder, ipfix(body))
            found.append(bool(decoded.flows or decoded.options))
        return found

    fed(decoder, ipfix(define, options))
    assert known() == [True] * 4
    fed(decoder, ipfix(flowset(2, struct.pack("!HH", 256, 0))))
    assert known() == [False, True, True, True]
    fed(decoder, ipfix(flowset(3, struct.pack("!HH", 259, 0))))
    assert known() == [False, True, True, False]
    fed(decoder, ipfix(define, options, flowset(3, struct.pack("!HH", 3, 0))))
    assert known() == [True, True, False, False]
    fed(decoder, ipfix(define, options, flowset(2, struct.pack("!HH", 2, 0))))
    assert known() == [False, False, True, True]


def test_a_bad_set_does_not_lose_those_behind_it() -> None:
    bad = flowset(0, struct.pack("!HH", 300, 500) + bytes(8))
    decoder = Decoder()
    assert flows(fed(decoder, v9(bad, DEFINE, flowset(256, ONE)))) == 1
    assert decoder.counters["malformed"] == 1
    many = flowset(0, template(300, [(1, 4)] * 129), template(256, V4))  # too many fields, but the next template is good
    assert flows(fed(Decoder(), v9(many, flowset(256, ONE)))) == 1


def test_padding_and_a_wrong_count_do_no_harm() -> None:
    decoder = Decoder()
    body = v9(DEFINE, flowset(256, ONE, padding=3))
    assert flows(fed(decoder, body[:2] + b"\0\x63" + body[4:] + bytes(5))) == 1
    assert decoder.counters["malformed"] == 0


def test_repeated_elements_are_the_inner_packets_last() -> None:
    fields = ((8, 4), (12, 4), (8, 4), (12, 4))
    decoded = fed(Decoder(), ipfix(flowset(2, template(256, fields)), flowset(256, row(fields, 1, 2, 3, 0))))
    (records,) = decoded.flows
    assert addresses(records, "source")[0].tolist() == [3]
    assert addresses(records, "destination")[0].tolist() == [2]
    assert records.rows.dtype.names == ("0.8", "0.12", "0.8#1", "0.12#1")


def test_integers_may_be_shorter_or_of_variable_length() -> None:
    fields = ((1, 3), (2, 5), (10, 65535))
    body = row(fields[:2], 70_000, 5_000_000_000) + messages.counted(b"\1\0")
    decoded = fed(Decoder(), ipfix(flowset(2, template(256, fields)), flowset(256, body * 2)))
    (records,) = decoded.flows
    assert [column(records, name).tolist() for name in ("bytes", "packets", "input")] == [
        [70_000] * 2,
        [5_000_000_000] * 2,
        [256] * 2,
    ]


def test_variable_fields_of_any_length_are_whole() -> None:
    long = bytes(range(256)) * 4
    fields = ((82, 65535), (1, 4), (96, 65535), (83, 65535))
    bodies = [
        messages.counted(name) + row(((1, 4),), 5) + messages.counted(long) + messages.counted(b"")
        for name in (b"a", b"", b"ccc")
    ]
    decoded = fed(Decoder(), ipfix(flowset(2, template(256, fields)), flowset(256, *bodies), flowset(256, bodies[2])))
    (records,) = decoded.flows
    assert records.texts("0.82") == [b"a", b"", b"ccc", b"ccc"]
    assert records.texts("0.96") == [long] * 4
    assert records.raw("0.83", 3) == b""
    assert column(records, "bytes").tolist() == [5] * 4


def test_v5_has_the_same_columns() -> None:
    decoded = fed(
        Decoder(), v5(v5_row(source=1, destination=2, bytes=3, packets=4, sport=5, dport=6, tos=7, dmask=8), sampling=0x4064)
    )
    (records,) = decoded.flows
    names = ("bytes", "packets", "source_port", "destination_port", "tos", "destination_mask")
    assert [int(column(records, name)[0]) for name in names] == [3, 4, 5, 6, 7, 8]
    head = decoded.heads[records.head[0]]
    assert (head["sampling"] >> 14, head["sampling"] & 0x3FFF) == (1, 100)
    assert head["exported"] == messages.SECONDS * 1_000_000 + 500_000


def test_cut_off_messages_give_what_is_whole() -> None:
    decoder = Decoder()
    body = v5(v5_row(source=1), v5_row(source=2))
    assert flows(fed(decoder, body[:-1])) == 1
    whole = v9(DEFINE, flowset(256, ONE * 2))
    assert flows(fed(decoder, whole[:-1])) == 1
    assert decoder.counters["truncated"] == 2


def test_templates_survive_a_restart() -> None:
    before, after = Decoder(), Decoder()
    fed(
        before,
        v9(DEFINE, flowset(1, messages.options9(257, ((1, 4),), ((34, 4),)))),
        ipfix(flowset(2, template(300, messages.NAMED))),
    )
    after.restore(before.snapshot(), NOW)
    decoded = fed(after, v9(flowset(256, ONE), flowset(257, bytes(8))), ipfix(flowset(300, bytes(9))))
    assert (flows(decoded), sum(map(len, decoded.options))) == (2, 1)


def test_what_is_lost_is_counted_in_the_versions_own_unit() -> None:
    decoder = Decoder()
    row_ = v5_row(source=1)
    fed(decoder, v5(row_, row_, sequence=10), v5(row_, sequence=12), v5(row_, sequence=20))
    fed(decoder, v9(DEFINE, sequence=7), v9(flowset(256, ONE * 3), sequence=8), v9(flowset(256, ONE), sequence=11))
    define = flowset(2, template(256, V4))
    fed(decoder, ipfix(define, sequence=0), ipfix(flowset(256, ONE * 3), sequence=0), ipfix(flowset(256, ONE), sequence=5))
    lost = {version: domain.sequence.lost for (_, _, version), domain in decoder.exporters.domains.items()}
    assert lost == {5: 7, 9: 2, 10: 2}


def test_late_messages_and_restarts_are_not_losses() -> None:
    decoder = Decoder()
    fed(decoder, *(v9(DEFINE, sequence=number) for number in (0xFFFFFFFE, 0xFFFFFFFF, 1, 0, 2)))
    (domain,) = decoder.exporters.domains.values()
    assert (domain.sequence.lost, domain.sequence.reordered) == (0, 1)
    fed(decoder, v9(DEFINE, sequence=0, uptime=5), v9(DEFINE, sequence=1, uptime=6))
    assert (domain.sequence.lost, domain.sequence.restarts) == (0, 1)
