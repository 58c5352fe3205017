"""The inventory as one document: PUT applies it (or says what it would do), GET exports it without secrets."""

from __future__ import annotations

import asyncio

import msgspec
from fastapi import Request
from fastapi.responses import Response

from server.api.bodies import read_nodes
from server.api.problems import faulty
from server.inventory import apply as work
from server.inventory.diff import Difference, difference
from server.inventory.document import Document
from server.inventory.nodes import MAX_BYTES
from server.operations import Operation
from storage.database import as_tenant


class ApplyQuery(msgspec.Struct, frozen=True):
    """Whether to change anything."""

    dry_run: bool = False


async def export(request: Request) -> Response:
    """Read the whole inventory, in the shape of the file.

    Secrets (community, auth_secret, priv_secret) are always null.
    """
    tenant_id = request.state.caller.tenant_id
    async with as_tenant(request.app.state.pool, tenant_id) as con:
        document = await work.export(con, tenant_id)
    return Response(await asyncio.to_thread(msgspec.json.encode, document), media_type="application/json")


async def apply(request: Request) -> Response:
    """Make the inventory what the document says, or (dry_run) say what that would change.

    Secrets are sent in clear text; null keeps the stored one. It changes all or nothing: 422 names all faults, 409 all
    records that another source owns.
    """
    state, tenant_id, dry_run = request.app.state, request.state.caller.tenant_id, request.state.query.dry_run
    advice = f"An inventory is at most {MAX_BYTES >> 20} MiB; apply it in parts, without prune."
    root = await read_nodes(request, MAX_BYTES, "Not an inventory", advice)
    async with as_tenant(state.pool, tenant_id) as con:
        intent = await work.apply(con, tenant_id, root, state.secret_key, state.profiles, state.clock(), dry_run=dry_run)
    if intent.faults:
        return faulty(422, "The inventory has faults", intent.faults)
    if intent.conflicts:
        return faulty(409, "Owned by another source", intent.conflicts)
    answer = difference(intent.changes, intent.unchanged, applied=not dry_run)
    return Response(await asyncio.to_thread(msgspec.json.encode, answer), media_type="application/json")


EXPORT = Operation("inventory", {200: Document})
APPLY = Operation("inventory", {200: Difference}, query=ApplyQuery, body=Document, problems=(409, 413, 415, 422))
