import json
from typing import Any

import httpx2
import pytest
from logs import a_log
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools.replay_codes import LIFE_S, accepts, code_for

pytestmark = pytest.mark.anyio

MODELS = ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "@cf/meta/llama-3.1-8b-instruct"]


async def chatted(client: Client, **arguments: Any) -> str:
    given = {"model": MODELS[0], "prompt": "Why is the sky blue?"} | arguments
    result = await client.call_tool("chat_via_gateway", given)
    assert not result.is_error, result.content[0].text
    return result.structured_content["log_id"]


async def replayed(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool("replay_log", arguments)
    assert not result.is_error, result.content[0].text
    return result.content[0].text, result.structured_content


async def sent(client: Client, **arguments: Any) -> dict[str, Any]:
    _, shown = await replayed(client, **arguments)
    _, structured = await replayed(client, **arguments, code=shown["code"])
    return structured["reply"]


async def refused(client: Client, **arguments: Any) -> str:
    result = await client.call_tool("replay_log", arguments)
    assert result.is_error
    return result.content[0].text


async def count(client: Client) -> int:
    return len((await client.call_tool("list_logs", {})).structured_content["rows"])


async def stored(client: Client, log_id: str) -> dict[str, Any]:
    result = await client.call_tool("get_log_request_body", {"log_id": log_id, "view": "raw"})
    return json.loads(next(line for line in result.content[0].text.splitlines() if line.startswith("{")))


async def test_the_first_call_shows_and_sends_nothing(client: Client) -> None:
    log_id = await chatted(client, temperature=0.5)

    text, structured = await replayed(client, log_id=log_id, parameters={"temperature": 0})

    assert await count(client) == 1
    assert "Not sent yet. It would go to openai/gpt-4o-mini through default" in text
    assert "about $" in text
    assert "temperature 0." in text
    assert "Why is the sky blue?" in structured["request"]
    assert structured["code"] in text
    assert "the caller's headers" in structured["summary"]


@pytest.mark.parametrize("endpoint", ["rest", "compat", "provider"])
@pytest.mark.parametrize("model", MODELS)
async def test_a_request_of_any_endpoint_is_sent_again_and_tagged(client: Client, model: str, endpoint: str) -> None:
    log_id = await chatted(client, model=model, endpoint=endpoint)

    reply = await sent(client, log_id=log_id)

    assert "Why is the sky blue?" in reply["text"]
    listed = await client.call_tool("list_logs", {"metadata": {"replay_of": log_id}})
    assert [row[0] for row in listed.structured_content["rows"]] == [reply["log_id"]]
    assert (await stored(client, reply["log_id"]))["messages"] == (await stored(client, log_id))["messages"]


async def test_changes_are_sent_and_null_removes_a_member(client: Client) -> None:
    log_id = await chatted(client, temperature=0.5, top_p=0.9)

    reply = await sent(client, log_id=log_id, parameters={"temperature": 0, "top_p": None})

    body = await stored(client, reply["log_id"])
    assert body["temperature"] == 0
    assert "top_p" not in body


@pytest.mark.parametrize(
    ("logged", "endpoint", "model", "provider"),
    [
        (MODELS[0], "provider", "openai/gpt-4o", "openai"),
        (MODELS[0], "provider", "gpt-4o", "openai"),
        (MODELS[0], "rest", "gpt-4o", "openai"),
        (MODELS[0], "provider", "anthropic/claude-sonnet-4-5", "anthropic"),
        (MODELS[0], "rest", "@cf/meta/llama-3.1-8b-instruct", "workers-ai"),
        (MODELS[1], "provider", "anthropic/claude-haiku-4-5", "anthropic"),
        (MODELS[2], "provider", "@cf/meta/llama-3.3-70b-instruct-fp8-fast", "workers-ai"),
    ],
)
async def test_another_model_answers(client: Client, logged: str, endpoint: str, model: str, provider: str) -> None:
    log_id = await chatted(client, model=logged, endpoint=endpoint)

    reply = await sent(client, log_id=log_id, model=model)

    details = await client.call_tool("get_log_details", {"log_id": reply["log_id"]})
    assert model.rpartition("/")[2] in details.content[0].text
    assert reply["provider"] == provider


async def test_the_step_that_answered_is_repeated_and_the_others_are_named(client: Client) -> None:
    log_id = await chatted(client, model="openai/no-such-model-x", fallbacks=[MODELS[1]])

    text, structured = await replayed(client, log_id=log_id)

    assert "anthropic/claude-sonnet-4-5" in text
    assert "the other steps of its universal request" in structured["summary"]


async def test_a_replay_is_not_answered_from_the_cache(client: Client) -> None:
    await chatted(client, cache_ttl=60)
    log_id = await chatted(client, cache_ttl=60, metadata={"user": "u1"})

    _, structured = await replayed(client, log_id=log_id)
    reply = await sent(client, log_id=log_id)

    assert "its metadata" in structured["summary"]
    assert "the cached answer" in structured["summary"]
    assert reply["cache_status"] != "HIT"


@pytest.mark.parametrize(
    "changed",
    [{"model": "openai/gpt-4o"}, {"parameters": {"temperature": 1}}, {"code": "x"}, {"code": "ffffffff-00"}, {"code": "é-é"}],
)  # fmt: skip
async def test_a_code_sends_only_the_request_it_was_made_for(client: Client, changed: dict[str, Any]) -> None:
    log_id = await chatted(client)
    _, shown = await replayed(client, log_id=log_id)

    said = await refused(client, **{"log_id": log_id, "code": shown["code"], **changed})

    assert "Nothing was sent. Call without code" in said
    assert await count(client) == 1


async def test_a_code_of_another_log_sends_nothing(client: Client) -> None:
    first, second = await chatted(client), await chatted(client)
    _, shown = await replayed(client, log_id=first)

    assert "Nothing was sent" in await refused(client, log_id=second, code=shown["code"])


def test_a_code_expires() -> None:
    code = code_for(b"shown", b"secret", 1_000 + LIFE_S)

    assert accepts(code, b"shown", b"secret", 1_000 + LIFE_S)
    assert not accepts(code, b"shown", b"secret", 1_001 + LIFE_S)
    assert not accepts(code, b"shown", b"another", 1_000)


async def test_servers_with_the_same_token_accept_each_others_codes() -> None:
    logged = {"id": "a", "provider": "openai", "model": "gpt-4o", "path": "chat/completions"}
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if request.method == "POST":
            return httpx2.Response(200, json={"choices": [{"message": {"content": "Hi"}}]})
        if request.url.path.endswith("/request"):
            return httpx2.Response(200, json={"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]})
        return httpx2.Response(200, json={"success": True, "result": logged})

    settings = Settings(account_id="a" * 32, api_token="t", provider_keys={"openai": "k"})
    async with Client(build_server(settings, httpx2.MockTransport(answer))) as one:
        _, shown = await replayed(one, log_id="a")
    async with Client(build_server(settings, httpx2.MockTransport(answer))) as other:
        await replayed(other, log_id="a", code=shown["code"])

    post = seen[-1]
    assert post.url.path == f"/v1/{'a' * 32}/default/openai/chat/completions"
    assert post.headers["authorization"] == "Bearer k"
    assert post.headers["cf-aig-authorization"] == "Bearer t"
    assert json.loads(post.headers["cf-aig-metadata"]) == {"replay_of": "a"}


async def test_a_repeated_refusal_is_reported_with_the_new_log(client: Client) -> None:
    await client.call_tool("chat_via_gateway", {"model": MODELS[0], "prompt": "[simulate: overloaded]"})
    (row,) = (await client.call_tool("list_logs", {})).structured_content["rows"]
    _, shown = await replayed(client, log_id=row[0])

    said = await refused(client, log_id=row[0], code=shown["code"])

    assert "returned HTTP 503" in said
    assert "Next: get_log_details with log " in said


@pytest.mark.parametrize(
    ("log", "model", "said"),
    [
        (a_log(1, request=b"no json"), "", "The stored request is not JSON"),
        (a_log(1, request=b"[1]"), "", "Only a request that is a JSON object"),
        (a_log(1, request=None), "", "body was not stored"),
        (a_log(1, path="../../x", request=b'{"a":1}'), "", "is not a provider's model or path"),
        (a_log(1, provider="anthropic", path="v1/messages", request=b'{"messages":[]}'), "openai/gpt-4o", "anthropic's own form"),
    ],
)  # fmt: skip
async def test_requests_that_cannot_be_repeated_are_refused_with_a_reason(
    client: Client, store: Store, log: Any, model: str, said: str
) -> None:
    await store.add(log)

    result = await client.call_tool("replay_log", {"log_id": log.id, "model": model})
    if not result.is_error:
        result = await client.call_tool("replay_log", {"log_id": log.id, "code": result.structured_content["code"]})

    assert result.is_error
    assert said in result.content[0].text


async def test_a_long_request_is_shown_within_bounds_and_its_secrets_masked(client: Client) -> None:
    key = "sk-proj-" + "Ab3dE6gH9jK2mN5pQ8sT" * 3
    log_id = await chatted(client, prompt=f"{key} " + "word " * 20_000)

    text, structured = await replayed(client, log_id=log_id)

    assert key[10:20] not in text + json.dumps(structured)
    assert o200k(text) <= 2000
    assert o200k(json.dumps(structured, ensure_ascii=False)) <= 2000


async def test_a_request_to_the_responses_api_is_repeated(client: Client, store: Store) -> None:
    request = json.dumps({"model": "gpt-4o-mini", "input": "Why is the sky blue?"}).encode()
    await store.add(a_log(1, path="responses", request=request))

    reply = await sent(client, log_id=a_log(1).id)

    assert "Why is the sky blue?" in reply["text"]
    assert reply["finish_reason"] == "completed"
