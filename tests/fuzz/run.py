"""Fuzz one decoder: python -m tests.fuzz.run NAME [--inputs N] [--seed S] | NAME --atheris [arguments of libFuzzer]

Random mutations of its seeds; by atheris, where it is installed, guided by coverage. Any exception is a finding, and so is an input
that takes more than 50 ms of CPU, and memory that grows by more than 64 MiB over what the decoder has after its first inputs.
"""

from __future__ import annotations

import argparse
import gc
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from tests.fuzz.decoders import DECODERS, Fuzzed

SLOW = 0.05  # seconds of CPU
HANGS = 1.0  # seconds of CPU after which an input is given up, wherever it is
GROWTH = 64 << 10  # KiB
WARM = 500  # inputs until caches are filled
LONGEST = 65_507  # bytes of a datagram


class FindingError(Exception):
    """What an input did that none may."""


def mutate(dice: random.Random, data: bytearray) -> bytes:
    """`data` with a few bytes changed, removed, added, repeated or turned into what lengths are made of."""
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(data) + 1)
        match dice.randrange(6):
            case 0 if place < len(data):
                data[place] = dice.randrange(256)
            case 1:
                del data[place : place + dice.randint(1, 4)]
            case 2:
                data[place:place] = dice.randbytes(dice.randint(1, 4))
            case 3 if place < len(data):
                data[place] = dice.choice((0, 1, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xC0, 0xFE, 0xFF))
            case 4:
                del data[place:]
                data += dice.randbytes(dice.randrange(4))
            case _:
                data[place:place] = data[dice.randrange(len(data) + 1) :][:40] * dice.choice((1, 1, 1, 1, 1, 1, 1, 50))
    return bytes(data[:LONGEST])


def tried(fuzzed: Fuzzed, data: bytes) -> float:
    """Seconds of CPU one input took. Raises FindingError."""
    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS)
    start = time.thread_time()
    try:
        fuzzed.one(data)
    except Exception as error:
        raise FindingError(f"{type(error).__name__}: {error}: {data.hex()}") from error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.thread_time() - start


def checked(fuzzed: Fuzzed, data: bytes) -> float:
    """As `tried`, three times where it was slow: another program's work in the cache, or a page of memory, is not the input's."""
    took = tried(fuzzed, data)
    if took > SLOW:
        took = min(tried(fuzzed, data) for _ in range(3))
        if took > SLOW:
            raise FindingError(f"slow, {took:.3f} s: {data.hex()}")
    return took


def by_dice(fuzzed: Fuzzed, inputs: int, seed: int, told: Callable[[str], None] = lambda _: None) -> str:
    """So many mutations; a sentence about them. Raises FindingError."""
    dice = random.Random(seed)
    for data in fuzzed.seeds:
        for size in range(min(len(data), 2_000) + 1):
            checked(fuzzed, data[:size])
    slowest, before = 0.0, 0
    for count in range(inputs):
        slowest = max(slowest, checked(fuzzed, mutate(dice, bytearray(dice.choice(fuzzed.seeds)))))
        if count == WARM:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if count % 50_000 == 49_999:
            told(f"{count + 1} inputs, the slowest took {1000 * slowest:.2f} ms")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before if before else 0
    if grown > GROWTH:
        raise FindingError(f"memory grew by {grown >> 10} MiB")
    return f"{inputs} inputs, nothing but DecodeError, the slowest took {1000 * slowest:.2f} ms, memory grew by {grown >> 10} MiB"


def main(arguments: list[str]) -> int:
    """The command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run")
    parser.add_argument("name", choices=DECODERS)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    options, rest = parser.parse_known_args(arguments)
    fuzzed = DECODERS[options.name]

    def hangs(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("it does not end")

    signal.signal(signal.SIGVTALRM, hangs)
    if options.atheris:
        import atheris

        atheris.instrument_all()
        atheris.Setup([sys.argv[0], *rest], lambda data: checked(fuzzed, data) and None)
        atheris.Fuzz()
    gc.collect()
    gc.freeze()
    try:
        print(f"{options.name}: {by_dice(fuzzed, options.inputs, options.seed, lambda line: print(line, flush=True))}")
    except FindingError as found:
        print(f"{options.name}: {found}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
