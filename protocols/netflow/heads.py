"""The headers of messages of all versions as columns (RFC 7011 section 3.1, RFC 3954 section 5.1, and v5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.netflow.records import HEAD

_WORDS = 6


def heads(messages: list[bytes], senders: list[int]) -> NDArray[Any]:
    """HEAD [n] of the first 24 bytes of messages; the exporter is what `senders` says."""
    raw = b"".join([message if len(message) == 4 * _WORDS else message.ljust(4 * _WORDS, b"\0") for message in messages])
    word = np.frombuffer(raw, ">u4").reshape(-1, _WORDS).astype(np.int64)
    found = np.zeros(len(messages), HEAD)
    version = word[:, 0] >> 16
    five, ten = version == 5, version == 10
    found["exporter"] = senders
    found["version"] = version
    found["count"] = word[:, 0] & 0xFFFF
    found["uptime"] = np.where(ten, 0, word[:, 1])
    found["exported"] = np.where(ten, word[:, 1], word[:, 2]) * 1_000_000 + np.where(five, word[:, 3] // 1_000, 0)
    found["sequence"] = np.where(five, word[:, 4], np.where(ten, word[:, 2], word[:, 3]))
    found["domain"] = np.where(five, word[:, 5] >> 16, np.where(ten, word[:, 3], word[:, 4]))
    found["sampling"] = np.where(five, word[:, 5] & 0xFFFF, 0)
    return found
