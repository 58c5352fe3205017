"""A bounds-checked cursor over untrusted bytes, the only code that indexes them, and untrusted text made harmless."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

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

    def header(self) -> tuple[int, int]:
        """(tag, offset of the content's end) of a BER element (X.690 section 8.1); the cursor stands at its content.

        Here rather than in protocols/snmp because of how often it runs. Raises DecodeError: truncated, length (indefinite
        or absurd), tag (of more than one byte).
        """
        data, at = self.data, self.at + 2
        if at > self.end:
            raise DecodeError("truncated", f"the header of an element is missing at offset {self.at}")
        tag, length = data[at - 2], data[at - 1]
        if tag & 0x1F == 0x1F:
            raise DecodeError("tag", f"tag {tag:#04x} begins a tag of several bytes")
        self.at = at
        if length >= 0x80:
            if not 0x80 < length <= 0x84:  # a datagram needs two bytes of length, some devices always send four
                raise DecodeError("length", "an indefinite length" if length == 0x80 else f"{length & 0x7F} bytes of length")
            length = int.from_bytes(self.take(length & 0x7F), "big")
        end = self.at + length
        if end > self.end:
            raise DecodeError("truncated", f"an element of {length} bytes does not fit, {self.end - self.at} are left")
        return tag, end

    def element(self) -> tuple[int, bytes]:
        """(tag, content) of a BER element; the cursor stands behind it. Raises as `header`."""
        tag, end = self.header()
        content = self.data[self.at : end]
        self.at = end
        return tag, content

    def pairs(self, names: Sequence[bytes]) -> list[tuple[int, bytes]] | None:
        """What `element` would bring for the value of each SEQUENCE of a name and a value, if the names are these.

        None, and the cursor where it was, if they are not, or a length is not of one byte: then read them one by one.
        All in one loop, because nearly all the bytes that an agent reads are read here.
        """
        data, at, limit = self.data, self.at, self.end
        found: list[tuple[int, bytes]] = []
        for name in names:
            begin = at + 2
            value = begin + len(name)
            if value + 2 > limit or data[at] != 0x30 or not data.startswith(name, begin):
                return None
            tag, length = data[value], data[value + 1]
            end = value + 2 + length
            if length >= 0x80 or end > limit or data[at + 1] != end - begin or end - begin >= 0x80 or tag & 0x1F == 0x1F:
                return None
            found.append((tag, data[value + 2 : end]))
            at = end
        self.at = at
        return found

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
