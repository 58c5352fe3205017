"""One HTTP request (RFC 9112) over TCP or TLS: bounded in time and size, timed phase by phase, with the server's certificate."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from agent.connect import connected, reason_of
from agent.resolve import Address, Name

MAX_BODY = 1 << 20  # bytes that are read; what follows does not count
MAX_HEAD = 1 << 16
MAX_EVENTS = 20_000  # chunks and interim answers, each of which costs time whatever its size
PIECE = 1 << 13  # bytes parsed before other work has its turn
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Contexts(NamedTuple):
    """How TLS is spoken: with certificates verified, and without."""

    strict: ssl.SSLContext
    lax: ssl.SSLContext


class Request(NamedTuple):
    """What to ask; `url` is absolute. Only the first host is found at a given address, others by their name."""

    url: str
    method: str = "GET"
    verify: bool = True
    redirects: int = 0
    keep: bool = False  # the body, for who wants to look into it


@dataclass(slots=True)
class Visit:
    """What came of a request, as far as it came. `reason` is one of batch.REASONS, "" = there is an answer."""

    reason: str = ""
    detail: str = ""
    status: int = 0
    seconds: float = 0.0  # from the first packet to the end of the answer, redirects included
    connecting: float = 0.0  # s, of the first host
    securing: float = 0.0
    waiting: float = 0.0  # from the request to the first byte of its answer
    certificate: bytes = b""  # DER, of the first host
    body: bytearray = field(default_factory=bytearray)
    location: str = ""


class Failed(Exception):  # noqa: N818 - an outcome, not a fault of ours
    """Ends a visit with a reason and a detail."""


def contexts() -> Contexts:
    """Contexts that trust what this machine trusts (SSL_CERT_FILE and SSL_CERT_DIR included). Reads files."""
    strict, lax = ssl.create_default_context(), ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    for context in (strict, lax):
        context.set_alpn_protocols(["http/1.1"])
    return Contexts(strict, lax)


def place(url: str) -> tuple[SplitResult, int]:
    """An absolute URL in parts, and its port. Raises ValueError: it is none of http or https."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url[:80]!r} is no http or https address")
    return parts, parts.port or (443 if parts.scheme == "https" else 80)


async def visit(request: Request, name: Name, limit: float, tls: Contexts) -> Visit:
    """Ask at the address of `name`, within `limit` seconds after it is resolved. Never raises for what others do."""
    clock = asyncio.get_running_loop().time
    found = Visit()
    try:
        address = await name.address()
    except OSError as error:
        return Visit("local_error", f"the name cannot be resolved: {error}")
    begun = clock()
    try:
        async with asyncio.timeout(limit):
            await _follow(request, address, tls, found)
    except TimeoutError:
        found.reason, found.detail = "timeout", f"no complete answer within {limit:g} s"
    except Failed as failure:
        found.reason, found.detail = failure.args
    found.seconds = clock() - begun
    return found


async def _follow(request: Request, address: Address, tls: Contexts, found: Visit) -> None:
    url = request.url
    for left in range(request.redirects, -1, -1):
        try:
            parts, port = place(url)
            if url != request.url:
                address = await Name(parts.hostname or "", port).address()
        except ValueError as error:
            whose = ("local_error", "") if url == request.url else ("bad_answer", "it redirects wrongly: ")
            raise Failed(whose[0], f"{whose[1]}{error}") from None
        except OSError as error:
            raise Failed("local_error", f"it redirects to a name that cannot be resolved: {error}") from None
        await _ask(request, parts, address, tls, found)
        if found.status not in REDIRECTS or not found.location or not request.redirects:
            return
        if not left:
            raise Failed("http_status", f"it redirects more than {request.redirects} times")
        url = urljoin(url, found.location)


async def _ask(request: Request, parts: SplitResult, address: Address, tls: Contexts, found: Visit) -> None:
    """One request to one host."""
    clock, first = asyncio.get_running_loop().time, not found.status
    begun = clock()
    try:
        sock = await connected(address)
    except OSError as error:
        raise Failed(reason_of(error), error.strerror or str(error)) from None
    there = clock()
    reader, writer = await _streams(request, parts, address, sock, tls, found)
    try:
        if first:
            found.connecting = there - begun
            found.securing = clock() - there if parts.scheme == "https" else 0.0
        await _exchange(request, parts, reader, writer, found)
    except ssl.SSLError as error:
        raise Failed("tls", error.reason or str(error)) from None
    except OSError as error:
        raise Failed("bad_answer", f"the connection broke: {error.strerror or error}") from None
    finally:
        writer.transport.abort()


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _streams(
    request: Request, parts: SplitResult, address: Address, sock: socket.socket, tls: Contexts, found: Visit
) -> Streams:
    """The connection ready for the request; over TLS with its certificate noted, whether it is trusted or not."""
    if parts.scheme == "http":
        return await asyncio.open_connection(sock=sock, limit=MAX_HEAD)
    host = (parts.hostname or "").partition("%")[0]
    try:
        return await _secure(sock, host, tls.strict if request.verify else tls.lax, found)
    except ssl.SSLCertVerificationError as error:
        # OpenSSL hands out no certificate that it refused: ask once more, for its date only
        try:
            _, writer = await _secure(await connected(address), host, tls.lax, found)
            writer.transport.abort()
        except OSError:
            pass  # then its date stays unknown
        raise Failed("tls", error.verify_message or str(error)) from None
    except ssl.SSLError as error:
        raise Failed("tls", error.reason or str(error)) from None
    except OSError as error:
        raise Failed("tls", f"the connection broke while TLS began: {error.strerror or str(error) or 'closed'}") from None


async def _secure(sock: socket.socket, host: str, context: ssl.SSLContext, found: Visit) -> Streams:
    reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host, limit=MAX_HEAD)
    if not found.certificate:
        found.certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
    return reader, writer


async def _exchange(
    request: Request, parts: SplitResult, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, found: Visit
) -> None:
    """Send the request and read its answer into `found`."""
    clock, first = asyncio.get_running_loop().time, not found.status
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    wanted = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "lineside-agent", "Accept": "*/*"}
    wanted |= {"Accept-Encoding": "identity", "Connection": "close"}
    try:
        writer.write(connection.send(h11.Request(method=request.method, target=target, headers=list(wanted.items()))) or b"")
        writer.write(connection.send(h11.EndOfMessage()) or b"")
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise Failed("local_error", f"the address cannot be asked for: {error}") from None
    asked = clock()

    def heard() -> None:
        if first and not found.waiting:
            found.waiting = clock() - asked

    try:
        await _read(connection, reader, request.keep, found, heard)
    except h11.RemoteProtocolError as error:
        raise Failed("bad_answer", str(error)) from None


async def _read(
    connection: h11.Connection, reader: asyncio.StreamReader, keep: bool, found: Visit, heard: Callable[[], None]
) -> None:
    found.status, size = 0, 0
    found.body.clear()
    for _ in range(MAX_EVENTS):
        event = connection.next_event()
        while event is h11.NEED_DATA:
            connection.receive_data(await reader.read(PIECE))
            heard()
            await asyncio.sleep(0)
            event = connection.next_event()
        if isinstance(event, h11.Response):
            found.status = event.status_code
            found.location = dict(event.headers).get(b"location", b"").decode("latin-1")
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if keep:
                found.body += event.data
            if size >= MAX_BODY:
                del found.body[MAX_BODY:]
                return
        elif not isinstance(event, h11.InformationalResponse):
            return
    raise Failed("bad_answer", "an answer in too many small pieces")
