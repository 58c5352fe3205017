"""DNS, asked of Debian's dnsmasq and of servers that lie, break and fall silent."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from agent.asking import Outcome
from agent.batcher import Row
from agent.check import ANSWERS
from agent.collectors import dns
from agent.resolve import Name
from protocols.uplink.batch import REASONS
from protocols.uplink.plan import Dns, Plan, Target
from tests.fakes.name_server import Datagrams, Liar, answer, dnsmasq, free_port
from tests.peers import need

RECORDS = [
    "--host-record=www.example.net,192.0.2.1,2001:db8::1",
    "--cname=alias.example.net,www.example.net",
    "--mx-host=example.net,mail.example.net,10",
    "--srv-host=_sip._udp.example.net,sip.example.net,5060,1,2",
    "--txt-record=example.net,v=spf1 -all",
    "--ptr-record=1.2.0.192.in-addr.arpa,www.example.net",
    *(f"--host-record=many.example.net,198.51.100.{n}" for n in range(1, 61)),
]


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with dnsmasq(need("dnsmasq"), *RECORDS) as port:
        yield port


@asynccontextmanager
async def liar(answers: Datagrams) -> AsyncIterator[int]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Liar(answers), ("127.0.0.1", 0))
    try:
        yield int(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


async def ask(sensor: Dns, counters: Counter[str] | None = None) -> Outcome:
    return await dns.ask(Name("127.0.0.1", sensor.port), sensor, Counter() if counters is None else counters)


@pytest.mark.parametrize(
    ("query", "kind", "expect", "reason", "told"),
    [
        ("www.example.net", "A", (), "", "www.example.net A is 192.0.2.1"),
        ("WWW.Example.net.", "A", ("192.0.2.1",), "", ""),
        ("www.example.net", "AAAA", ("2001:0db8:0::1",), "", "2001:db8::1"),
        ("alias.example.net", "A", ("192.0.2.1",), "", ""),
        ("alias.example.net", "CNAME", ("www.example.net.",), "", ""),
        ("example.net", "MX", ("10 mail.example.net",), "", ""),
        ("_sip._udp.example.net", "SRV", ("1 2 5060 sip.example.net",), "", ""),
        ("example.net", "TXT", ("v=spf1 -all",), "", ""),
        ("1.2.0.192.in-addr.arpa", "PTR", ("www.example.net",), "", ""),
        ("many.example.net", "A", ("198.51.100.1", "198.51.100.60"), "", ""),  # by TCP
        ("www.example.net", "A", ("192.0.2.2",), "content", "it answers 192.0.2.1 for"),
        ("www.example.net", "MX", (), "content", "it answers nothing for www.example.net MX"),
        ("nowhere.example.net", "A", (), "dns_error", "it answers NXDOMAIN for nowhere.example.net A"),
    ],
)
async def test_a_real_server_is_understood(
    query: str, kind: str, expect: tuple[str, ...], reason: str, told: str, server: int
) -> None:
    sensor = Dns(1, query, kind, server, expect=expect)  # type: ignore[arg-type]
    outcome = await ask(sensor)
    assert (outcome.reason, told in outcome.detail) == (reason, True), outcome
    assert 0 < outcome.seconds < 1
    sentence = await dns.check(Target("e", "ns1", "127.0.0.1", (sensor,)), sensor, Plan("r"))
    assert bool(ANSWERS.search(sentence)) == (not reason), sentence


GOOD = bytes((192, 0, 2, 1))
LIES: dict[str, tuple[Datagrams, str, str]] = {
    "another identifier": (lambda q: [answer(b"\x00\x00" + q[2:], ("A", GOOD))], "timeout", ""),
    "another question": (lambda q: [answer(q[:13] + b"x" + q[14:], ("A", GOOD))], "timeout", ""),
    "garbage": (lambda q: [q, b"", b"\xff" * 40], "timeout", ""),
    "the right one behind wrong ones": (lambda q: [b"x", answer(b"\x00\x00" + q[2:]), answer(q, ("A", GOOD))], "", "192.0.2.1"),
    "a storm of wrong ones": (lambda q: [b"\xff" * 40] * 150, "bad_answer", ""),
    "nothing": (lambda _: [], "timeout", "no answer within 0.3 s"),
    "a refusal": (lambda q: [answer(q, flags=b"\x81\x85")], "dns_error", "REFUSED"),
    "a failure": (lambda q: [answer(q, flags=b"\x81\x82")], "dns_error", "SERVFAIL"),
    "an unknown failure": (lambda q: [answer(q, flags=b"\x81\x8b")], "dns_error", "code 11"),
    "cut short, and no TCP": (lambda q: [answer(q, flags=b"\x83\x80")], "refused", ""),
}


@pytest.mark.parametrize("lie", LIES)
async def test_whatever_a_server_says_has_a_reason(lie: str) -> None:
    answers, reason, told = LIES[lie]
    async with liar(answers) as port:
        outcome = await ask(Dns(1, "www.example.net", port=port, timeout=0.3))
    assert (outcome.reason, told in outcome.detail) == (reason, True), outcome


TCP: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "all of it": (lambda q: answer(q, ("A", GOOD)), ""),
    "cut short again": (lambda q: answer(q, flags=b"\x83\x80"), "bad_answer"),
    "another identifier": (lambda q: answer(b"\x00\x00" + q[2:], ("A", GOOD)), "bad_answer"),
    "garbage": (lambda _: b"\xff" * 20, "bad_answer"),
}


@pytest.mark.parametrize("what", [*TCP, "half of it", "nothing"])
async def test_an_answer_cut_short_is_asked_for_again_by_tcp(what: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        body = TCP[what][0](query) if what in TCP else b"half"
        if what != "nothing":
            writer.write((len(body) if what in TCP else 100).to_bytes(2, "big") + body)
        writer.close()

    port = free_port()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Liar(lambda q: [answer(q, flags=b"\x83\x80")]), ("127.0.0.1", port)
    )
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        outcome = await ask(Dns(1, "www.example.net", port=port, timeout=1))
    transport.close()
    assert outcome.reason == (TCP[what][1] if what in TCP else "bad_answer"), outcome


async def test_a_closed_port_is_refused_and_what_cannot_be_asked_is_our_trouble() -> None:
    assert (await ask(Dns(1, "www.example.net", port=free_port()))).reason == "refused"
    assert (await ask(Dns(1, "a..b"))).reason == "local_error"
    assert (await dns.ask(Name("no-such-host.invalid", 53), Dns(1, "x"), Counter())).reason == "local_error"


async def test_a_failed_poll_is_a_sample_and_delays_no_other() -> None:
    rows: list[Row] = []

    def emit(more: Sequence[Row], interval: float) -> None:
        assert interval == 1.0
        rows.extend(more)

    counters: Counter[str] = Counter()
    async with liar(lambda q: [answer(q, ("A", GOOD))]) as good, liar(lambda _: []) as silent:
        targets = [Target(f"e{n}", "t", "127.0.0.1", (Dns(n, "x", port=p, interval=1.0),)) for n, p in ((1, good), (2, silent))]
        task = asyncio.create_task(dns.run(targets, Plan("r"), emit, lambda: 42, counters))
        async with asyncio.timeout(15):
            while {row.sensor for row in rows} != {1, 2}:
                await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    seen = {(row.sensor, row.metric, row.ts, REASONS[row.reason]) for row in rows}
    assert seen == {(1, "reachable", 42, ""), (1, "response_time", 42, ""), (2, "reachable", 42, "timeout")}
    assert counters["dns.timeout"] >= 1
