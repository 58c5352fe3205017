"""One table from exception to answer: problem+json (RFC 9457) for programs, a page for people. No traceback reaches a user."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from protocols.errors import ConfigError, DecodeError, Refused, Unavailable
from storage.database import Trouble

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

log = logging.getLogger("lineside.web")
# What a batch can be guilty of, by DecodeError.kind; anything else is 400.
DECODE_STATUS = {"encoding": 415, "size": 413, "rows": 413, "version": 426}

ErrorPage = "Callable[[Request, int, str, str], Response]"


def problem(status: int, title: str, detail: str = "", retry_after: float | None = None) -> JSONResponse:
    """An application/problem+json answer."""
    headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, "application/problem+json")


def install(app: FastAPI, page: Callable[[Request, int, str, str], Response]) -> None:
    """Answer every exception; `page` makes the HTML answer for a browser."""

    def answer(request: Request, status: int, title: str, detail: str, retry_after: float | None = None) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            response = page(request, status, title, detail)
            if retry_after is not None:
                response.headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
            return response
        return problem(status, title, detail, retry_after)

    async def refused(request: Request, error: Refused) -> Response:
        return answer(request, error.status, error.title, error.detail)

    async def malformed(request: Request, error: DecodeError) -> Response:
        return answer(request, DECODE_STATUS.get(error.kind, 400), f"Malformed: {error.kind}", str(error))

    async def unavailable(request: Request, error: Unavailable) -> Response:
        return answer(request, 503, "Try again later", str(error), error.retry_after)

    async def database(request: Request, error: Exception) -> Response:
        log.warning("database: %s", str(error) or type(error).__name__)
        return answer(request, 503, "Try again later", "The database does not answer now.", 1.0)

    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return answer(request, 422, "The request does not fit", faults)

    async def http(request: Request, error: HTTPException) -> Response:
        detail = "Nothing is at this address." if error.status_code == HTTPStatus.NOT_FOUND else ""
        return answer(request, error.status_code, str(error.detail), detail)

    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error at %s", request.url.path, exc_info=error)
        return answer(request, 500, "Something went wrong here", "It is noted in the server's log. Please try again.")

    handlers: list[tuple[type[BaseException], Callable[..., Awaitable[Response]]]] = [
        (Refused, refused),
        (DecodeError, malformed),
        (Unavailable, unavailable),
        (RequestValidationError, invalid),
        (HTTPException, http),
        *((kind, database) for kind in Trouble),
        (ConfigError, unexpected),
        (Exception, unexpected),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)  # type: ignore[arg-type]
