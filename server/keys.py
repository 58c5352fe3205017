"""The key that seals device secrets: 32 random bytes in a 0600 file outside the database."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from protocols.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

LENGTH = 32


def read_or_make(path: Path) -> bytes:
    """The key at `path`, made on first use; two processes that start together agree on one. Raises ConfigError."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_name(f".{path.name}.{os.getpid()}")
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(LENGTH))
                os.fsync(file.fileno())
            try:
                os.link(half, path)
            except FileExistsError:
                pass
            finally:
                half.unlink()
        key = path.read_bytes()
    except OSError as error:
        msg = f"The key file {path} cannot be used: {error.strerror}. Set key_file to a file the server may read."
        raise ConfigError(msg) from None
    if len(key) != LENGTH:
        msg = f"The key file {path} has {len(key)} bytes, not {LENGTH}: restore the right one, since it opens the sealed secrets."
        raise ConfigError(msg)
    return key
