"""GET /sign-in?token=…: a one-time link becomes a session in this browser."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from protocols.errors import Refused
from server import auth
from server.pages import rendering
from storage import callers
from storage.database import as_tenant


async def sign_in(request: Request) -> Response:
    """To the first page with a session cookie; a spent link of a browser that is signed in already goes there too."""
    now = request.app.state.clock()
    cookie = auth.new_secret()
    if await _redeem(request, auth.sha256(request.query_params.get("token", "")), auth.sha256(cookie), now):
        answer = RedirectResponse("/services", 303)
        https = request.url.scheme == "https" or request.app.state.settings.url.startswith("https:")
        answer.set_cookie(auth.COOKIE, cookie, auth.SESSION_US // 1_000_000, secure=https, httponly=True, samesite="lax")
        return answer
    try:
        await request.app.state.doorkeeper.admit(request, "noc-read", now)
    except Refused:
        return rendering.error_page(
            request,
            401,
            "This sign-in link does not work any more",
            "A link opens one session, once, and only for a day. This one was used already, has expired, or was cut off.",
        )
    return RedirectResponse("/services", 303)


async def _redeem(request: Request, link: bytes, cookie: bytes, now: int) -> bool:
    pool = request.app.state.pool
    async with pool.acquire() as con:
        tenant = await callers.tenant_of_link(con, link)
    if tenant is None:
        return False
    async with as_tenant(pool, tenant) as con:
        return await callers.redeem_link(con, link, cookie, now, now + auth.SESSION_US)
