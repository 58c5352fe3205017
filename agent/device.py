"""One SNMP device as the agent talks to it: what it can digest is learnt and remembered, one question at a time."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from agent.access import Access
from agent.rates import Mark
from agent.udp import Address, Exchange, NoAnswer, Reply
from protocols.errors import DecodeError
from protocols.snmp import message, oid
from protocols.snmp.message import VarBind
from protocols.snmp.request import Answer, Request, decode_answer, decode_pdu, get
from protocols.snmp.session import WORDS, Session
from protocols.snmp.walk import Walk
from protocols.wire import Reader

UPTIME = oid.parse("1.3.6.1.2.1.1.3.0")  # sysUpTime
BOOTS = oid.parse("1.3.6.1.6.3.10.2.1.2.0")  # snmpEngineBoots
ENGINE_TIME = oid.parse("1.3.6.1.6.3.10.2.1.3.0")  # snmpEngineTime
_CLOCK = (UPTIME, BOOTS, ENGINE_TIME)

LARGE = 40  # varbinds of one request: the answer stays below 1,400 bytes and is not cut in pieces on its way
SMALL = 10  # for a device, or a way to it, that swallows larger ones


_FORBIDDEN = frozenset({"authorizationError", "noAccess"})
_LESSONS = 3  # answers in a row that may teach who the engine is and what its clock says
# After these the engine is asked anew who it is; the device may be another one now.
_ALIEN = frozenset({"engine", "silent", "late", "digest", "unknown_engine", "not_in_time_window", "context"})


class Part(NamedTuple):
    """One answer: the device's clock in it, and what it said of each OID."""

    mark: Mark
    rtt: float  # seconds
    values: dict[bytes, VarBind]
    request: Request
    raw: bytes  # the datagram; of v3 the PDU
    group: int = 0  # of those that are asked for together


class Device:
    """Asks one address with one access. All methods raise NoAnswer: timeout, unreachable, local_error, bad_answer,
    authentication. Raises ConfigError if the access makes no sense.
    """

    def __init__(
        self, exchange: Exchange, address: Address, access: Access, waits: tuple[float, int], limit: int = LARGE
    ) -> None:
        self.exchange = exchange
        self.address = address
        self.access = access
        self.session = Session(access.user, access.context, secrets.randbits(64)) if access.user else None
        self.timeout, self.retries = waits  # seconds for one try, tries after the first
        self.limit = limit
        self.head: tuple[bytes, ...] = _CLOCK  # in every request: the clock the counters run by
        self.refused: set[bytes] = set()  # OIDs the device answers with an error instead of a value
        self._requests: dict[tuple[bytes, ...], Request] = {}

    @property
    def counters(self) -> Counter[str]:
        """Where faults of this and all devices are counted by kind."""
        return self.exchange.counters

    async def get(self, oids: Sequence[bytes]) -> list[Part]:
        """All of `oids` in as few requests as the device digests, each with its clock; at least one is asked."""
        return await self.gather([oids])

    async def gather(self, groups: Sequence[Sequence[bytes]]) -> list[Part]:
        """As `get`, no request for OIDs of two groups.

        What fails later does not take back what came: NoAnswer is raised for the first only. After a later silence
        no more is asked, after a later answer that cannot be read only what it was for is left out.
        """
        parts: list[Part] = []
        without = self.refused.union(self.head)
        # The next one last.
        pieces = [(k, [name for name in group if name not in without]) for k, group in enumerate(groups)][::-1]
        while pieces:
            group, piece = pieces.pop()
            if parts and not piece:
                continue
            size = max(1, self.limit - len(self.head))
            if len(piece) > size:
                pieces.append((group, piece[size:]))
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
            pieces += [(group, rest) for rest in reversed(again)]
            parts += [one._replace(group=group) for one in part]
        return parts

    async def _part(self, now: list[bytes]) -> tuple[list[Part], list[list[bytes]]]:
        """(what came, pieces to ask again). A refusal brings nothing, and changes what is asked next."""
        names = (*self.head, *now)
        reply, answer = await self._ask_adapting(names)
        if answer is None:  # the device is silent to large requests only
            return [], [now]
        if answer.status:
            return [], self._refuse(answer, now)
        return [self._read(self._request(names), reply, answer)], []

    def _read(self, request: Request, reply: Reply, answer: Answer) -> Part:
        values = {bind.oid: bind for bind in answer.varbinds}
        head = [values.pop(name) for name in _CLOCK if name in values]
        self.head = (UPTIME, *(bind.oid for bind in head[1:] if bind.tag not in message.ABSENT))
        clock = {bind.oid: bind.value for bind in head if isinstance(bind.value, int)}
        # Without sysUpTime a clock that stands: gauges, but no rates, for a restart could not be seen.
        mark = Mark(clock.get(UPTIME, -1), reply.received, clock.get(BOOTS), clock.get(ENGINE_TIME))
        return Part(mark, reply.received - reply.sent, values, request, reply.data)

    def part(self, request: Request, reply: Reply) -> Part | None:
        """What a posted request was answered (of v3, the PDU); None if it takes more than reading it."""
        try:
            if self.session is None:
                answer = decode_answer(request, reply.request_id, reply.data)
            else:
                answer = decode_pdu(request, reply.request_id, Reader(reply.data))
        except DecodeError as error:
            self.counters[f"snmp.undecodable.{error.kind}"] += 1
            return None
        return None if answer.status else self._read(request, reply, answer)

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
        if not now and status in _FORBIDDEN:
            raise NoAnswer("authentication", f"the device answers, but lets us read nothing ({status})")
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
        self.head = _CLOCK

    def _request(self, names: tuple[bytes, ...]) -> Request:
        request = self._requests.get(names)
        if request is None:
            request = self._requests[names] = get(self.access.community, names, self.access.version)
        return request

    async def _ask(self, request: Request, tries: int) -> tuple[Reply, Answer]:
        if self.session is not None:
            return await self._ask_engine(self.session, request, tries)
        reply = await self.exchange.ask(self.address, request.datagram, self.timeout, tries)
        try:
            return reply, decode_answer(request, reply.request_id, reply.data)
        except DecodeError as error:
            self.counters[f"snmp.undecodable.{error.kind}"] += 1
            raise NoAnswer("bad_answer", f"the device's answer cannot be read: {error}") from None

    async def _ask_engine(self, session: Session, request: Request, tries: int) -> tuple[Reply, Answer]:
        """As `_ask`, in v3: what is not proven is not believed, and the right answer may come behind a forged one."""
        clock = self.exchange.clock
        fault: list[DecodeError] = []
        opened: list[tuple[bytes, Answer] | None] = []

        def accept(reply: Reply) -> bool:
            try:
                pdu = session.pdu(reply.request_id, reply.data, reply.received)
                opened.append(pdu and (pdu, decode_pdu(request, reply.request_id, Reader(pdu))))  # type: ignore[arg-type]
            except DecodeError as error:
                self.counters[f"snmp.v3.{error.kind}"] += 1
                fault[:] = [error]
                return error.kind not in {"digest", "late", "engine"}
            fault.clear()
            return True

        for _ in range(_LESSONS):
            try:
                reply = await self.exchange.ask(
                    self.address, lambda number: session.datagram(request, number, clock()), self.timeout, tries, accept
                )
            except NoAnswer as error:
                silent = session.user.priv and session.engine is not None and not session.engine.proven
                if error.reason != "timeout" or not (fault or silent):
                    raise
                fault = fault or [DecodeError("silent", WORDS["silent"])]
            else:
                if not fault and (found := opened[-1]) is not None:
                    return reply._replace(data=found[0]), found[1]
            if fault:
                break
        raise self._explained(session, fault[0] if fault else DecodeError("unknown_engine", WORDS["unknown_engine"]))

    def _explained(self, session: Session, fault: DecodeError) -> NoAnswer:
        if fault.kind in _ALIEN:
            session.engine = None
        if fault.kind in WORDS:
            return NoAnswer("authentication", str(fault))
        return NoAnswer("bad_answer", f"the device's answer cannot be read: {fault}")

    async def walk(self, columns: Sequence[bytes], repetitions: int) -> dict[bytes, dict[bytes, VarBind]]:
        """All instances of `columns`: column -> index -> what the device said. Requests shrink to what it digests."""
        found: dict[bytes, dict[bytes, VarBind]] = {}
        size = self.limit
        left = list(columns)
        while left:
            access, names = self.access, tuple(left[:size])
            walk = Walk(access.community, names, max(1, min(repetitions, size // len(names))), access.version)
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
            if answer.status == message.NO_SUCH_NAME and walk.version == message.V1 and walk.end(answer.blamed):
                continue
            if answer.status:
                raise NoAnswer("bad_answer", f"a walk is answered with error status {answer.status}")
            try:
                walk.take(answer)
            except DecodeError as error:
                self.counters[f"snmp.walk.{error.kind}"] += 1
                raise NoAnswer("bad_answer", f"the device cannot be walked: {error}") from None
        return 0
