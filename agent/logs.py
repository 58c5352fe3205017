"""Log lines on stderr, as logfmt or JSON: one line an event, whatever a peer put into a text."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, object]:
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields: dict[str, object] = {"ts": at, "level": record.levelname.lower(), "msg": record.getMessage()}
    return fields | {key: value for key, value in vars(record).items() if key not in _STANDARD}


class Logfmt(logging.Formatter):
    """key=value pairs; a value with anything but plain characters is quoted as JSON would."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return " ".join(f"{key}={_plain(value)}" for key, value in _fields(record).items())


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        return json.dumps(_fields(record), default=str)


def _plain(value: object) -> str:
    text = str(value)
    return text if text and all(c.isalnum() or c in "-._:/@%+" for c in text) and text.isascii() else json.dumps(text)


def start(style: str, *, debug: bool = False) -> None:
    """Send this program's log to stderr; other libraries only speak up when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if style == "json" else Logfmt())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("agent").setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # its reports are tracebacks; ours say it in a line
