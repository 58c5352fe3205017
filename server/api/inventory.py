"""The inventory as one document: PUT applies it (or says what it would do), GET exports it without secrets."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from protocols.errors import Refused
from server.inventory import apply as work
from server.inventory.diff import difference
from server.inventory.nodes import MAX_BYTES, MAX_FAULTS, Fault, UnreadableError, from_json
from storage.database import as_tenant


async def export(request: Request) -> Response:
    """GET /api/v1/inventory: everything that is stored, in the shape of the file, with secrets (community, auth_secret, priv_secret) always null."""
    tenant_id = request.state.caller.tenant_id
    async with as_tenant(request.app.state.pool, tenant_id) as con:
        document = await work.export(con, tenant_id)
    return Response(await asyncio.to_thread(msgspec.json.encode, document), media_type="application/json")


async def apply(request: Request, dry_run: bool = False) -> Response:
    """PUT /api/v1/inventory?dry_run=bool: {changes, applied, summary}; 422 with all faults, 409 with all foreign records."""
    state, tenant_id = request.app.state, request.state.caller.tenant_id
    body = await _body(request)
    try:
        root = await asyncio.to_thread(from_json, body)
    except UnreadableError as error:
        raise Refused(400, "Not an inventory", error.fault.message) from None
    async with as_tenant(state.pool, tenant_id) as con:
        intent = await work.apply(con, tenant_id, root, state.secret_key, state.profiles, state.clock(), dry_run=dry_run)
    if intent.faults:
        return _problem(422, "The inventory has faults", intent.faults)
    if intent.conflicts:
        return _problem(409, "Owned by another source", intent.conflicts)
    answer = difference(intent.changes, intent.unchanged, applied=not dry_run)
    return Response(await asyncio.to_thread(msgspec.json.encode, answer), media_type="application/json")


def pointer(path: tuple[str | int, ...]) -> str:
    """A place in the document as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def _problem(status: int, title: str, faults: list[Fault]) -> JSONResponse:
    """problem+json (RFC 9457) with every fault under `errors`: its place as a JSON pointer, and a sentence."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    errors = [{"pointer": pointer(fault.path), "detail": fault.message} for fault in faults[:MAX_FAULTS]]
    body = {"type": "about:blank", "title": title, "status": status, "detail": f"{faults[0].message}{more}", "errors": errors}
    return JSONResponse(body, status, media_type="application/problem+json")


async def _body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            raise Refused(413, "Too large", f"An inventory is at most {MAX_BYTES >> 20} MiB; apply it in parts, without prune.")
        parts.append(part)
    return b"".join(parts)
