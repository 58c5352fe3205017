"""Fuzz the SNMP decoders: python tests/fuzz/fuzz_snmp.py [seconds | atheris arguments]

By atheris where it is installed (coverage-guided, libFuzzer's arguments), else by random mutations of the goldens. Anything
but a DecodeError is a crash, and so is an input that takes more than 50 ms.
"""

from __future__ import annotations

import contextlib
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from protocols.errors import DecodeError
from protocols.snmp import layout, message, oid
from protocols.snmp.message import likely_id
from protocols.snmp.request import decode_answer, get
from protocols.snmp.session import Session
from protocols.snmp.walk import Walk
from protocols.wire import text
from tests.protocols.snmp.goldens import NAMES, datagram
from tests.protocols.snmp.test_session import ANSWER, ID, UNKNOWN_ENGINE, USER, known, report, said

_REQUEST = get(b"public", (oid.parse("1.3.6.1.4.1"), oid.parse("1.3.6.1.4.2")))
_SLOW = 0.05  # seconds of CPU


def one_input(data: bytes) -> None:
    """What happens to one hostile datagram, all the way."""
    start = time.thread_time()
    try:
        answer = decode_answer(_REQUEST, message.request_id(data), data)
        walk = Walk(b"public", (b"\x2b",), 10)
        walk.take(answer)
    except DecodeError:
        pass
    try:
        for bind in message.decode(data).varbinds:
            oid.dotted(bind.oid)
            if isinstance(bind.value, bytes):
                text(bind.value)
    except DecodeError:
        pass
    for fresh in (known(), Session(USER, b"", 1)):  # signed by nobody, so nothing of it may be believed
        with contextlib.suppress(DecodeError):
            fresh.pdu(ID, data, 0.0)
    with contextlib.suppress(DecodeError):
        layout.learn(data, {0, 1}, bare=False)
    likely_id(data)
    if time.thread_time() - start > _SLOW:
        raise RuntimeError(f"slow: {data.hex()}")


def mutate(dice: random.Random, data: bytearray) -> bytes:
    """`data` with a few bytes changed, removed, added or repeated."""
    for _ in range(dice.randint(1, 6)):
        place = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0 if place < len(data):
                data[place] = dice.randrange(256)
            case 1:
                del data[place : place + dice.randint(1, 4)]
            case 2:
                data[place:place] = dice.randbytes(dice.randint(1, 4))
            case _:
                data[place:place] = data[dice.randrange(len(data) + 1) :][:40]
    return bytes(data)


def by_dice(seconds: float, seed: int = 1) -> int:
    """Mutations for that long; how many there were."""
    dice = random.Random(seed)
    goldens = [datagram(name) for name in NAMES]
    goldens += [said(ANSWER), said(ANSWER, 0), said(report(UNKNOWN_ENGINE), 0)]
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        one_input(mutate(dice, bytearray(dice.choice(goldens))))
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
