"""`lineside anomalies`: events of the series in a file, and one sentence for each line that is none."""

import gzip
import json

import numpy as np
import pytest

from analytics.anomaly.profile import SETTLING
from server import cli
from server.anomalies import public_holidays
from server.fleets import fleets
from server.series_files import Series

DAYS = 35
STEP = 900


def line(name="a", start="2024-01-01T00:00:00Z", step=STEP, values=None, **more):
    return json.dumps({"name": name, "start": start, "step_seconds": step, "values": values, **more})


def traffic(seed=1, busy=(30, 40, 48)):
    random = np.random.default_rng(seed)
    slots = 86_400 // STEP
    hour = np.arange(slots) / 4
    made = 1e6 * (0.3 + np.exp(-0.5 * ((hour - 14) / 3) ** 2)) * np.exp(random.normal(0, 0.05, (DAYS, slots)))
    day, first, last = busy
    made[day, first:last] *= 2.5
    return [round(value, 1) for value in made.ravel().tolist()]


def run(*arguments):
    return cli.main(["anomalies", *map(str, arguments)], {}, [], {}, lambda: 0)


@pytest.mark.parametrize("packed", [False, True])
def test_an_event_is_printed_with_name_start_end_side_and_score(tmp_path, capsys, packed):
    path = tmp_path / ("series.jsonl.gz" if packed else "series.jsonl")
    text = "".join(line(f"s{number}", values=traffic(number)) + "\n" for number in range(3))
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert run("--series", path) == 0
    found = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    mine = [each for each in found if each["name"] == "s1" and each["start"].startswith("2024-01-31")]
    assert len(mine) == 1
    assert set(mine[0]) == {"name", "start", "end", "side", "score"}
    assert mine[0]["side"] == "high"
    assert "2024-01-31T10:00:00Z" <= mine[0]["start"] <= "2024-01-31T10:30:00Z"
    assert mine[0]["end"] >= "2024-01-31T12:00:00Z"
    assert mine[0]["score"] >= 1


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ('{"name": "a"', "This is not JSON."),
        ("[1]", "This is no JSON object."),
        ("\xff", "This is not JSON."),
        (line(name=3, values=[1]), "`name` must be a text."),
        (line(start="noon", values=[1]), "`start` must be an instant"),
        (line(start="9999-12-31T00:00:00Z", values=[1]), "`start` must be an instant"),
        (line(step=0, values=[1]), "`step_seconds` must be a positive whole number."),
        (line(step=True, values=[1]), "`step_seconds` must be a positive whole number."),
        (line(step=7, values=[1]), "Steps of 7 s do not fill an hour"),
        (line(values={"a": 1}), "`values` must be a list of numbers"),
        (line(values=[1, "2"]), '`values` holds "2", which is no number'),
        (line(values=[1, 10**400]), "`values` holds 10000000000000000000, which is no number below 1e300"),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number_and_the_rest_goes_on(tmp_path, capsys, bad, why):
    path = tmp_path / "series.jsonl"
    path.write_bytes((line("good", values=traffic()) + "\n").encode() + bad.encode("latin-1") + b"\n\n")
    assert run("--series", path) == 1
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1
    assert f"{path}, line 2: {why}" in told.err
    assert '"good"' in told.out


def test_a_file_that_is_not_there_and_a_place_nobody_knows_are_sentences(tmp_path, capsys):
    path = tmp_path / "none.jsonl"
    assert run("--series", path) == 1
    assert capsys.readouterr().err == f"lineside: {path} cannot be read: No such file or directory.\n"
    path.write_text(line(values=traffic()))
    assert run("--series", path, "--zone", "Nowhere/City") == 1
    assert run("--series", path, "--country", "XX") == 1
    assert run("--series", path, "--alpha", "0") == 1
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_short_and_empty_series_say_nothing(tmp_path, capsys):
    path = tmp_path / "series.jsonl"
    path.write_text("\n".join([line("a", values=[]), line("b", values=[None] * 100), line("c", values=[5] * 96 * SETTLING)]))
    assert run("--series", path) == 0
    assert capsys.readouterr() == ("", "")


def test_public_holidays_are_days_since_1970():
    assert public_holidays("IT-MI", 16_010, 62) >= {16_010, 16_046, 16_064, 16_065, 16_071} - {16_046}
    assert public_holidays("GB-ENG", 17_078, 76) == set()


def test_series_of_one_source_that_overlap_are_one_fleet_and_distant_ones_are_not():
    def series(name, start_day, step=300, days=2, source="x"):
        return Series(name, source, start_day * 86_400, step, np.ones(days * 86_400 // step), 1)

    found = list(fleets([series("a", 20_000), series("b", 20_001), series("c", 21_000), series("d", 20_000, 3600)]))
    assert [(list(each.names), each.first, each.values.shape) for each in found] == [
        (["a", "b"], 20_000, (2, 3, 288)),
        (["c"], 21_000, (1, 2, 288)),
        (["d"], 20_000, (1, 2, 24)),
    ]


def test_samples_of_a_minute_become_means_of_five():
    series = Series("a", "", 20_000 * 86_400, 60, np.arange(1440.0), 1)
    fleet = next(fleets([series]))
    assert fleet.values.shape == (1, 1, 288)
    assert fleet.values[0, 0, :2].tolist() == [2, 7]


def test_a_daily_rhythm_of_local_time_survives_the_clock_change(tmp_path, capsys):
    """Traffic that follows the wall clock is usual after the clocks changed in Rome, and anything but usual in UTC."""
    slots, first, count = 96, "2024-03-01T00:00:00+01:00", 8
    hour = np.arange(slots) / 4
    random = np.random.default_rng(4)
    shape = np.tile(np.where((hour >= 8) & (hour < 18), 10.0, 1.0) * 1e6, 40)
    shape = np.delete(shape, slice(30 * slots + 8, 30 * slots + 12))  # from two to three there was nothing
    made = shape * np.exp(random.normal(0, 0.05, (count, len(shape))))
    path = tmp_path / "series.jsonl"
    path.write_text("\n".join(line(f"s{k}", first, values=made[k].tolist()) for k in range(count)))
    told = {}
    for zone in ("Europe/Rome", "UTC"):
        assert run("--series", path, "--zone", zone) == 0
        starts = [json.loads(each)["start"] for each in capsys.readouterr().out.splitlines()]
        told[zone] = sum("2024-03-31" <= start < "2024-04-03" for start in starts)
    assert told["Europe/Rome"] <= 2
    assert told["UTC"] >= count
