"""One table from exception to answer: problem+json (RFC 9457) for programs, a page for people. No traceback reaches a user."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from protocols.errors import ConfigError, DecodeError, Refused, Unavailable
from storage.database import BadValue, Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    ErrorPage = Callable[[Request, int, str, str], Response]

log = logging.getLogger("lineside.web")
# What a batch can be guilty of, by DecodeError.kind; anything else is 400.
DECODE_STATUS = {"encoding": 415, "size": 413, "rows": 413, "version": 426}


class Answer(NamedTuple):
    """What an exception becomes."""

    status: int
    title: str
    detail: str = ""
    retry_after: float | None = None
    allow: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What the header of the answer says beside it."""
        wait = {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}
        return wait | ({"Allow": self.allow} if self.allow else {})


def problem(status: int, title: str, detail: str = "", headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An application/problem+json answer."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, "application/problem+json")


def install(app: FastAPI, page: ErrorPage) -> None:
    """Answer every exception; `page` makes the HTML answer for a browser."""

    def handler(words: Callable[[Any], Answer]) -> Callable[[Request, Any], Awaitable[Response]]:
        async def handle(request: Request, error: Exception) -> Response:
            answer = words(error)
            if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
                answer = _allowing(request, answer)
            if "text/html" not in request.headers.get("accept", ""):
                return problem(answer.status, answer.title, answer.detail, answer.headers)
            response = page(request, answer.status, answer.title, answer.detail)
            response.headers.update(answer.headers)
            return response

        return handle

    for kind, words in ANSWERS:
        app.add_exception_handler(kind, handler(words))


def _database(error: BaseException) -> Answer:
    log.warning("database: %s", str(error) or type(error).__name__)
    return Answer(503, "Try again later", "The database does not answer now.", 1.0)


def _bad_value(error: Exception) -> Answer:
    log.warning("a value that the database cannot hold: %s", error)
    return Answer(422, "The request does not fit", "It holds a value that cannot be stored.")


def _invalid(error: RequestValidationError) -> Answer:
    faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return Answer(422, "The request does not fit", faults)


def _http(error: HTTPException) -> Answer:
    detail = "Nothing is at this address." if error.status_code == HTTPStatus.NOT_FOUND else ""
    return Answer(error.status_code, str(error.detail), detail)


def _allowing(request: Request, answer: Answer) -> Answer:
    """With the methods of all routes at this address: each route knows its own only."""
    there = (route for route in request.app.router.routes if route.matches(request.scope)[0] is not Match.NONE)
    allow = ", ".join(sorted({method for route in there for method in getattr(route, "methods", None) or ()}))
    return answer._replace(detail=f"{request.method[:20]} does nothing at this address; it takes {allow}.", allow=allow)


def _unexpected(error: Exception) -> Answer:
    log.error("unexpected error", exc_info=error)
    return Answer(500, "Something went wrong here", "It is noted in the server's log. Please try again.")


ANSWERS: tuple[tuple[type[Exception], Callable[[Any], Answer]], ...] = (
    (Refused, lambda e: Answer(e.status, e.title, e.detail)),
    (DecodeError, lambda e: Answer(DECODE_STATUS.get(e.kind, 400), f"Malformed: {e.kind}", str(e))),
    (Unavailable, lambda e: Answer(503, "Try again later", str(e), e.retry_after)),
    # our own configuration is at fault, such as a key file that does not open the secrets: a person must act
    (ConfigError, lambda e: Answer(503, "The server is not set up right", str(e), 60.0)),
    (RequestValidationError, _invalid),
    (HTTPException, _http),
    *((kind, _database) for kind in Trouble),
    (BadValue, _bad_value),
    (Exception, _unexpected),
)
