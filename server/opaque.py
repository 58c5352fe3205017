"""External ids in paths: they may hold anything, slashes too, so the API's paths are matched as they were written, percent-encoded.

`/crm/v1/services/a%2Ftimeline` is the service `a/timeline`, `/crm/v1/services/a/timeline` the timeline of the service `a`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/crm/v1/"


class _Opaque(Convertor[str]):
    """The rest of the path, decoded; bytes that are not UTF-8 become U+FFFD, which no id has."""

    regex = ".+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("opaque", _Opaque())


def opaque(path: str) -> str:
    """The route's path as it is matched: ids of the API are taken as they were written."""
    return path.replace(":path}", ":opaque}") if path.startswith(PREFIX) else path


class AsWritten:
    """Lets the routes of the API see the path as it was sent; plain ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and scope.get("raw_path"):
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self._app(scope, receive, send)
