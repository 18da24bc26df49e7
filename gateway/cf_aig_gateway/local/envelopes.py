"""The management API's answers: results, lists, and errors."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, Response

T = TypeVar("T", bound=BaseModel)

UNION_TAGS = {"str", "bool", "int", "float"}
"""Suffixes that pydantic adds to the location of a value that matches none of several types."""

MAX_ECHO = 80
"""The most characters of a refused value that an error repeats."""

MESSAGES = {
    "less_than_equal": "Number must be less than or equal to {le:.0f}",
    "greater_than_equal": "Number must be greater than or equal to {ge:.0f}",
    "int_parsing": "Expected number, received nan",
    "int_parsing_size": "Expected number, received nan",
    "int_from_float": "Expected integer, received float",
    "float_parsing": "Expected number, received nan",
    "int_type": "Expected number, received {kind}",
    "float_type": "Expected number, received {kind}",
    "finite_number": "Expected number, received nan",
    "bool_type": "Expected boolean, received {kind}",
    "bool_parsing": "Expected boolean, received {kind}",
    "string_type": "Expected string, received {kind}",
    "list_type": "Expected array, received {kind}",
    "dict_type": "Expected object, received {kind}",
    "model_type": "Expected object, received {kind}",
    "literal_error": "Invalid enum value. Expected {expected}, received '{input}'",
    "missing": "Required",
    "string_too_short": "String must contain at least {min_length} character(s)",
    "string_too_long": "String must contain at most {max_length} character(s)",
    "too_short": "Array must contain at least {min_length} element(s)",
    "too_long": "Array must contain at most {max_length} element(s)",
    "string_pattern_mismatch": "Invalid",
    "json_invalid": "Invalid JSON",
}
"""The API's wording for each kind of pydantic error. It is that of the API's validator (zod)."""


class Refused(Exception):
    """A refused request. Handlers raise it, and the application turns it into an answer."""

    def __init__(self, status: int, *errors: dict[str, Any]) -> None:
        super().__init__(errors[0]["message"])
        self.status = status
        self.errors = errors

    def response(self) -> Response:
        """Return the answer, in the envelope of the gateway's configuration service."""
        return JSONResponse({"success": False, "errors": self.errors, "result": {}}, self.status)


def result(value: Any) -> Response:
    """Answer with one thing."""
    return JSONResponse({"result": value, "success": True})


def results(values: list[Any], *, page: int, per_page: int, totals: Mapping[str, Any]) -> Response:
    """Answer with a page of a list. The API doesn't return a page count."""
    info = {"page": page, "per_page": per_page, "count": len(values), **totals}
    return JSONResponse({"result": values, "result_info": info, "success": True})


def not_found() -> Refused:
    """Return the error for something missing. It is the same for a gateway, a log and a stored body."""
    return Refused(404, {"code": 7002, "message": "Not Found"})


def front_door(status: int, *errors: tuple[int, str]) -> Response:
    """Return the error that api.cloudflare.com gives before a request reaches a service."""
    entries = [{"code": code, "message": message} for code, message in errors]
    return JSONResponse({"success": False, "errors": entries, "messages": [], "result": None}, status)


def checked(model: type[T], where: str, value: Mapping[str, Any] | bytes) -> T:
    """Read a query or a JSON body.

    Raises:
        Refused: 400, with one error per fault, each with its path.

    """
    try:
        if isinstance(value, bytes):
            return model.model_validate_json(value)
        return model.model_validate({name: held for name, held in value.items() if held != ""})
    except ValidationError as error:
        entries = [_entry(where, fault) for fault in error.errors(include_url=False)]
        raise Refused(400, *{str(entry["path"]): entry for entry in entries}.values()) from error


def _entry(where: str, fault: Any) -> dict[str, Any]:
    path = [where, *fault["loc"]]
    if path[-1] in UNION_TAGS:
        return {"code": 7001, "message": "Invalid input", "path": path[:-1]}
    held = fault["input"]
    context = fault.get("ctx", {})
    expected = str(context.get("expected", "")).replace(" or ", " | ").replace(", ", " | ")
    filling = context | {"kind": _kind(held), "input": str(held)[:MAX_ECHO], "expected": expected}
    template = MESSAGES.get(fault["type"])
    return {"code": 7001, "message": template.format(**filling) if template else fault["msg"], "path": path}


def _kind(value: object) -> str:
    """Return JavaScript's name for the type of a JSON value."""
    kinds = ((bool, "boolean"), (str, "string"), (list, "array"), (dict, "object"), (int | float, "number"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")
