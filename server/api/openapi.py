"""The description of the API, OpenAPI 3.1 and 3.0: written from the table of routes and the structs that bodies are read by."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from fastapi import Request
from fastapi.responses import Response

from server.api.problems import Problem
from server.api.schemas import Schema, as_3_0, as_3_1
from server.inventory.fields import Id
from server.operations import Bytes, Operation

if TYPE_CHECKING:
    from server.web import Route

Version = Literal["3.1.0", "3.0.3"]
REF = "#/components/schemas/{name}"
WORDS = {
    400: "The query or the body cannot be read.",
    401: "No credential, or one that is not known.",
    403: "The credential does not allow it.",
    404: "There is no such thing.",
    409: "It is another owner's, still in use, or at odds with what is stored.",
    412: "It has changed since, or exists.",
    413: "The body is too large.",
    415: "The body is not of the media type or encoding that is read here.",
    422: "The body has faults: `errors` names each with its place.",
    426: "This version of the batch format is not read any more.",
    429: "Too many requests: try again after Retry-After seconds.",
    503: "Try again later, after Retry-After seconds.",
}
ANSWERS = {200: "As asked.", 201: "Created.", 204: "Done.", 304: "Unchanged."}
ABOUT = """What a provider sold to whom, what carries it, and how it does. Ids are yours: opaque, at most 255 characters, percent-encoded
in paths. A PUT replaces the whole record, and the same PUT twice changes nothing. Instants are UTC, RFC 3339 with Z; money is
{amount, currency}. Lists come in pages: pass `next_cursor` as `cursor` until it is null. Refusals are problem+json (RFC 9457)."""

DESCRIPTION = Operation("description", {200: dict[str, Any]})


async def crm(request: Request) -> Response:
    """The description of /crm/v1 as OpenAPI 3.1."""
    return _described(request, "3.1.0", "/crm/v1/")


async def crm_3_0(request: Request) -> Response:
    """The description of /crm/v1 as OpenAPI 3.0, for readers that know no 3.1."""
    return _described(request, "3.0.3", "/crm/v1/")


async def whole(request: Request) -> Response:
    """The description of every call that programs make, agents too."""
    return _described(request, "3.1.0", "/")


def document(routes: Sequence[Route], version: Version, prefix: str = "/") -> Schema:
    """The routes with an operation whose path begins with `prefix`."""
    chosen = [(route, route.operation) for route in routes if route.operation is not None and route.path.startswith(prefix)]
    kinds = dict.fromkeys([Problem, *(kind for _, operation in chosen for kind in _kinds(operation))])
    schemas, components = msgspec.json.schema_components(list(kinds), ref_template=REF)
    named = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, Schema] = {}
    for route, operation in chosen:
        path = re.sub(r":\w+}", "}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, operation, named)
    tags = dict.fromkeys(operation.tag for _, operation in chosen)
    statuses = sorted({status for _, operation in chosen for status in _problems("agent", operation)} | {401, 403})
    adapt = as_3_1 if version == "3.1.0" else as_3_0
    return {
        "openapi": version,
        "info": {"title": "Lineside", "version": "1", "description": ABOUT.replace("\n", " "), "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in tags],
        "paths": adapt(paths),
        "components": {
            "schemas": adapt(components),
            "responses": {f"Problem{status}": _problem(status) for status in statuses},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(request: Request, version: Version, prefix: str) -> Response:
    state = request.app.state
    if not hasattr(state, "descriptions"):
        state.descriptions = {}
    if (version, prefix) not in state.descriptions:
        state.descriptions[version, prefix] = msgspec.json.encode(document(state.routes, version, prefix))
    return Response(state.descriptions[version, prefix], media_type="application/json")


def _kinds(operation: Operation) -> Iterator[Any]:
    for kind in (operation.body, *operation.answers.values()):
        if kind is not None and not isinstance(kind, Bytes):
            yield kind


def _operation(route: Route, operation: Operation, named: dict[Any, Schema]) -> Schema:
    summary, _, rest = (inspect.getdoc(route.handler) or "").partition("\n")
    scope = "Anyone may call it." if route.scope == "public" else f"Needs the scope `{route.scope}`."
    module = route.handler.__module__.rpartition(".")[2]
    found: Schema = {
        "operationId": operation.name or f"{module}_{route.handler.__name__}",
        "tags": [operation.tag],
        "summary": summary,
        "description": f"{rest.strip()} {scope}".strip(),
        "parameters": [*_path(route.path), *_query(operation.query), *_headers(operation)],
        "responses": {str(status): _answer(status, kind, named) for status, kind in operation.answers.items()}
        | {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in _problems(route.scope, operation)},
        "security": [] if route.scope == "public" else [{"key": []}],
    }
    if operation.body is not None:
        found["requestBody"] = {"required": True, "content": _content(operation.body, named)}
    return found


def _problems(scope: str, operation: Operation) -> list[int]:
    """What the call may refuse: what it says itself, and what the door, its query and the database do."""
    door = set() if scope == "public" else {401, 403}
    return sorted({400, 503, *door, *operation.problems})


def _path(path: str) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)", path):
        words = "An external id, percent-encoded." if name == "external_id" else ""
        schema = msgspec.json.schema(Id)
        yield {"name": name, "in": "path", "required": True, "schema": schema} | ({"description": words} if words else {})


def _query(kind: type[msgspec.Struct]) -> Iterator[Schema]:
    """What it takes; none of it is required, so that null, which no query can say, is left out."""
    schema = msgspec.json.schema_components([kind], ref_template=REF)[1][kind.__name__]
    for name, given in schema["properties"].items():
        parts = [part for part in given.get("anyOf", [given]) if part.get("type") != "null"]
        default = {"default": given["default"]} if given.get("default") is not None else {}
        plain = {key: value for key, value in parts[0].items() if key != "default"}
        yield {"name": name, "in": "query", "required": False, "schema": plain | default}


def _headers(operation: Operation) -> Iterator[Schema]:
    for name, words in operation.headers.items():
        yield {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string"}}


def _answer(status: int, kind: Any, named: dict[Any, Schema]) -> Schema:
    words = {"description": ANSWERS[status]}
    return words if kind is None else words | {"content": _content(kind, named)}


def _content(kind: Any, named: dict[Any, Schema]) -> Schema:
    if isinstance(kind, Bytes):
        return {kind.media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {"application/json": {"schema": named[kind]}}


def _problem(status: int) -> Schema:
    schema = {"$ref": REF.format(name="Problem")}
    return {"description": WORDS[status], "content": {"application/problem+json": {"schema": schema}}}
