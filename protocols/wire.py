"""A bounds-checked cursor over untrusted bytes, the only code that indexes them, and untrusted text made harmless."""

from __future__ import annotations

import unicodedata

from protocols.errors import DecodeError

# Format characters (bidirectional overrides among them), controls, surrogates, and what breaks a line.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Reader:
    """A cursor from `at` to `end` of `data`. Every method moves forward or raises DecodeError: truncated, trailing."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.end = len(data)

    def u8(self) -> int:
        """The next byte."""
        at = self.at
        if at >= self.end:
            raise DecodeError("truncated", f"1 byte is missing at offset {at}")
        self.at = at + 1
        return self.data[at]

    def u16(self) -> int:
        """The next two bytes, big-endian."""
        at = self.at
        if at + 2 > self.end:
            raise DecodeError("truncated", f"{at + 2 - self.end} bytes are missing at offset {at}")
        self.at = at + 2
        return self.data[at] << 8 | self.data[at + 1]

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        at = self.at
        if not 0 <= size <= self.end - at:
            raise DecodeError("truncated", f"{size} bytes wanted, {self.end - at} left at offset {at}")
        self.at = at + size
        return self.data[at : at + size]

    def skip(self, expected: bytes) -> bool:
        """Whether the next bytes are `expected`; if so, they are behind us now."""
        at = self.at
        if not self.data.startswith(expected, at, self.end):
            return False
        self.at = at + len(expected)
        return True

    def finish(self) -> None:
        """Demand that nothing follows."""
        if self.at != self.end:
            raise DecodeError("trailing", f"{self.end - self.at} bytes follow the end, at offset {self.at}")


def text(raw: bytes, limit: int = 255) -> str:
    """What a device calls something, fit to be shown: UTF-8 or else Latin-1, at most `limit` characters.

    Control, bidirectional and unassigned characters are dropped, white space becomes one blank.
    """
    raw = raw[: 8 * limit]  # no string needs more to fill the limit; bounds the work on a hostile one
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        decoded = raw.decode("latin-1")
    visible = "".join(" " if c.isspace() else c for c in decoded if c in "\t\n\r" or unicodedata.category(c) not in _HARMFUL)
    return " ".join(visible.split())[:limit].rstrip()
