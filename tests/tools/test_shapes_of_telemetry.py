"""Events of shapes that no page documents: fields are found wherever they are, and missing ones are named."""

import json
import time
from typing import Any

import httpx2
import pytest
from mcp import Client

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Where is order 3391?"}]}
ANSWERED = {
    "choices": [{"message": {"role": "assistant", "content": "In depot 9."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 120, "completion_tokens": 30},
}
NOW = round(time.time() * 1000) - 60_000
METADATA = {"id": "01a2-event", "service": "ai"}

PREFIXED = {
    "aig.log.modelName": "no field of ours",
    "aig.model": "gpt-4o", "aig.provider": "openai", "aig.statusCode": 200, "aig.tokensIn": 120,
    "aig.tokensOut": 30, "aig.cost": 0.0006, "aig.durationMs": 812, "aig.cached": False, "aig.gateway": "default",
    "aig.requestBody": json.dumps(ASKED), "aig.responseBody": json.dumps(ANSWERED), "team": "red",
}  # fmt: skip
NESTED = {
    "gateway": "default",
    "gen_ai": {
        "request": {"model": "gpt-4o"}, "provider": {"name": "openai"},
        "usage": {"input_tokens": 120, "output_tokens": 30, "cost": 0.0006},
    },
    "http": {"response": {"status_code": 200}}, "duration": 812, "request": ASKED, "response": ANSWERED,
    "metadata": {"team": "red"},
}  # fmt: skip
AS_TEXT = {
    "message": json.dumps(
        {
            "model": "gpt-4o", "provider": "openai", "status": "200", "tokens_in": "120", "tokens_out": "30",
            "cost": "0.0006", "duration": "812", "prompt": ASKED["messages"],
            "completion": [{"role": "assistant", "content": "In depot 9."}], "team": "red",
        }
    ),
}  # fmt: skip

UNDERSCORED = {
    "cf_aig_model": "gpt-4o", "cf_aig_provider": "openai", "cf_aig_status_code": "200", "cf_aig_tokens_in": 120,
    "cf_aig_tokens_out": 30, "cf_aig_cost_usd": 0.0006, "cf_aig_duration_ms": 812, "cf_aig_request_json": ASKED,
    "cf_aig_response_json": json.dumps(ANSWERED), "team": "red", "billing_model": "prepaid",
}  # fmt: skip
DEEP = {
    "log": {
        "attributes": {
            "modelName": "gpt-4o", "providerName": "openai", "httpStatus": 200, "elapsedMs": "812",
            "tokens": {"input": 120, "output": 30}, "totalCost": "0.0006", "metadata": json.dumps({"team": "red"}),
        },
        "request": {"body": json.dumps(ASKED)}, "response": {"body": ANSWERED},
    },
}  # fmt: skip


def leaves(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix.rstrip("."): value}
    return {key: leaf for name, held in value.items() for key, leaf in leaves(held, f"{prefix}{name}.").items()}


def telemetry(source: Any, **event: Any) -> httpx2.MockTransport:
    """Answer as an account whose only event has that source. It matches all filters."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        path, info = request.url.path, {"total_count": 0}
        if path.endswith("/keys"):
            kinds = {bool: "boolean", int: "number", float: "number"}
            held = {key: kinds.get(type(value), "string") for key, value in leaves(source).items()}
            found: Any = [{"key": key, "lastSeenAt": NOW, "type": kind} for key, kind in held.items()]
        elif path.endswith("/query"):
            view = json.loads(request.content)["view"]
            one = {"$metadata": METADATA, "dataset": "d", "source": source, "timestamp": NOW, **event}
            found = {"events": {"events": [one], "count": 1}} if view == "events" else {"calculations": []}
        elif path.endswith(("/logs", "/gateways")):
            return httpx2.Response(200, json={"success": True, "result": [], "result_info": info})
        else:
            return httpx2.Response(404, json={"success": False, "errors": [{"code": 7002, "message": "Not Found"}]})
        return httpx2.Response(200, json={"success": True, "result": found})

    return httpx2.MockTransport(answer)


async def told(transport: httpx2.MockTransport, tool: str, **arguments: Any) -> str:
    settings = Settings(account_id="a" * 32, api_token="t")
    async with Client(build_server(settings, transport)) as client:
        result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content[0].text
    return result.content[0].text


@pytest.mark.parametrize(
    "source",
    [PREFIXED, NESTED, AS_TEXT, json.dumps(PREFIXED), UNDERSCORED, DEEP],
    ids=["prefix", "nested", "text", "whole", "underscored", "deep"],
)
async def test_fields_bodies_and_metadata_are_found_where_they_are(source: Any) -> None:
    wire = telemetry(source)

    row = await told(wire, "list_logs", fields=["model", "status", "s", "in", "out", "$", "metadata.team"])
    details = await told(wire, "get_log_details", log_id="01a2-event")
    asked = await told(wire, "get_log_request_body", log_id="01a2-event")
    answered = await told(wire, "get_log_response_body", log_id="01a2-event")

    assert row.splitlines()[2].split() == ["01a2-event", "openai/gpt-4o", "200", "0.81", "120", "30", "0.0006", "red"]
    assert "Not found in its events" not in row
    assert "120 + 30 tokens, $0.0006" in details
    assert "team=red" in details
    assert "user: Where is order 3391?" in asked
    assert "assistant: In depot 9." in answered


async def test_missing_fields_are_named_with_the_existing_keys() -> None:
    source = {name: value for name, value in PREFIXED.items() if not name.startswith(("aig.cost", "aig.responseBody"))}
    wire = telemetry(source | {"aig.price_usd": 0.0006})

    row = await told(wire, "list_logs")

    assert "Missing in its events: cost, response. Other keys there: " in row
    assert "aig.price_usd" in row
    assert "no cost" in row


async def test_a_key_that_the_operator_names_is_taken() -> None:
    source = {name: value for name, value in PREFIXED.items() if name != "aig.cost"} | {"aig.price_usd": 0.0006}
    settings = Settings(account_id="a" * 32, api_token="t", log_fields={"cost": "aig.price_usd"})

    async with Client(build_server(settings, telemetry(source))) as client:
        result = await client.call_tool("list_logs", {})

    assert "$0.0006" in result.content[0].text


@pytest.mark.parametrize("text", ["cost", "cost=", "price=x"])
def test_fields_that_are_not_pairs_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_GATEWAY_LOG_FIELDS", text)

    with pytest.raises(ValueError, match="must be FIELD=KEY pairs"):
        Settings()


async def test_a_body_that_was_cut_or_is_not_there_says_so() -> None:
    cut = telemetry(PREFIXED, **{"$cloudflare": {"truncated": True}})
    gone = telemetry({name: value for name, value in PREFIXED.items() if name != "aig.requestBody"})

    body = await told(cut, "get_log_request_body", log_id="01a2-event")
    async with Client(build_server(Settings(account_id="a" * 32, api_token="t"), gone)) as client:
        missing = await client.call_tool("get_log_request_body", {"log_id": "01a2-event"})

    assert body.startswith("It may be truncated: Workers Observability shortened this event to its size limit.")
    assert "does not contain its request body" in missing.content[0].text


async def test_events_of_other_products_are_not_logs() -> None:
    wire = telemetry({"message": "hello", "level": "info"})

    assert "No logs in gateway default." in await told(wire, "list_logs")


async def test_a_token_without_the_scope_gets_a_clear_error() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if "/observability/" in request.url.path:
            return httpx2.Response(403, json={"success": False, "errors": [{"code": 10000, "message": "No"}]})
        return httpx2.Response(200, json={"success": True, "result": [], "result_info": {"total_count": 0}})

    text = await told(httpx2.MockTransport(answer), "list_logs")

    assert "lacks the scope Workers Observability Read" in text
