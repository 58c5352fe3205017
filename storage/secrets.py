"""Device secrets at rest: AES-GCM (NIST SP 800-38D) under a key that is kept outside the database.

The tenant and the secret's name are authenticated with it, so that a sealed secret cannot be moved to another record.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.errors import ConfigError
from storage.database import Connection

KEY_BYTES = (16, 24, 32)
NONCE_BYTES = 12


class Sealed(NamedTuple):
    """One row of `secret`. `key_id` tells which key opens it."""

    name: str
    key_id: bytes
    nonce: bytes
    sealed: bytes
    id: int = 0


def key_id(key: bytes) -> bytes:
    """The first 8 bytes of SHA-256 of the key: names it without betraying it."""
    return hashlib.sha256(key).digest()[:8]


def seal(key: bytes, tenant_id: int, name: str, secret: str) -> Sealed:
    """`secret` as it may be stored. Raises ConfigError if the key has a wrong length."""
    if len(key) not in KEY_BYTES:
        raise ConfigError(f"The key that seals secrets has {len(key)} bytes; it needs 32.")
    nonce = os.urandom(NONCE_BYTES)
    return Sealed(name, key_id(key), nonce, AESGCM(key).encrypt(nonce, secret.encode(), _associated(tenant_id, name)))


def unseal(key: bytes, tenant_id: int, sealed: Sealed) -> str:
    """The secret. Raises ConfigError if it was sealed with another key, for another tenant or name, or was changed since."""
    if sealed.key_id != key_id(key):
        raise ConfigError(f"The secret {sealed.name} was sealed with another key: apply the inventory again, or restore the key.")
    try:
        plain = AESGCM(key).decrypt(sealed.nonce, sealed.sealed, _associated(tenant_id, sealed.name))
    except InvalidTag:
        raise ConfigError(f"The secret {sealed.name} was changed in the database: apply the inventory again.") from None
    return plain.decode()


def of_sensor(element: str, sensor: str) -> str:
    """The name of the secret of a sensor (elements.py joins by the same)."""
    return f"sensor/{element}/{sensor}"


def _associated(tenant_id: int, name: str) -> bytes:
    return f"{tenant_id}\0{name}".encode()


async def open_all(con: Connection, tenant_id: int, ids: Sequence[int], key: bytes) -> dict[int, str]:
    """The secrets with those ids, opened. Raises ConfigError as `unseal`."""
    rows = await con.fetch(
        "select name, key_id, nonce, sealed, id from secret where tenant_id = $1 and id = any($2::bigint[])", tenant_id, list(ids)
    )
    return {row["id"]: unseal(key, tenant_id, Sealed(*row)) for row in rows}


async def load(con: Connection, tenant_id: int, names: Sequence[str] | None = None) -> dict[str, Sealed]:
    """Every secret of the tenant by name, or those of the `names` that there are."""
    rows = await con.fetch(
        "select name, key_id, nonce, sealed, id from secret where tenant_id = $1 and ($2::text[] is null or name = any($2))",
        tenant_id,
        names,
    )
    return {row["name"]: Sealed(*row) for row in rows}


async def save(con: Connection, tenant_id: int, key: bytes, secrets: Mapping[str, str]) -> None:
    """Seal and store each secret under its name."""
    sealed = [seal(key, tenant_id, name, secret) for name, secret in secrets.items()]
    await con.execute(
        """insert into secret (tenant_id, name, key_id, nonce, sealed)
           select $1::bigint, * from unnest($2::text[], $3::bytea[], $4::bytea[], $5::bytea[])
           on conflict (tenant_id, name) do update
           set key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed""",
        tenant_id,
        *([item[column] for item in sealed] for column in range(4)),
    )


async def remove_unused(con: Connection, tenant_id: int) -> None:
    """Delete the secrets of sensors that are gone."""
    await con.execute(
        """delete from secret k where k.tenant_id = $1 and k.name like 'sensor/%'
           and not exists (select from sensor n where n.tenant_id = $1 and n.secret_id = k.id)""",
        tenant_id,
    )
