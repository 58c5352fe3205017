"""The pages as an application of their own, for tests: our handlers on a real database, the caller set by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI, Request, Response

from server import errors
from server.auth import Caller
from server.change import Change
from server.pages import account, accounts, assets, overview, rendering, service, services, sign_in
from storage.database import Bound, connect
from tests.fakes import seed

NOW = 1_795_528_800_000_000  # 24 November 2026, 14:00 UTC


def application(tenant: int, clock: Callable[[], int], bound: Bound | None = None) -> FastAPI:
    """The pages, seen by a session of `tenant` (0 = nobody); the pool is put into its state by `on_database`."""
    app = FastAPI()
    app.state.clock = clock
    app.state.inventory_change, app.state.status_change = Change(), Change()

    @app.middleware("http")
    async def enter(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        caller = Caller(tenant, "session", 1, "browser", frozenset({"noc-read"}), None, bound) if tenant else None
        request.state.caller = caller
        return await go_on(request)

    for path, handler in (
        ("/", overview.overview),
        ("/accounts", accounts.accounts),
        ("/accounts/{external_id:path}", account.account),
        ("/services", services.services),
        ("/services/{external_id:path}", service.service),
        ("/sign-in", sign_in.sign_in),
        ("/static/{path:path}", assets.static),
    ):
        app.add_api_route(path, handler, response_model=None)
    app.add_api_route("/sign-out", sign_in.sign_out, methods=["POST"], response_model=None)
    errors.install(app, rendering.error_page)
    return app


@asynccontextmanager
async def on_database(
    dsn: str, tenant: int = seed.TENANT, now: int = NOW, bound: Bound | None = None
) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser without JavaScript on the pages of `tenant`."""
    app = application(tenant, lambda: now, bound)
    app.state.pool = await connect(dsn, "lineside_app", 2)
    try:
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        headers = {"accept": "text/html", "accept-encoding": "identity"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://lineside", headers=headers) as client:
            yield client
    finally:
        await app.state.pool.close()
