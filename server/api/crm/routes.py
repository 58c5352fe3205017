"""The routes of the CRM's API, five a noun, with what its description says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fastapi import Request
from fastapi.responses import Response

from server.api.crm import records
from server.api.crm.nouns import NOUNS, Noun, Outcome, Outcomes, body_type, item_type, items_type, page_type
from server.operations import Operation
from server.web import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MATCH = {
    "If-Match": "Only if this is the ETag of what is stored, or `*`: only if it exists.",
    "If-None-Match": "`*`: only if nothing is stored under this id.",
}
Method = Literal["GET", "PUT", "DELETE"]
Call: TypeAlias = "Callable[[Request, Noun], Awaitable[Response]]"


def routes() -> tuple[Route, ...]:
    """All of them, lists first."""
    return tuple(route for noun in NOUNS for route in _of(noun))


def _of(noun: Noun) -> Iterator[Route]:
    many, one = f"/crm/v1/{noun.path}", f"/crm/v1/{noun.path}/{{external_id:path}}"
    plural, word = noun.plural, noun.words[1]
    a_word = " ".join(noun.words)
    them, it = (f" with what Lineside knows about {whom}" if noun.fields else "" for whom in ("them", "it"))

    def operation(verb: str, name: str, answers: dict[int, object], **more: Any) -> Operation:
        return Operation(plural, answers, name=f"{verb} {name}".replace(" ", "_"), **more)

    listed = operation("list", plural, {200: page_type(noun)}, query=noun.query)
    yield _route("GET", many, records.get_many, noun, f"List {plural}{them}, sorted by id.", listed)
    both = operation("put", plural, {200: Outcomes}, body=items_type(noun), problems=(409, 413, 415, 422))
    yield _route("PUT", many, records.put_many, noun, f"Create or replace up to 1,000 {plural}, all or none.", both)
    got = operation("get", word, {200: item_type(noun)}, problems=(404,))
    yield _route("GET", one, records.get_one, noun, f"Get {a_word}{it}.", got)
    done: dict[int, object] = {200: Outcome, 201: Outcome}
    put = operation("put", word, done, body=body_type(noun), problems=(409, 412, 413, 415, 422), headers=MATCH)
    yield _route("PUT", one, records.put_one, noun, f"Create or replace {a_word}; the same again changes nothing.", put)
    if noun.removable:
        if_match = {"If-Match": MATCH["If-Match"]}
        deleted = operation("delete", word, {204: None}, problems=(404, 409, 412), headers=if_match)
        says = f"Delete {a_word} and its history; one that is still referred to stays."
        yield _route("DELETE", one, records.delete_one, noun, says, deleted)


def _route(method: Method, path: str, call: Call, noun: Noun, says: str, operation: Operation) -> Route:
    async def handler(request: Request) -> Response:
        return await records.answered(call, request, noun)

    handler.__doc__ = says
    return Route(method, path, handler, "crm-read" if method == "GET" else "crm-write", operation)
