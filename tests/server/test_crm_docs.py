"""docs/crm-api.md is what the description says today, and its example works."""

import re
import shlex

from server.api import openapi, reference
from server.app import ROUTES
from tests.fakes.world import bearer, world
from tests.project.files import ROOT

PAGE = (ROOT / "docs" / "crm-api.md").read_text()


def test_the_reference_is_what_the_description_says():
    assert reference.text(openapi.document(ROUTES, "3.0.3", "/crm/v1/")) == PAGE, (
        "run: python -m server.api.reference > docs/crm-api.md"
    )


async def test_the_example_works(database, tmp_path):
    script = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)[1]
    calls = [shlex.split(call) for call in re.findall(r"^(?:put|get) (?:[^'\n]|'[^']*')+$", script, re.MULTILINE)]
    assert len(calls) == 8
    async with world(database, tmp_path, {"sites": [{"id": "hq", "name": "HQ"}]}) as w:
        for verb, path, *body in calls:
            content = {"content": body[0]} if body else {}
            answer = await w.client.request(verb.upper(), f"/crm/v1/{path}", headers=bearer(w.key), **content)
            assert answer.is_success, answer.text
        assert [item["id"] for item in answer.json()["items"]] == ["SP-1"]
