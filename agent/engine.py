"""Our own SNMP engine: its id stays for ever, and its boots grow with each start (RFC 3411 section 3.1.1.1, RFC 3414 section 2.2.2)."""

from __future__ import annotations

import logging
import secrets
import time
from pathlib import Path

import msgspec

from agent.disk import save
from protocols.errors import ConfigError
from protocols.snmp.receiver import Own, is_engine, new_engine

log = logging.getLogger(__name__)
_LAST = (1 << 31) - 2


class _Kept(msgspec.Struct):
    engine: str
    boots: int


def started(folder: Path) -> Own:
    """Our engine after one more start, which is on disk. Raises ConfigError where it cannot be kept."""
    path = folder / "engine.json"
    kept = _read(path)
    kept = _Kept(kept.engine, kept.boots + 1) if kept else _Kept(new_engine(secrets.token_bytes(8)).hex(), 1)
    try:
        save(path, msgspec.json.encode(kept))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}. Free some space or make the folder writable.") from None
    return Own(bytes.fromhex(kept.engine), kept.boots, time.monotonic())


def _read(path: Path) -> _Kept | None:
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
        if is_engine(bytes.fromhex(kept.engine)) and 0 < kept.boots < _LAST:
            return kept
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        pass
    log.warning("%s cannot be used: our SNMP engine gets a new id, which senders of SNMPv3 informs discover by themselves", path)
    return None
