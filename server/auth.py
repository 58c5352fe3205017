"""Who is calling and what they may do: deny by default, one scope a route."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Literal, NamedTuple

from protocols.errors import Refused
from storage import agents, callers

if TYPE_CHECKING:
    from starlette.requests import Request

    from storage.agents import AgentRow
    from storage.database import Bound, Pool

Scope = Literal["public", "agent", "crm-read", "crm-write", "noc-read", "noc-write", "admin", "status-public"]
SCOPES: frozenset[str] = frozenset(
    {"public", "agent", "crm-read", "crm-write", "noc-read", "noc-write", "admin", "status-public"}
)
# What a person gets by the one-time link, until people sign in by name.
LINK_SCOPES = ("noc-read",)
# A caller that is bound to an account manager or a reseller only reads.
BOUND_SCOPES = frozenset({"crm-read", "noc-read"})
COOKIE = "lineside_session"
TOKEN_US = 24 * 3600 * 1_000_000  # within which an agent enrols
LINK_US = 24 * 3600 * 1_000_000
SESSION_US = 7 * 24 * 3600 * 1_000_000
REMEMBER_US = 4_000_000  # a revoked credential works for at most this long
REMEMBER_MAX = 10_000


class Caller(NamedTuple):
    """Who calls, after the credential was checked. `agent` is set for agents only; `bound`: sees only its part, and only reads."""

    tenant_id: int
    kind: Literal["agent", "key", "session"]
    id: int
    name: str
    scopes: frozenset[str]
    agent: AgentRow | None = None
    bound: Bound | None = None


class Doorkeeper:
    """Checks credentials; remembers good ones for a few seconds so that a busy agent does not cost a query a batch."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[tuple[str, bytes], tuple[int, Caller]] = {}

    def forget(self) -> None:
        """Ask the database about everyone again."""
        self._known.clear()

    async def admit(self, request: Request, scope: str, now_us: int) -> Caller | None:
        """The caller, if the credential allows `scope`. Raises Refused: 401 no or unknown credential, 403 not allowed.

        None where none is needed: what is public, and status pages, whose credential is the unguessable name in their path.
        """
        if scope in ("public", "status-public"):
            return None
        kind, credential = _credential(request)
        if credential is None:
            raise Refused(401, "Who are you?", _HOW[scope])
        caller = await self._identify(kind, sha256(credential), now_us)
        if caller is None:
            raise Refused(401, "This credential is not known, was revoked, or has expired", _HOW[scope])
        # an admin may do everything but be an agent: only an agent's own credential says whose samples these are
        if scope not in caller.scopes and (scope == "agent" or "admin" not in caller.scopes):
            raise Refused(403, "Not allowed", f"This needs the scope {scope}; the credential shown has {_words(caller.scopes)}.")
        if caller.bound is not None and request.method not in ("GET", "HEAD"):
            raise Refused(403, "This credential only reads", _BOUND)
        return caller

    async def _identify(self, kind: str, digest: bytes, now_us: int) -> Caller | None:
        known = self._known.get((kind, digest))
        if known is not None and now_us - known[0] < REMEMBER_US:
            return known[1]
        async with self._pool.acquire() as con:
            caller: Caller | None = None
            if kind == "session":
                row = await callers.by_cookie(con, digest, now_us)
                caller = row and Caller(row.tenant_id, "session", row.id, row.name, row.scopes, None, row.bound)
            elif agent := await agents.by_secret(con, digest):
                caller = Caller(agent.tenant_id, "agent", agent.id, agent.external_id, frozenset({"agent"}), agent)
            elif row := await callers.by_key(con, digest):
                caller = Caller(row.tenant_id, "key", row.id, row.name, row.scopes, None, row.bound)
        if caller is not None:
            if len(self._known) >= REMEMBER_MAX:
                self._known.clear()
            self._known[kind, digest] = (now_us, caller)
        return caller


def new_secret() -> str:
    """256 random bits, as text for a header, a link or a command line: hex, since an argument must not begin with a hyphen."""
    return secrets.token_hex(32)


def sha256(credential: str) -> bytes:
    """What is stored of a credential."""
    return hashlib.sha256(credential.encode()).digest()


def _credential(request: Request) -> tuple[str, str | None]:
    header = request.headers.get("authorization", "")
    if header:
        scheme, _, value = header.partition(" ")
        return "bearer", value.strip() if scheme.lower() == "bearer" and value.strip() else None
    return "session", request.cookies.get(COOKIE)


def _words(scopes: frozenset[str]) -> str:
    return ", ".join(sorted(scopes)) or "none"


_KEY = "Send `Authorization: Bearer KEY`; an API key is made by `lineside key create --name NAME --scope SCOPE`."
_LINK = "Pages open by a one-time link: run `lineside link` on the server to get one."
_BOUND = "It is bound to an account manager or a reseller and changes nothing; use a key without such a binding."
_AGENT = "Send `Authorization: Bearer SECRET`; an agent gets its credential by `lineside-agent enrol`."
_HOW = dict.fromkeys(SCOPES, _KEY) | {"noc-read": _LINK, "noc-write": _LINK, "agent": _AGENT}
