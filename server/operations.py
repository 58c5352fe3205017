"""What a route says of itself beyond its handler: its query, body and answers. OpenAPI is written and queries are read by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from protocols.errors import Refused
from server.inventory import shape
from server.inventory.nearest import hint
from server.inventory.nodes import Fault, Node, Text

if TYPE_CHECKING:
    from starlette.requests import Request


class NoQuery(msgspec.Struct, frozen=True):
    """A route without query parameters."""


class Bytes(NamedTuple):
    """A body or answer that is no JSON: its media type."""

    media_type: str


class Operation(NamedTuple):
    """A call of the API.

    `tag`: the heading it stands under. `answers`: status -> what the body is: a msgspec type, Bytes, or None for no body.
    `query`: its fields are the query parameters; the handler finds what was read in `request.state.query`.
    `body`: type of the JSON body, or Bytes.
    `problems`: what it refuses beyond 400 for its query, 401 and 403 at the door, and 503 while the database is away.
    `headers`: request headers it reads, with what they mean. `name`: its operationId, default module_function.
    """

    tag: str
    answers: Mapping[int, Any]
    query: type[msgspec.Struct] = NoQuery
    body: Any = None
    problems: tuple[int, ...] = ()
    headers: Mapping[str, str] = {}
    name: str = ""


def read_query(request: Request, kind: type[msgspec.Struct]) -> Any:
    """The query of the request as a `kind`. Raises Refused 400 naming what is wrong, and the nearest known name."""
    known = kind.__struct_encode_fields__
    given: dict[str, Node] = {}
    for name, text in request.query_params.multi_items():
        if name not in known:
            words = f"The parameters here are {', '.join(known)}" if known else "There are no parameters here"
            raise Refused(400, "Unknown query parameter", f"{name[:80]!r} is none{hint(name, known) or f'. {words}'}.")
        if name in given:
            raise Refused(400, "Query parameter given twice", f"{name!r} can be given once.")
        given[name] = Node(0, Text(text))
    faults: list[Fault] = []
    found = shape.read_struct(Node(0, given), kind, faults)
    if faults:
        raise Refused(400, "The query does not fit", f"{faults[0].message}.")
    return found
