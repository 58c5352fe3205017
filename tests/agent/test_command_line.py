"""What a person reads when something is wrong: one sentence with the fix, never a traceback."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import app


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("LINESIDE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LINESIDE_AGENT_STATE", str(tmp_path / "state"))
    handlers = logging.root.handlers[:]
    yield
    logging.root.handlers[:] = handlers


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("run", "not enrolled yet. Run `lineside-agent enrol"),
        ("enrol --token 12345678", "no server is set"),
        ("enrol --server https://x.invalid", "a token is needed"),
        ("enrol --server https://x.invalid --token env:NO_SUCH", "the environment variable NO_SUCH is not set"),
        ("enrol --server lineside --token 12345678", "no http or https address"),
        ("enrol --server http://127.0.0.1:1 --token 12345678", "could not enrol this agent now"),
        ("run --config {folder}/bad.toml", "line 2: unknown setting 'sever'; did you mean 'server'?"),
        ("check --config {folder}/no.toml", "cannot be read: No such file"),
    ],
)
def test_whatever_is_wrong_is_one_sentence_and_exit_code_1(
    command: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.toml").write_text('name = "x"\nsever = "y"\n')
    assert app.main(command.format(folder=tmp_path).split()) == 1
    out, err = capsys.readouterr()
    assert says in err
    assert err.startswith("lineside-agent: ")
    assert err.count("\n") == 1
    assert out == ""


def test_the_unexpected_is_one_line_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("some\nthing")

    monkeypatch.setattr(app.state, "identity", broken)
    assert app.main(["run"]) == 1
    err = capsys.readouterr().err
    assert err == ("lineside-agent: unexpected error, please report it: ZeroDivisionError: some thing (--debug shows more)\n")
    with pytest.raises(ZeroDivisionError):
        app.main(["run", "--debug"])


def test_a_damaged_identity_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "agent.json").write_text("{")
    assert app.main(["run"]) == 1
    assert "enrol again with a new token" in capsys.readouterr().err
    assert app.main(["check"]) == 1
    assert "failed: " in capsys.readouterr().out


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        app.main([])
    assert left.value.code == 2
    assert "usage: lineside-agent" in capsys.readouterr().err
