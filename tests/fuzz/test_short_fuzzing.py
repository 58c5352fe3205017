"""Each decoder of untrusted bytes meets some seconds of mutations, in a process of its own; a million is `python -m tests.fuzz.run`."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from protocols.errors import DecodeError
from tests.fuzz import run
from tests.fuzz.decoders import DECODERS, Fuzzed
from tests.peers import ROOT

INPUTS = 6_000  # of each: two or three seconds


@pytest.mark.parametrize("name", DECODERS)
def test_mutated_bytes_bring_nothing_but_decode_errors_soon_and_in_little_memory(name: str) -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", name, f"--inputs={INPUTS}"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"{INPUTS} inputs" in done.stdout


def leaks(data: bytes) -> None:
    if len(data) % 2:
        raise DecodeError("odd", "a decoder that lets its own error out where the caller must not see one")


def crawls(data: bytes) -> None:
    end = time.thread_time() + 2 * run.SLOW
    while time.thread_time() < end:
        pass


@pytest.mark.parametrize(("one", "words"), [(leaks, "DecodeError"), (crawls, "slow")])
def test_the_fuzzer_sees_what_it_is_to_find(one: object, words: str) -> None:
    with pytest.raises(run.FindingError, match=words):
        run.by_dice(Fuzzed(one, [b"seed"]), 100, 1)  # type: ignore[arg-type]
