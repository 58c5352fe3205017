"""Answers about bodies: many faults, each with its place, as problem+json (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi.responses import JSONResponse
from msgspec import Meta, Struct

from server.inventory.nodes import MAX_FAULTS, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence


class FaultAt(Struct, frozen=True):
    """One sentence about one place of the body, a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


class Problem(Struct, frozen=True):
    """Why a request was refused, and what to do (RFC 9457). `errors`: all faults of a body, at most 50."""

    type: str
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    errors: tuple[FaultAt, ...] = ()


def pointer(path: tuple[str | int, ...]) -> str:
    """A place in the document as a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def faulty(status: int, title: str, faults: Sequence[Fault]) -> JSONResponse:
    """Every fault under `errors`: its place as a JSON pointer, and a sentence."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    errors = [{"pointer": pointer(fault.path), "detail": fault.message} for fault in faults[:MAX_FAULTS]]
    body = {"type": "about:blank", "title": title, "status": status, "detail": f"{faults[0].message}{more}", "errors": errors}
    return JSONResponse(body, status, media_type="application/problem+json")
