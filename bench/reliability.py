"""The figures that prove that nothing is lost: F1, kill -9 of agent, server and database at random under load.

Its negative control runs too: with the claim and the primary key switched off, the same count must find duplicates.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import harness
from tests.fakes import kills

FIGURES = ("F1",)


def f1(*, quick: bool) -> dict[str, Any]:
    """100 kills in the long form; the quick one must end within 45 s."""
    order = ["agent", "server", "database"] * (1 if quick else 33) + ["web"] * (0 if quick else 1)
    seed = 1
    with tempfile.TemporaryDirectory() as folder:
        outcome = kills.run(Path(folder), order, seed=seed, say=harness.progress)
    with tempfile.TemporaryDirectory() as folder:
        control = kills.run(Path(folder), [] if quick else ["agent"] * 5, seed=seed, forget=True, say=harness.progress)
    figure = outcome._asdict() | {"seed": seed, "control_duplicated": control.duplicated}
    return {"pass": outcome.clean and control.duplicated > 0, **figure}


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--figure", action="append", choices=FIGURES)
    chosen, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    given = harness.options("reliability")
    runs = {"F1": f1}
    harness.report(given, {name: runs[name](quick=given.quick) for name in chosen.figure or FIGURES})


if __name__ == "__main__":
    main()
