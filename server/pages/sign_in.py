"""GET /sign-in: a one-time link becomes a session in this browser, POST /sign-out ends it."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from protocols.errors import Refused
from server import auth
from server.pages import rendering
from storage import callers
from storage.database import as_tenant

SPENT = "A link opens one session, once, and only for a day. This one was used already, has expired, or was cut off."


async def sign_in(request: Request) -> Response:
    """To the first page with a session cookie; who is signed in already goes there too; without a link, how to get one."""
    now = request.app.state.clock()
    token = request.query_params.get("token", "")
    cookie = auth.new_secret()
    if token and await _redeem(request, auth.sha256(token), auth.sha256(cookie), now):
        answer = RedirectResponse("/", 303)
        https = request.url.scheme == "https" or request.app.state.settings.url.startswith("https:")
        answer.set_cookie(auth.COOKIE, cookie, auth.SESSION_US // 1_000_000, secure=https, httponly=True, samesite="lax")
        return answer
    try:
        await request.app.state.doorkeeper.admit(request, "noc-read", now)
    except Refused:
        if token:
            return rendering.error_page(request, 401, "This sign-in link does not work any more", SPENT)
        body = rendering.html("sign_in.html", request, left="left" in request.query_params)
        return rendering.answer(request, body.encode(), 200)
    return RedirectResponse("/", 303)


async def sign_out(request: Request) -> Response:
    """End the session of this browser, in the database too: a copy of its cookie opens nothing any more.

    The cookie is SameSite=Lax, so a page of somebody else cannot send it here.
    """
    state = request.app.state
    digest = auth.sha256(request.cookies.get(auth.COOKIE, ""))
    async with state.pool.acquire() as con:
        found = await callers.by_cookie(con, digest, state.clock())
    if found is not None:
        async with as_tenant(state.pool, found.tenant_id) as con:
            await callers.end_session(con, digest, state.clock())
        state.doorkeeper.forget()
    answer = RedirectResponse("/sign-in?left", 303)
    answer.delete_cookie(auth.COOKIE, httponly=True, samesite="lax")
    return answer


async def _redeem(request: Request, link: bytes, cookie: bytes, now: int) -> bool:
    pool = request.app.state.pool
    async with pool.acquire() as con:
        tenant = await callers.tenant_of_link(con, link)
    if tenant is None:
        return False
    async with as_tenant(pool, tenant) as con:
        return await callers.redeem_link(con, link, cookie, now, now + auth.SESSION_US)
