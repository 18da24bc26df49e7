"""Tools and a prompt that ask the client for input, during a call or before answering it."""

import json
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field

Call = Context[Any, Any]


class User(BaseModel):
    """The questions to a person."""

    username: str
    email: str


class Person(BaseModel):
    """A form with a default for each primitive type."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def _titled(**titles: str) -> list[dict[str, str]]:
    return [{"const": value, "title": title} for value, title in titles.items()]


LEVELS = _titled(low="Low Priority", medium="Medium Priority", high="High Priority")
KINDS = _titled(feature="New Feature", bug="Bug Fix", docs="Documentation")
SIZES = {"enum": ["small", "medium", "large"], "enumNames": ["Small Size", "Medium Size", "Large Size"]}


class Choices(BaseModel):
    """A form with every way to write an enumeration."""

    untitledSingle: str = Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})  # noqa: N815
    titledSingle: str = Field(json_schema_extra={"oneOf": LEVELS})  # noqa: N815
    untitledMulti: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": ["read", "write"]}})  # noqa: N815
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": KINDS}})  # noqa: N815
    legacyEnum: str = Field(json_schema_extra=SIZES)  # noqa: N815


def _message(text: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=TextContent(type="text", text=text))


def _sample(text: str) -> CreateMessageRequest:
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[_message(text)], max_tokens=100))


def _ask(field: str, kind: str = "string", message: str = "What is it?") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


async def test_sampling(prompt: str, ctx: Call) -> str:
    # On the stream of its own call: the client may not have opened the standalone stream yet.
    answer = await ctx.session.create_message(
        messages=[_message(prompt)], max_tokens=100, related_request_id=ctx.request_id
    )
    return f"LLM response: {answer.content}"


async def test_elicitation(message: str, ctx: Call) -> str:
    return f"User response: {await ctx.elicit(message, User)}"


async def test_elicitation_sep1034_defaults(ctx: Call) -> str:
    return f"Elicitation completed: {await ctx.elicit('Who are you?', Person)}"


async def test_elicitation_sep1330_enums(ctx: Call) -> str:
    return f"Elicitation completed: {await ctx.elicit('Choose', Choices)}"


def _inputs(ctx: Call, wanted: dict[str, InputRequest], state: str | None = None) -> str | InputRequiredResult:
    """Answer with the inputs once they have arrived, if the state matches that of the request for them."""
    given = ctx.input_responses or {}
    if given.keys() >= wanted.keys() and ctx.request_state == state:
        answers = {name: answer.model_dump(mode="json", exclude_none=True) for name, answer in given.items()}
        return f"state-ok: {json.dumps(answers)}"
    return InputRequiredResult(input_requests=wanted, request_state=state)


async def test_streaming_elicitation(ctx: Call) -> str | InputRequiredResult:
    await ctx.report_progress(1, 2)
    return _inputs(ctx, {"user_name": _ask("name", message="What is your name?")})


def test_input_required_result_elicitation(ctx: Call) -> str | InputRequiredResult:
    return _inputs(ctx, {"user_name": _ask("name", message="What is your name?")})


def test_input_required_result_sampling(ctx: Call) -> str | InputRequiredResult:
    return _inputs(ctx, {"capital_question": _sample("What is the capital of France?")})


def test_input_required_result_list_roots(ctx: Call) -> str | InputRequiredResult:
    return _inputs(ctx, {"client_roots": ListRootsRequest()})


def test_input_required_result_request_state(ctx: Call) -> str | InputRequiredResult:
    return _inputs(ctx, {"confirm": _ask("ok", "boolean")}, "to be confirmed")


def test_input_required_result_tampered_state(ctx: Call) -> str | InputRequiredResult:
    return _inputs(ctx, {"confirm": _ask("ok", "boolean")}, "to be confirmed")


def test_input_required_result_multiple_inputs(ctx: Call) -> str | InputRequiredResult:
    wanted = {"user_name": _ask("name"), "greeting": _sample("Generate a greeting"), "client_roots": ListRootsRequest()}
    return _inputs(ctx, wanted, "several")


def test_input_required_result_multi_round(ctx: Call) -> str | InputRequiredResult:
    if ctx.request_state == "2":
        return _inputs(ctx, {"step2": _ask("color")}, "2")
    if ctx.request_state == "1" and "step1" in (ctx.input_responses or {}):
        return InputRequiredResult(input_requests={"step2": _ask("color")}, request_state="2")
    return InputRequiredResult(input_requests={"step1": _ask("name")}, request_state="1")


def test_input_required_result_capabilities(ctx: Call) -> InputRequiredResult:
    """Ask only for what the client can do."""
    able = ctx.client_capabilities
    wanted: dict[str, InputRequest] = {}
    if able and able.sampling:
        wanted["sample"] = _sample("Say hello")
    if able and able.elicitation:
        wanted["ask"] = _ask("name")
    return InputRequiredResult(input_requests=wanted, request_state="by capability")


ASKING: tuple[Callable[..., Any], ...] = (
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
    test_streaming_elicitation,
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
)


def test_input_required_result_prompt(ctx: Call) -> list[UserMessage] | InputRequiredResult:
    answered = _inputs(ctx, {"user_context": _ask("context", message="What context should the prompt use?")})
    return [UserMessage(answered)] if isinstance(answered, str) else answered
