"""SNMPv3 users of every kind for the real snmpd: what its configuration says, and what ours does."""

from __future__ import annotations

from agent.access import Access
from protocols.snmp.usm import User
from protocols.snmp.v3 import V3

AUTH_SECRET = "authentic-phrase"
PRIV_SECRET = "private-phrase"
# Ours -> net-snmp's in snmpd.conf, and in its programs' options.
AUTHS = {"md5": "MD5", "sha1": "SHA", "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
PRIVS = {"des": "DES", "aes128": "AES", "aes192": "AES-192", "aes256": "AES-256", "aes192c": "AES-192-C", "aes256c": "AES-256-C"}
KINDS = [
    ("", ""),
    *((auth, "") for auth in AUTHS),
    *(("sha1", priv) for priv in PRIVS),
    *((auth, "aes128") for auth in AUTHS if auth != "sha1"),
    ("md5", "des"),
    ("md5", "aes256"),
    ("sha512", "aes256"),
    ("sha256", "aes192c"),
]


def name_of(auth: str, priv: str) -> str:
    """The user's name."""
    return f"u-{auth or 'none'}-{priv or 'none'}"


def user(auth: str, priv: str) -> User:
    """The user of these protocols."""
    auth_secret, priv_secret = AUTH_SECRET.encode() if auth else b"", PRIV_SECRET.encode() if priv else b""
    return User(name_of(auth, priv).encode(), auth, auth_secret, priv, priv_secret)


def access(auth: str, priv: str, /, **changed: object) -> Access:
    """How that user asks."""
    return Access(V3, user=user(auth, priv)._replace(**changed))  # type: ignore[arg-type]


def config(kinds: list[tuple[str, str]] = KINDS) -> str:
    """Lines of snmpd.conf that make these users; each may read, at its own level at least."""
    lines = []
    for auth, priv in kinds:
        line = f"createUser {name_of(auth, priv)}"
        line += f" {AUTHS[auth]} {AUTH_SECRET}" if auth else ""
        line += f" {PRIVS[priv]} {PRIV_SECRET}" if priv else ""
        lines += [line, f"rouser {name_of(auth, priv)} {'priv' if priv else 'auth' if auth else 'noauth'}"]
    return "\n".join(lines)


def options(auth: str, priv: str) -> list[str]:
    """The same user for net-snmp's programs."""
    level = "authPriv" if priv else "authNoPriv" if auth else "noAuthNoPriv"
    found = ["-v3", "-u", name_of(auth, priv), "-l", level]
    found += ["-a", AUTHS[auth], "-A", AUTH_SECRET] if auth else []
    return found + (["-x", PRIVS[priv], "-X", PRIV_SECRET] if priv else [])
