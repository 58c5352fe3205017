"""Forms that change something: read with a limit, and only when the page that sent them was ours and of this session."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from protocols.errors import Refused

if TYPE_CHECKING:
    from fastapi import Request

MOST_BYTES = 200_000
MOST_FIELDS = 2_000


def token(request: Request) -> str:
    """What a form must bring back: known to this session only. The cookie is SameSite too; this holds where that does not."""
    caller = request.state.caller
    said = f"form {caller.tenant_id} {caller.kind} {caller.id}".encode()
    return hmac.new(request.app.state.secret_key, said, hashlib.sha256).hexdigest()


async def read(request: Request) -> dict[str, list[str]]:
    """The fields of a form, each with its values. Raises Refused: 403 not from our page, 413 and 422 no form of ours."""
    if int(request.headers.get("content-length") or 0) > MOST_BYTES:
        raise Refused(413, "This form is too large", "Name fewer services in one window.")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refused(413, "This form is too large", "Name fewer services in one window.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=False, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refused(422, "This form cannot be read", "Go back and send it again.") from None
    given = fields.get("csrf", [""])[0]
    if not hmac.compare_digest(given.encode(), token(request).encode()):
        raise Refused(403, "This form is not from this session", "Open the page again and send the form from there.")
    return fields


def one(fields: dict[str, list[str]], name: str, limit: int = 255) -> str:
    """The first value of a field without blanks around it, cut; empty where there is none. NUL goes: no database holds it."""
    return fields.get(name, [""])[0].replace("\0", "").strip()[:limit]
