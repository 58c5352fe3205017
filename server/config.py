"""The server's settings: a TOML file, overridden by LINESIDE_* variables. Unknown keys are refused with the nearest name."""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from protocols.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "LINESIDE_"
# Variables of the same prefix that are not settings of the server.
NOT_OURS = frozenset({"LINESIDE_URL", "LINESIDE_KEY", "LINESIDE_CORPUS", "LINESIDE_CONFIG"})


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting, with its default. docs/server-settings.md explains each."""

    database_url: str = ""
    data: str = "/var/lib/lineside"
    key_file: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    tenant: str = "default"
    tenant_name: str = "Lineside"
    public_url: str = ""
    web_processes: int = 1
    log: str = "logfmt"

    @property
    def key_path(self) -> Path:
        """Where the key that seals device secrets lies."""
        return Path(self.key_file) if self.key_file else Path(self.data) / "secrets.key"

    @property
    def url(self) -> str:
        """Where people and agents reach the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"


def read(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of the file at `path` (None = defaults) and the environment. Raises ConfigError with every fault."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    if path is not None:
        values, faults = _from_file(path)
    for name, text in environment.items():
        if name.startswith(PREFIX) and not name.startswith("LINESIDE_AGENT_") and name not in NOT_OURS:
            key = name[len(PREFIX) :].lower()
            if key in Settings.__struct_fields__:
                values[key] = int(text) if key in _INTEGERS and text.isdigit() else text
            else:
                faults.append(f"{name}: no such setting{_nearest(key, upper=True)}")
    if faults:
        raise ConfigError("\n".join(faults))
    try:
        settings = msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        msg = f"{path or 'environment'}: {error}"
        raise ConfigError(msg) from None
    _check(settings)
    return settings


_INTEGERS = frozenset({"port", "web_processes"})


def _from_file(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        text = path.read_text("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not TOML: {error}"
        raise ConfigError(msg) from None
    lines = text.split("\n")
    unknown = [key for key in values if key not in Settings.__struct_fields__]
    return values, [f"{path}:{_line(lines, key)}: unknown setting {key!r}{_nearest(key)}" for key in unknown]


def _line(lines: list[str], key: str) -> int:
    return next((i for i, line in enumerate(lines, 1) if line.strip().lstrip("[").startswith(key)), 1)


def _nearest(key: str, *, upper: bool = False) -> str:
    near = difflib.get_close_matches(key, Settings.__struct_fields__, 1)
    if not near:
        return ""
    return f"; did you mean {PREFIX + near[0].upper() if upper else near[0]}?"


def _check(settings: Settings) -> None:
    try:
        loopback = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        msg = (
            f"host = {settings.host!r}: pages are opened by a one-time link and not by sign-in yet, so the server listens on "
            "loopback only. Set host to 127.0.0.1 and put a reverse proxy with TLS in front of it."
        )
        raise ConfigError(msg)
    if not 0 <= settings.port <= 65_535:
        msg = f"port = {settings.port}: a port is a number from 1 to 65535"
        raise ConfigError(msg)
    if settings.log not in ("logfmt", "json"):
        msg = f"log = {settings.log!r}: choose logfmt or json"
        raise ConfigError(msg)
    if not 1 <= settings.web_processes <= 64:
        msg = f"web_processes = {settings.web_processes}: choose 1 to 64"
        raise ConfigError(msg)
