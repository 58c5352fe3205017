"""What comes between us and a device: forged, replayed, late and giant answers. The right value is read, or none."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from agent.access import Access, by_community
from agent.device import Device
from agent.udp import Exchange, NoAnswer, resolve
from protocols.errors import DecodeError
from protocols.snmp import ber, message, oid, v3
from protocols.snmp.message import Message, VarBind
from tests.agent.snmp_stand import has_ipv6
from tests.fakes import snmp_users
from tests.fakes.snmpd import snmpd
from tests.peers import need

NAME = oid.parse("1.3.6.1.2.1.1.5.0")
PLACE = oid.parse("1.3.6.1.2.1.1.6.0")
COLUMN = oid.parse("1.3.6.1.4.1.99999.1.1")
LARGEST = 65_507  # bytes that UDP over IPv4 carries
Between = Callable[[bytes], list[bytes]]


class Relay(asyncio.DatagramProtocol):
    """Hands questions to `device` (a function, or an address), and `between` makes of each answer what is sent on."""

    def __init__(self, device: Callable[[bytes], bytes] | tuple[str, int]) -> None:
        self.device = device
        self.between: Between = lambda answer: [answer]
        self.transport: asyncio.DatagramTransport | None = None
        self.upstream: asyncio.DatagramTransport | None = None
        self.client: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.client = addr
        if callable(self.device):
            self.answered(self.device(data))
        elif self.upstream:
            self.upstream.sendto(data)

    def answered(self, data: bytes) -> None:
        for each in self.between(data):
            assert self.transport
            assert self.client
            self.transport.sendto(each, self.client)


class Upstream(asyncio.DatagramProtocol):
    """The other side of a relay."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.relay.answered(data)


@contextlib.asynccontextmanager
async def relayed(
    device: Callable[[bytes], bytes] | tuple[str, int], access: Access, wait: float = 0.5, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[Relay, Device]]:
    """A relay and what asks through it."""
    loop = asyncio.get_running_loop()
    relay = Relay(device)
    transport, _ = await loop.create_datagram_endpoint(lambda: relay, local_addr=(host, 0))
    if not callable(device):
        relay.upstream, _ = await loop.create_datagram_endpoint(lambda: Upstream(relay), remote_addr=device)
    exchange = Exchange("snmp", message.request_id, Counter())
    port = transport.get_extra_info("sockname")[1]
    try:
        yield relay, Device(exchange, await resolve(host, port), access, (wait, 0))
    finally:
        exchange.close()
        transport.close()
        if relay.upstream:
            relay.upstream.close()


async def value(device: Device, name: bytes = NAME) -> object:
    (part,) = await device.get([name])
    return part.values[name].value


@pytest.fixture(params=["127.0.0.1", "::1"])
async def asked(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Relay, Device]]:
    """A user's device behind a relay, of either address family, engine and clock known already."""
    need("snmpd")
    host = request.param
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with (
        snmpd(tmp_path / "edge1", host=host, extra=snmp_users.config([("sha256", "aes128")])) as daemon,
        relayed((host, daemon.port), snmp_users.access("sha256", "aes128"), host=host) as (relay, device),
    ):
        assert await value(device) == b"edge1"
        yield relay, device


def forged(answer: bytes) -> bytes:
    """The answer with one bit of its digest changed."""
    at = v3.decode(answer).digest_at
    return answer[:at] + bytes((answer[at] ^ 1,)) + answer[at + 1 :]


async def test_an_answer_with_a_wrong_digest_is_never_believed(asked: tuple[Relay, Device]) -> None:
    relay, device = asked
    relay.between = lambda answer: [forged(answer)]
    with pytest.raises(NoAnswer, match="digest is wrong") as failure:
        await value(device)
    assert failure.value.reason == "authentication"
    assert device.counters["snmp.v3.digest"] > 0


async def test_the_right_answer_behind_a_forged_one_is_believed(asked: tuple[Relay, Device]) -> None:
    relay, device = asked
    relay.between = lambda answer: [forged(answer), answer[:-1], answer[:40], answer + b"\0", answer, forged(answer)]
    assert await value(device) == b"edge1"
    assert device.counters["snmp.v3.digest"] == 1


async def test_an_old_answer_sent_again_is_no_answer(asked: tuple[Relay, Device]) -> None:
    relay, device = asked
    heard: list[bytes] = []
    relay.between = lambda answer: heard.append(answer) or [answer]
    assert await value(device, NAME) == b"edge1"
    relay.between = lambda _: [heard[0]]
    with pytest.raises(NoAnswer) as failure:
        await value(device, PLACE)
    assert failure.value.reason == "timeout"
    assert device.counters["snmp.unmatched"] > 0
    relay.between = lambda answer: [heard[0], answer]
    assert await value(device, PLACE) == b"here"


async def test_an_old_answer_under_a_new_number_is_not_authentic(asked: tuple[Relay, Device]) -> None:
    relay, device = asked
    heard: list[bytes] = []
    relay.between = lambda answer: heard.append(answer) or [answer]
    assert await value(device, NAME) == b"edge1"

    def renumbered(answer: bytes) -> list[bytes]:
        old, new = (v3.decode(each).number.to_bytes(4, "big") for each in (heard[0], answer))
        return [heard[0].replace(old, new, 1)]

    relay.between = renumbered
    with pytest.raises(NoAnswer, match="digest is wrong"):
        await value(device, PLACE)


@pytest.mark.parametrize("version", [message.V1, message.V2C])
async def test_a_late_answer_to_the_question_before_is_not_taken_for_the_next(tmp_path: Path, version: int) -> None:
    need("snmpd")
    held: list[bytes] = []

    def late(answer: bytes) -> list[bytes]:
        held.append(answer)
        return held[-2:] if len(held) > 1 else []

    async with (
        snmpd(tmp_path / "edge1") as daemon,
        relayed((daemon.host, daemon.port), by_community(daemon.community, version), 0.3) as (relay, device),
    ):
        device.head = device.head[:1]  # a v1 device has not all of the clock
        relay.between = late
        with pytest.raises(NoAnswer):
            await value(device, NAME)
        assert await value(device, PLACE) == b"here"
        assert device.counters["snmp.unmatched"] == 1


def rows(last: int) -> Callable[[bytes], bytes]:
    """A device of one column with `last` rows that fills its answers to a walk to the last byte."""

    def answer(data: bytes) -> bytes:
        request = message.decode(data)
        (after,) = [oid.index_arcs(bind.oid[len(COLUMN) :]) or (0,) for bind in request.varbinds]
        binds: list[VarBind] = []
        size = 100
        for row in range(after[0] + 1, last + 1):
            binds.append(VarBind(COLUMN + oid.encode((1, 3, row))[1:], message.COUNTER32, row))
            size += len(message.encode_varbind(binds[-1]))
            if size > LARGEST - 40:
                break
        binds = binds or [VarBind(request.varbinds[0].oid, message.END_OF_MIB_VIEW)]
        return message.encode(Message(message.V2C, b"public", message.RESPONSE, request.request_id, 0, 0, tuple(binds)))

    return answer


async def test_answers_of_thousands_of_varbinds_are_read() -> None:
    async with relayed(rows(10_000), by_community("public"), 5.0) as (relay, device):
        sizes: list[int] = []
        relay.between = lambda answer: sizes.append(len(answer)) or [answer]
        found = (await device.walk([COLUMN], 20))[COLUMN]
    assert [bind.value for bind in found.values()] == list(range(1, 10_001))
    assert max(sizes) > 65_000
    assert len(sizes) < 10


def stuffed(data: bytes) -> bytes:
    """An answer of exactly the largest size, whose sysName fills it."""
    request = message.decode(data)
    room = 0
    while True:
        binds = tuple(
            VarBind(bind.oid, ber.OCTET_STRING, b"x" * room) if bind.oid == NAME else VarBind(bind.oid, message.TIME_TICKS, 1)
            for bind in request.varbinds
        )
        made = message.encode(Message(message.V2C, b"public", message.RESPONSE, request.request_id, 0, 0, binds))
        if len(made) == LARGEST:
            return made
        room += LARGEST - len(made)


async def test_the_largest_datagram_is_read_and_one_cut_anywhere_is_not() -> None:
    async with relayed(stuffed, by_community("public"), 1.0) as (relay, device):
        said = await value(device)
        assert isinstance(said, bytes)
        assert len(said) > 65_000
        for size in (1, 2, 20, 1_400, 16_000, 32_768, LARGEST - 1):
            relay.between = lambda answer, size=size: [answer[:size], answer]  # type: ignore[misc]
            assert await value(device) == said
        assert sum(count for kind, count in device.counters.items() if "undecodable" in kind) == 7


def truncations(data: bytes) -> Iterator[bytes]:
    return (data[:size] for size in range(len(data)))


@pytest.mark.parametrize("version", [message.V1, message.V2C])
async def test_a_real_answer_cut_at_any_byte_is_refused(tmp_path: Path, version: int) -> None:
    need("snmpd")
    heard: list[bytes] = []
    async with (
        snmpd(tmp_path / "edge1") as daemon,
        relayed((daemon.host, daemon.port), by_community(daemon.community, version)) as (relay, device),
    ):
        relay.between = lambda answer: heard.append(answer) or [answer]
        await device.get([NAME, PLACE])
    for cut in truncations(heard[-1]):
        with pytest.raises(DecodeError):
            message.decode(cut)
