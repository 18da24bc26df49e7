"""What all tools have in common: schemas, tolerated slips, clear errors, masked results."""

import json
import os
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import Tool
from tokens import o200k

from cf_aig_server.app import build_server
from cf_aig_server.definitions import definition
from cf_aig_server.settings import Settings
from cf_aig_tools import DEFINITIONS, TOOLS

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", autouse=True)
def _definitions_are_written() -> None:
    """`UPDATE_SNAPSHOTS=1` rewrites them, for review like code. Before any test, as no server starts without them."""
    if os.environ.get("UPDATE_SNAPSHOTS"):
        for name in TOOLS:
            (DEFINITIONS / f"{name}.json").write_text(written(definition(name)))


async def listed(**settings: Any) -> list[Any]:
    async with Client(build_server(Settings(**settings))) as client:
        return (await client.list_tools()).tools


async def test_tools_are_listed_in_order() -> None:
    assert tuple(tool.name for tool in await listed()) == TOOLS


@pytest.mark.parametrize("name", TOOLS)
async def test_a_tool_is_offered_as_its_code_defines_it(name: str) -> None:
    assert (DEFINITIONS / f"{name}.json").read_text() == written(definition(name))
    assert next(tool for tool in await listed() if tool.name == name) == definition(name)


def written(tool: Tool) -> str:
    return (
        json.dumps(tool.model_dump(mode="json", by_alias=True, exclude_none=True), indent=1, ensure_ascii=False) + "\n"
    )


async def test_definitions_of_all_tools_stay_under_their_budget() -> None:
    definitions = [
        json.dumps(
            {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema},
            separators=(",", ":"),
        )
        for tool in await listed()
    ]

    assert sum(map(o200k, definitions)) < 3200


def nodes(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [node for item in schema for node in nodes(item)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(node for held in schema.values() for node in nodes(held))]


async def test_schemas_are_what_strict_clients_take() -> None:
    for tool in await listed():
        assert len(tool.name) <= 21
        assert tool.title
        assert tool.annotations.read_only_hint is not None
        assert tool.input_schema["additionalProperties"] is False
        for node in nodes([tool.input_schema, tool.output_schema]):
            assert not {"anyOf", "oneOf", "allOf", "$ref", "$defs"} & set(node), (tool.name, node)
            assert not isinstance(node.get("type"), list)
            assert not isinstance(node.get("title"), str)
            if node.get("type") == "array":
                assert "items" in node


async def test_only_the_body_tools_have_no_output_schema() -> None:
    assert [tool.name for tool in await listed() if tool.output_schema is None] == [*TOOLS[5:8], TOOLS[9]]


async def test_read_only_offers_neither_feedback_nor_chat() -> None:
    async with Client(build_server(Settings(read_only=True))) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            name for name in TOOLS if name not in {"patch_log_feedback", "chat_via_gateway", "replay_log"}
        ]
        with pytest.raises(MCPError, match="Unknown tool: chat_via_gateway") as refused:
            await client.call_tool("chat_via_gateway", {})

    assert refused.value.code == -32602


async def test_an_operator_may_offer_some_tools_and_some_gateways(tmp_path: Path) -> None:
    settings = Settings(local=str(tmp_path / "g.db"), tools=["list_logs"], allow=["main"], gateway_id="main")
    async with Client(build_server(settings)) as client:
        result = await client.call_tool("list_logs", {"gateway_id": "other"})

    assert result.is_error
    assert result.content[0].text == "Gateway other is not allowed. Allowed: main."


async def test_without_credentials_the_server_starts_and_every_tool_says_what_to_set() -> None:
    arguments = {
        "log_id": "x",
        "other_log_id": "y",
        "model": "openai/gpt-4o",
        "prompt": "hi",
        "feedback": 1,
        "text": "x",
    }
    async with Client(build_server(Settings())) as client:
        for tool in (await client.list_tools()).tools:
            given = {name: value for name, value in arguments.items() if name in tool.input_schema["properties"]}
            given.pop("feedback") if tool.name == "list_logs" else None
            given.pop("model") if tool.name == "list_logs" else None
            result = await client.call_tool(tool.name, given)
            assert result.is_error
            assert "CLOUDFLARE_API_TOKEN" in result.content[0].text
            assert "--local" in result.content[0].text


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("get_log_details", {}, "log_id is required."),
        ("get_log_details", {"log_id": ""}, 'log_id must be given, not empty (got "").'),
        ("get_log_details", {"log": "x"}, "Unknown argument log: did you mean log_id?"),
        ("get_log_details", {"zzzzzz": 1, "log_id": "x"}, "Unknown argument zzzzzz: known: log_id, gateway_id, heads, budget."),
        ("list_logs", {"page": "first"}, 'page must be a whole number (got "first").'),
        ("list_logs", {"success": "perhaps"}, 'success must be true or false (got "perhaps").'),
        ("list_logs", {"order_by": "age"}, "order_by must be created_at, provider"),
        ("list_logs", {"search": ["x"] * 100}, "…)."),
        ("list_logs", {"page": 0, "per_page": 51}, "page must be at least 1 (got 0).\nper_page must be at most 50 (got 51)."),
        ("chat_via_gateway", {"model": "m", "messages": "hi"}, 'messages.0 must be an object (got "hi").'),
        ("chat_via_gateway", {"model": "m", "messages": []}, "Give either messages"),
        ("chat_via_gateway", {"model": "m", "temperature": 3, "prompt": "x"}, "temperature must be at most 2"),
    ],
)  # fmt: skip
async def test_bad_arguments_get_a_line_each(client: Client, tool: str, arguments: dict[str, Any], said: str) -> None:
    result = await client.call_tool(tool, arguments)

    assert result.is_error
    assert said in result.content[0].text
    assert max(map(len, result.content[0].text.splitlines())) < 260
    assert "pydantic" not in result.content[0].text


async def test_a_crash_does_not_reveal_its_cause_to_the_model() -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        raise RuntimeError("secret detail")

    settings = Settings(account_id="a" * 32, api_token="t")
    async with Client(build_server(settings, httpx2.MockTransport(broken))) as client:
        result = await client.call_tool("list_gateways", {})

    assert result.is_error
    assert result.content[0].text == "list_gateways failed unexpectedly; see the server's own log."


KEY = "sk-proj-" + "Ab3dE6gH9jK2mN5pQ8sT" * 3


async def test_secrets_are_masked_in_both_channels_and_in_errors() -> None:
    row = {"id": "x", "model": "m", "metadata": {"key": KEY}, "user_agent": f"Bearer {KEY}"}

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.method == "PATCH":
            return httpx2.Response(400, json={"success": False, "errors": [{"code": 7001, "message": f"bad {KEY}"}]})
        return httpx2.Response(200, json={"success": True, "result": row})

    async with Client(
        build_server(Settings(account_id="a" * 32, api_token="t"), httpx2.MockTransport(answer))
    ) as client:
        shown = await client.call_tool("get_log_details", {"log_id": "x"})
        refused = await client.call_tool("patch_log_feedback", {"log_id": "x", "feedback": 1})

    assert "openai" in shown.content[0].text
    for text in (shown.content[0].text, json.dumps(shown.structured_content), refused.content[0].text):
        assert KEY[8:16] not in text


async def test_the_operator_can_turn_masking_off() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"success": True, "result": {"id": "x", "user_agent": KEY}})

    settings = Settings(account_id="a" * 32, api_token="t", mask=False)
    async with Client(build_server(settings, httpx2.MockTransport(answer))) as client:
        shown = await client.call_tool("get_log_details", {"log_id": "x"})

    assert KEY in shown.content[0].text
