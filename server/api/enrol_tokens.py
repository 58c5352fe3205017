"""One-time tokens for agents: POST /api/v1/enrol-tokens {site} -> {token, expires_at}. The token is shown here and never again."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse

from protocols.errors import Refused
from server import instants
from server.api.bodies import read
from server.auth import TOKEN_US, new_secret, sha256
from server.inventory.fields import Id
from server.inventory.nearest import hint
from server.operations import Operation
from storage import enrol_tokens
from storage.database import as_tenant

MAX_BODY = 4_096


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The request: the id of the site where the agent will stand."""

    site: Id


class Token(msgspec.Struct, frozen=True):
    """A token, shown this once, and when it ends."""

    token: str
    expires_at: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


async def create(request: Request) -> JSONResponse:
    """Make a token that enrols one agent at a site within 24 hours; it is shown this once."""
    body = await read(request, MAX_BODY, 'The body is {"site": ID} and nothing else.')
    try:
        wanted = msgspec.json.decode(body, type=Wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(422, "The request does not fit", f'The body is {{"site": ID}}: {error}') from None
    state, tenant_id = request.app.state, request.state.caller.tenant_id
    token, now = new_secret(), state.clock()
    async with as_tenant(state.pool, tenant_id) as con:
        if not await enrol_tokens.create(con, tenant_id, wanted.site, sha256(token), now, now + TOKEN_US):
            near = hint(wanted.site, await enrol_tokens.sites(con, tenant_id))
            raise Refused(404, "Unknown site", f"There is no site {wanted.site!r}{near or '.'}")
    return JSONResponse({"token": token, "expires_at": instants.text(now + TOKEN_US)}, 201)


CREATE = Operation("agents", {201: Token}, body=Wanted, problems=(404, 413, 415, 422))
