"""The tenant's key by which agents hash users and MAC addresses: one, random, made when it is first needed, sealed like a secret."""

from __future__ import annotations

import secrets as random
from typing import TYPE_CHECKING

from storage import secrets

if TYPE_CHECKING:
    from storage.database import Connection

NAME = "radius/hash"


async def hash_key(con: Connection, tenant_id: int, key: bytes) -> str:
    """64 hex digits. Raises ConfigError when it was sealed with another key than `key`."""
    stored = await secrets.load(con, tenant_id, [NAME])
    if NAME not in stored:
        sealed = secrets.seal(key, tenant_id, NAME, random.token_hex(32))
        # whoever comes first decides: two keys would make two people of each
        await con.execute(
            """insert into secret (tenant_id, name, key_id, nonce, sealed) values ($1, $2, $3, $4, $5)
               on conflict (tenant_id, name) do nothing""",
            tenant_id,
            *sealed[:4],
        )
        stored = await secrets.load(con, tenant_id, [NAME])
    return secrets.unseal(key, tenant_id, stored[NAME])
