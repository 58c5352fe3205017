"""The descriptions of the API are valid, say what they must, and can be read by programs that know OpenAPI 3.0 only."""

from __future__ import annotations

import httpx2
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from server.api import openapi
from server.app import ROUTES
from server.auth import Doorkeeper
from server.config import Settings
from server.web import create_app

WHOLE = openapi.document(ROUTES, "3.1.0")
OLD = openapi.document(ROUTES, "3.0.3", "/crm/v1/")
METHODS = {"get", "put", "post", "delete"}


def operations(document):
    return {(method, path): op for path, item in document["paths"].items() for method, op in item.items() if method in METHODS}


def schemas(value, path=()):
    """Every mapping inside, with where it is."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from schemas(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from schemas(inner, (*path, position))


def test_both_descriptions_are_valid():
    OpenAPIV31SpecValidator(WHOLE).validate()
    OpenAPIV31SpecValidator(openapi.document(ROUTES, "3.1.0", "/crm/v1/")).validate()
    OpenAPIV30SpecValidator(OLD).validate()


async def test_they_are_served_to_anyone(tmp_path):
    app = create_app(Settings(data=str(tmp_path)), "postgresql://nowhere", ROUTES, lambda: 0)
    app.state.doorkeeper = Doorkeeper(None)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        for path, version in (
            ("/crm/v1/openapi.json", "3.1.0"),
            ("/crm/v1/openapi-3.0.json", "3.0.3"),
            ("/openapi.json", "3.1.0"),
        ):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["openapi"]) == (200, version)
        assert answer.json() == WHOLE
        assert (await client.get("/crm/v1/openapi.json?x=1")).status_code == 400


def test_every_call_of_programs_is_described_and_no_page_is():
    described = {(method.upper(), path) for method, path in operations(WHOLE)}
    served = {
        (route.method, route.path.replace(":path}", "}"))
        for route in ROUTES
        if route.path.startswith(("/crm/", "/api/", "/agent/", "/openapi"))
    }
    assert described == served


@pytest.mark.parametrize("document", [WHOLE, OLD], ids=["3.1", "3.0"])
def test_every_call_has_a_name_a_summary_and_says_how_it_can_fail(document):
    found = operations(document)
    names = [operation["operationId"] for operation in found.values()]
    assert sorted(set(names)) == sorted(names)
    for key, operation in found.items():
        assert operation["summary"].endswith("."), key
        assert len(operation["summary"]) <= 130, key
        assert {"400", "503"} <= operation["responses"].keys(), key
        assert operation["security"] == [] or {"401", "403"} <= operation["responses"].keys(), key


def test_a_client_of_3_0_meets_no_null_no_union_and_no_number_without_bounds():
    for path, schema in schemas(OLD):
        if path and path[-1] == "properties":
            continue
        assert not {"anyOf", "oneOf", "const", "propertyNames"} & schema.keys(), path
        assert schema.get("type") != "null", path
        assert not isinstance(schema.get("type"), list), path
        assert "$ref" not in schema or len(schema) == 1, path
        if schema.get("type") == "integer":
            assert {"minimum", "maximum"} <= schema.keys(), path


def test_every_reference_leads_somewhere():
    for document in (WHOLE, OLD):
        for path, schema in schemas(document):
            if isinstance(target := schema.get("$ref"), str):
                place = document
                for step in target.removeprefix("#/").split("/"):
                    assert step in place, (path, target)
                    place = place[step]


def test_money_is_text_with_its_currency_and_instants_say_what_they_are():
    components = OLD["components"]["schemas"]
    assert components["Money"]["properties"]["amount"]["type"] == "string"
    assert components["Case"]["properties"]["opened_at"]["format"] == "date-time"
    assert components["Invoice"]["properties"]["issued_on"]["format"] == "date"
    assert components["Service"]["properties"]["computed"]["readOnly"] is True
    assert "id" not in components["ServiceBody"]["properties"]
    assert components["ServiceBody"]["additionalProperties"] is False
