"""The agent's own files: who it is (agent.json), the last good plan (plan.json), the lock. All 0600, replaced in one step."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agent.disk import save
from protocols.errors import ConfigError, DecodeError
from protocols.uplink.plan import Plan, decode_plan


class Identity(msgspec.Struct, frozen=True):
    """Who this agent is. `agent` is empty until the server has answered; the secret exists before it is first sent."""

    server: str
    secret: str  # 64 hex digits
    name: str
    agent: str = ""
    site: str = ""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the state folder (0700) and hold it alone. Raises ConfigError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = "it is no folder" if folder.exists() and not folder.is_dir() else error.strerror
        raise ConfigError(
            f"the state folder {folder} cannot be used: {why}. Make it a folder that this user may write to, or set `state`."
        ) from None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"another agent already runs with the state folder {folder}{_enrolled(folder)}. Stop it, or set `state`."
            ) from None
        yield
    finally:
        os.close(fd)


def _enrolled(folder: Path) -> str:
    """In words, as what the agent of `folder` is enrolled; empty when it is not, or nobody knows."""
    try:
        who = identity(folder)
    except ConfigError:
        return ""
    return f" (it is enrolled as {who.name} at {who.server})" if who is not None and who.agent else ""


def identity(folder: Path) -> Identity | None:
    """Who this agent is; None before the first enrolment. Raises ConfigError when the file is damaged."""
    path = folder / "agent.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}). Restore it, or remove it and enrol again with a new token."
        ) from None


def keep_identity(folder: Path, who: Identity) -> None:
    """Write agent.json, durably. Raises ConfigError."""
    _keep(folder / "agent.json", msgspec.json.encode(who))


def last_plan(folder: Path) -> Plan | None:
    """The plan that last worked; None when there is none that can be read (the server will send it again)."""
    try:
        return decode_plan((folder / "plan.json").read_bytes())
    except (OSError, DecodeError):
        return None


def keep_plan(folder: Path, plan: Plan) -> None:
    """Write plan.json, durably. Raises ConfigError."""
    _keep(folder / "plan.json", msgspec.json.encode(plan))


def _keep(path: Path, data: bytes) -> None:
    try:
        save(path, data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}. Free some space or make the folder writable.") from None
