"""Fuzz the DNS and certificate decoders: python tests/fuzz/fuzz_dns.py [seconds | atheris arguments]

By atheris where it is installed, else by random mutations of the goldens. Anything but a DecodeError is a crash, and so is an
input that takes more than 50 ms.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from protocols import dns, x509
from protocols.errors import DecodeError
from tests.fuzz.fuzz_snmp import mutate
from tests.protocols.test_dns import FULL, NAME, record, response
from tests.protocols.test_x509 import DER

GOLDENS = (FULL, response(high=0x83), response(record(5, NAME)), DER)
_SLOW = 0.05  # seconds of CPU


def one_input(data: bytes) -> None:
    """What happens to one hostile message."""
    for decode in (dns.decode, x509.expiry):
        start = time.thread_time()
        with contextlib.suppress(DecodeError):
            decode(data)
        if time.thread_time() - start > _SLOW:
            raise RuntimeError(f"slow: {data.hex()}")


def by_dice(seconds: float, seed: int = 1) -> int:
    """Mutations for that long; how many there were."""
    dice = random.Random(seed)
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        one_input(mutate(dice, bytearray(dice.choice(GOLDENS))))
        count += 1
    return count


def main() -> None:
    """By atheris, or by dice."""
    try:
        import atheris
    except ImportError:
        seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
        print(f"{by_dice(seconds)} inputs, nothing but DecodeError")
        return
    atheris.instrument_all()
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
