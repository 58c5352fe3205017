"""Keys made ready bring the same as the library's own HMAC and CFB, in whatever order they are used."""

from __future__ import annotations

import hmac
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from protocols.snmp.keyed import Cfb, Mac

try:  # CFB moves from one module to the other in these years
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB  # type: ignore[no-redef, unused-ignore]

# NIST SP 800-38A appendix F.3.13, CFB128-AES128.
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
VECTOR = bytes(range(16))
PLAIN = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
SECRET = bytes.fromhex("3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b")


def test_the_standards_example() -> None:
    cipher = Cfb(KEY)
    assert cipher.encrypt(VECTOR, PLAIN) == SECRET
    assert cipher.decrypt(VECTOR, SECRET) == PLAIN


@pytest.mark.parametrize("size", [16, 24, 32])
def test_any_length_and_any_order_is_as_the_library_does_it(size: int) -> None:
    noise = random.Random(size)
    key = noise.randbytes(size)
    cipher = Cfb(key)
    for length in [*range(50), 656, 1_400, 65_000]:
        vector, plain = noise.randbytes(16), noise.randbytes(length)
        expected = Cipher(AES(key), CFB(vector)).encryptor().update(plain)
        assert cipher.encrypt(vector, plain) == expected
        assert cipher.decrypt(vector, expected) == plain


@pytest.mark.parametrize("name", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
def test_a_mac_is_the_hmac(name: str) -> None:
    mac = Mac(name, b"some key", 12)
    for message in (b"", b"x", bytes(1_000)):
        assert mac.of(message) == hmac.digest(b"some key", message, name)[:12]
