"""One-time tokens by which an agent enrols: bound to tenant and site, kept as SHA-256 only."""

from __future__ import annotations

from storage.database import Connection
from storage.times import to_datetime


async def create(con: Connection, tenant_id: int, site: str, sha256: bytes, now_us: int, expires_us: int) -> bool:
    """Store the hash of a token for the site with that external id; False if there is no such site."""
    done = await con.execute(
        """insert into enrol_token (tenant_id, site_id, sha256, created_at, expires_at)
           select s.tenant_id, s.id, $3, $4, $5 from site s where s.tenant_id = $1 and s.external_id = $2""",
        tenant_id,
        site,
        sha256,
        to_datetime(now_us),
        to_datetime(expires_us),
    )
    return bool(done == "INSERT 0 1")


async def sites(con: Connection, tenant_id: int) -> list[str]:
    """The external ids of all sites, for the message about an unknown one."""
    rows = await con.fetch("select external_id from site where tenant_id = $1 order by external_id", tenant_id)
    return [row["external_id"] for row in rows]
