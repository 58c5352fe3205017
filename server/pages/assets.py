"""Our own static files: read once, packed once, named by their content so that a browser keeps them for a year."""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

from fastapi import Request, Response

from protocols.errors import Refused

FOLDER = Path(__file__).with_name("static")
PACKED_ALREADY = {".woff2", ".png"}


class Asset(NamedTuple):
    """One file: its bytes as they are and packed, its media type, and a version made from its content."""

    plain: bytes
    packed: bytes | None  # gzip, None where packing gains nothing
    kind: str
    version: str


def address(name: str) -> str:
    """The address of a static file with its version; without one when the file is not there."""
    asset = _assets().get(name)
    return f"/static/{name}" + (f"?v={asset.version}" if asset else "")


async def static(request: Request) -> Response:
    """GET /static/{path}: one of the files that were there at start. Needs no session. Raises Refused 404."""
    asset = _assets().get(request.path_params["path"])
    if asset is None:
        raise Refused(404, "No such file", "The page asks for a file that this installation does not have: run `./dev setup`.")
    headers = {
        "ETag": f'"{asset.version}"',
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
        "Cache-Control": "public, max-age=31536000, immutable" if "v" in request.query_params else "public, max-age=3600",
    }
    if asset.version in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, 200, headers | {"Content-Encoding": "gzip"}, asset.kind)
    return Response(asset.plain, 200, headers, asset.kind)


@functools.cache
def _assets() -> dict[str, Asset]:
    return {str(path.relative_to(FOLDER).as_posix()): _load(path) for path in sorted(FOLDER.rglob("*")) if path.is_file()}


def _load(path: Path) -> Asset:
    plain = path.read_bytes()
    kind = "font/woff2" if path.suffix == ".woff2" else mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = None if path.suffix in PACKED_ALREADY else gzip.compress(plain, 9, mtime=0)
    return Asset(plain, packed, kind, hashlib.blake2b(plain, digest_size=6).hexdigest())
