"""Settings of the server: what is wrong is said before anything starts, with the line and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocols.errors import ConfigError
from server import config, keys


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "lineside.toml"
    path.write_text('port = 9000\ntenant = "north"\n')
    settings = config.read(path, {"LINESIDE_PORT": "9001", "LINESIDE_URL": "ignored here", "LINESIDE_AGENT_STATE": "not ours"})
    assert (settings.port, settings.tenant) == (9001, "north")


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        ("\nprot = 1\n", {}, r"lineside\.toml:2: unknown setting 'prot'; did you mean port\?"),
        ("port = ", {}, r"lineside\.toml: not TOML"),
        ('port = "x"', {}, r"lineside\.toml:1: port = 'x': a port is a number from 1 to 65535"),
        ("port = true", {}, r"lineside\.toml:1: port = True: a port is a number"),
        ("", {"LINESIDE_PORT": "abc"}, "LINESIDE_PORT = 'abc': a port is a number from 1 to 65535"),
        ("", {"LINESIDE_PORT": "²"}, "LINESIDE_PORT = '²': a port is a number from 1 to 65535"),
        ("", {"LINESIDE_WEB_PROCESSES": "9" * 5_000}, "a number from 1 to 64"),
        ("", {"LINESIDE_LOG": "xml"}, "LINESIDE_LOG = 'xml': choose logfmt or json"),
        ('database_url = "x"\ndata = 5\n', {}, r"lineside\.toml:2: data = 5: data is text in quotes"),
        ("\nhost = 5", {}, r"lineside\.toml:2: host = 5: host is text in quotes"),
        ("", {"LINESIDE_DATABASE_ULR": "x"}, "LINESIDE_DATABASE_ULR: no such setting; did you mean LINESIDE_DATABASE_URL"),
        ('host = "0.0.0.0"', {}, "loopback only"),
        ("port = 70000", {}, "1 to 65535"),
        ('log = "xml"', {}, "logfmt or json"),
        ("web_processes = 0", {}, "1 to 64"),
    ],
)
def test_a_wrong_setting_is_refused(tmp_path: Path, text: str, environment: dict[str, str], words: str) -> None:
    path = tmp_path / "lineside.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        config.read(path, environment)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.toml: cannot be read: No such file"):
        config.read(tmp_path / "nowhere.toml", {})


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secrets.key"
    key = keys.read_or_make(path)
    assert len(key) == 32
    assert keys.read_or_make(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"short")
    with pytest.raises(ConfigError, match=r"has 5 bytes, not 32"):
        keys.read_or_make(path)
