"""The tables of the programs, against their documents: settings and routes."""

from pathlib import Path
from typing import get_args

import pytest

from agent.config import Settings as AgentSettings
from server.app import ROUTES
from server.auth import Scope
from server.config import Settings as ServerSettings
from tests.project.files import text


@pytest.mark.parametrize(("program", "settings"), [("agent", AgentSettings), ("server", ServerSettings)])
def test_every_setting_is_documented(program, settings):
    document = text(Path(f"docs/{program}-settings.md"))
    assert [name for name in settings.__annotations__ if f"`{name}`" not in document] == []


def test_every_route_has_a_scope_and_stands_once():
    assert [route for route in ROUTES if route.scope not in get_args(Scope)] == []
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
