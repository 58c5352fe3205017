"""Keys, digests and ciphers of the user-based security model."""

from __future__ import annotations

import pytest

from protocols.errors import ConfigError, DecodeError
from protocols.snmp import usm
from protocols.snmp.usm import CIPHERS, DIGESTS, User

ENGINE = bytes.fromhex("000000000000000000000002")
PASSWORD = b"maplesyrup"


def test_keys_are_those_of_rfc_3414_appendix_a_3() -> None:
    assert usm.password_key("md5", PASSWORD).hex() == "9faf3283884e92834ebc9847d8edd963"
    assert usm.localised("md5", PASSWORD, ENGINE).hex() == "526f5eed9fcce26f8964c2930787d82b"
    assert usm.password_key("sha1", PASSWORD).hex() == "9fb5cc0381497b3793528939ff788d5d79145211"
    assert usm.localised("sha1", PASSWORD, ENGINE).hex() == "6695febc9288e36282235fc7151f128497b38f3f"


def user(auth: str, priv: str) -> User:
    return User(b"me", auth, PASSWORD, priv, PASSWORD)


def test_long_keys_begin_with_the_short_one_and_differ_by_the_way_they_are_lengthened() -> None:
    short, ours, ciscos = (usm.keys(user("sha1", priv), ENGINE).priv for priv in ("aes128", "aes256", "aes256c"))
    assert short == ours[:16] == ciscos[:16]
    assert len(ours) == len(ciscos) == 32
    assert ours[20:] != ciscos[20:]
    # where the digest is long enough there is nothing to lengthen
    assert usm.keys(user("sha512", "aes256"), ENGINE).priv == usm.keys(user("sha512", "aes256c"), ENGINE).priv


@pytest.mark.parametrize("priv", CIPHERS)
def test_what_is_encrypted_can_be_decrypted(priv: str) -> None:
    who = user("sha256", priv)
    key = usm.keys(who, ENGINE).priv
    plain = bytes(range(100))
    secret, field = usm.encrypt(who, key, plain, (3, 77), 0x1122334455667788)
    assert plain not in secret
    assert usm.decrypt(who, key, secret, (3, 77), field)[: len(plain)] == plain
    assert usm.decrypt(who, key, secret, (3, 78), field)[: len(plain)] != plain or priv == "des"


@pytest.mark.parametrize("auth", DIGESTS)
def test_a_digest_is_wrong_after_any_change(auth: str) -> None:
    who = user(auth, "")
    key = usm.keys(who, ENGINE).auth
    message = b"before" + bytes(DIGESTS[auth]) + b"after"
    signed = b"before" + usm.digest(who, key, message) + b"after"
    assert usm.is_authentic(who, key, signed, 6)
    for place in range(len(signed)):
        assert not usm.is_authentic(who, key, signed[:place] + bytes((signed[place] ^ 1,)) + signed[place + 1 :], 6)


@pytest.mark.parametrize(("size", "salt"), [(7, 8), (8, 7), (9, 8)])
def test_an_impossible_ciphertext_is_refused(size: int, salt: int) -> None:
    who = user("md5", "des")
    with pytest.raises(DecodeError, match="impossible"):
        usm.decrypt(who, usm.keys(who, ENGINE).priv, bytes(size), (1, 1), bytes(salt))


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (User(b"u", "sha3", PASSWORD), "no authentication protocol"),
        (User(b"u", "sha1", PASSWORD, "rc4", PASSWORD), "no privacy protocol"),
        (User(b"u", "", b"", "des", PASSWORD), "without authentication"),
        (User(b"u", "sha1", b"short"), "at least 8"),
        (User(b"u", "sha1", PASSWORD, "des", b""), "privacy password"),
    ],
)
def test_a_user_that_cannot_be_is_said_to_be_so(who: User, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        usm.check_user(who)
