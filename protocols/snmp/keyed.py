"""Keys made ready: what HMAC and AES do with a key alone is done once, for it costs more than a message does.

AES-CFB (NIST SP 800-38A section 6.3) is made of ECB and CBC: their contexts, unlike those of CFB, can be used again for another
vector, and `cryptography` does not count them among the decrepit.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np

try:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

    HAS_AES = True
except ImportError:
    HAS_AES = False

BLOCK = 16  # bytes of an AES block
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Mac:
    """HMAC (RFC 2104) with one key of at most a block, cut to `size` bytes; `digest` is a name that hashlib knows."""

    __slots__ = ("_inner", "_outer", "size", "zeros")

    def __init__(self, digest: str, key: bytes, size: int) -> None:
        padded = key.ljust(hashlib.new(digest).block_size, b"\0")
        self._inner = hashlib.new(digest, padded.translate(_INNER))
        self._outer = hashlib.new(digest, padded.translate(_OUTER))
        self.size = size
        self.zeros = bytes(size)

    def of(self, message: bytes) -> bytes:
        """The digest of a whole message whose digest field is zeros."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()[: self.size]

    def proves(self, message: bytes, at: int) -> bool:
        """Whether the digest at offset `at` of `message` is right; compared in constant time."""
        end = at + self.size
        return hmac.compare_digest(self.of(message[:at] + self.zeros + message[end:]), message[at:end])


class Cfb:
    """AES in CFB mode, segments of 128 bits, with one key; each call has a vector of its own."""

    __slots__ = ("_chain", "_each", "_last")

    def __init__(self, key: bytes) -> None:
        self._each = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - what is encrypted is xored with the text, as CFB wants it
        self._chain = Cipher(AES(key), CBC(bytes(BLOCK))).encryptor()
        self._last = 0  # the last block that came out of the chain

    def encrypt(self, vector: bytes, plain: bytes) -> bytes:
        """`plain` encrypted.

        CFB encrypts the vector, then each block of the secret, which is the plain one xor what came out before: just what CBC
        does with the plain block. That the chain begins anew is made by what it is fed first.
        """
        first = (int.from_bytes(vector, "big") ^ self._last).to_bytes(BLOCK, "big")
        size = len(plain)
        stream = self._chain.update((first + plain)[: -(-size // BLOCK) * BLOCK])
        self._last = int.from_bytes(stream[-BLOCK:], "big") if stream else self._last
        return _xor(stream, plain)

    def decrypt(self, vector: bytes, secret: bytes) -> bytes:
        """`secret` decrypted: every block needs the secret one before it only, so all are done at once."""
        return _xor(self._each.update((vector + secret)[: -(-len(secret) // BLOCK) * BLOCK]), secret)


def _xor(stream: bytes, text: bytes) -> bytes:
    return (np.frombuffer(stream, np.uint8, len(text)) ^ np.frombuffer(text, np.uint8)).tobytes()
