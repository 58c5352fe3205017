"""From a template to an answer: autoescaped, versioned by ETag, packed, under a policy that runs only our own files."""

from __future__ import annotations

import functools
import gzip
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import jinja2
from fastapi import Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from server.pages import assets, times, words

if TYPE_CHECKING:
    from fastapi import Request

    from server.auth import Caller

WHAT_TO_DO = {
    401: "On the server, run `lineside link` and open the link it prints in this browser. It works once.",
    403: "Your session may not see this page. Ask whoever runs Lineside here for a link with more rights.",
    404: "Check the address, or look for the service in the list.",
    500: "Try again in a moment. If it stays like this, the server's log says more.",
    503: "Agents keep what they measure meanwhile. This page works again as soon as the database answers.",
}
SAFETY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    # The sign-in link carries a token in its address.
    "Referrer-Policy": "no-referrer",
    # The same address answers htmx with a part of the page.
    "Vary": "HX-Request, Accept-Encoding, Cookie",
    "Cache-Control": "private, no-cache",
}
WORTH_PACKING = 1_000  # bytes


def page(request: Request, template: str, **values: object) -> Response:
    """The page `template`, or only its live part when htmx asks for it; 304 when the browser has it already.

    A page `x.html` includes its live part `x.live.html`; both see the same `values`.
    """
    part = request.headers.get("hx-request") == "true"
    name = template.replace(".html", ".live.html") if part else template
    body = html(name, request, part=part, **values).encode()
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=SAFETY | {"ETag": tag})
    return answer(request, body, 200, {"ETag": tag})


def error_page(request: Request, status: int, title: str, detail: str) -> Response:
    """An HTML page for an error; `title` and `detail` are for a person, never a traceback."""
    doing = WHAT_TO_DO.get(status, "Go back and try again.")
    # What the detail says already is not said twice.
    doing = "" if "`lineside link`" in detail and "`lineside link`" in doing else doing
    body = html("error.html", request, status=status, title=title, detail=detail, doing=doing)
    return answer(request, body.encode(), status)


def html(template: str, request: Request, **values: object) -> str:
    """The text of a template with what every page needs: who is signed in, and where it stands."""
    caller: Caller | None = getattr(request.state, "caller", None)
    signed_in = "" if caller is None else "link" if caller.kind == "session" else caller.name
    return _environment().get_template(template).render(signed_in=signed_in, path=request.url.path, **values)


def answer(request: Request, body: bytes, status: int, headers: dict[str, str] | None = None) -> Response:
    """An HTML answer with the safety headers, gzipped where the browser accepts it."""
    extra = SAFETY | (headers or {})
    if len(body) >= WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        body, extra = gzip.compress(body, 6, mtime=0), extra | {"Content-Encoding": "gzip"}
    return HTMLResponse(body, status, extra)


@functools.cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters |= {"name": _name, "code": _code, "path": lambda text: quote(text, safe="")}
    env.globals |= {"asset": assets.address, "words": words, "utc": times.utc, "iso": times.iso, "length": times.length}
    return env


def _name(text: str) -> Markup:
    """A name that came from outside, isolated so that right-to-left script cannot reorder what stands around it."""
    return Markup("<bdi>{}</bdi>").format(words.plain(text))


def _code(text: str) -> Markup:
    """A sentence of ours whose `commands` are set as code."""
    parts = escape(text).split("`")
    return Markup("").join(Markup("<code>") + p + Markup("</code>") if i % 2 else p for i, p in enumerate(parts))
