"""The server's settings: a TOML file, overridden by LINESIDE_* variables. Unknown keys are refused with the nearest name."""

from __future__ import annotations

import difflib
import ipaddress
import re
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
    profiles: str = ""
    log: str = "logfmt"

    @property
    def key_path(self) -> Path:
        """Where the key that seals device secrets lies."""
        return Path(self.key_file) if self.key_file else Path(self.data) / "secrets.key"

    @property
    def profiles_path(self) -> Path | None:
        """The folder of SNMP profiles of one's own."""
        return Path(self.profiles) if self.profiles else None

    @property
    def url(self) -> str:
        """Where people and agents reach the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"


def read(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings of the file at `path` (None = defaults) and the environment. Raises ConfigError with every fault."""
    values: dict[str, Any] = {}
    places: dict[str, str] = {}  # setting -> how a message names it: by its line of the file, or by its variable
    faults: list[str] = []
    if path is not None:
        values, places, faults = _from_file(path)
    for name, text in environment.items():
        if name.startswith(PREFIX) and not name.startswith("LINESIDE_AGENT_") and name not in NOT_OURS:
            key = name[len(PREFIX) :].lower()
            if key in Settings.__struct_fields__:
                values[key], places[key] = _number(text) if key in _BOUNDS else text, name
            else:
                faults.append(f"{name}: no such setting{_nearest(key, upper=True)}")
    faults += [f"{places[key]} = {value!r}: {words}" for key, value in values.items() if (words := _misfit(key, value))]
    if faults:
        raise ConfigError("\n".join(faults))
    settings = Settings(**values)
    _check(settings, places)
    return settings


# Settings that are numbers: from, to, and what is said of another value. Port 0 means one that the system chooses.
_BOUNDS = {
    "port": (0, 65_535, "a port is a number from 1 to 65535"),
    "web_processes": (1, 64, "web_processes is a number from 1 to 64"),
}


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


def _misfit(key: str, value: Any) -> str:
    """What the setting is, in words, where `value` is something else."""
    if key not in _BOUNDS:
        return "" if isinstance(value, str) else f"{key} is text in quotes"
    low, high, words = _BOUNDS[key]
    return "" if type(value) is int and low <= value <= high else words


def _from_file(path: Path) -> tuple[dict[str, Any], dict[str, str], list[str]]:
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
    known = {key: value for key, value in values.items() if key in Settings.__struct_fields__}
    places = {key: f"{path}:{_line(lines, key)}: {key}" for key in known}
    unknown = [key for key in values if key not in known]
    return known, places, [f"{path}:{_line(lines, key)}: unknown setting {key!r}{_nearest(key)}" for key in unknown]


def _line(lines: list[str], key: str) -> int:
    starts = re.compile(rf"[\s\[\"']*{re.escape(key)}(?![\w-])")
    return next((i for i, line in enumerate(lines, 1) if starts.match(line)), 1)


def _nearest(key: str, *, upper: bool = False) -> str:
    near = difflib.get_close_matches(key, Settings.__struct_fields__, 1)
    if not near:
        return ""
    return f"; did you mean {PREFIX + near[0].upper() if upper else near[0]}?"


def _check(settings: Settings, places: Mapping[str, str]) -> None:
    try:
        loopback = settings.host == "localhost" or ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        msg = (
            f"{places['host']} = {settings.host!r}: pages are opened by a one-time link and not by sign-in yet, so the server listens on "
            "loopback only. Set host to 127.0.0.1 and put a reverse proxy with TLS in front of it."
        )
        raise ConfigError(msg)
    if settings.log not in ("logfmt", "json"):
        msg = f"{places['log']} = {settings.log!r}: choose logfmt or json"
        raise ConfigError(msg)
