"""Schemathesis over every call of programs, as each role: nothing fails inside, and every answer is one that is described.

Answers are compared with the description: status, media type and schema. Half of the references that are made up are
replaced by ids that exist, so that calls go all the way; which ones is decided by the case itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import threading
import zlib
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.api import openapi
from server.app import ROUTES
from server.setup import bound_to, new_key
from tests.fakes.world import SECRET, START, World, bearer, world
from tests.server.crm_records import RECORDS, named

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT = openapi.document(ROUTES, "3.1.0")
SCOPES = {
    "crm-read": ["crm-read"],
    "crm-write": ["crm-read", "crm-write"],
    "noc-read": ["noc-read"],
    "noc-write": ["noc-write"],
    "admin": ["admin"],
}
ROLES = ("none", "revoked", "agent", "bound", *SCOPES)
SITE = {"sites": [{"id": "hq", "name": "HQ"}]}
RIGHT, WRONG = 6, 2  # examples a call: of requests that fit, and of such that do not
# keys whose value is an id of that noun
REFERENCES = {noun.replace("-", "_").removesuffix("s").replace("entrie", "entry"): noun for noun in RECORDS}
REFERENCES |= {"reseller": "accounts", "provider_account": "accounts", "device": "elements", "entry": "price-book-entries"}


class Served(NamedTuple):
    """The application in a loop of its own, and the credential of each role."""

    loop: asyncio.AbstractEventLoop
    client: httpx2.AsyncClient
    credentials: dict[str, str]

    def send(self, request: dict[str, Any]) -> httpx2.Response:
        return asyncio.run_coroutine_threadsafe(self.client.request(**request), self.loop).result(60)


@pytest.fixture(scope="module")
def served(inventory_database: str, tmp_path_factory: pytest.TempPathFactory):
    ready: Future[Served] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def live() -> None:
        try:
            async with world(inventory_database, Path(tmp_path_factory.mktemp("server")), SITE) as w:
                await _seed(w)
                ready.set_result(Served(loop, w.client, await _credentials(w)))
                await stop.wait()
        except BaseException as error:
            ready.set_exception(error)
            raise

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    yield ready.result(60)
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    loop.close()


async def _seed(w: World) -> None:
    for noun in RECORDS:
        answer = await w.client.put(f"/crm/v1/{noun}/{noun}", json=named(noun, ""), headers=bearer(w.key))
        assert answer.status_code == 201, answer.text


async def _credentials(w: World) -> dict[str, str]:
    keys = {name: await new_key(w.con, w.tenant, name, scopes, START) for name, scopes in SCOPES.items()}
    revoked = await new_key(w.con, w.tenant, "revoked", ["admin"], START)
    bound = await new_key(
        w.con, w.tenant, "bound", ["crm-read"], START, await bound_to(w.con, w.tenant, "account-managers", None)
    )
    await w.con.execute("update api_key set revoked_at = now() where name = 'revoked'")
    return {"none": "", "revoked": revoked, "agent": SECRET, "bound": bound, **keys}


def operations(document: dict[str, Any]) -> list[Any]:
    schema = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


OPERATIONS = operations(DOCUMENT)


@pytest.mark.parametrize("role", ROLES)
def test_no_call_fails_inside_or_answers_what_is_not_described(served: Served, role: str) -> None:
    tried = 0
    for operation in OPERATIONS:
        method, path = operation.method.upper(), operation.path
        if not _may(role, method, path):
            tried += _knock(served, operation, role)
            continue
        tried += _try(served, operation, role, GenerationMode.POSITIVE, RIGHT)
        with contextlib.suppress(Unsatisfiable):  # a call without parameters cannot be made wrongly
            _try(served, operation, role, GenerationMode.NEGATIVE, WRONG)
    assert tried >= len(OPERATIONS)


def test_an_answer_that_is_not_described_is_found(served: Served) -> None:
    document = copy.deepcopy(DOCUMENT)
    del document["paths"]["/crm/v1/cases/{external_id}"]["get"]["responses"]["404"]
    operation = next(each for each in operations(document) if each.definition.raw.get("operationId") == "get_case")
    with pytest.raises(FailureGroup):
        _try(served, operation, "admin", GenerationMode.POSITIVE, 20)


def _may(role: str, method: str, path: str) -> bool:
    scope = next(r.scope for r in ROUTES if r.method == method and r.path.replace(":path}", "}") == path and r.operation)
    return (
        scope in {"public", role, *SCOPES.get(role, ())}
        or (role == "bound" and scope == "crm-read")
        or (role == "admin" and scope != "agent")
    )


def _knock(served: Served, operation: Any, role: str) -> int:
    """One plain call by a role that may not make it."""
    names = {each.name: "x" for each in operation.path_parameters}
    body = {"body": {}, "media_type": operation.body[0].media_type} if len(operation.body) else {}
    response = _call(served, operation.Case(path_parameters=names, **body), role)
    assert response.status_code in {401, 403}, (operation.label, response.text)
    return 1


def _call(served: Served, case: Any, role: str) -> httpx2.Response:
    sent = case.as_transport_kwargs(base_url="http://test")
    sent["headers"] = dict(sent.get("headers") or {}) | (bearer(served.credentials[role]) if role != "none" else {})
    sent.pop("cookies", None)
    response = served.send(_request(sent))
    case.validate_response(response, checks=CHECKS)
    return response


def _try(served: Served, operation: Any, role: str, mode: GenerationMode, examples: int) -> int:
    tried = 0

    @seed(zlib.crc32(f"{role} {operation.label}".encode()))
    @settings(
        max_examples=examples, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        nonlocal tried
        tried += 1
        _aim(case)
        _call(served, case, role)

    one()
    return tried


def _request(sent: dict[str, Any]) -> dict[str, Any]:
    """The arguments of schemathesis' transport as httpx2 takes them."""
    content = sent.pop("data", None)
    sent["headers"] = [
        (name.encode("latin-1"), str(value).encode("latin-1", "replace")) for name, value in sent["headers"].items()
    ]
    return sent if content is None else sent | {"content": content}


def _aim(case: Any) -> None:
    """Make half of the cases about records that exist."""
    coin = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    if coin % 2 and "external_id" in (case.path_parameters or {}):
        noun = case.path.split("/")[3] if case.path.startswith("/crm/v1/") else ""
        case.path_parameters["external_id"] = noun
    if coin % 4 < 3:
        _refer(case.body)


def _refer(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in REFERENCES and isinstance(inner, str):
                value[key] = REFERENCES[key]
            _refer(inner)
    elif isinstance(value, list):
        for inner in value:
            _refer(inner)
