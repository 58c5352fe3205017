"""Log lines on stderr, as logfmt or JSON: one event a line, for a person or a collector."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class Line(logging.Formatter):
    """time, level, part, message and, where there is one, the exception, on one line."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {"time": at, "level": record.levelname.lower(), "part": record.name, "message": record.getMessage()}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if self._kind == "json":
            return json.dumps(fields, ensure_ascii=False)
        return " ".join(f"{key}={_quote(value)}" for key, value in fields.items())


def _quote(value: str) -> str:
    plain = value.isprintable() and not any(c in value for c in ' "=')
    return value if plain and value else json.dumps(value, ensure_ascii=False)


def start(kind: str, level: int = logging.INFO) -> None:
    """Log to stderr from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(kind))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # Starlette hands unexpected errors to the server after we answered and logged them: once is enough.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "Exception in ASGI application" not in record.getMessage())
