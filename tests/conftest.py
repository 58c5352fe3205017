"""What all tests share: a database of their own.

A test that takes `database` gets the DSN of a fresh, migrated database, dropped afterwards. Tests under tests/storage, and
those marked `every_database`, run once on each kind of server; all others on the embedded one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.clusters import KINDS, Server, running

# A busy machine is no fault of the code, so no example has a deadline; CI looks at the same examples each time, people at new ones.
settings.register_profile("lineside", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("lineside")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_server" in metafunc.fixturenames:
        everywhere = metafunc.definition.get_closest_marker("every_database") or "tests/storage/" in metafunc.definition.nodeid
        kinds = KINDS if everywhere else KINDS[:1]
        metafunc.parametrize("database_server", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of the kind that is the parameter."""
    with running(request.param) as server:
        yield server


@pytest.fixture
def database(database_server: Server) -> Iterator[str]:
    """The DSN of a database that only this test uses, with our schema and no rows."""
    dsn = database_server.create()
    yield dsn
    database_server.drop(dsn)


@pytest.fixture
def empty_database(database_server: Server) -> Iterator[str]:
    """The DSN of a database that no migration has seen."""
    dsn = database_server.create("template0")
    yield dsn
    database_server.drop(dsn)
