"""Whose spool it is: what one identity measured is never sent as another's. Blocking, for a start and an enrolment."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections import Counter
from pathlib import Path

from agent import segment_files
from agent.budget import Budget
from agent.disk import OS, save, sync
from agent.segments import Segments
from agent.state import Identity

log = logging.getLogger(__name__)


def claim(folder: Path, who: Identity) -> None:
    """Make or take up `folder`/spool for `who`; another identity's is set aside. One that names nobody is older than the rule.

    `folder` is the state folder. Raises OSError.
    """
    spool, mark = folder / "spool", _mark(who)
    spool.mkdir(mode=0o700, exist_ok=True)
    owner = _owner(spool)
    if owner == mark:
        return
    if owner is not None:
        set_aside(folder)
        spool.mkdir(mode=0o700)
    save(spool / "owner", mark)


def set_aside(folder: Path) -> None:
    """Rename the spool in the state folder `folder`, if there is one, and forget the plan, so that nobody sends it.

    Says how much is left in it. Raises OSError.
    """
    (folder / "plan.json").unlink(missing_ok=True)
    spool = folder / "spool"
    if not spool.is_dir():
        return
    left = sum(_pending(lane) for lane in spool.iterdir() if lane.is_dir())
    aside = spool.rename(folder / f"spool.{secrets.token_hex(4)}")
    sync(folder)
    log.warning("%d batches of the earlier enrolment are kept in %s, and are not sent", left, aside)


def _mark(who: Identity) -> bytes:
    """The agent's id, and what tells its secret from others: a server set up anew may give the same id."""
    return f"{who.agent} {hashlib.sha256(who.secret.encode()).hexdigest()[:16]}\n".encode()


def _owner(spool: Path) -> bytes | None:
    """The mark in the spool; None = it has none."""
    try:
        return (spool / "owner").read_bytes()
    except FileNotFoundError:
        return None


def _pending(lane: Path) -> int:
    """Batches in a lane's folder that were never acknowledged; what cannot be read counts for nothing."""
    try:
        if not segment_files.find(OS, lane)[0]:
            return 0
        segments = Segments(lane, Budget(), Counter())
    except OSError:
        return 0
    segments.close()
    return segments.pending
