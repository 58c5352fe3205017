"""The calls on every noun of the CRM's API: list, get, put one or many, delete; by external id, idempotent, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from protocols.errors import Refused
from server.api import problems
from server.api.bodies import read_nodes
from server.api.crm import queries
from server.api.crm.fact_changes import apply_facts, stored_fact
from server.api.crm.nouns import MAX_ITEMS, OWNER, READ_ONLY, Noun, Outcome, Outcomes
from server.inventory import apply as inventory_changes
from server.inventory.complete import canonical
from server.inventory.document import Record
from server.inventory.intent import Intent, owned
from server.inventory.nearest import hint
from server.inventory.nodes import MAX_BYTES, Fault, Node
from storage import inventory, records
from storage.computed import for_reseller
from storage.database import Connection, as_caller
from storage.nouns import Row

Handler = Callable[[Request], Awaitable[Response]]
ONE_BODY = 1 << 20
ANY = "*"
NO_TEXT = "\N{REPLACEMENT CHARACTER}"  # what bytes that are no text became: two such addresses would be one record


class _Faulty(Exception):  # noqa: N818 - carries the answer out of the transaction, which rolls back
    def __init__(self, answer: JSONResponse) -> None:
        super().__init__()
        self.answer = answer


async def get_many(request: Request, noun: Noun) -> Response:
    """A page of records, sorted by external id."""
    state, caller, query = request.app.state, request.state.caller, request.state.query
    now = state.clock()
    async with as_caller(state.pool, caller) as con:
        given = (queries.filters(query), queries.behind(query), query.limit + 1, now)
        found = await records.page(con, caller.tenant_id, noun.name, *given)
        rows = await records.load(con, caller.tenant_id, noun.name, found[: query.limit])
        items = await _shown(con, caller.tenant_id, noun, rows, now)
    more = queries.cursor(found[query.limit - 1]) if len(found) > query.limit else None
    return _json({"items": items, "next_cursor": more})


async def get_one(request: Request, noun: Noun) -> Response:
    """One record, with its ETag. Raises Refused 404."""
    state, caller = request.app.state, request.state.caller
    now = state.clock()
    async with as_caller(state.pool, caller) as con:
        row = await _row(con, caller.tenant_id, noun, request.path_params["external_id"])
        (item,) = await _shown(con, caller.tenant_id, noun, [row], now)
    return _json(item, headers={"ETag": _etag(noun, row)})


async def put_one(request: Request, noun: Noun) -> Response:
    """Make one record what the body says: 201 created, 200 changed or unchanged."""
    external_id = request.path_params["external_id"]
    if NO_TEXT in external_id:
        raise Refused(422, "Not an id", "The id in the address is not UTF-8: encode the text as UTF-8, then each byte as %XX.")
    body = await read_nodes(request, ONE_BODY, "Not a record", f"One record is at most {ONE_BODY >> 10} KiB.")
    root = Node(0, {noun.name: Node(0, [_named(body, external_id)])})

    def place(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        return path[2:]

    (outcome,), etag = await _put(request, noun, root, [external_id], place)
    return _json(outcome, 201 if outcome.result == "created" else 200, headers={} if etag is None else {"ETag": etag})


async def put_many(request: Request, noun: Noun) -> Response:
    """Make up to 1,000 records what the body says, all or none of them."""
    advice = f"A body is at most {MAX_BYTES >> 20} MiB: send the records in parts."
    body = await read_nodes(request, MAX_BYTES, "Not a list of records", advice)
    items, faults = _items(body)
    if faults:
        return problems.faulty(422, "The records have faults", faults)
    root = Node(0, {noun.name: Node(0, [_without_read_only(item) for item in items])})
    ids = [str(item.value["id"].value) if isinstance(item.value, dict) and "id" in item.value else "" for item in items]

    def place(path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        return ("items", *path[1:])

    outcomes, _ = await _put(request, noun, root, ids, place)
    counts = {word: sum(outcome.result == word for outcome in outcomes) for word in ("created", "changed", "unchanged")}
    return _json(Outcomes(tuple(outcomes), **counts))


async def delete_one(request: Request, noun: Noun) -> Response:
    """Delete one record of the CRM's. Raises Refused: 404, 409 where it is another owner's or still in use."""
    state, caller = request.app.state, request.state.caller
    external_id = request.path_params["external_id"]
    async with as_caller(state.pool, caller) as con:
        await inventory.lock(con, caller.tenant_id)
        row = await _row(con, caller.tenant_id, noun, external_id)
        _precondition(request, _etag(noun, row))
        if row.owner != OWNER:
            said = owned(noun.words[1], external_id, row.owner)
            raise Refused(409, "Owned by another source", f"{said[:1].upper()}{said[1:]}.")
        if noun.is_fact:
            await records.remove_fact(con, caller.tenant_id, noun.name, external_id)
        else:
            given = (noun.name, external_id, state.secret_key, state.clock(), OWNER)
            await inventory_changes.remove(con, caller.tenant_id, *given)
    return Response(status_code=204)


async def _put(
    request: Request, noun: Noun, root: Node, ids: Sequence[str], place: Callable[[tuple[str | int, ...]], tuple[str | int, ...]]
) -> tuple[list[Outcome], str | None]:
    """What became of each record, and the ETag if it was one. Raises _Faulty, which the handler's frame answers."""
    state, caller = request.app.state, request.state.caller
    conditional = "external_id" in request.path_params and any(name in request.headers for name in ("if-match", "if-none-match"))
    async with as_caller(state.pool, caller) as con:
        if conditional:
            await inventory.lock(con, caller.tenant_id)
            found = await records.load(con, caller.tenant_id, noun.name, ids[:1])
            _precondition(request, _etag(noun, found[0]) if found else None)
        intent = await _apply(con, caller.tenant_id, noun, root, state)
        for status, title, faults in (
            (422, "The record has faults", intent.faults),
            (409, "In conflict with what is stored", intent.conflicts),
        ):
            if faults:
                placed = [fault._replace(path=place(fault.path)) for fault in faults]
                raise _Faulty(problems.faulty(status, title, placed))
        stored = await records.load(con, caller.tenant_id, noun.name, ids) if len(ids) == 1 else []
    actions = {change.id: "created" if change.action == "create" else "changed" for change in intent.changes}
    outcomes = [msgspec.convert({"id": key, "result": actions.get(key, "unchanged")}, Outcome) for key in ids]
    return outcomes, _etag(noun, stored[0]) if stored else None


async def _apply(con: Connection, tenant_id: int, noun: Noun, root: Node, state: Any) -> Intent:
    if noun.is_fact:
        return await apply_facts(con, tenant_id, root, state.clock(), OWNER)
    given = (root, state.secret_key, state.profiles, state.clock(), OWNER)
    return await inventory_changes.apply_part(con, tenant_id, *given)


async def answered(call: Callable[[Request, Noun], Awaitable[Response]], request: Request, noun: Noun) -> Response:
    """The call's answer, whose transaction was rolled back where it found faults."""
    try:
        return await call(request, noun)
    except _Faulty as fault:
        return fault.answer


async def _row(con: Connection, tenant_id: int, noun: Noun, external_id: str) -> Row:
    """The stored record. Raises Refused 404 with the nearest id."""
    rows = [] if "\0" in external_id else await records.load(con, tenant_id, noun.name, [external_id])
    if not rows:
        near = hint(external_id, await records.names(con, tenant_id, noun.name))
        raise Refused(404, f"Unknown {noun.words[1]}", f"There is no {noun.words[1]} {external_id[:255]!r}{near or '.'}")
    return rows[0]


def _record(noun: Noun, row: Row) -> Record:
    if noun.is_fact:
        return stored_fact(noun.name, row.body)
    return canonical(msgspec.json.decode(row.body, type=noun.record))


async def _shown(con: Connection, tenant_id: int, noun: Noun, rows: Sequence[Row], now_us: int) -> list[dict[str, Any]]:
    """The records as they are read: what was written, whose they are, and what is computed."""
    items = [msgspec.to_builtins(_record(noun, row)) | {"owner": row.owner} for row in rows]
    if await for_reseller(con):  # what the provider pays is no reseller's business
        items = [{key: value for key, value in item.items() if key not in ("commission", "cost")} for item in items]
    if noun.fields is not None:
        computed = await noun.fields[0](con, tenant_id, [row.key for row in rows], now_us)
        for item, row in zip(items, rows, strict=True):
            item["computed"] = computed.get(row.key, {})
    return items


def _etag(noun: Noun, row: Row) -> str:
    """Changes with what was written, not with what is computed."""
    return f'"{hashlib.sha256(msgspec.json.encode(_record(noun, row))).hexdigest()[:32]}"'


def _precondition(request: Request, etag: str | None) -> None:
    """Raises Refused 412 where If-Match or If-None-Match ask for another state. `etag` is None where nothing is stored."""
    match, none = request.headers.get("if-match"), request.headers.get("if-none-match")
    if match is not None and (etag is None or (match.strip() != ANY and etag not in _tags(match))):
        raise Refused(412, "It has changed since", "Read it again: its ETag is another one than If-Match names.")
    if none is not None and etag is not None and (none.strip() == ANY or etag in _tags(none)):
        raise Refused(412, "It exists", "If-None-Match asks that it does not.")


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]


def _named(body: Node, external_id: str) -> Node:
    """The body with the id of the path, which it may repeat. Raises Refused 422 where it says another."""
    if not isinstance(body.value, dict):
        return body
    own = body.value.get("id")
    if own is not None and own.value != external_id:
        raise Refused(
            422, "Two ids", f"The body says 'id' {str(own.value)[:255]!r}, the address {external_id[:255]!r}: leave it out."
        )
    return _without_read_only(Node(0, body.value | {"id": Node(0, external_id)}))


def _without_read_only(body: Node) -> Node:
    if not isinstance(body.value, dict):
        return body
    return Node(0, {key: value for key, value in body.value.items() if key not in READ_ONLY})


def _items(body: Node) -> tuple[list[Node], list[Fault]]:
    """The records of a PUT of many, or what is wrong with its frame."""
    if not isinstance(body.value, dict) or not isinstance(body.value.get("items", Node(0, None)).value, list):
        return [], [Fault((), 'the body is {"items": [...]}')]
    faults = [Fault((key,), f"unknown key {key[:80]!r}: the body is {{'items': [...]}}") for key in body.value if key != "items"]
    items: list[Node] = body.value["items"].value
    if len(items) > MAX_ITEMS:
        faults.append(Fault(("items",), f"'items' has {len(items)} entries; the most is {MAX_ITEMS}: send them in parts"))
    return items, faults


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")
