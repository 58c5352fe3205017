"""A Lineside server that keeps the contract of /agent/v1, remembers everything, and fails when told to."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
import numpy as np

from protocols.errors import DecodeError
from protocols.uplink import batch
from protocols.uplink.plan import Enrol, Heartbeat, Plan

REASONS = {200: "OK", 204: "No Content", 304: "Not Modified"}


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float  # of the loop's clock


class Failure(NamedTuple):
    """Instead of the right answer: a status (0 = hang up), headers, a body, and a delay in seconds."""

    status: int
    headers: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default
    body: bytes | None = None
    delay: float = 0.0
    after: bool = False  # do the work first, then fail: the agent cannot know


@dataclass
class FakeServer:
    plan: Plan = field(default_factory=lambda: Plan("r1"))
    tokens: set[str] = field(default_factory=lambda: {"one-time-token"})
    requests: list[Request] = field(default_factory=list)
    stored: dict[tuple[str, str, int], batch.Batch] = field(default_factory=dict)
    order: list[tuple[str, str, int]] = field(default_factory=list)
    duplicates: int = 0
    secrets: dict[str, str] = field(default_factory=dict)  # secret -> agent
    used: dict[str, str] = field(default_factory=dict)  # token -> secret
    beats: list[Heartbeat] = field(default_factory=list)
    failures: dict[str, deque[Failure]] = field(default_factory=dict)  # by first word of the path, one each
    always: dict[str, Failure] = field(default_factory=dict)
    url: str = ""

    async def __aenter__(self) -> Self:
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def fail(self, what: str, *failures: Failure) -> None:
        """The next requests to `what` (ingest, plan, heartbeat, enrol) end in these."""
        self.failures.setdefault(what, deque()).extend(failures)

    async def replan(self, plan: Plan) -> None:
        self.plan = plan
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, done, seconds: float = 10.0) -> None:
        """Until `done()` holds; the failure says what was seen."""
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            seen = [f"{r.method} {r.path}" for r in self.requests]
            raise AssertionError(f"not seen within {seconds} s; requests: {seen}") from None

    def ingests(self) -> list[Request]:
        return [request for request in self.requests if request.method == "PUT"]

    def values(self, metric: str) -> list[float]:
        """Every stored value of `metric`, in order of arrival."""
        out: list[float] = []
        for key in self.order:
            if (samples := self.stored[key].samples) is not None and metric in samples.metrics:
                out += samples.value[samples.metric == samples.metrics.index(metric)].tolist()
        return out

    def gaps(self) -> list[tuple[str, str, int]]:
        """Every gap told: (lane, reason, rows)."""
        parts = [self.stored[key].gaps for key in self.order]
        return [
            (part.texts[lane], part.texts[reason], int(rows))
            for part in parts
            if part is not None
            for lane, reason, rows in zip(part.lane, part.reason, np.asarray(part.rows), strict=True)
        ]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read(reader)) is not None:
                self.requests.append(request)
                status, headers, body = await self._answer(request)
                if status == 0:
                    break
                head = {"Content-Length": str(len(body)), **headers}
                lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
                writer.write(f"HTTP/1.1 {status} {REASONS.get(status, 'x')}\r\n{lines}\r\n".encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        what = urlsplit(request.path).path.removeprefix("/agent/v1/").split("/")[0]
        waiting = self.failures.get(what)
        failure = waiting.popleft() if waiting else self.always.get(what)
        if failure is None:
            return await self._right(what, request)
        if failure.after:
            await self._right(what, request)
        await asyncio.sleep(failure.delay)
        body = failure.body if failure.body is not None else _problem(failure.status)
        return failure.status, failure.headers, body

    async def _right(self, what: str, request: Request) -> tuple[int, dict[str, str], bytes]:
        if what == "enrol":
            return self._enrol(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.secrets:
            return 401, {}, _problem(401)
        if what == "ingest":
            return self._ingest(request)
        if what == "heartbeat":
            self.beats.append(msgspec.json.decode(request.body, type=Heartbeat))
            return 204, {}, b""
        if what == "plan":
            return await self._plan(request)
        return 404, {}, _problem(404)

    async def _plan(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        known = request.headers.get("if-none-match", "")
        wait = float(parse_qs(urlsplit(request.path).query).get("wait", ["0"])[0])
        try:
            async with asyncio.timeout(wait), self._changed:
                while known == f'"{self.plan.revision}"':
                    await self._changed.wait()
        except TimeoutError:
            return 304, {"ETag": known}, b""
        return 200, {"ETag": f'"{self.plan.revision}"'}, msgspec.json.encode(self.plan)

    def _enrol(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        wish = msgspec.json.decode(request.body, type=Enrol)
        if wish.token not in self.tokens:
            return 401, {}, _problem(401, "the token is unknown or expired")
        if self.used.setdefault(wish.token, wish.secret) != wish.secret:
            return 409, {}, _problem(409, "the token was used with another secret")
        self.secrets[wish.secret] = wish.name
        answer = {"agent": "7", "site": "here", "server_time": 0.0, "plan": msgspec.to_builtins(self.plan)}
        return 200, {}, json.dumps(answer).encode()

    def _ingest(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        lane, epoch, seq = urlsplit(request.path).path.split("/")[-3:]
        key = (lane, epoch, int(seq))
        try:
            content = batch.decode(request.body, request.headers["content-encoding"])  # type: ignore[arg-type]
        except DecodeError as error:
            return 422, {}, _problem(422, str(error))
        again = key in self.stored
        self.duplicates += again
        if not again:
            self.stored[key] = content
            self.order.append(key)
        result = "duplicate" if again else "stored"
        answer = {"result": result, "rows": content.rows, "rejected": {}, "generation": 1, "skew": 0.0}
        return 200, {}, json.dumps(answer).encode()


def _problem(status: int, detail: str = "as told") -> bytes:
    return json.dumps({"type": "about:blank", "title": "No", "status": status, "detail": detail}).encode()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body, asyncio.get_running_loop().time())
