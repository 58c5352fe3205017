"""`lineside forecast`: one object a line in and out, and what is said about lines that are none."""

import gzip
import json

import pytest

from server.cli import main as command

LINE = [50 + day / 3 for day in range(-59, 1)]


def main(arguments):
    return command(arguments, {}, (), {}, lambda: 0)


@pytest.fixture
def run(tmp_path, capsys):
    def run(*lines, name="series.jsonl"):
        path = tmp_path / name
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        code = main(["forecast", "--series", str(path)])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return run


@pytest.mark.parametrize("name", ["series.jsonl", "series.jsonl.gz"])
def test_one_object_a_line_in_the_order_of_the_file(run, name):
    code, found, said = run(
        {
            "name": "disk",
            "group": "a",
            "kind": "storage",
            "start": "2026-01-01",
            "step_seconds": 86400,
            "values": LINE,
            "threshold": 70,
        },
        {"name": "link", "kind": "demand", "values": [5, 6, None] * 20},
        name=name,
    )
    assert (code, said) == (0, "")
    disk, link = found
    assert disk["name"] == "disk"
    assert disk["class"] == "storage"
    assert disk["state"] == "ok"
    assert disk["date"]["p50"] == 60
    assert disk["last_day"] == "2026-03-01"
    assert set(disk["p_cross"]) == {"30", "60", "90"}
    assert {"level", "slope", "slope_t", "weekday_strength", "last_shift", "days", "coverage", "volatility"} <= set(
        disk["evidence"]
    )
    assert link["state"] == "no_threshold"
    assert link["p_cross"] is None
    assert link["date"] == {"p10": None, "p50": None, "p90": None}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ({"values": []}, "no list `values`"),
        ({"values": [1, "2"]}, "no list `values`"),
        ({"values": [1], "kind": "petrol"}, "must be one of demand, rate, storage, count"),
        ({"values": [1], "threshold": -1}, "threshold that is not a number above 0"),
        ({"values": [1], "step_seconds": 7}, "step_seconds that does not divide a day"),
        ({"values": [1], "start": "yesterday"}, "start that is not a date"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_the_rest_goes_on(run, line, words):
    code, found, said = run({"name": "first", "values": LINE}, line, {"name": "last", "values": LINE})
    assert code == 1
    assert [each["name"] for each in found] == ["first", "last"]
    assert said.startswith("lineside: line 2 of ")
    assert words in said
    assert said.count("\n") == 1


def test_shorter_steps_become_days(run):
    hours = [value for day in LINE for value in [day - 5] * 23 + [day]]
    code, found, _ = run(
        {"kind": "storage", "start": "2026-01-01T00:00:00", "step_seconds": 3600, "values": hours, "threshold": 70},
    )
    assert code == 0
    assert found[0]["date"]["p50"] == 60
    assert found[0]["evidence"]["days"] == 60


def test_a_file_that_is_not_there_is_one_sentence(run, tmp_path, capsys):
    assert main(["forecast", "--series", str(tmp_path / "none.jsonl")]) == 1
    assert "cannot be read" in capsys.readouterr().err
