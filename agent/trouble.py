"""What went wrong on the way to the server, in words a person can act on."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

# How OpenSSL says that what came back is no TLS.
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})


def why(error: BaseException, url: str) -> tuple[str, bool]:
    """The cause of `error` on the way to `url`, and whether it may pass by itself."""
    if isinstance(error, httpx2.TimeoutException):
        return f"no answer in time: {_place(url)}", True
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}", True
        if isinstance(cause, ssl.SSLError) and cause.reason in NO_TLS:
            return f"it does not speak TLS: write http://{url.partition('://')[2]}", False
    for cause in reversed(causes):  # the innermost knows most
        if isinstance(cause, OSError) and cause.errno is not None and not isinstance(cause, ssl.SSLError):
            return f"{_reason(cause)}: {_place(url)}", True
    return str(error).strip() or type(error).__name__, True


def redirected(location: str, path: str) -> str:
    """That the server sends us elsewhere; `path` is what we asked for there."""
    shown = "".join(c if c.isprintable() else " " for c in location.partition("?")[0].removesuffix(path))[:200]
    return f"it answers with a redirect to {shown or '/'}: set that as `server`"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and what it comes from; of several at once the last one, which is that of the address tried last."""
    for _ in range(10):
        if error is None:
            return
        yield error
        inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        error = inner[-1] if inner else error.__cause__ or error.__context__


def _reason(error: OSError) -> str:
    """The system's text; asyncio puts another one in its place."""
    text = error.strerror or ""
    return os.strerror(error.errno or 0) if text.startswith("Connect call failed") or not text else text


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname} port {parts.port or (443 if parts.scheme == 'https' else 80)}"
