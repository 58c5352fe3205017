"""docs/crm-api.md, written from the description of the API: python -m server.api.reference > docs/crm-api.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

from server.api import openapi
from server.api.schemas import Schema

INTRODUCTION = """# The CRM's API

`/crm/v1`: what was sold to whom, written by the CRM, and what Lineside knows about it, read by the CRM. This page is written from
the API's own description (`python -m server.api.reference > docs/crm-api.md`); programs read it from the server, without a key:

- `GET /crm/v1/openapi.json`: OpenAPI 3.1
- `GET /crm/v1/openapi-3.0.json`: OpenAPI 3.0, for readers that know no 3.1, such as Salesforce External Services
- `GET /openapi.json`: every call, also those of agents

## The first service

A key is made on the server; `crm-write` may change, `crm-read` may read. Without a server name, the examples speak to the one on
this machine.

```sh
export LINESIDE_URL=http://127.0.0.1:8080
export LINESIDE_KEY=$(lineside key create --name crm --scope crm-read --scope crm-write)

put() { curl -sS -X PUT "$LINESIDE_URL/crm/v1/$1" -H "Authorization: Bearer $LINESIDE_KEY" \\
  -H 'Content-Type: application/json' -d "$2"; echo; }
get() { curl -sS "$LINESIDE_URL/crm/v1/$1" -H "Authorization: Bearer $LINESIDE_KEY"; echo; }

put accounts/harbour '{"name": "Harbour Logistics", "timezone": "Europe/Berlin", "country": "DE"}'
put products/internet-100 '{"name": "Internet 100", "down_bps": 100000000, "up_bps": 20000000}'
put sites/pop-1 '{"name": "Point of presence 1"}'
put elements/edge1 '{"name": "edge1", "site": "pop-1", "address": "192.0.2.1"}'
put services/SP-1 '{"name": "SP-1", "account": "harbour", "product": "internet-100",
  "mrr": {"amount": "79.00", "currency": "EUR"}, "elements": [{"element": "edge1"}]}'
put cases '{"items": [{"id": "C-1", "account": "harbour", "service": "SP-1", "status": "New",
  "opened_at": "2026-09-01T08:00:00Z"}]}'
get services/SP-1
get 'services?account=harbour&view=open_cases'
```

## Rules

- **Ids are yours**: opaque, at most 255 characters, unique among their kind, percent-encoded in the path (`AC/1` is
  `accounts/AC%2F1`). Names are not keys, but those of services are unique.
- **PUT replaces the whole record.** A key that is left out has its default. The same PUT twice changes nothing; the answer says
  which it was: `{"id", "result"}` with `created` (201), `changed` or `unchanged` (200).
- **Many at once**: `PUT /crm/v1/{noun}` with `{"items": [...]}`, at most 1,000 records of one noun, each with its `id`; all of
  them or none.
- **Faults** are `application/problem+json`: `title`, `detail`, and all faults under `errors` as `{"pointer", "detail"}`.
  422 faulty, 409 owned by another source or in use, 412 changed since.
- **One owner a record** (`owner`, read only): what an inventory file made is changed there; the CRM may refer to it.
- **Lists** are `{"items", "next_cursor"}`, sorted by id; `limit` 100, at most 1,000; pass `next_cursor` as `cursor` until it is
  null. A query parameter that is not known is refused.
- **ETag**: GET and PUT of one record answer with it; `If-Match` makes a PUT or DELETE fail (412) where somebody else was faster,
  `If-None-Match: *` where the record exists. It covers what was written, not what is computed.
- **Instants** are RFC 3339, answered in UTC with `Z` and milliseconds; days are `2026-03-31`; money is
  `{"amount": "79.00", "currency": "EUR"}`; rates are bit/s, sizes bytes.
- **Computed fields** stand under `computed` of services and accounts. A record that was read may be put back as it is: `owner`
  and `computed` are not looked at.
- **Secrets** of sensors (`community`, `auth_secret`, `priv_secret`) are written in clear text, sealed, and always read as null;
  null keeps the stored one.
- A key that is bound to an account manager or a reseller sees theirs only, and only reads.
- To end a service and keep its history, set its `fulfilment_status`; DELETE removes the history with it. A maintenance window is
  ended by `"canceled": true`.

What the fields mean, and what is checked, is told in [the inventory](inventory.md): records here have the same keys.
"""


def pages(document: Schema) -> Iterator[str]:
    """The page, line by line."""
    yield INTRODUCTION
    yield "## Calls\n"
    for tag in document["tags"]:
        rows = list(_calls(document, tag["name"]))
        yield f"### {tag['name'].capitalize()}\n"
        yield "| call | scope | what it does |\n|---|---|---|"
        yield from rows
        yield from _queries(document, tag["name"])
        yield from _bodies(document, tag["name"])
        yield ""
    yield "## Parts of records\n"
    for name in _parts(document):
        yield from _table(document, name)


def _operations(document: Schema, tag: str) -> Iterator[tuple[str, str, Schema]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def _calls(document: Schema, tag: str) -> Iterator[str]:
    for method, path, operation in _operations(document, tag):
        scope = operation["description"].rpartition("`")[0].rpartition("`")[2] or "anyone"
        yield f"| `{method} {path}` | {scope} | {operation['summary']} |"


def _queries(document: Schema, tag: str) -> Iterator[str]:
    for method, path, operation in _operations(document, tag):
        names = [each for each in operation["parameters"] if each["in"] == "query"]
        if names:
            yield f"\n`{method} {path}` takes " + ", ".join(_parameter(each) for each in names) + "."


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    choices = f" ({', '.join(f'`{each}`' for each in schema['enum'])})" if "enum" in schema else ""
    return f"`{parameter['name']}`{choices}"


def _bodies(document: Schema, tag: str) -> Iterator[str]:
    """What can be read of a record of this noun; what is written is the same without what is read only."""
    for _, path, operation in _operations(document, tag):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if f"{name}Page" in document["components"]["schemas"] and "{" in path:
            yield ""
            yield from _table(document, name)


def _parts(document: Schema) -> list[str]:
    """Components beside the records and what is made of them, in alphabetical order."""
    names = document["components"]["schemas"].keys()
    suffixes = ("", "Item", "Body", "Page", "Items")
    records = {f"{name}{suffix}" for name in names if f"{name}Page" in names for suffix in suffixes}
    return sorted(names - records)


def _table(document: Schema, name: str) -> Iterator[str]:
    schema = document["components"]["schemas"][name]
    yield f"**{name}**: {schema.get('description', '').replace(chr(10), ' ').strip()}\n"
    yield "| key | type | |\n|---|---|---|"
    for key, inner in schema.get("properties", {}).items():
        notes = [
            word for word, so in (("required", key in schema.get("required", ())), ("read only", inner.get("readOnly"))) if so
        ]
        if inner.get("default") not in (None, "", [], {}):
            notes.append(f"default `{_plain(inner['default'])}`")
        yield f"| `{key}` | {_type(inner)} | {', '.join(notes)} |"
    yield ""


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value['amount']} {value['currency']}" if isinstance(value, dict) and "amount" in value else str(value)


def _type(schema: Schema) -> str:
    """The type in words."""
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"] if each is not None)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"mapping to {_type(inner)}" if isinstance(inner, dict) else "object"
    word = {"integer": "whole number", "string": "text", "boolean": "true or false"}.get(
        schema.get("type", ""), schema.get("type", "")
    )
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{word} from {low:,} to {high:,}"
    return str({"date": "day", "date-time": "instant"}.get(schema.get("format", ""), word))


def main() -> None:
    """Write the page to standard output."""
    from server.app import ROUTES  # noqa: PLC0415 - the table of routes imports what is described here

    sys.stdout.write(text(openapi.document(ROUTES, "3.0.3", "/crm/v1/")))


def text(document: Schema) -> str:
    """The whole page of a description in OpenAPI 3.0."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(pages(document))).rstrip() + "\n"


if __name__ == "__main__":
    main()
