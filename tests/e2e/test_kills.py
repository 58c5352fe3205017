"""kill -9 of agent, server and database under load: nothing is lost, nothing is stored twice, and the count can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import kills


@pytest.mark.timeout(300)
def test_three_kills_of_each_part_under_load_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    outcome = kills.run(tmp_path, ["agent", "server", "database"] * 3)
    assert outcome.clean, outcome
    assert outcome.rows_per_s >= 4_000, outcome
    assert outcome.answers_cut > 0, "no answer was lost, so nothing was sent twice"


@pytest.mark.timeout(180)
def test_the_count_finds_duplicates_where_nothing_remembers_what_was_stored(tmp_path: Path) -> None:
    outcome = kills.run(tmp_path, [], forget=True)
    assert outcome.duplicated > 0, outcome
