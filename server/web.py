"""The web process: agents' calls, the API and the pages. Several may run; they meet in the database only."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import MutableHeaders

from protocols.errors import ConfigError, Unavailable
from server import auth, errors, keys
from server.change import Change
from server.ingest import Ingest
from server.opaque import AsWritten, opaque
from server.operations import Operation, read_query
from server.pages import rendering
from server.profiles import load_profiles
from storage import callers, listen
from storage.database import Trouble, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from types import FrameType

    from starlette.datastructures import State
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from server.config import Settings

log = logging.getLogger("lineside.web")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Route(NamedTuple):
    """One address, who may call it, and what answers. Pages have no `operation`; whatever has one stands in the OpenAPI."""

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    handler: Callable[..., Awaitable[Any]]
    scope: auth.Scope
    operation: Operation | None = None


def create_app(settings: Settings, dsn: str, routes: Sequence[Route], clock: Callable[[], int]) -> FastAPI:
    """The application on the database at `dsn`. Raises ConfigError for a route without a scope."""
    lifespan = functools.partial(_lifespan, settings=settings, dsn=dsn)
    # the description of the API is ours (api/openapi.py): it is written by the same types that bodies are read by
    app = FastAPI(title="Lineside", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.clock = clock
    app.state.routes = routes
    app.state.settings = settings
    app.state.stopping = False
    app.state.failure = None
    for route in routes:
        if route.scope not in auth.SCOPES:
            msg = f"The route {route.path} has the scope {route.scope!r}, which is none of {', '.join(sorted(auth.SCOPES))}."
            raise ConfigError(msg)
        door = Depends(_door(route.scope, route.operation))
        # monitors look at what is public by HEAD; a page or a one-time link is only ever opened by GET
        methods = [route.method, *(["HEAD"] if route.scope == "status-public" else [])]
        app.add_api_route(opaque(route.path), route.handler, methods=methods, dependencies=[door], response_model=None)
    app.add_middleware(_SafeHeaders)
    app.add_middleware(AsWritten)
    errors.install(app, rendering.error_page)
    return app


def _door(scope: str, operation: Operation | None) -> Callable[[Request], Any]:
    async def admit(request: Request) -> None:
        state = request.app.state
        request.state.caller = await state.doorkeeper.admit(request, scope, state.clock())
        if operation is not None:
            request.state.query = read_query(request, operation.query)

    return admit


class _SafeHeaders:
    """Adds HEADERS to every answer that does not set them itself; plain ASGI, so that bodies stream through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _prepare(state: State, settings: Settings, dsn: str) -> None:
    """What the handlers find in the state. Raises ConfigError, Unavailable and Trouble."""
    state.pool = await connect(dsn, "lineside_app", 10)
    state.ingest_pool = await connect(dsn, "lineside_ingest", 10)
    state.secret_key = keys.read_or_make(settings.key_path)
    state.profiles = load_profiles(settings.profiles_path)
    state.doorkeeper = auth.Doorkeeper(state.pool)
    state.heard = {}
    state.inventory_change, state.status_change = Change(), Change()
    async with state.pool.acquire() as con:
        generation = await callers.generation(con)
    state.ingest = Ingest(state.ingest_pool, state.pool, generation)


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI, settings: Settings, dsn: str) -> AsyncIterator[None]:
    state = app.state
    try:
        await _prepare(state, settings, dsn)
    except (ConfigError, Unavailable) as error:
        state.failure = error
        raise
    except Trouble as error:
        state.failure = Unavailable(f"The database does not answer now: {str(error) or type(error).__name__}.")
        raise

    def heard(channel: str) -> None:
        if channel == listen.INVENTORY:
            state.ingest.inventory_changed()
            state.doorkeeper.forget()
            state.inventory_change.fire()
        else:
            state.status_change.fire()

    listener = asyncio.create_task(listen.listen(dsn, (listen.INVENTORY, listen.STATUS), heard))
    try:
        yield
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
        for pool in (state.pool, state.ingest_pool):
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()


async def healthz(_request: Request) -> Response:
    """The process lives."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """The process can do its work: the database answers."""
    async with request.app.state.pool.acquire() as con:
        await callers.generation(con)
    return JSONResponse({"status": "ready"})


class _Server(uvicorn.Server):
    """Tells the application that it stops, so that requests which wait for news are answered at once."""

    def __init__(self, config: uvicorn.Config, state: State) -> None:
        super().__init__(config)
        self._state = state
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        self._state.stopping = True
        self._state.inventory_change.fire()


async def serve(app: FastAPI, settings: Settings, fd: int | None) -> None:
    """Serve until SIGTERM or SIGINT, on the inherited socket `fd` or on a socket of our own.

    Raises ConfigError and Unavailable where it cannot begin.
    """
    config = uvicorn.Config(
        app, settings.host, settings.port, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=10
    )
    # uvicorn would tell a failed start as tracebacks; the caller says it in a sentence.
    logging.getLogger("uvicorn.error").addFilter(lambda _: app.state.failure is None)
    try:
        await _Server(config, app.state).serve(None if fd is None else [socket.socket(fileno=fd)])
    except SystemExit:
        if app.state.failure is None:
            raise
    if app.state.failure is not None:
        raise app.state.failure
