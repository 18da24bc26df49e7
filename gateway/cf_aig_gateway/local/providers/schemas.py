"""Values that are valid under a JSON Schema, for tool calls and JSON replies of simulated models."""

from collections.abc import Mapping
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object, as_text

MAX_DEPTH = 16
"""Levels after which a recursive schema is answered with null."""

FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
}


def example(schema: Any) -> Any:
    """Return the simplest value that a schema allows: required properties, minimum lengths, first choices."""
    return _value(as_object(schema), as_object(schema), 0)


def _value(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    if depth > MAX_DEPTH:
        return None
    if "$ref" in schema:
        return _value(_resolved(as_text(schema["$ref"]), root), root, depth + 1)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if choices := as_list(schema.get("enum")):
        return choices[0]
    if parts := as_list(schema.get("allOf")):
        return _value(_merged(schema, parts, root), root, depth + 1)
    for name in ("anyOf", "oneOf"):
        if parts := as_list(schema.get(name)):
            return _value(_merged(schema, _chosen(parts, depth), root), root, depth + 1)
    return _typed(schema, root, depth)


def _chosen(parts: list[Any], depth: int) -> list[Any]:
    """Return the first alternative. Deep inside, prefer null if allowed, so that linked lists end."""
    nulls = [part for part in parts if as_object(part).get("type") == "null"]
    return (nulls if depth > MAX_DEPTH // 2 and nulls else parts)[:1]


def _typed(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    match _type(schema):
        case "object":
            properties = as_object(schema.get("properties"))
            required = [name for name in as_list(schema.get("required")) if isinstance(name, str)]
            return {name: _value(as_object(properties.get(name)), root, depth + 1) for name in required}
        case "array":
            item = as_object(schema.get("items"))
            return [_value(item, root, depth + 1) for _ in range(min(_least(schema, "minItems"), 100))]
        case "string":
            text = FORMATS.get(as_text(schema.get("format")), "simulated")
            bound = schema.get("maxLength")
            return text.ljust(min(_least(schema, "minLength"), 10_000), ".")[
                : bound if isinstance(bound, int) else None
            ]
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case _:
            return None


def _type(schema: Mapping[str, Any]) -> str:
    """Return a schema's first type. If it names none, infer the type from its other keywords."""
    kind = schema.get("type")
    named = as_text(kind) or as_text(next(iter(as_list(kind)), ""))
    if named:
        return named
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _number(schema: Mapping[str, Any]) -> float:
    step = _measure(schema, "multipleOf") or 1
    low, below = _measure(schema, "minimum"), _measure(schema, "exclusiveMinimum")
    high, above = _measure(schema, "maximum"), _measure(schema, "exclusiveMaximum")
    least = below if low is None else low
    if least is not None:
        value = -(-least // step) * step
        return value + step if value == below else value
    if high is not None and high < 0:
        return high // step * step
    return (above // step - 1) * step if above is not None and above <= 0 else 0


def _least(schema: Mapping[str, Any], name: str) -> int:
    return int(_measure(schema, name) or 0)


def _measure(schema: Mapping[str, Any], name: str) -> float | None:
    value = schema.get(name)
    return value if isinstance(value, int | float) and abs(value) < 1e15 else None


def _resolved(reference: str, root: Mapping[str, Any]) -> dict[str, Any]:
    place: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        place = as_object(place).get(part.replace("~1", "/").replace("~0", "~"))
    return as_object(place)


def _merged(schema: Mapping[str, Any], parts: list[Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a schema and its parts say together."""
    merged = {name: value for name, value in schema.items() if name not in {"allOf", "anyOf", "oneOf"}}
    for part in parts:
        named = as_object(part)
        said = _resolved(as_text(named["$ref"]), root) if "$ref" in named else named
        for name in ("properties", "required"):
            if name in said and name in merged:
                said = {**said, name: _joined(merged[name], said[name])}
        merged |= said
    return merged


def _joined(one: Any, other: Any) -> Any:
    return [*as_list(one), *as_list(other)] if isinstance(one, list) else {**as_object(one), **as_object(other)}
