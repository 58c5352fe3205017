"""What is no UTF-8, or nested beyond all measure, is the peer's fault: a DecodeError, not an exception of the library's own."""

from __future__ import annotations

import pytest

from protocols.errors import DecodeError
from protocols.uplink.batch import decode
from protocols.uplink.plan import decode_plan


@pytest.mark.parametrize("data", [b"\x82\xa1\xff\x01", b"\x82\xa7version\x01\xa5parts\x81\xa1\xd8\x80", b"\x91" * 200_000])
def test_a_batch_that_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError) as fault:
        decode(data, "identity")
    assert fault.value.kind == "format"


@pytest.mark.parametrize("data", [b'{"revision":"\x84"}', b'{"\xff":1}', b"[" * 200_000])
def test_a_plan_that_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError) as fault:
        decode_plan(data)
    assert fault.value.kind == "plan"
