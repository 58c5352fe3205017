"""Settings: what is accepted, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import config
from agent.config import Settings, load
from protocols.errors import ConfigError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "agent-settings.md"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


def refused(path: Path | None, environment: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as error:
        load(path, environment)
    return str(error.value)


def test_a_file_and_the_environment_which_wins(tmp_path: Path) -> None:
    path = written(tmp_path, 'server = "https://one.example/"\nname = "a"\nspool_limit_mib = 64\n')
    assert load(path, {"LINESIDE_AGENT_NAME": "b", "LINESIDE_AGENT_SPOOL_RESERVE_MIB": "0", "LINESIDE_URL": "x"}) == Settings(
        server="https://one.example", name="b", spool_limit_mib=64, spool_reserve_mib=0
    )


def test_an_unknown_key_is_refused_with_line_and_nearest_name(tmp_path: Path) -> None:
    path = written(tmp_path, '# mine\nserver = "https://one.example"\n\nsatte = "/x"\n')
    assert refused(path, {}) == f"{path}, line 4: unknown setting 'satte'; did you mean 'state'?"


def test_an_unknown_table_and_an_unknown_variable_are_refused(tmp_path: Path) -> None:
    assert "line 2: unknown setting 'spool'" in refused(written(tmp_path, "\n[spool]\nlimit = 1\n"), {})
    assert "did you mean 'LINESIDE_AGENT_SERVER'?" in refused(None, {"LINESIDE_AGENT_SERVR": "x"})


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, 'server = "ftp://x"\nlog = "xml"\nname = 5\nstate = "here"\nspool_limit_mib = "many"\n')
    lines = refused(path, {}).splitlines()
    assert len(lines) == 5
    assert "line 1: server: 'ftp://x' is no http or https address" in lines[0]
    assert "choose logfmt or json" in lines[1]
    assert "name must be a text in quotes" in lines[2]
    assert "is no absolute path" in lines[3]
    assert "whole number of MiB" in lines[4]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lineside.example",
        "file:///etc/passwd",
        "https://",
        "https://u:p@x",
        "https://x?y=1",
        "https://x:99999",
        "javascript:1",
    ],
)
def test_only_an_http_address_is_a_server(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        config.server_url(url)


def test_a_secret_never_stands_in_the_settings(tmp_path: Path) -> None:
    assert "write env:NAME or file:PATH" in refused(written(tmp_path, 'token = "abcdefgh12345"'), {})
    token = tmp_path / "token"
    token.write_text("from-a-file\n")
    assert load(written(tmp_path, f'token = "file:{token}"'), {}).token == "from-a-file"
    assert "No such file" in refused(written(tmp_path, 'token = "file:/nowhere/at/all"'), {})
    assert "NOWHERE is not set" in refused(written(tmp_path, 'token = "env:NOWHERE"'), {})


@pytest.mark.parametrize(("content", "says"), [(b"server = ", "not TOML"), (b"name = '\xff'", "not UTF-8")])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_bytes(content)
    assert says in refused(path, {})
    assert "cannot be read" in refused(tmp_path / "missing.toml", {})


def test_every_setting_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert set(config.SETTINGS) == set(Settings.__dataclass_fields__)
    for name in config.SETTINGS:
        assert f"`{name}`" in text
        assert f"`LINESIDE_AGENT_{name.upper()}`" in text
