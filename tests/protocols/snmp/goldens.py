"""The datagrams of tests/golden/snmp: NAME.hex is annotated hex, NAME.json what it means, both written by hand."""

from __future__ import annotations

import json
from pathlib import Path

from protocols.snmp import oid
from protocols.snmp.message import Message

FOLDER = Path(__file__).parents[2] / "golden" / "snmp"
NAMES = sorted(path.stem for path in FOLDER.glob("*.hex"))


def datagram(name: str) -> bytes:
    lines = (FOLDER / f"{name}.hex").read_text(encoding="utf-8").splitlines()
    return bytes.fromhex(" ".join(line.partition("#")[0] for line in lines))


def meaning(name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


def described(message: Message) -> dict[str, object]:
    """`message` in the words of the JSON files."""
    binds = [
        [oid.dotted(bind.oid), f"{bind.tag:02x}", bind.value.hex() if isinstance(bind.value, bytes) else bind.value]
        for bind in message.varbinds
    ]
    return {**message._asdict(), "community": message.community.decode(), "pdu": f"{message.pdu:02x}", "varbinds": binds}
