"""The user-based security model of SNMPv3: keys, digests, encryption (RFC 3414, RFC 7860, RFC 3826), without state.

AES with 192 and 256 bits is no standard. The key of `aes192` and `aes256` is lengthened as in draft-blumenthal-aes-usm-04,
that of `aes192c` and `aes256c` as in draft-reeder-snmpv3-usm-3desede-00, which Cisco took.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple

from protocols.errors import ConfigError, DecodeError
from protocols.snmp.keyed import HAS_AES, Cfb, Mac

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    HAS_CIPHERS = HAS_AES
except ImportError:
    HAS_CIPHERS = False

# Name -> bytes of the digest that travel (RFC 3414 section 6.3.1, RFC 7860 section 4.1); hashlib knows the names.
DIGESTS = {"md5": 12, "sha1": 12, "sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}
# Name -> bytes of key; DES has 8 of key and 8 that its initialisation vectors are made from (RFC 3414 section 8.1.1.1).
CIPHERS = {"des": 16, "aes128": 16, "aes192": 24, "aes256": 32, "aes192c": 24, "aes256c": 32}
SALT = 8  # bytes, in a message
_SPREAD = 1 << 20  # bytes of repeated password that are hashed (RFC 3414 appendix A.2)
SHORTEST = 8  # characters of a password (RFC 3414 section 11.2)


class User(NamedTuple):
    """Who asks, and how it is proven: no `auth` is noAuthNoPriv, no `priv` is authNoPriv (RFC 3411 section 3.4.3)."""

    name: bytes
    auth: str = ""  # of DIGESTS
    auth_secret: bytes = b""
    priv: str = ""  # of CIPHERS
    priv_secret: bytes = b""

    @property
    def flags(self) -> int:
        """The msgFlags of the level: bit 0 authenticated, bit 1 encrypted (RFC 3412 section 6.4)."""
        return (1 if self.auth else 0) | (2 if self.priv else 0)


class Keys(NamedTuple):
    """A user's keys at one engine."""

    auth: bytes
    priv: bytes


def check_user(user: User) -> None:
    """Raises ConfigError where `user` cannot be."""
    if user.auth and user.auth not in DIGESTS:
        raise ConfigError(f"{user.auth} is no authentication protocol: use one of {', '.join(DIGESTS)}.")
    if user.priv and user.priv not in CIPHERS:
        raise ConfigError(f"{user.priv} is no privacy protocol: use one of {', '.join(CIPHERS)}.")
    if user.priv and not user.auth:
        raise ConfigError("SNMPv3 has no privacy without authentication: give the authentication protocol and its password too.")
    if user.priv and not HAS_CIPHERS:
        raise ConfigError("SNMPv3 with privacy needs the Python package cryptography, which is not installed here.")
    for what, used, secret in (("authentication", user.auth, user.auth_secret), ("privacy", user.priv, user.priv_secret)):
        if used and len(secret) < SHORTEST:
            raise ConfigError(f"The {what} password of an SNMPv3 user has at least {SHORTEST} characters.")


@lru_cache(maxsize=1024)
def password_key(digest: str, password: bytes) -> bytes:
    """Ku, the key of a password anywhere (RFC 3414 appendix A.2). Costs about a millisecond, hence the cache."""
    if not password:
        raise ConfigError("An SNMPv3 password is empty.")
    return hashlib.new(digest, (password * (_SPREAD // len(password) + 1))[:_SPREAD]).digest()


@lru_cache(maxsize=8192)
def localised(digest: str, password: bytes, engine: bytes) -> bytes:
    """Kul, the key of a password at one engine (RFC 3414 section 2.6)."""
    key = password_key(digest, password)
    return hashlib.new(digest, key + engine + key).digest()


@lru_cache(maxsize=8192)
def keys(user: User, engine: bytes) -> Keys:
    """Both keys of `user` at `engine`."""
    auth = localised(user.auth, user.auth_secret, engine) if user.auth else b""
    return Keys(auth, _cipher_key(user, engine) if user.priv else b"")


def _cipher_key(user: User, engine: bytes) -> bytes:
    key = localised(user.auth, user.priv_secret, engine)
    size = CIPHERS[user.priv]
    last = key
    while len(key) < size:
        if user.priv.endswith("c"):
            last = localised(user.auth, last, engine)  # the key as if it were a password
            key += last
        else:
            key += hashlib.new(user.auth, key).digest()
    return key[:size]


@lru_cache(maxsize=1024)
def mac(auth: str, key: bytes) -> Mac:
    """What makes the digests of an authentication protocol with this key."""
    return Mac(auth, key, DIGESTS[auth])


_aes = lru_cache(maxsize=1024)(Cfb)  # by key


def digest(user: User, key: bytes, message: bytes) -> bytes:
    """The digest of a whole message whose digest field is zeros."""
    return mac(user.auth, key).of(message)


def is_authentic(user: User, key: bytes, message: bytes, at: int) -> bool:
    """Whether the digest at offset `at` of `message` is right; compared in constant time."""
    return mac(user.auth, key).proves(message, at)


def encrypt(
    user: User, key: bytes, plain: bytes, clock: tuple[int, int], salt: int, cipher: Cfb | None = None
) -> tuple[bytes, bytes]:
    """(`plain` encrypted, msgPrivacyParameters). `clock`: the engine's boots and time; `salt` never the same twice.

    `cipher`: that of `key`, where the caller has it at hand.
    """
    boots, time = clock
    if user.priv == "des":
        field = boots.to_bytes(4, "big") + (salt & 0xFFFF_FFFF).to_bytes(4, "big")
        return _des(key, field).encryptor().update(plain + bytes(-len(plain) % 8)), field
    field = salt.to_bytes(SALT, "big")
    return (cipher or _aes(key)).encrypt(_vector(boots, time, field), plain), field


def decrypt(user: User, key: bytes, secret: bytes, clock: tuple[int, int], field: bytes, cipher: Cfb | None = None) -> bytes:
    """`secret` decrypted; whatever comes out must be looked at. Raises DecodeError: decryption. `cipher`: as for `encrypt`."""
    if len(field) != SALT or (user.priv == "des" and len(secret) % 8):
        raise DecodeError("decryption", "the encrypted part of the message has an impossible form")
    if user.priv == "des":
        return _des(key, field).decryptor().update(secret)
    return (cipher or _aes(key)).decrypt(_vector(*clock, field), secret)


def _vector(boots: int, time: int, field: bytes) -> bytes:
    """RFC 3826 section 3.1.2.1."""
    return (boots << 32 | time).to_bytes(8, "big") + field


def _des(key: bytes, field: bytes) -> Cipher[CBC]:
    """RFC 3414 section 8.1.1.1; the triple one with three equal keys is the single one."""
    vector = bytes(a ^ b for a, b in zip(key[8:], field, strict=True))
    return Cipher(TripleDES(key[:8] * 3), CBC(vector))
