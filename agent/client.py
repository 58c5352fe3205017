"""The agent's side of /agent/v1: what is asked of the server, what its answers mean, and the upload of one lane."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, NamedTuple

import httpx2
import msgspec

from agent import quarantine, trouble
from agent.backoff import Backoff, Uniform, retry_after
from agent.batcher import Clock
from agent.segment_files import Entry
from agent.spool import Spool
from protocols.errors import ConfigError
from protocols.uplink.plan import Enrol, Enrolled, Heartbeat, Stored, encode_json

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]
TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
MAX_ANSWER = 64 << 20  # a plan for many thousand targets is a few MiB
SKEW = 5.0  # s a clock may be off before it is said
WAIT = 60  # s the server may hold a plan request

# What an answer to PUT …/ingest means; whatever is not named here is tried again with the same bytes.
Meaning = Literal["stored", "never", "stopped", "version", "again"]
MEANINGS: dict[int, Meaning] = {
    200: "stored",
    **dict.fromkeys((400, 413, 415, 422), "never"),
    **dict.fromkeys((401, 403), "stopped"),
    **dict.fromkeys((404, 426), "version"),
}


class Answer(NamedTuple):
    """What came back: `status` 0 = nothing did, and `detail` says why."""

    status: int
    detail: str
    retry_after: float = 0.0
    body: bytes = b""
    etag: str = ""
    title: str = ""  # of the problem, as the server calls it
    passing: bool = True  # whether the same may go well later, with nothing changed


class Server:
    """One server and this agent's credential."""

    def __init__(self, url: str, secret: str, version: str, clock: Clock, ca_file: Path | None = None) -> None:
        """Raises ConfigError when the CA file cannot be used."""
        self.url, self._clock = url, clock
        self._told = False  # that the server does not accept us
        headers = {"User-Agent": f"lineside-agent/{version}"}
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        verify = trust(ca_file)
        self._http = httpx2.AsyncClient(base_url=url, headers=headers, verify=verify, timeout=TIMEOUT, follow_redirects=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *, within: float = 30.0
    ) -> Answer:
        """One request. Whatever goes wrong is an Answer with status 0."""
        limits = httpx2.Timeout(within, connect=10.0)
        content = bytearray()
        try:
            async with (
                asyncio.timeout(within),
                self._http.stream(method, f"/agent/v1/{path}", content=body, headers=headers, timeout=limits) as got,
            ):
                async for chunk in got.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER:
                        return Answer(0, f"the answer is longer than {MAX_ANSWER >> 20} MiB")
        except TimeoutError:
            return Answer(0, "the server did not answer in time")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            detail, passing = trouble.why(error, self.url)
            return Answer(0, detail, passing=passing)
        wait = retry_after(got.headers.get("retry-after"), self._clock() / 1e6)
        raw = bytes(content)
        if got.has_redirect_location:
            return Answer(got.status_code, trouble.redirected(got.headers["location"], f"/agent/v1/{path}"), passing=False)
        title, detail = _problem(got.status_code, raw)
        return Answer(got.status_code, detail, wait, raw, got.headers.get("etag", ""), title)

    def turned_away(self, answer: Answer) -> bool:
        """Whether the server no longer accepts this agent: said once, whichever question it was that told."""
        away = answer.status in (401, 403)
        if away and not self._told:
            log.warning("%s", turned_away(self.url, answer, ": sending has stopped, measuring and spooling go on"))
        self._told = away or (self._told and answer.status not in (200, 204, 304))
        return away

    async def enrol(self, wish: Enrol) -> Answer:
        """Ask to be taken in; the same token with the same secret may be sent again."""
        return await self._ask("POST", "enrol", encode_json(wish), {"Content-Type": "application/json"})

    async def plan(self, etag: str, wait: int = WAIT) -> Answer:
        """The plan when it is not the one `etag` names (304 otherwise), at the latest after `wait` seconds."""
        headers = {"If-None-Match": etag} if etag else {}
        return await self._ask("GET", f"plan?wait={wait}", headers=headers, within=wait + 30.0)

    async def heartbeat(self, beat: Heartbeat) -> Answer:
        """Say how this agent is."""
        return await self._ask("POST", "heartbeat", encode_json(beat), {"Content-Type": "application/json"})

    async def ingest(self, lane: str, entry: Entry) -> Answer:
        """Hand over one record."""
        record = entry.record
        if record is None:
            return Answer(200, "")
        headers = {
            "Content-Type": "application/vnd.lineside.batch",
            "Content-Encoding": "zstd",
            "X-Sent-At": f"{self._clock() / 1e6:.6f}",
        }
        return await self._ask("PUT", f"ingest/{lane}/{record.epoch}/{record.seq}", record.body, headers)


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The certificates that are believed: the system's, and those in `ca_file`."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"ca_file {ca_file} cannot be used: {error}. Give a file with PEM certificates.") from None
    return context


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


def _problem(status: int, body: bytes) -> tuple[str, str]:
    """What an error says about itself (RFC 9457): its title, and all of it in one line."""
    if status < 400:
        return "", ""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "", f"HTTP {status}"
    text = ": ".join(part for part in (problem.title, problem.detail) if part) or f"HTTP {status}"
    title, whole = ("".join(c if c.isprintable() else " " for c in part)[:500] for part in (problem.title, text))
    return title, whole


def turned_away(url: str, answer: Answer, also: str = "") -> str:
    """That the server no longer accepts this agent, `also` what follows, and what to do; no full stop."""
    what = f"{url} does not accept this agent ({answer.title or answer.detail}){also}"
    return f"{what}; enrol this agent anew: `lineside-agent enrol --server {url} --token T`"


def enrolled(answer: Answer) -> Enrolled | None:
    """The answer to enrol, if it is one."""
    try:
        return msgspec.json.decode(answer.body, type=Enrolled)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def stored(answer: Answer) -> Stored | None:
    """The acknowledgement in `answer`. A 200 without one (a captive portal's page) acknowledges nothing."""
    try:
        return msgspec.json.decode(answer.body, type=Stored) if answer.status == 200 else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


SAYS: dict[Meaning, str] = {
    "version": "the server does not speak this agent's protocol: sending has stopped, measuring and spooling go on",
    "again": "the server cannot be reached: batches stay in the spool and are sent again",
}


class Uploader:
    """Sends one lane in order, each record until the server has it or will never take it."""

    def __init__(
        self,
        spool: Spool,
        server: Server,
        folder: Path,
        counters: Counter[str],
        *,
        uniform: Uniform = random.uniform,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`folder` is where refused batches go."""
        self._spool, self._server, self._folder, self._counters = spool, server, folder, counters
        self._backoff, self._sleep = Backoff(uniform), sleep
        self.state: Meaning = "stored"  # how the last attempt ended
        self.skew = 0.0  # s this agent's clock is ahead, as the server sees it

    async def run(self) -> None:
        """Upload until cancelled."""
        while True:
            entry = await self._spool.next()
            while (wait := await self._attempt(entry)) is not None:
                await self._sleep(wait)
                if entry.after <= self._spool.segments.position:
                    break  # given up meanwhile to make room

    async def _attempt(self, entry: Entry) -> float | None:
        """Send `entry` once. None = it is done; otherwise seconds until the same bytes shall be sent again."""
        answer = await self._server.ingest(self._spool.lane, entry)
        meaning = MEANINGS.get(answer.status, "again")
        receipt = stored(answer)
        if meaning == "stored" and receipt is None:
            meaning, answer = "again", answer._replace(detail="the answer is not an acknowledgement (a captive portal?)")
        self._counters[f"upload.{meaning}"] += 1
        if meaning == "never":
            await asyncio.to_thread(quarantine.put, self._folder, self._spool.lane, entry, answer.status, answer.detail)
            log.warning("the server refused a batch for good: %s", answer.detail, extra={"status": answer.status})
            await self._spool.acknowledge(entry, "refused")
        elif receipt is not None:
            self._take(receipt)
            await self._spool.acknowledge(entry)
        self._say(meaning, answer)
        if meaning in ("stored", "never"):
            self._backoff.success()
            return None
        if meaning == "again":
            return self._backoff.after_failure(answer.retry_after)
        return self._backoff.slow(answer.retry_after)

    def _take(self, receipt: Stored) -> None:
        if abs(receipt.skew) > SKEW >= abs(self.skew):
            log.warning("this machine's clock and the server's differ by %.1f s: set it by NTP", receipt.skew)
        self.skew = receipt.skew
        self._counters["upload.rows"] += receipt.rows
        self._counters["upload.duplicate"] += receipt.result == "duplicate"
        for reason, rows in receipt.rejected.items():
            self._counters[f"rejected.{reason[:40]}"] += rows

    def _say(self, meaning: Meaning, answer: Answer) -> None:
        """Log a change of state once, not every attempt."""
        before = "stored" if self.state == "never" else self.state
        self.state = "stored" if meaning == "never" else meaning
        if self._server.turned_away(answer) or self.state == before:
            return
        if self.state == "stored":
            log.info("the server takes batches again", extra={"lane": self._spool.lane})
        else:
            log.warning("%s (%s)", SAYS[self.state], answer.detail, extra={"lane": self._spool.lane, "status": answer.status})
