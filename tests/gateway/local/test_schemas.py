"""Values made up for JSON Schemas, checked by a validator."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cf_aig_gateway.local.providers.schemas import example

NODE = {
    "$defs": {"node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["next"]}},
    "$ref": "#/$defs/node",
}  # fmt: skip


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "minLength": 30, "maxLength": 40},
        {"type": "string", "maxLength": 3},
        {"type": "string", "format": "date-time"},
        {"type": ["null", "string"]},
        {"type": "integer"},
        {"type": "integer", "minimum": 7, "multipleOf": 5},
        {"type": "number", "exclusiveMinimum": 5},
        {"type": "integer", "maximum": -3},
        {"type": "integer", "exclusiveMaximum": 0},
        {"type": "number", "minimum": 0.5, "maximum": 1.5},
        {"type": "boolean"},
        {"type": "null"},
        {"const": "x"},
        {"enum": ["red", "green"]},
        {"type": "string", "default": "d"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3},
        {"items": {"type": "string"}},
        {"properties": {"a": {"type": "string"}}, "required": ["a"]},
        {"type": "object", "required": ["unnamed"]},
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        {"oneOf": [{"type": "object", "required": ["a"]}, {"type": "string"}]},
        {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}], "type": "object"},
        {"$defs": {"a/b~c": {"type": "integer"}}, "$ref": "#/$defs/a~1b~0c"},
        {"$defs": {"s": {"type": "string"}}, "allOf": [{"$ref": "#/$defs/s"}]},
        NODE,
    ],
)  # fmt: skip
def test_an_example_is_valid_under_its_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator(schema).validate(example(schema))


@pytest.mark.parametrize(
    "schema", [None, 7, {"type": 7}, {"minimum": "x", "type": "number"}, {"$ref": 7}, {"anyOf": [7]}]
)
def test_an_invalid_schema_breaks_nothing(schema: Any) -> None:
    example(schema)
