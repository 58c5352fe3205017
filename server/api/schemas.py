"""JSON schemas as the two versions of OpenAPI write them: 3.1 is JSON Schema 2020-12, 3.0 an older dialect without null."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]
_NULL = {"type": "null"}


def as_3_1(schema: Any) -> Any:
    """Whatever holds schemas, with null beside a type where a plain type is nullable."""
    return _walk(schema, _nullable_3_1)


def as_3_0(schema: Any) -> Any:
    """The same with `nullable`, boolean exclusive bounds and nothing beside a reference."""
    return _walk(schema, _nullable_3_0)


def _walk(value: Any, nullable: Any) -> Any:
    if isinstance(value, (list, tuple)):  # defaults are tuples
        return [_walk(item, nullable) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _walk(item, nullable) for key, item in value.items()}
    if isinstance(found.get("title"), str) and ("type" in found or "$ref" in found):
        found.pop("title")
    if isinstance(found.get("enum"), list) and "type" not in found and all(isinstance(each, str) for each in found["enum"]):
        found = {"type": "string"} | found
    if found.get("required") == []:
        found.pop("required")
    return nullable(found)


def _parts(schema: Schema) -> tuple[Schema, Schema] | None:
    """(what it is beside null, what stands beside) of a nullable schema."""
    options = schema.get("anyOf")
    if not isinstance(options, list) or len(options) != 2 or _NULL not in options:
        return None
    (inner,) = (each for each in options if each != _NULL)
    return inner, {key: value for key, value in schema.items() if key != "anyOf"}


def _nullable_3_1(schema: Schema) -> Schema:
    parts = _parts(schema)
    if parts is None or not isinstance(parts[0].get("type"), str):
        return schema
    inner, beside = parts
    more = {"enum": [*inner["enum"], None]} if "enum" in inner else {}
    return inner | {"type": [inner["type"], "null"]} | more | beside


def _nullable_3_0(schema: Schema) -> Schema:
    parts = _parts(schema)
    if parts is not None:
        inner, beside = parts
        more = {"enum": [*inner["enum"], None]} if "enum" in inner else {}
        schema = ({"allOf": [inner]} if "$ref" in inner else inner) | {"nullable": True} | more | beside
    if "$ref" in schema and len(schema) > 1:
        schema = {"allOf": [{"$ref": schema["$ref"]}]} | {key: value for key, value in schema.items() if key != "$ref"}
    for bound, side in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(bound), (int, float)) and not isinstance(schema.get(bound), bool):
            schema = schema | {side: schema[bound], bound: True}
    schema.pop("propertyNames", None)
    return schema
