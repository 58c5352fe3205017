"""What tests of the inventory share: one database a module, a tenant a test."""

from __future__ import annotations

import pytest

from tests.server.inventories import new_tenant


@pytest.fixture(scope="module")
def inventory_database(database_server):
    """One database for this module: each test has a tenant of its own in it."""
    dsn = database_server.create()
    yield dsn
    database_server.drop(dsn)


@pytest.fixture
async def world(inventory_database):
    async with new_tenant(inventory_database) as made:
        yield made
