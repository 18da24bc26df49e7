"""Google's, AWS's and Azure's official SDKs, unmodified, pointed here only by base URL."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio.to_thread
import boto3
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from google import genai
from google.genai import errors, types
from jsonschema import validate
from plane import Plane, plane

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city", "days"],
}
GEMINI, CLAUDE = "gemini-2.5-flash", "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SKY = "Why is the sky blue?"


def google(gateway: Plane, **options: Any) -> genai.Client:
    http = types.HttpOptions(base_url=f"{gateway.gateway_url}/google-ai-studio", **options)
    return genai.Client(api_key="AIza-any", http_options=http)


async def aws(gateway: Plane, ask: Callable[[Any], Any]) -> Any:
    """Call with dummy credentials, from a thread: boto3 has no async support."""

    def call() -> Any:
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=f"{gateway.gateway_url}/aws-bedrock/bedrock-runtime/us-east-1",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )
        try:
            return ask(client)
        finally:
            client.close()

    return await anyio.to_thread.run_sync(call)


def said(text: str = SKY) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


@pytest.mark.anyio
async def test_gemini_answers_whole_and_as_a_stream_and_is_logged_with_model_tokens_and_cost(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, google(gateway).aio as client:
        whole = await client.models.generate_content(model=GEMINI, contents=SKY)
        stream = await client.models.generate_content_stream(model=GEMINI, contents=SKY)
        streamed = "".join([chunk.text or "" async for chunk in stream])
        logs = await gateway.logs()

    assert SKY in (whole.text or "") and streamed == whole.text
    assert whole.candidates and whole.candidates[0].finish_reason == types.FinishReason.STOP
    assert whole.usage_metadata and whole.usage_metadata.candidates_token_count
    for log in logs:
        assert (log["model"], log["provider"]) == (f"google-ai-studio/{GEMINI}", "google-ai-studio")
        assert log["tokens_in"] == whole.usage_metadata.prompt_token_count
        assert log["tokens_out"] == whole.usage_metadata.candidates_token_count
        assert log["cost"] > 0


@pytest.mark.anyio
async def test_gemini_streams_one_array_without_alt_sse(tmp_path: Path) -> None:
    path = f"google-ai-studio/v1beta/models/{GEMINI}:streamGenerateContent"
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(path, json={"contents": [{"parts": [{"text": SKY}]}]})
        (log,) = await gateway.logs()
        stored = await gateway.stored(log["id"], "response")

    texts = [part["text"] for chunk in answer.json() for part in chunk["candidates"][0]["content"]["parts"]]
    assert SKY in "".join(texts) and len(texts) > 1
    assert stored == answer.content
    assert log["tokens_out"] == len(texts) and log["cost"] > 0


@pytest.mark.anyio
async def test_gemini_calls_functions_answers_after_them_and_follows_a_schema(tmp_path: Path) -> None:
    declared = types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)
    forced = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weather"])
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        tool_config=types.ToolConfig(function_calling_config=forced),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    wanted = types.Schema(
        type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}, required=["city"]
    )
    structured = types.GenerateContentConfig(response_mime_type="application/json", response_schema=wanted)
    async with plane(tmp_path) as gateway, google(gateway).aio as client:
        called = await client.models.generate_content(model=GEMINI, contents="Paris?", config=config)
        (call,) = called.function_calls or []
        result = types.Part.from_function_response(name="weather", response={"result": "rain"})
        history: Any = [
            types.Content(role="user", parts=[types.Part(text="Paris?")]),
            types.Content(role="model", parts=[types.Part(function_call=call)]),
            types.Content(role="user", parts=[result]),
        ]
        answered = await client.models.generate_content(model=GEMINI, contents=history, config=config)
        asked = await client.models.generate_content(model=GEMINI, contents="Paris?", config=structured)

    assert call.name == "weather"
    validate(call.args, SCHEMA)
    assert not answered.function_calls and answered.text
    assert set(json.loads(asked.text or "")) == {"city"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("words", "kind", "code", "status"),
    [
        ("[simulate: bad_key]", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("[simulate: unknown_model]", errors.ClientError, 404, "NOT_FOUND"),
        ("[simulate: context_too_long]", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("[simulate: rate_limited]", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("[simulate: overloaded]", errors.ServerError, 503, "UNAVAILABLE"),
        ("[simulate: server_error]", errors.ServerError, 500, "INTERNAL"),
    ],
)
async def test_gemini_fails_with_errors_of_the_right_class(
    tmp_path: Path, words: str, kind: type[errors.APIError], code: int, status: str
) -> None:
    async with plane(tmp_path) as gateway, google(gateway).aio as client:
        with pytest.raises(kind) as raised:
            await client.models.generate_content(model=GEMINI, contents=words)

    assert (raised.value.code, raised.value.status) == (code, status)


@pytest.mark.anyio
async def test_gemini_counts_tokens_lists_models_and_blocks_a_prompt(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, google(gateway).aio as client:
        counted = await client.models.count_tokens(model=GEMINI, contents=SKY)
        described = await client.models.get(model=GEMINI)
        listed = [model.name async for model in await client.models.list()]
        blocked = await client.models.generate_content(model=GEMINI, contents="[simulate: content_filter]")

    assert counted.total_tokens == 5
    assert described.name == f"models/{GEMINI}" and f"models/{GEMINI}" in listed
    assert blocked.prompt_feedback and blocked.prompt_feedback.block_reason and not blocked.candidates


@pytest.mark.anyio
async def test_vertex_has_its_own_paths(tmp_path: Path) -> None:
    path = f"google-vertex-ai/v1/projects/p/locations/us-central1/publishers/google/models/{GEMINI}:generateContent"
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(path, json={"contents": {"role": "user", "parts": {"text": SKY}}})
        (log,) = await gateway.logs()

    assert SKY in answer.json()["candidates"][0]["content"]["parts"][0]["text"]
    assert log["model"] == f"google-vertex-ai/{GEMINI}" and log["cost"] > 0


@pytest.mark.anyio
async def test_bedrock_takes_a_bearer_token(tmp_path: Path) -> None:
    """Over plain HTTP boto3 sends no token, so it is added by hand."""
    path = f"aws-bedrock/bedrock-runtime/us-east-1/model/{quote(CLAUDE)}/converse"
    async with plane(tmp_path) as gateway:
        answers = [
            await gateway.http.post(path, json={"messages": said()}, headers={"authorization": f"Bearer {token}"})
            for token in ("bedrock-api-key-any", "invalid")
        ]

    assert [answer.status_code for answer in answers] == [200, 403]
    assert answers[1].headers["x-amzn-errortype"] == "UnrecognizedClientException"


@pytest.mark.anyio
async def test_bedrock_converses_whole_and_as_a_stream(tmp_path: Path) -> None:
    def ask(client: Any) -> Any:
        whole = client.converse(modelId=CLAUDE, messages=said(), system=[{"text": "Be brief."}])
        return whole, list(client.converse_stream(modelId=CLAUDE, messages=said())["stream"])

    async with plane(tmp_path) as gateway:
        whole, events = await aws(gateway, ask)
        streamed, log = await gateway.logs()

    text = "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)
    assert SKY in whole["output"]["message"]["content"][0]["text"] and SKY in text
    assert events[-1]["metadata"]["usage"]["outputTokens"] == streamed["tokens_out"]
    assert (log["model"], log["tokens_in"]) == (f"aws-bedrock/{CLAUDE}", whole["usage"]["inputTokens"])
    assert log["cost"] > 0 and streamed["cost"] > 0 and streamed["success"]


@pytest.mark.anyio
async def test_bedrock_calls_a_required_tool_and_answers_after_it(tmp_path: Path) -> None:
    spec = {"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}
    config = {"tools": [spec], "toolChoice": {"any": {}}}

    def ask(client: Any) -> Any:
        called = client.converse(modelId=CLAUDE, messages=said("Paris?"), toolConfig=config)
        message = called["output"]["message"]
        use = message["content"][0]["toolUse"]
        result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "rain"}]}}
        history = [*said("Paris?"), message, {"role": "user", "content": [result]}]
        after = client.converse(modelId=CLAUDE, messages=history, toolConfig=config)
        stream = list(client.converse_stream(modelId=CLAUDE, messages=said("Paris?"), toolConfig=config)["stream"])
        return called, use, after, stream

    async with plane(tmp_path) as gateway:
        called, use, after, stream = await aws(gateway, ask)

    validate(use["input"], SCHEMA)
    assert called["stopReason"] == "tool_use" and after["stopReason"] == "end_turn"
    deltas = [
        event["contentBlockDelta"]["delta"]["toolUse"]["input"] for event in stream if "contentBlockDelta" in event
    ]
    validate(json.loads("".join(deltas)), SCHEMA)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        ("[simulate: bad_key]", "UnrecognizedClientException", 403),
        ("[simulate: unknown_model]", "ValidationException", 400),
        ("[simulate: context_too_long]", "ValidationException", 400),
        ("[simulate: rate_limited]", "ThrottlingException", 429),
        ("[simulate: overloaded]", "ServiceUnavailableException", 503),
        ("[simulate: server_error]", "InternalServerException", 500),
    ],
)
async def test_bedrock_fails_with_errors_of_the_right_class(tmp_path: Path, words: str, code: str, status: int) -> None:
    async with plane(tmp_path) as gateway:
        with pytest.raises(ClientError) as raised:
            await aws(gateway, lambda client: client.converse(modelId=CLAUDE, messages=said(words)))

    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.anyio
async def test_bedrock_invokes_anthropics_models_whole_and_as_a_stream(tmp_path: Path) -> None:
    body = json.dumps(
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": [{"role": "user", "content": SKY}]}
    )

    def ask(client: Any) -> Any:
        whole = json.loads(client.invoke_model(modelId=CLAUDE, body=body)["body"].read())
        stream = client.invoke_model_with_response_stream(modelId=CLAUDE, body=body)["body"]
        return whole, [json.loads(event["chunk"]["bytes"]) for event in stream]

    async with plane(tmp_path) as gateway:
        whole, events = await aws(gateway, ask)
        logs = await gateway.logs()

    assert SKY in whole["content"][0]["text"]
    assert SKY in "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert all(log["tokens_out"] and log["cost"] > 0 for log in logs)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "model",
    [
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2",
        "us.amazon.nova-micro-v1:0",
    ],
)
async def test_a_model_with_slashes_and_colons_can_be_in_the_path(tmp_path: Path, model: str) -> None:
    path = f"aws-bedrock/bedrock-runtime/us-east-1/model/{quote(model, safe='')}/converse"
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(path, json={"messages": said()})
        (log,) = await gateway.logs()

    assert answer.status_code == 200, answer.text
    assert log["model"] == f"aws-bedrock/{model}"


@pytest.mark.anyio
async def test_azure_chats_streams_and_embeds_by_deployment(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        async with openai.AsyncAzureOpenAI(
            azure_endpoint=f"{gateway.gateway_url}/azure-openai/my-resource",
            api_key="azure-any",
            api_version="2025-04-01-preview",
            max_retries=0,
        ) as sdk:
            asked: Any = [{"role": "user", "content": SKY}]
            whole = await sdk.chat.completions.create(model="gpt-4o", messages=asked)
            stream = await sdk.chat.completions.create(model="gpt-4o", messages=asked, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
            vectors = await sdk.embeddings.create(model="text-embedding-3-small", input="sky")
            with pytest.raises(openai.RateLimitError):
                limited: Any = [{"role": "user", "content": "[simulate: rate_limited]"}]
                await sdk.chat.completions.create(model="gpt-4o", messages=limited)
        documented = await gateway.http.post(
            "azure-openai/my-resource/my-deployment/chat/completions?api-version=2025-04-01-preview",
            json={"messages": asked},
            headers={"api-key": "azure-any"},
        )
        newest, *_ = logs = await gateway.logs()

    assert SKY in (whole.choices[0].message.content or "") and SKY in text
    assert vectors.data[0].embedding
    assert documented.status_code == 200 and newest["model"] == "azure-openai/my-deployment"
    assert {log["model"] for log in logs[1:]} == {"azure-openai/gpt-4o", "azure-openai/text-embedding-3-small"}
    assert all(log["cost"] for log in logs if log["success"] and log["model"] == "azure-openai/gpt-4o")


@pytest.mark.anyio
async def test_cohere_chats_in_its_own_form(tmp_path: Path) -> None:
    asked = {"model": "command-a-03-2025", "messages": [{"role": "user", "content": SKY}]}
    async with plane(tmp_path) as gateway:
        whole = await gateway.http.post("cohere/v2/chat", json=asked)
        streamed = await gateway.http.post("cohere/v2/chat", json={**asked, "stream": True})
        refused = await gateway.http.post("cohere/v2/chat", json={**asked, "messages": []})
        logs = await gateway.logs()

    assert SKY in whole.json()["message"]["content"][0]["text"]
    assert "event: message-end" in streamed.text and "event: content-delta" in streamed.text
    assert refused.status_code == 400 and "message must be" in refused.json()["message"]
    assert [log["tokens_out"] for log in logs[1:]] == [whole.json()["usage"]["tokens"]["output_tokens"]] * 2
    assert all(log["cost"] > 0 for log in logs[1:])
