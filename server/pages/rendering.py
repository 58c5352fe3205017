"""From a template to an answer: autoescaped, versioned by ETag, packed, under a policy that runs only our own files."""

from __future__ import annotations

import functools
import gzip
import hashlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import jinja2
from fastapi import Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from server import instants
from server.pages import assets, days, navigation, times, words

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
THEMES = {"light", "dark"}  # without a choice a page follows the system
THEME_COOKIE = "lineside_theme"
# What no signal tells of (a new measurement, a case from the CRM, the minutes of "since") shows after this at the latest.
LOOK_AGAIN_US = 20_000_000
_PROCESS = secrets.token_hex(4)  # counts of changes are of this process


def unchanged(request: Request) -> Response | None:
    """304 if nothing can have changed since the browser was answered; None when the page must be made. Asks no database.

    The first line of a page's handler, before its first query: a tab that polls costs nothing while nothing happens.
    """
    request.state.stamp = _stamp(request)
    known = request.headers.get("if-none-match", "")
    if f"-{request.state.stamp}" not in known:
        return None
    return Response(status_code=304, headers=SAFETY | {"ETag": known})


def page(request: Request, template: str, **values: object) -> Response:
    """The page `template`, or only its live part when htmx asks for it; 304 when the browser has it already.

    A page `x.html` includes its live part `x.live.html`; both see the same `values`.
    """
    part = _is_part(request)
    name = template.replace(".html", ".live.html") if part else template
    body = html(name, request, part=part, **values).encode()
    same = hashlib.blake2b(body, digest_size=12).hexdigest()
    tag = f'W/"{same}-{getattr(request.state, "stamp", "")}"'
    if f'"{same}-' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=SAFETY | {"ETag": tag})
    return answer(request, body, 200, {"ETag": tag})


def _stamp(request: Request) -> str:
    """What an answer depends on besides the rows of the database, and how often those were said to have changed."""
    state, caller = request.app.state, request.state.caller
    seen = (_PROCESS, state.status_change.count, state.inventory_change.count, state.clock() // LOOK_AGAIN_US)
    who = (caller.tenant_id, caller.kind, caller.id, theme(request), _is_part(request))
    return hashlib.blake2b(repr((seen, who)).encode(), digest_size=9).hexdigest()


def _is_part(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def theme(request: Request) -> str:
    """The theme that somebody chose in this browser; empty to follow the system."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


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
    frame = {"signed_in": _signed_in(caller), "path": request.url.path, "theme": theme(request), "navigation": navigation.PLACES}
    return _environment().get_template(template).render(**frame, **values)


def _signed_in(caller: Caller | None) -> str:
    """Who looks, in words; empty for nobody."""
    if caller is None:
        return ""
    return "Signed in by link" if caller.kind == "session" else f"Signed in as {words.plain(caller.name)}"


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
    env.filters |= {
        "name": _name,
        "code": _code,
        "path": lambda text: quote(text, safe=""),
        "percent": lambda value: f"{value:g}",
    }
    env.globals |= {"asset": assets.address, "words": words, "utc": times.utc, "iso": instants.text, "length": times.length}
    env.globals |= {"current": navigation.current, "day_name": days.name}
    return env


def _name(text: str) -> Markup:
    """A name that came from outside, isolated so that right-to-left script cannot reorder what stands around it."""
    return Markup("<bdi>{}</bdi>").format(words.plain(text))


def _code(text: str) -> Markup:
    """A sentence of ours whose `commands` are set as code."""
    parts = escape(text).split("`")
    return Markup("").join(Markup("<code>") + p + Markup("</code>") if i % 2 else p for i, p in enumerate(parts))
