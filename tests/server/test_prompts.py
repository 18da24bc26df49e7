from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

ARGUMENTS: dict[str, dict[str, str]] = {
    "debug_errors": {"since": "7d", "gateway_id": "main"},
    "explain_log": {"log_id": "01932a3f", "gateway_id": "main"},
    "review_costs": {"since": "7d", "gateway_id": "main"},
    "compare_models": {"model": "gpt-4o", "other_model": "gpt-5", "gateway_id": "main"},
}


def required(name: str) -> dict[str, str]:
    return {key: value for key, value in ARGUMENTS[name].items() if key in {"log_id", "model", "other_model"}}


async def test_the_prompts_are_listed_with_their_arguments(client: Client) -> None:
    listed = (await client.list_prompts()).prompts

    assert [prompt.name for prompt in listed] == list(ARGUMENTS)
    assert all(prompt.title and prompt.description for prompt in listed)
    assert {p.name: [a.name for a in p.arguments or [] if a.required] for p in listed} == {
        name: list(required(name)) for name in ARGUMENTS
    }


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_a_prompt_says_its_arguments_and_only_tools_that_exist(client: Client, name: str) -> None:
    tools = {tool.name for tool in (await client.list_tools()).tools}

    got = await client.get_prompt(name, ARGUMENTS[name])

    text: str = got.messages[0].content.text  # pyright: ignore[reportAttributeAccessIssue]
    assert all(value in text for value in ARGUMENTS[name].values())
    words = {word.strip(".,:;") for word in text.split()}
    assert {word for word in words if word.startswith(("list_", "get_log", "patch_", "chat_"))} <= tools


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_prompts_default_to_the_configured_gateway(client: Client, name: str) -> None:
    got = await client.get_prompt(name, required(name))

    assert "gateway_id" not in got.messages[0].content.text  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("debug", {}, "Unknown prompt: debug. Known: debug_errors"),
        ("explain_log", {}, "explain_log needs log_id."),
        ("explain_log", {"log_id": ""}, "explain_log needs log_id."),
        ("debug_errors", {"gateway": "main"}, "Unknown argument gateway: did you mean gateway_id?"),
        ("debug_errors", {"zzz": "1"}, "Unknown argument zzz: debug_errors takes since, gateway_id."),
    ],
)
async def test_a_bad_request_for_a_prompt_is_an_invalid_parameters_error(
    mode: Any, name: str, arguments: dict[str, str], said: str
) -> None:
    async with Client(build_server(Settings()), mode=mode) as client:
        with pytest.raises(MCPError) as refused:
            await client.get_prompt(name, arguments)

    assert refused.value.code == -32602
    assert said in refused.value.message
