"""Bodies of requests: JSON only, and never more of it in memory than is allowed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from protocols.errors import Refused
from server.inventory.nodes import Node, UnreadableError, from_json

if TYPE_CHECKING:
    from starlette.requests import Request


async def read(request: Request, limit: int, advice: str) -> bytes:
    """The body. Raises Refused: 413 with `advice` where it is larger than `limit`, 415 where it says that it is no JSON."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Refused(415, "Not JSON", f"Send JSON with Content-Type: application/json, not {kind[:80] or 'nothing'}.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(415, "Encoded body", "Send the JSON as it is, without Content-Encoding.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise Refused(413, "Too large", advice)
    return bytes(body)


async def read_nodes(request: Request, limit: int, title: str, advice: str) -> Node:
    """The JSON in the body. Raises Refused as `read`, and 400 with `title` where it is no JSON."""
    body = await read(request, limit, advice)
    try:
        return await asyncio.to_thread(from_json, body)
    except UnreadableError as error:
        raise Refused(400, title, error.fault.message) from None
