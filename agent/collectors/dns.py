"""DNS: does a name server answer a question as it shall, and how fast. UDP first, TCP when the answer is cut short."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import Sequence
from functools import partial

from agent.asking import Outcome, Question, watch
from agent.batcher import Clock, Emit
from agent.connect import connected, reason_of
from agent.resolve import Address, Name
from protocols import dns
from protocols.errors import DecodeError
from protocols.uplink.plan import Dns, Plan, Target

DATAGRAM = 4_096  # bytes; without EDNS an answer by UDP has no more than 512
MISSES = 100  # datagrams that answer something else before we give up


async def ask(name: Name, sensor: Dns, counters: Counter[str]) -> Outcome:
    """One question, within the sensor's timeout after the server's own name is resolved."""
    clock = asyncio.get_running_loop().time
    try:
        asked = dns.question(sensor.query, sensor.type)
    except ValueError as error:
        return Outcome("local_error", detail=f"`query` is to be {error}")
    try:
        address = await name.address()
    except OSError as error:
        return Outcome("local_error", detail=f"the name cannot be resolved: {error}")
    begun = clock()
    try:
        async with asyncio.timeout(sensor.timeout):
            answer = await _by_udp(address, asked, counters)
            if answer.truncated:
                answer = await _by_tcp(address, asked)
    except TimeoutError:
        return Outcome("timeout", detail=f"no answer within {sensor.timeout:g} s")
    except DecodeError as error:
        return Outcome("bad_answer", detail=str(error))
    except OSError as error:
        return Outcome(reason_of(error), detail=error.strerror or str(error))
    return _judged(answer, asked, sensor, clock() - begun)


async def _by_udp(address: Address, asked: dns.Question, counters: Counter[str]) -> dns.Answer:
    """From a port of its own for each question, which makes forging an answer harder (RFC 5452)."""
    loop = asyncio.get_running_loop()
    identifier = secrets.randbits(16)
    with socket.socket(address.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as sock:
        sock.connect(address.sockaddr)
        sock.send(dns.encode(identifier, asked))
        trouble = None
        for _ in range(MISSES):
            try:
                answer = dns.decode(await loop.sock_recv(sock, DATAGRAM))
            except DecodeError as error:
                trouble = error
                continue  # the right one may still come
            if (answer.identifier, answer.question) == (identifier, asked):
                return answer
            counters["dns.unmatched"] += 1
    raise trouble or DecodeError("header", "only answers to other questions came")


async def _by_tcp(address: Address, asked: dns.Question) -> dns.Answer:
    """RFC 7766: the same behind two bytes of length."""
    identifier = secrets.randbits(16)
    query = dns.encode(identifier, asked)
    reader, writer = await asyncio.open_connection(sock=await connected(address))
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        length = int.from_bytes(await reader.readexactly(2), "big")
        answer = dns.decode(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        raise DecodeError("truncated", "the connection ended before the answer did") from None
    finally:
        writer.transport.abort()
    if answer.truncated or (answer.identifier, answer.question) != (identifier, asked):
        raise DecodeError("header", "the answer by TCP is cut short, or one to another question")
    return answer


def _judged(answer: dns.Answer, asked: dns.Question, sensor: Dns, seconds: float) -> Outcome:
    if answer.rcode:
        word = dns.RCODES[answer.rcode] if answer.rcode < len(dns.RCODES) else f"code {answer.rcode}"
        return Outcome("dns_error", seconds, f"it answers {word} for {sensor.query} {sensor.type}")
    found = [record.data for record in answer.records if record.type == asked.type]
    told = ", ".join(found)[:200] or "nothing"
    missing = [text for text in sensor.expect if not any(dns.same(data, text) for data in found)]
    if missing or not found:
        return Outcome("content", seconds, f"it answers {told} for {sensor.query} {sensor.type}")
    return Outcome("", seconds, f"{sensor.query} {sensor.type} is {told}")


async def run(targets: Sequence[Target], plan: Plan, emit: Emit, clock: Clock, counters: Counter[str]) -> None:
    """Poll every DNS sensor of `targets` until cancelled. Emits `reachable` and, when all is well, `response_time` (s)."""
    del plan
    async with asyncio.TaskGroup() as group:
        for target in targets:
            for sensor in target.sensors:
                if isinstance(sensor, Dns):
                    name = Name(target.address, sensor.port)
                    question = Question("dns", "response_time", partial(ask, name, sensor, counters))
                    group.create_task(watch(question, name, sensor, emit, clock, counters))


async def check(target: Target, sensor: Dns, plan: Plan) -> str:
    """One question, told in a sentence."""
    del plan
    where = f"{target.name} ({target.address}, DNS port {sensor.port})"
    outcome = await ask(Name(target.address, sensor.port), sensor, Counter())
    if outcome.reason:
        return f"{where} gives no good answer: {outcome.reason} ({outcome.detail})."
    return f"{where} answers DNS in {outcome.seconds * 1e3:.1f} ms: {outcome.detail}."
