"""One SNMP device as the agent talks to it: what it can digest is learnt and remembered, one question at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from agent.rates import Mark
from agent.udp import Address, Exchange, NoAnswer, Reply
from protocols.errors import DecodeError
from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.snmp.request import Answer, Request, decode_answer, get
from protocols.snmp.walk import Walk

UPTIME = oid.parse("1.3.6.1.2.1.1.3.0")  # sysUpTime
BOOTS = oid.parse("1.3.6.1.6.3.10.2.1.2.0")  # snmpEngineBoots
ENGINE_TIME = oid.parse("1.3.6.1.6.3.10.2.1.3.0")  # snmpEngineTime

LARGE = 40  # varbinds of one request: the answer stays below 1,400 bytes and is not cut in pieces on its way
SMALL = 10  # for a device, or a way to it, that swallows larger ones


class Part(NamedTuple):
    """One answer: the device's clock in it, and what it said of each OID."""

    mark: Mark
    rtt: float  # seconds
    values: dict[bytes, VarBind]


class Device:
    """Asks one address with one community. All methods raise NoAnswer: timeout, unreachable, local_error, bad_answer."""

    def __init__(self, exchange: Exchange, address: Address, community: str, waits: tuple[float, int]) -> None:
        self.exchange = exchange
        self.address = address
        self.community = community.encode()
        self.timeout, self.retries = waits  # seconds for one try, tries after the first
        self.limit = LARGE
        self.head: tuple[bytes, ...] = (UPTIME, BOOTS, ENGINE_TIME)  # in every request: the clock the counters run by
        self.refused: set[bytes] = set()  # OIDs the device answers with an error instead of a value
        self._requests: dict[tuple[bytes, ...], Request] = {}

    @property
    def counters(self) -> Counter[str]:
        """Where faults of this and all devices are counted by kind."""
        return self.exchange.counters

    async def get(self, oids: Sequence[bytes]) -> list[Part]:
        """All of `oids` in as few requests as the device digests, each with its clock; at least one is asked.

        What fails later does not take back what came: NoAnswer is raised for the first only. After a later silence
        no more is asked, after a later answer that cannot be read only what it was for is left out.
        """
        parts: list[Part] = []
        pieces = [[name for name in oids if name not in self.refused and name not in self.head]]  # the next one last
        while pieces:
            piece = pieces.pop()
            if parts and not piece:
                continue
            size = max(1, self.limit - len(self.head))
            if len(piece) > size:
                pieces.append(piece[size:])
                piece = piece[:size]
            try:
                part, again = await self._part(piece)
            except NoAnswer as error:
                if not parts:
                    raise
                self.counters[f"snmp.incomplete.{error.reason}"] += 1
                if error.reason != "bad_answer":
                    break
                continue
            pieces += reversed(again)
            parts += part
        return parts

    async def _part(self, now: list[bytes]) -> tuple[list[Part], list[list[bytes]]]:
        """(what came, pieces to ask again). A refusal brings nothing, and changes what is asked next."""
        reply, answer = await self._ask_adapting((*self.head, *now))
        if answer is None:  # the device is silent to large requests only
            return [], [now]
        if answer.status:
            return [], self._refuse(answer, now)
        values = {bind.oid: bind for bind in answer.varbinds}
        head = [values.pop(name) for name in self.head]
        self.head = (UPTIME, *(bind.oid for bind in head[1:] if bind.tag not in message.ABSENT))
        clock = {bind.oid: bind.value for bind in head if isinstance(bind.value, int)}
        if UPTIME not in clock:
            raise NoAnswer("no_such_object", "the device does not say its sysUpTime")
        mark = Mark(clock[UPTIME], reply.received, clock.get(BOOTS), clock.get(ENGINE_TIME))
        return [Part(mark, reply.received - reply.sent, values)], []

    def _refuse(self, answer: Answer, now: list[bytes]) -> list[list[bytes]]:
        """What of `now` is worth asking again after an error status (RFC 3416 section 4.2.1), in pieces."""
        status = message.STATUS[answer.status] if 0 < answer.status < len(message.STATUS) else str(answer.status)
        self.counters[f"snmp.error_status.{status}"] += 1
        position = answer.blamed - 1 - len(self.head)
        if answer.status == message.TOO_BIG and len(now) > 1:
            self.limit = max(len(self.head) + 1, (len(self.head) + len(now)) // 2)
            return [now]
        if answer.status != message.TOO_BIG and 0 <= position < len(now):
            self.refused.add(now[position])
            return [now[:position] + now[position + 1 :]]
        if len(self.head) > 1:  # it may be one of the two that few devices have
            self.head = (UPTIME,)
            return [now]
        if not now:
            raise NoAnswer("bad_answer", f"the device answers with the error {status}")
        if len(now) > 1:  # nobody says which one it is
            return [now[: len(now) // 2], now[len(now) // 2 :]]
        self.refused.update(now)
        return [[]]

    async def _ask_adapting(self, names: tuple[bytes, ...]) -> tuple[Reply, Answer] | tuple[Reply, None]:
        """The answer to a Get of `names`; after silence to a large one a small one is tried, and its success remembered."""
        if len(names) <= SMALL:
            return await self._ask(self._request(names), 1 + self.retries)
        first = 1 + self.retries // 2
        try:
            return await self._ask(self._request(names), first)
        except NoAnswer as error:
            if error.reason != "timeout":
                raise
        reply, _ = await self._ask(self._request(names[:SMALL]), max(1, self.retries + 1 - first))
        self.limit = SMALL
        self.counters["snmp.small_requests"] += 1
        return reply, None

    def forget(self) -> None:
        """Give what the device refused another chance, and drop the requests made for what it had."""
        self.refused.clear()
        self._requests.clear()
        self.head = (UPTIME, BOOTS, ENGINE_TIME)

    def _request(self, names: tuple[bytes, ...]) -> Request:
        request = self._requests.get(names)
        if request is None:
            request = self._requests[names] = get(self.community, names)
        return request

    async def _ask(self, request: Request, tries: int) -> tuple[Reply, Answer]:
        reply = await self.exchange.ask(self.address, request.datagram, self.timeout, tries)
        try:
            return reply, decode_answer(request, reply.request_id, reply.data)
        except DecodeError as error:
            self.counters[f"snmp.undecodable.{error.kind}"] += 1
            raise NoAnswer("bad_answer", f"the device's answer cannot be read: {error}") from None

    async def walk(self, columns: Sequence[bytes], repetitions: int) -> dict[bytes, dict[bytes, VarBind]]:
        """All instances of `columns`: column -> index -> what the device said. Requests shrink to what it digests."""
        found: dict[bytes, dict[bytes, VarBind]] = {}
        size = self.limit
        left = list(columns)
        while left:
            walk = Walk(self.community, tuple(left[:size]), max(1, min(repetitions, size // len(left[:size]))))
            smaller = await self._walk(walk)
            if smaller:
                size, repetitions = smaller, 1
                continue
            self.limit = min(self.limit, max(size, SMALL))  # proven only now: a device that died is silent to all
            found.update(zip(walk.columns, walk.rows, strict=True))
            left = left[size:]
        return found

    async def _walk(self, walk: Walk) -> int:
        """Do `walk`; not 0 = how many columns the device may digest, where so many were too many."""
        width = len(walk.columns)
        while request := walk.request:
            try:
                _, answer = await self._ask(request, 1 + self.retries)
            except NoAnswer as error:
                if error.reason == "timeout" and width * walk.repetitions > SMALL:
                    return SMALL
                raise
            if answer.status == message.TOO_BIG and width * walk.repetitions > 1:
                if walk.repetitions == 1:
                    return width // 2
                walk.repetitions //= 2
                continue
            if answer.status:
                raise NoAnswer("bad_answer", f"a walk is answered with error status {answer.status}")
            try:
                walk.take(answer)
            except DecodeError as error:
                self.counters[f"snmp.walk.{error.kind}"] += 1
                raise NoAnswer("bad_answer", f"the device cannot be walked: {error}") from None
        return 0
