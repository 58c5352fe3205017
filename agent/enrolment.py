"""Enrolment: the agent makes its own secret, keeps it, then trades a one-time token for its place at the server."""

from __future__ import annotations

import platform
import secrets
from pathlib import Path

import msgspec

from agent import ownership, state
from agent.batcher import Clock
from agent.client import Answer, Server, enrolled
from protocols.errors import ConfigError, Unavailable
from protocols.uplink.plan import Enrol

ADVICE = {
    401: "Ask for a new token: this one is unknown, expired or already used.",
    403: "Ask for a new token: this one is unknown, expired or already used.",
    404: "Check the server's address: there is no Lineside server that this agent can speak to.",
    409: "Ask for a new token: this one has been used by an agent with another secret.",
    426: "Update this agent: the server no longer speaks its protocol.",
}


def prepare(folder: Path, server: str, name: str) -> state.Identity:
    """The identity to enrol with, durable before it is sent, so that a second try sends the same secret.

    A new identity begins with an empty spool: what an earlier one measured is set aside before. Raises ConfigError.
    """
    known = state.identity(folder)
    if known is not None and known.agent and known.server == server:
        raise ConfigError(
            f"this agent is enrolled already, as {known.name!r}. To enrol it anew, remove {folder / 'agent.json'} first."
        )
    if known is None or known.server != server or known.agent:
        try:
            ownership.set_aside(folder)
        except OSError as error:
            raise ConfigError(
                f"the spool in {folder} cannot be set aside: {error.strerror}. Make the folder writable for this user."
            ) from None
        known = state.Identity(server, secrets.token_hex(32), name)
        state.keep_identity(folder, known)
    return known


async def enrol(
    folder: Path, who: state.Identity, token: str, version: str, clock: Clock, ca_file: Path | None
) -> state.Identity:
    """Ask the server to take `who` in; keep what it answers. Raises ConfigError (refused) or Unavailable (try again)."""
    host = {"os": f"{platform.system()} {platform.release()}", "machine": platform.machine(), "hostname": platform.node()}
    wish = Enrol(token, who.secret, who.name, version, {key: text[:255] for key, text in host.items()})
    server = Server(who.server, "", version, clock, ca_file)
    try:
        answer = await server.enrol(wish)
    finally:
        await server.close()
    accepted = enrolled(answer) if answer.status in (200, 201) else None
    if accepted is None:
        raise _refusal(who.server, answer)
    who = msgspec.structs.replace(who, agent=accepted.agent, site=accepted.site)
    state.keep_plan(folder, accepted.plan)
    state.keep_identity(folder, who)
    return who


def _refusal(url: str, answer: Answer) -> ConfigError | Unavailable:
    if answer.status in ADVICE or answer.status in (400, 413, 415, 422):
        if answer.title and answer.detail != answer.title:  # it says itself what to do
            return ConfigError(f"{url} did not enrol this agent: {answer.detail.rstrip('. ')}.")
        advice = ADVICE.get(answer.status, "Check the token and the name.")
        return ConfigError(f"{url} did not enrol this agent ({answer.detail}). {advice}")
    detail = answer.detail or f"HTTP {answer.status} is no answer to an enrolment"
    again = " Try the same command again." if answer.passing else ""
    return Unavailable(f"{url} could not enrol this agent now ({detail}).{again}", answer.retry_after)
