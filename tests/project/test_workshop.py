"""The workshop itself: what ./dev says when it is called wrongly, what benches print, what a missing neighbour does."""

import json
import subprocess
import sys

import pytest

from bench import harness
from tests import peers
from tests.project.files import ROOT


def dev(*arguments):
    done = subprocess.run([sys.executable, ROOT / "dev", *arguments], check=False, capture_output=True, text=True)
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", [(), ("tset",), ("--help",)])
def test_without_a_command_dev_lists_what_there_is(arguments):
    code, said = dev(*arguments)
    assert code == 1
    assert said.startswith("usage: ./dev COMMAND")
    assert "setup" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("setup", "--per"), "setup takes --peers or nothing"), (("bench", "nothing"), "name one of the benches")],
)
def test_a_wrong_call_is_answered_in_one_line(arguments, words):
    code, said = dev(*arguments)
    assert code == 1
    assert said.startswith("dev: ")
    assert words in said
    assert said.count("\n") == 1


def test_a_bench_ends_with_one_line_of_json(capsys):
    harness.report(harness.Options("example", quick=True, json=True), {"rows_per_s": 3}, {"copy": {"rows_per_s": 4}})
    printed = capsys.readouterr().out
    result = json.loads(printed.splitlines()[-1])
    assert set(result) == {"bench", "quick", "commit", "machine", "figures", "peers"}
    assert result["machine"]["cores"] >= 1
    assert result["peers"] == {"copy": {"rows_per_s": 4}}


def test_rivals_run_in_turn_and_every_other_round_backwards():
    order = []
    seconds = harness.alternate({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=2, warm_up=0)
    assert order == ["a", "b", "b", "a"]
    assert [len(values) for values in seconds.values()] == [2, 2]


def test_a_missing_neighbour_is_a_reason_to_skip_but_a_failure_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not on this machine"):
        peers.need("no-such-program")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not on this machine"):
        peers.need("no-such-program")


def test_a_missing_corpus_is_reported(monkeypatch, tmp_path):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("LINESIDE_CORPUS", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="LINESIDE_CORPUS"):
        peers.corpus()
