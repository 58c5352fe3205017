"""The four exceptions, by whose fault it is. Nothing else crosses a package boundary."""

from __future__ import annotations


class DecodeError(Exception):
    """The peer's bytes are malformed: count them by source and `kind`, drop them, go on.

    `kind` is a short stable word for counters ("truncated", "length", "tag"); the message is for a person.
    """

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(message or kind)
        self.kind = kind


class Refused(Exception):  # noqa: N818 - it is a decision, not an error of ours
    """The peer asked for something it may not have or that makes no sense: answer `status` (4xx) and say what to do."""

    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(f"{title}: {detail}" if detail else title)
        self.status = status
        self.title = title
        self.detail = detail


class Unavailable(Exception):  # noqa: N818 - a state of the world
    """Try again later, at the earliest after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigError(Exception):
    """Our own configuration is wrong: refuse before start. The message names the place and the fix, in one sentence a line."""
