"""The official openai and anthropic SDKs, unmodified, pointed here only by base URL."""

import json
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import CacheMissPreviousMessageNotFound, CacheMissSystemChanged
from jsonschema import validate
from plane import Plane, chat, plane
from pydantic import BaseModel

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
SAY: Any = [{"role": "user", "content": "Why is the sky blue?"}]
WEATHER: Any = [{"role": "user", "content": "The weather in Paris?"}]
TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
CLAUDE_TOOL: Any = {"name": "weather", "input_schema": SCHEMA}
GPT, CLAUDE = "gpt-4o-mini", "claude-haiku-4-5"


def gpt(gateway: Plane, **options: Any) -> openai.AsyncOpenAI:
    defaults = {"base_url": f"{gateway.gateway_url}/openai", "api_key": "sk-any", "max_retries": 0}
    return openai.AsyncOpenAI(**{**defaults, **options})


def claude(gateway: Plane, **options: Any) -> anthropic.AsyncAnthropic:
    defaults = {"base_url": f"{gateway.gateway_url}/anthropic", "api_key": "sk-any", "max_retries": 0}
    return anthropic.AsyncAnthropic(**{**defaults, **options})


@pytest.mark.anyio
async def test_openai_chats_through_each_endpoint(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        doors = {
            f"{gateway.gateway_url}/openai": GPT,
            f"{gateway.gateway_url}/openai/v1": GPT,
            f"{gateway.gateway_url}/compat": "anthropic/claude-sonnet-4-5",
            f"{gateway.gateway_url}/workers-ai/v1": "@cf/meta/llama-3.1-8b-instruct",
            f"{gateway.rest_url}/v1": "openai/gpt-4.1",
        }
        for base_url, model in doors.items():
            async with gpt(gateway, base_url=base_url) as sdk:
                reply = await sdk.chat.completions.create(model=model, messages=SAY)
            assert "Why is the sky blue?" in (reply.choices[0].message.content or "")
        logs = await gateway.logs()

    assert len(logs) == len(doors)
    assert all(log["success"] for log in logs)


@pytest.mark.anyio
async def test_openai_streams_a_chat(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        stream = await sdk.chat.completions.create(
            model=GPT, messages=SAY, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Simulated gpt-4o-mini: Why is the sky blue?"
    assert chunks[-1].usage is not None


@pytest.mark.anyio
@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
async def test_openai_calls_a_required_tool_and_then_answers(tmp_path: Path, choice: Any) -> None:
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        called = await sdk.chat.completions.create(model=GPT, messages=WEATHER, tools=[TOOL], tool_choice=choice)
        (call,) = called.choices[0].message.tool_calls or []
        assert call.type == "function"
        result = {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}
        asked: Any = [*WEATHER, called.choices[0].message.model_dump(exclude_none=True), result]
        spoken = await sdk.chat.completions.create(model=GPT, messages=asked, tools=[TOOL], tool_choice=choice)
        free = await sdk.chat.completions.create(model=GPT, messages=WEATHER, tools=[TOOL])

    validate(json.loads(call.function.arguments), SCHEMA)
    assert (called.choices[0].finish_reason, call.function.name) == ("tool_calls", "weather")
    assert [reply.choices[0].finish_reason for reply in (spoken, free)] == ["stop", "stop"]


@pytest.mark.anyio
async def test_openai_streams_a_tool_call(tmp_path: Path) -> None:
    strict: Any = {**TOOL, "function": {**TOOL["function"], "strict": True}}
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        stream = sdk.chat.completions.stream(model=GPT, messages=WEATHER, tools=[strict], tool_choice="required")
        async with stream as events:
            done = await events.get_final_completion()

    (call,) = done.choices[0].message.tool_calls or []
    validate(json.loads(call.function.arguments), SCHEMA)


class Weather(BaseModel):
    city: str
    days: int


@pytest.mark.anyio
async def test_openai_parses_a_reply_under_a_schema(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        chat_reply = await sdk.chat.completions.parse(model=GPT, messages=SAY, response_format=Weather)
        response = await sdk.responses.parse(model=GPT, input="Why?", text_format=Weather)
        loose = await sdk.chat.completions.create(model=GPT, messages=SAY, response_format={"type": "json_object"})

    assert isinstance(chat_reply.choices[0].message.parsed, Weather)
    assert isinstance(response.output_parsed, Weather)
    assert isinstance(json.loads(loose.choices[0].message.content or ""), dict)


@pytest.mark.anyio
async def test_openai_responses_answer_stream_and_call_tools(tmp_path: Path) -> None:
    tool: Any = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        whole = await sdk.responses.create(model=GPT, input="Why is the sky blue?", instructions="Be brief.")
        short = await sdk.responses.create(model=GPT, input=SAY, max_output_tokens=3)
        async with sdk.responses.stream(model=GPT, input="Why is the sky blue?") as stream:
            streamed = await stream.get_final_response()
        called = await sdk.responses.create(model=GPT, input="Weather?", tools=[tool], tool_choice="required")
        async with sdk.responses.stream(
            model=GPT, input="Weather?", tools=[tool], tool_choice={"type": "function", "name": "weather"}
        ) as stream:
            stream_called = await stream.get_final_response()
        output: Any = [{"type": "function_call_output", "call_id": "call_1", "output": "Sunny"}]
        spoken = await sdk.responses.create(model=GPT, input=output, tools=[tool], tool_choice="required")
        logs = await gateway.logs()

    assert whole.output_text == streamed.output_text == "Simulated gpt-4o-mini: Why is the sky blue?"
    assert (short.status, short.incomplete_details and short.incomplete_details.reason) == (
        "incomplete",
        "max_output_tokens",
    )
    for reply in (called, stream_called):
        (item,) = reply.output
        assert item.type == "function_call"
        validate(json.loads(item.arguments), SCHEMA)
    assert spoken.output_text
    assert all(log["tokens_out"] > 0 and log["cost"] > 0 for log in logs)


@pytest.mark.anyio
async def test_openai_embeds_texts_as_numbers_and_in_base64(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        packed = await sdk.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
        plain = await sdk.embeddings.create(model="text-embedding-3-small", input="one", encoding_format="float")
        few = await sdk.embeddings.create(model="text-embedding-3-large", input="one", dimensions=8)
        log = (await gateway.logs())[-1]

    assert [len(entry.embedding) for entry in packed.data] == [1536, 1536]
    assert plain.data[0].embedding == pytest.approx(packed.data[0].embedding, abs=1e-6)
    assert len(few.data[0].embedding) == 8
    assert (log["tokens_in"], log["cost"] > 0) == (2, True)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "model", "kind"),
    [
        ("[simulate: bad_key]", GPT, openai.AuthenticationError),
        ("Hi", "gpt-nowhere", openai.NotFoundError),
        ("[simulate: context_too_long]", GPT, openai.BadRequestError),
        ("[simulate: rate_limited]", GPT, openai.RateLimitError),
        ("[simulate: overloaded]", GPT, openai.InternalServerError),
        ("[simulate: server_error]", GPT, openai.InternalServerError),
    ],
)
async def test_openai_raises_the_right_class(tmp_path: Path, text: str, model: str, kind: type[Exception]) -> None:
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        with pytest.raises(kind) as chat_error:
            await sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
        with pytest.raises(kind):
            await sdk.responses.create(model=model, input=text)

    assert isinstance(chat_error.value, openai.APIStatusError)


@pytest.mark.anyio
async def test_a_broken_stream_and_a_hanging_call_raise(tmp_path: Path) -> None:
    broken: Any = [{"role": "user", "content": "[simulate: break] [simulate: tokens=50]"}]
    hanging: Any = [{"role": "user", "content": "[simulate: hang]"}]
    async with plane(tmp_path) as gateway, gpt(gateway, timeout=0.5) as sdk:
        stream = await sdk.chat.completions.create(model=GPT, messages=broken, stream=True)
        with pytest.raises((openai.APIError, httpx2.TransportError)):
            async for _ in stream:
                pass
        with pytest.raises(openai.APITimeoutError):
            await sdk.chat.completions.create(model=GPT, messages=hanging)


@pytest.mark.anyio
async def test_anthropic_answers_streams_and_calls_tools(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway, claude(gateway) as sdk:
        whole = await sdk.messages.create(model=CLAUDE, max_tokens=100, system="Be brief.", messages=SAY)
        async with sdk.messages.stream(model=CLAUDE, max_tokens=100, messages=SAY) as stream:
            streamed = await stream.get_final_message()
        called = await sdk.messages.create(
            model=CLAUDE, max_tokens=100, messages=WEATHER, tools=[CLAUDE_TOOL], tool_choice={"type": "any"}
        )
        async with sdk.messages.stream(
            model=CLAUDE,
            max_tokens=100,
            messages=WEATHER,
            tools=[CLAUDE_TOOL],
            tool_choice={"type": "tool", "name": "weather"},
        ) as stream:
            stream_called = await stream.get_final_message()
        (use,) = called.content
        result: Any = {"type": "tool_result", "tool_use_id": use.id, "content": "Sunny"}  # type: ignore[union-attr]
        turns: Any = [*WEATHER, {"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
        spoken = await sdk.messages.create(
            model=CLAUDE, max_tokens=100, messages=turns, tools=[CLAUDE_TOOL], tool_choice={"type": "any"}
        )

    assert whole.content[0].type == streamed.content[0].type == "text"
    assert whole.content[0].text == streamed.content[0].text
    for reply in (called, stream_called):
        assert (reply.stop_reason, reply.content[0].type) == ("tool_use", "tool_use")
        validate(reply.content[0].input, SCHEMA)
    assert spoken.stop_reason == "end_turn"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "model", "kind"),
    [
        ("[simulate: bad_key]", CLAUDE, anthropic.AuthenticationError),
        ("Hi", "claude-nowhere", anthropic.NotFoundError),
        ("[simulate: context_too_long]", CLAUDE, anthropic.BadRequestError),
        ("[simulate: rate_limited]", CLAUDE, anthropic.RateLimitError),
        ("[simulate: overloaded]", CLAUDE, anthropic.InternalServerError),
    ],
)
async def test_anthropic_raises_the_right_class(tmp_path: Path, text: str, model: str, kind: type[Exception]) -> None:
    async with plane(tmp_path) as gateway, claude(gateway) as sdk:
        with pytest.raises(kind):
            await sdk.messages.create(model=model, max_tokens=9, messages=[{"role": "user", "content": text}])


@pytest.mark.anyio
async def test_a_key_that_says_it_is_invalid_is_refused(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        async with gpt(gateway, api_key="sk-invalid") as sdk:
            with pytest.raises(openai.AuthenticationError):
                await sdk.chat.completions.create(model=GPT, messages=SAY)
        async with claude(gateway, api_key="sk-invalid") as anthropic_sdk:
            with pytest.raises(anthropic.AuthenticationError):
                await anthropic_sdk.messages.create(model=CLAUDE, max_tokens=9, messages=SAY)


@pytest.mark.anyio
async def test_the_rest_api_takes_messages_responses_and_runs(tmp_path: Path) -> None:
    headers = {"authorization": "Bearer cf-token"}
    prompt = {"prompt": "Why?"}
    llama = "@cf/meta/llama-3.1-8b-instruct"
    message = {"model": "anthropic/claude-sonnet-4.5", "max_tokens": 50, "messages": SAY}
    async with plane(tmp_path) as gateway:
        posts = {
            "v1/messages": message,
            "v1/responses": {"model": "openai/gpt-4.1", "input": "Why?"},
            "run": {"model": llama, "input": prompt},
            f"run/{llama.replace('/', '%2F')}": prompt,
        }
        answers = {
            path: (await gateway.http.post(f"{gateway.rest_url}/{path}", json=body, headers=headers)).json()
            for path, body in posts.items()
        }
        other = await gateway.http.post(
            f"{gateway.rest_url}/run", json={"model": "openai/gpt-4.1", "input": chat()}, headers=headers
        )
        unknown = await gateway.http.post(f"{gateway.rest_url}/run", json={"model": "nobody/x"}, headers=headers)
        logs = await gateway.logs()

    assert answers["v1/messages"]["type"] == "message"
    assert answers["v1/responses"]["object"] == "response"
    assert answers["run"] == answers[f"run/{llama.replace('/', '%2F')}"]
    assert answers["run"]["result"]["response"]
    assert (other.json()["success"], other.json()["result"]["object"]) == (True, "chat.completion")
    assert (unknown.status_code, unknown.json()["internalCode"]) == (404, 7003)
    assert len(logs) == 5


LONG = "You review code. Be careful with files and with tests. " * 100
CACHED: Any = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]


@pytest.mark.anyio
async def test_anthropics_sdk_reads_cached_tokens_and_the_reason_for_a_miss(tmp_path: Path) -> None:
    dated: Any = [{**CACHED[0], "text": f"It is 12:01. {LONG}"}]
    async with plane(tmp_path) as gateway, claude(gateway) as sdk:
        ask: Any = {"model": "claude-sonnet-5", "max_tokens": 50, "messages": SAY}
        first = await sdk.messages.create(**ask, system=CACHED, diagnostics={"previous_message_id": None})
        second = await sdk.messages.create(**ask, system=CACHED, diagnostics={"previous_message_id": first.id})
        missed = await sdk.messages.create(**ask, system=dated, diagnostics={"previous_message_id": first.id})
        lost = {"previous_message_id": "msg_0"}
        async with sdk.messages.stream(**ask, system=CACHED, diagnostics=lost) as stream:
            streamed = await stream.get_final_message()

    assert first.usage.cache_creation and first.usage.cache_creation.ephemeral_1h_input_tokens == 1375
    assert (first.usage.cache_creation_input_tokens, first.usage.cache_read_input_tokens) == (1375, 0)
    assert (second.usage.cache_read_input_tokens, second.usage.input_tokens) == (1375, 6)
    assert first.diagnostics is second.diagnostics is None
    assert missed.diagnostics and isinstance(missed.diagnostics.cache_miss_reason, CacheMissSystemChanged)
    assert missed.diagnostics.cache_miss_reason.cache_missed_input_tokens == 1375
    assert streamed.usage.cache_read_input_tokens == 1375
    assert streamed.diagnostics
    assert isinstance(streamed.diagnostics.cache_miss_reason, CacheMissPreviousMessageNotFound)


@pytest.mark.anyio
async def test_openais_sdk_reads_cached_tokens_and_the_reason_for_a_miss(tmp_path: Path) -> None:
    ask: Any = {"model": "gpt-5.6-sol", "instructions": LONG, "input": "Why?", "prompt_cache_key": "k1"}
    async with plane(tmp_path) as gateway, gpt(gateway) as sdk:
        first = await sdk.responses.create(**ask)
        compared: Any = {"ttl": "30m", "comparison_response_id": first.id}
        hit = await sdk.responses.create(**ask, prompt_cache_options=compared)
        async with sdk.responses.stream(**ask, reasoning={"effort": "high"}, prompt_cache_options=compared) as stream:
            missed = await stream.get_final_response()
        chat_ask: Any = {"model": "gpt-5.6-sol", "messages": [{"role": "system", "content": LONG}, *SAY]}
        written = await sdk.chat.completions.create(**chat_ask)
        chunks = [
            chunk
            async for chunk in await sdk.chat.completions.create(
                **chat_ask, stream=True, stream_options={"include_usage": True}
            )
        ]

    assert first.usage and first.usage.input_tokens_details.cache_write_tokens == 1280
    assert first.prompt_cache_diagnostics is None
    assert hit.usage and hit.usage.input_tokens_details.cached_tokens == 1280
    assert hit.prompt_cache_diagnostics and hit.prompt_cache_diagnostics.type == "cache_hit"
    assert hit.prompt_cache_options and hit.prompt_cache_options.comparison_response_id == first.id
    assert missed.prompt_cache_diagnostics and missed.prompt_cache_diagnostics.type == "cache_miss"
    assert missed.prompt_cache_diagnostics.reason == "reasoning_effort_changed"
    assert missed.prompt_cache_diagnostics.cache_missed_tokens == 1280
    assert written.usage and written.usage.prompt_tokens_details
    assert written.usage.prompt_tokens_details.cache_write_tokens == 1280
    read = chunks[-1].usage and chunks[-1].usage.prompt_tokens_details
    assert read and read.cached_tokens == 1280
