"""Chats and replays in each provider's own format, through the tools."""

from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent

pytestmark = pytest.mark.anyio

MODELS = {
    "openai/gpt-4o-mini": "gpt-4.1-mini",
    "anthropic/claude-haiku-4-5": "claude-sonnet-4-5",
    "google-ai-studio/gemini-2.5-flash": "gemini-2.5-pro",
    "aws-bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0": "us.amazon.nova-micro-v1:0",
    "azure-openai/my-resource/gpt-4o": "azure-openai/my-resource/gpt-4o-mini",
    "cohere/command-a-03-2025": "command-r-08-2024",
    "@cf/meta/llama-3.1-8b-instruct": "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
    "mistral/mistral-small-latest": "mistral-large-latest",
}
"""Two models of each provider."""


async def told(client: Client, tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool(tool, arguments)
    text = "".join(part.text for part in result.content if isinstance(part, TextContent))
    assert not result.is_error, text
    return text, result.structured_content or {}


@pytest.mark.parametrize("model", MODELS)
async def test_a_chat_at_the_providers_own_endpoint_is_answered_and_metered(client: Client, model: str) -> None:
    _, reply = await told(
        client,
        "chat_via_gateway",
        model=model,
        prompt="Why is it blue?",
        system="Be brief.",
        max_tokens=50,
        endpoint="provider",
    )

    assert "Why is it blue?" in reply["text"]
    assert reply["tokens_in"] and reply["tokens_out"]
    assert "finish_reason" in reply or model.startswith("@cf/")  # Workers AI reports none
    details, _ = await told(client, "get_log_details", log_id=reply["log_id"])
    assert f"{reply['tokens_in']} + {reply['tokens_out']} tokens, $" in details, details
    asked, _ = await told(client, "get_log_request_body", log_id=reply["log_id"])
    assert "user: Why is it blue?" in asked and "system: Be brief." in asked


@pytest.mark.parametrize(("model", "other"), MODELS.items())
@pytest.mark.parametrize("changed", [False, True])
async def test_a_log_of_each_form_is_replayed_on_its_model_and_on_another(
    client: Client, model: str, other: str, changed: bool
) -> None:
    _, reply = await told(client, "chat_via_gateway", model=model, prompt="Why?", endpoint="provider")
    arguments = {"log_id": reply["log_id"], "model": other if changed else ""}

    shown, held = await told(client, "replay_log", **arguments)
    _, sent = await told(client, "replay_log", **arguments, code=held["code"])

    assert "user: Why?" in shown
    assert "Why?" in sent["reply"]["text"]
    if changed:
        assert other.rpartition("/")[2] in sent["reply"]["text"]


@pytest.mark.parametrize("model", MODELS)
async def test_fallbacks_try_a_model_of_each_form(client: Client, model: str) -> None:
    _, reply = await told(client, "chat_via_gateway", model="openai/no-such-model", prompt="Why?", fallbacks=[model])

    assert "Why?" in reply["text"] and reply["step"] == "1"
