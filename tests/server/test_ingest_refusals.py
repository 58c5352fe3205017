"""What is no batch, or not the caller's, is refused with a sentence and leaves no trace."""

from __future__ import annotations

import gzip
from pathlib import Path

import msgspec
import pytest

from protocols.uplink.batch import MAX_PACKED, zstd
from tests.fakes.world import EPOCH, SECRET, START, batch, bearer, world


@pytest.mark.parametrize(
    ("body", "headers", "status", "word"),
    [
        (b"no zstd at all", {}, 415, "damaged"),
        (batch([(1, "m", "", START, 1.0)])[:-3], {}, 415, "truncated"),
        (batch([(1, "m", "", START, 1.0)]), {"Content_Encoding": "br"}, 415, "zstd, gzip or identity"),
        (zstd.compress(bytes(17 << 20)), {}, 413, "unpacked"),
        (bytes(MAX_PACKED + 1), {}, 413, "larger"),
        (gzip.compress(b'{"samples": []}'), {"Content_Encoding": "gzip"}, 400, "not a batch"),
        (zstd.compress(msgspec.msgpack.encode({"version": 9, "parts": {}})), {}, 426, "format 9"),
        (batch([(1, "m", "", START, 1.0)]), {"X_Sent_At": "yesterday"}, 400, "clock in seconds"),
    ],
)
async def test_what_is_no_batch_is_refused_with_a_sentence(
    database: str, tmp_path: Path, body: bytes, headers: dict[str, str], status: int, word: str
) -> None:
    async with world(database, tmp_path) as w:
        answer = await w.put(body, **headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert word in answer.json()["detail"]
        assert await w.con.fetchval("select count(*) from ingest_claim") == 0


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("nowhere/" + EPOCH + "/1", "none of events, flows, metrics"),
        ("metrics/XYZ/1", "16 lower-case hex"),
        ("metrics/" + EPOCH + "/-1", "whole number"),
    ],
)
async def test_a_malformed_name_of_a_batch_is_refused(database: str, tmp_path: Path, path: str, detail: str) -> None:
    async with world(database, tmp_path) as w:
        answer = await w.client.put(f"/agent/v1/ingest/{path}", content=b"", headers=bearer(SECRET))
        assert answer.status_code == 400
        assert detail in answer.json()["detail"]


async def test_only_the_credential_says_who_an_agent_is(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path) as w:
        body = batch([(1, "m", "", START, 1.0)])
        assert (await w.put(body, secret="ff" * 32)).status_code == 401
        assert (await w.client.put(f"/agent/v1/ingest/metrics/{EPOCH}/1", content=body)).status_code == 401
        assert (await w.put(body, secret=w.key)).status_code == 403, "an admin's key is no agent"
