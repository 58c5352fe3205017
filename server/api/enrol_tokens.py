"""One-time tokens for agents: POST /api/v1/enrol-tokens {site} -> {token, expires_at}. The token is shown here and never again."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse

from protocols.errors import Refused
from server.auth import new_secret, sha256
from server.inventory.fields import Id
from server.inventory.nearest import hint
from storage import enrol_tokens
from storage.database import as_tenant
from storage.times import MICROSECOND, to_datetime

LIFE_US = timedelta(hours=24) // MICROSECOND
MAX_BODY = 4_096


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request: the id of the site where the agent will stand."""

    site: Id


async def create(request: Request) -> JSONResponse:
    """201 with a token that enrols one agent at the site within 24 hours; 404 if there is no such site."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise Refused(413, "Too large", 'The body is {"site": ID} and nothing else.')
    try:
        wanted = msgspec.json.decode(bytes(body), type=Wanted)
    except msgspec.MsgspecError as error:
        raise Refused(422, "The request does not fit", f'The body is {{"site": ID}}: {error}') from None
    state, tenant_id = request.app.state, request.state.caller.tenant_id
    token, now = new_secret(), state.clock()
    async with as_tenant(state.pool, tenant_id) as con:
        if not await enrol_tokens.create(con, tenant_id, wanted.site, sha256(token), now, now + LIFE_US):
            near = hint(wanted.site, await enrol_tokens.sites(con, tenant_id))
            raise Refused(404, "Unknown site", f"There is no site {wanted.site!r}{near or '.'}")
    expires = to_datetime(now + LIFE_US).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return JSONResponse({"token": token, "expires_at": expires}, 201)
