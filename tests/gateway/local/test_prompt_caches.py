"""Prompt caches of simulated providers: what they read and write, for how long, and the reasons they give for a miss."""

import copy
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from plane import Plane, plane

from cf_aig_gateway import pricing
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.local import prompt_caches
from cf_aig_gateway.local.prompt_caches import Block, Prompt, PromptCaches
from cf_aig_gateway.local.providers.simulated import Simulated

pytestmark = pytest.mark.anyio

RULES = "You review code. Be careful with files and with tests. " * 100
"""1,375 tokens."""

VERSION = {"anthropic-version": "2023-06-01", "x-api-key": "sk-ant-1"}
TOOLS: list[dict[str, Any]] = [
    {"name": name, "description": f"{name} in the repository. " * 40, "input_schema": {"type": "object"}}
    for name in ("read_file", "run_tests", "edit_file")
]
FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += minutes * 60


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock) -> AsyncGenerator[Plane]:
    async with plane(tmp_path, upstream=Simulated(PromptCaches(clock))) as gateway:
        yield gateway


def claude(*said: str, mark: dict[str, Any] | None = FIVE, **more: Any) -> dict[str, Any]:
    """Return a conversation whose system prompt is marked. User and model alternate."""
    system = {"type": "text", "text": RULES, **({"cache_control": mark} if mark else {})}
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return {"model": "claude-sonnet-4-5", "max_tokens": 50, "system": [system], "messages": turns, **more}


def gpt(*said: str, **more: Any) -> dict[str, Any]:
    """Return the same as input of the Responses API."""
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(said)]
    return {"model": "gpt-5.6-sol", "instructions": RULES, "input": turns, **more}


async def ask_claude(gateway: Plane, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await gateway.http.post("anthropic/v1/messages", json=body, headers=VERSION | headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ask_gpt(gateway: Plane, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await gateway.http.post("openai/v1/responses", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(reply: dict[str, Any]) -> tuple[int, int, int]:
    """Return the tokens that Anthropic reports as read, written, and neither."""
    usage = reply["usage"]
    names = ("cache_read_input_tokens", "cache_creation_input_tokens", "input_tokens")
    return usage[names[0]], usage[names[1]], usage[names[2]]


def tokens(*texts: str) -> int:
    """Return the tokens of consecutive texts: four characters make a token."""
    return -(-len("\n".join(texts)) // 4)


def read(reply: dict[str, Any]) -> int:
    return reply["usage"]["input_tokens_details"]["cached_tokens"]


async def test_a_marked_prefix_is_written_once_and_then_read(gateway: Plane) -> None:
    first = await ask_claude(gateway, claude("Why?"))
    again = await ask_claude(gateway, claude("Why?"))
    other = await ask_claude(gateway, claude("And what is that for, by the way?"))

    assert [told(each) for each in (first, again, other)] == [(0, 1375, 2), (1375, 0, 2), (1375, 0, 9)]
    assert first["usage"]["cache_creation"] == {"ephemeral_5m_input_tokens": 1375, "ephemeral_1h_input_tokens": 0}


async def test_unmarked_prompts_are_not_cached_at_anthropic(gateway: Plane) -> None:
    replies = [await ask_claude(gateway, claude("Why?", mark=None)) for _ in range(2)]

    assert [told(each) for each in replies] == [(0, 0, 1377)] * 2


@pytest.mark.parametrize(
    ("model", "cached"),
    [("claude-sonnet-4-5", 1375), ("claude-haiku-4-5", 0), ("claude-opus-4-5", 0), ("claude-opus-5", 1375)],
)
async def test_a_prefix_below_the_models_minimum_is_not_cached(gateway: Plane, model: str, cached: int) -> None:
    replies = [await ask_claude(gateway, claude("Why?", model=model)) for _ in range(2)]

    assert [told(each)[0] for each in replies] == [0, cached]


@pytest.mark.parametrize(("mark", "minutes"), [(FIVE, 5), (HOUR, 60)])
async def test_a_prefix_has_the_requested_lifetime_and_is_refreshed_when_read(
    gateway: Plane, clock: Clock, mark: dict[str, Any], minutes: float
) -> None:
    reads: list[int] = []
    for pause in (0, minutes - 0.1, minutes - 0.1, minutes + 0.1, 0):
        clock.pass_minutes(pause)
        reads.append(told(await ask_claude(gateway, claude("Why?", mark=mark)))[0])

    assert reads == [0, 1375, 1375, 0, 1375]


async def test_prefixes_with_two_lifetimes_are_written_and_billed_separately(gateway: Plane, clock: Clock) -> None:
    late: dict[str, Any] = {"type": "text", "text": "word " * 400, "cache_control": FIVE}
    body = claude(mark=HOUR) | {"messages": [{"role": "user", "content": [late]}]}
    first = await ask_claude(gateway, body)
    clock.pass_minutes(6)
    second = await ask_claude(gateway, body)
    logs = await gateway.logs()

    assert first["usage"]["cache_creation"] == {"ephemeral_5m_input_tokens": 501, "ephemeral_1h_input_tokens": 1375}
    assert told(second) == (1375, 501, 0)
    tokens_out = first["usage"]["output_tokens"]
    assert logs[1]["cost"] == pytest.approx((1375 * 6 + 501 * 3.75 + tokens_out * 15) / 1e6)
    assert logs[0]["cost"] == pytest.approx((1375 * 0.3 + 501 * 3.75 + tokens_out * 15) / 1e6)


async def test_a_mark_on_the_request_moves_on_with_the_conversation(gateway: Plane) -> None:
    said = ["Why?", "Because.", "And how?", "So.", "And when?"]
    replies = [await ask_claude(gateway, claude(*said[:length], mark=None, cache_control=FIVE)) for length in (1, 3, 5)]

    assert [told(each) for each in replies] == [(0, 1377, 0), (1377, 4, 0), (1381, 4, 0)]


async def test_a_prefix_that_ends_twenty_blocks_before_a_mark_is_not_found(gateway: Plane) -> None:
    said = ["Why?", *["So."] * 39]
    replies = [
        await ask_claude(gateway, claude(*said[:length], mark=None, cache_control=FIVE)) for length in (1, 20, 40)
    ]

    assert [told(each)[0] for each in replies] == [0, 1377, 0]


@pytest.mark.parametrize(
    ("changed", "is_read"),
    [
        ({"tool_choice": {"type": "none"}}, True),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, True),
        ({"model": "claude-sonnet-4-0"}, False),
        ({"speed": "fast"}, False),
        ({"tools": TOOLS[:2]}, False),
    ],
)
async def test_a_changed_setting_keeps_what_comes_before_it_cached(
    gateway: Plane, changed: dict[str, Any], is_read: bool
) -> None:
    body = claude("Why?", tools=TOOLS)
    await ask_claude(gateway, body)
    other = await ask_claude(gateway, body | changed)

    assert (told(other)[0] > 1375) is is_read


async def test_keys_do_not_share_a_cache(gateway: Plane) -> None:
    await ask_claude(gateway, claude("Why?"))
    other = await ask_claude(gateway, claude("Why?"), **{"x-api-key": "sk-ant-2"})
    await ask_gpt(gateway, gpt("Why?"), authorization="Bearer sk-1")
    stranger = await ask_gpt(gateway, gpt("Why?"), authorization="Bearer sk-2")

    assert told(other)[0] == read(stranger) == 0


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ([FIVE] * 5, "A maximum of 4 blocks with cache_control may be provided. Found 5."),
        ([FIVE, HOUR], "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block."),
        ([{"type": "ephemeral", "ttl": "2h"}], "cache_control.ttl: Input should be '5m' or '1h'"),
        ([{"type": "forever"}], "cache_control.type: Input should be 'ephemeral'"),
    ],
)  # fmt: skip
async def test_anthropic_refuses_wrong_marks(gateway: Plane, marks: list[dict[str, Any]], message: str) -> None:
    parts = [{"type": "text", "text": "Why?", "cache_control": mark} for mark in marks]
    body = claude(mark=None) | {"messages": [{"role": "user", "content": parts}]}
    answer = await gateway.http.post("anthropic/v1/messages", json=body, headers=VERSION)

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def diagnosed(body: dict[str, Any], before: str | None) -> dict[str, Any]:
    return body | {"diagnostics": {"previous_message_id": before}}


SESSION = claude("Why?", "Because.", "And how?", tools=TOOLS)
WRITTEN = [json.dumps(tool, separators=(",", ":")) for tool in TOOLS]
MARKED = tokens(*WRITTEN, RULES)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"messages": [*SESSION["messages"], {"role": "assistant", "content": "So."}]}, None),
        ({"model": "claude-sonnet-4-0"}, {"type": "model_changed", "cache_missed_input_tokens": MARKED}),
        ({"speed": "fast"}, {"type": "model_changed", "cache_missed_input_tokens": MARKED}),
        ({"tools": [TOOLS[0], TOOLS[2], TOOLS[1]]}, {"type": "tools_changed", "cache_missed_input_tokens": MARKED}),
        ({"tools": TOOLS[:2]}, {"type": "tools_changed", "cache_missed_input_tokens": tokens(*WRITTEN[:2], RULES, "Why?", "Because.", "And how?")}),
        ({"system": "It is 12:01. " + RULES}, {"type": "system_changed", "cache_missed_input_tokens": MARKED}),
        ({"messages": [{"role": "user", "content": "What?"}, *SESSION["messages"][1:]]}, {"type": "messages_changed", "cache_missed_input_tokens": 0}),
        ({"messages": SESSION["messages"][:1]}, {"type": "messages_changed", "cache_missed_input_tokens": 0}),
        ({"tool_choice": {"type": "none"}}, {"type": "unavailable"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streams", [False, True])
async def test_anthropic_says_where_a_request_differs_from_the_one_it_names(
    gateway: Plane, changed: dict[str, Any], reason: dict[str, Any] | None, streams: bool
) -> None:
    first = await ask_claude(gateway, diagnosed(SESSION, None))
    body = diagnosed(SESSION | changed, first["id"]) | {"stream": streams}
    answer = await gateway.http.post("anthropic/v1/messages", json=body, headers=VERSION)

    reply = json.loads(answer.text.split("data: ")[1].split("\n")[0])["message"] if streams else answer.json()
    assert first["diagnostics"] is None
    assert reply["diagnostics"] == (reason and {"cache_miss_reason": reason})


async def test_anthropic_knows_only_requests_that_asked_for_diagnostics(gateway: Plane, clock: Clock) -> None:
    unasked = await ask_claude(gateway, claude("Why?"))
    lost = await ask_claude(gateway, diagnosed(claude("Why?"), unasked["id"]))
    clock.pass_minutes(7)
    expired = await ask_claude(gateway, diagnosed(claude("Why?"), lost["id"]))

    assert "diagnostics" not in unasked
    assert lost["diagnostics"] == {"cache_miss_reason": {"type": "previous_message_not_found"}}
    assert (told(expired)[0], expired["diagnostics"]) == (0, None)


async def test_openai_caches_by_itself_in_steps_of_128_tokens(gateway: Plane) -> None:
    first = await ask_gpt(gateway, gpt("Why?"))
    longer = await ask_gpt(gateway, gpt("Why?", "Because. " * 200, "And how?"))
    again = await ask_gpt(gateway, gpt("Why?", "Because. " * 200, "And how?", "So.", "And when?"))

    details = [each["usage"]["input_tokens_details"] for each in (first, longer, again)]
    assert [each["cached_tokens"] for each in details] == [0, 1280, 1792]
    assert [each["cache_write_tokens"] for each in details] == [1280, 512, 0]
    short = [await ask_gpt(gateway, gpt("Why?", instructions="x" * 4 * 1000)) for _ in range(2)]
    assert [read(each) for each in short] == [0, 0]


@pytest.mark.parametrize(
    ("body", "minutes"),
    [
        ({}, 30),
        ({"prompt_cache_options": {"ttl": "12h"}}, 720),
        ({"model": "gpt-5"}, 5),
        ({"model": "gpt-5", "prompt_cache_retention": "24h"}, 1440),
    ],
)
async def test_openais_cache_entries_have_the_stated_lifetime(
    gateway: Plane, clock: Clock, body: dict[str, Any], minutes: float
) -> None:
    reads: list[int] = []
    for pause in (0, minutes - 0.1, minutes - 0.1, minutes + 0.1):
        clock.pass_minutes(pause)
        reads.append(read(await ask_gpt(gateway, gpt("Why?", **body))))

    assert reads == [0, 1280, 1280, 0]


async def test_an_explicit_cache_of_openai_has_only_marked_blocks(gateway: Plane) -> None:
    explicit = {"prompt_cache_options": {"mode": "explicit"}}
    part = {"type": "input_text", "text": "word " * 200, "prompt_cache_breakpoint": {"mode": "explicit"}}
    marked = [{"role": "user", "content": [part]}, {"role": "user", "content": "Why?"}]
    unmarked = [await ask_gpt(gateway, gpt("Why?", **explicit)) for _ in range(2)]
    replies = [await ask_gpt(gateway, gpt(**explicit) | {"input": marked}) for _ in range(2)]

    assert [read(each) for each in unmarked] == [0, 0]
    assert [each["usage"]["input_tokens_details"]["cache_write_tokens"] for each in replies] == [1626, 0]
    assert read(replies[1]) == 1626


FUNCTIONS = [{"type": "function", "name": tool["name"], "description": tool["description"]} for tool in TOOLS]
RESPONSE = gpt("Why?", "Because. " * 100, "And how?", tools=FUNCTIONS)
FUNCTION_TEXTS = [json.dumps(tool, separators=(",", ":")) for tool in FUNCTIONS]
WHOLE = tokens(*FUNCTION_TEXTS, RULES, "Why?", "Because. " * 100, "And how?") // 128 * 128
READ = len("\n".join([*FUNCTION_TEXTS, RULES])) // 512 * 128


@pytest.mark.parametrize(
    ("changed", "reason", "missed"),
    [
        ({"model": "gpt-5.6-luna"}, "model_changed", WHOLE),
        ({"prompt_cache_key": "other"}, "prompt_cache_key_changed", WHOLE),
        ({"text": {"format": {"type": "json_object"}}}, "text_format_changed", WHOLE),
        ({"reasoning": {"effort": "high"}}, "reasoning_effort_changed", WHOLE),
        ({"text": {"verbosity": "low"}}, "verbosity_changed", WHOLE),
        ({"service_tier": "flex"}, "service_tier_changed", WHOLE),
        ({"tools": [FUNCTIONS[0], FUNCTIONS[2], FUNCTIONS[1]]}, "tools_changed", WHOLE),
        ({"instructions": "It is 12:01. " + RULES}, "input_changed", WHOLE),
        (
            {"input": [{"role": "user", "content": "What?"}, *RESPONSE["input"][1:]]},
            "input_changed",
            WHOLE - READ,
        ),
        (
            {"input": [{"type": "compaction", "encrypted_content": "x"}, RESPONSE["input"][-1]]},
            "context_compacted",
            tokens(*FUNCTION_TEXTS, RULES, "", "And how?") - READ,
        ),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_openai_says_where_a_request_differs_from_the_one_it_is_compared_with(
    gateway: Plane, changed: dict[str, Any], reason: str, missed: int, streams: bool
) -> None:
    first = await ask_gpt(gateway, RESPONSE)
    body = RESPONSE | changed | {"prompt_cache_options": {"comparison_response_id": first["id"]}, "stream": streams}
    answer = await gateway.http.post("openai/v1/responses", json=body)

    reply = json.loads(answer.text.rstrip().rpartition("data: ")[2])["response"] if streams else answer.json()
    stated = reply["prompt_cache_diagnostics"]
    assert (stated["type"], stated["reason"]) == ("cache_miss", reason)
    assert stated["cache_missed_tokens"] == missed


async def test_openai_reports_hits_unknown_responses_and_unknown_reasons(gateway: Plane, clock: Clock) -> None:
    def compared(reply: dict[str, Any] | None) -> dict[str, Any]:
        return {"prompt_cache_options": {"comparison_response_id": reply["id"] if reply else "resp_0"}}

    first = await ask_gpt(gateway, gpt("Why?"))
    unknown = await ask_gpt(gateway, gpt("Why?", **compared(None)))
    hit = await ask_gpt(gateway, gpt("Why?", "Because.", "And how?", **compared(first)))
    clock.pass_minutes(31)
    expired = await ask_gpt(gateway, gpt("Why?", "Because.", "And how?", **compared(hit)))

    said = [each["prompt_cache_diagnostics"]["type"] for each in (unknown, hit, expired)]
    assert said == ["comparison_response_not_found", "cache_hit", "unavailable"]
    assert "prompt_cache_diagnostics" not in first


@pytest.mark.parametrize("streams", [False, True])
async def test_chats_report_and_log_cached_tokens(gateway: Plane, streams: bool) -> None:
    messages = [{"role": "system", "content": RULES}, {"role": "user", "content": "Why?"}]
    body = {"model": "gpt-4o-mini", "messages": messages, "stream": streams, "stream_options": {"include_usage": True}}
    answers = [await gateway.http.post("openai/v1/chat/completions", json=body) for _ in range(2)]
    second, first = await gateway.logs()

    assert '"prompt_tokens_details":{"cached_tokens":1280}' in answers[1].text
    assert [log["usage_metadata"]["input_cached_tokens"] for log in (first, second)] == [0, 1280]
    assert second["cost"] == pytest.approx((97 * 0.15 + 1280 * 0.075 + second["tokens_out"] * 0.6) / 1e6)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_log_has_the_cached_tokens_and_their_price(gateway: Plane, streams: bool) -> None:
    for _ in range(2):
        await gateway.http.post("anthropic/v1/messages", json=claude("Why?") | {"stream": streams}, headers=VERSION)
    second, first = await gateway.logs()

    assert [log["tokens_in"] for log in (first, second)] == [1377, 1377]
    assert [log["usage_metadata"]["input_cached_tokens"] for log in (first, second)] == [0, 1375]
    out = first["tokens_out"] * 15
    assert first["cost"] == pytest.approx((2 * 3 + 1375 * 3.75 + out) / 1e6)
    assert second["cost"] == pytest.approx((2 * 3 + 1375 * 0.3 + out) / 1e6)
    assert second["cost"] == pricing.cost("anthropic", "claude-sonnet-4-5", Usage(1377, first["tokens_out"], 1375))


@pytest.mark.parametrize(("ttl", "price"), [({}, 3.75), ({"ttl": "1h"}, 6)])
async def test_bedrock_caches_prefixes_that_end_with_a_cache_point(
    gateway: Plane, ttl: dict[str, str], price: float
) -> None:
    system = [{"text": RULES}, {"cachePoint": {"type": "default", **ttl}}]
    body = {"system": system, "messages": [{"role": "user", "content": [{"text": "Why?"}]}]}
    path = "aws-bedrock/bedrock-runtime/us-east-1/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse"
    usages = [
        (
            await gateway.http.post(
                path, json=body, headers={"authorization": f"AWS4 Credential=AKID/x, Signature={at}"}
            )
        ).json()["usage"]
        for at in range(2)
    ]
    second, first = await gateway.logs()

    names = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    assert [[usage[name] for name in names] for usage in usages] == [[2, 0, 1375], [2, 1375, 0]]
    assert usages[0]["cacheDetails"] == [{"inputTokens": 1375, "ttl": ttl.get("ttl", "5m")}]
    assert [log["usage_metadata"]["input_cached_tokens"] for log in (first, second)] == [0, 1375]
    out = first["tokens_out"] * 15
    assert first["cost"] == pytest.approx((2 * 3 + 1375 * price + out) * 1.1 / 1e6)
    assert second["cost"] == pytest.approx((2 * 3 + 1375 * 0.3 + out) * 1.1 / 1e6)


async def test_a_call_that_fails_caches_nothing(gateway: Plane) -> None:
    failing = claude("Why? [simulate: overloaded]")
    await gateway.http.post("anthropic/v1/messages", json=failing, headers=VERSION)

    assert told(await ask_claude(gateway, claude("Why?")))[0] == 0


async def test_marks_are_ignored_when_prompts_are_compared(gateway: Plane) -> None:
    await ask_claude(gateway, claude("Why?", "Because.", "And how?"))
    moved = copy.deepcopy(claude("Why?", "Because.", "And how?", mark=None))
    moved["messages"][-1]["content"] = [{"type": "text", "text": "And how?", "cache_control": FIVE}]

    assert told(await ask_claude(gateway, moved)) == (1375, tokens(RULES, "Why?", "Because.", "And how?") - 1375, 0)


def prompt(number: int) -> Prompt:
    return Prompt("me", {}, [Block("input", "user", f"{number:08} " * 1000)], least=1024, step=128, step_lives_s=300)


def test_kept_prefixes_and_requests_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_caches, "MOST_PREFIXES", 20)
    monkeypatch.setattr(prompt_caches, "MOST_BLOCKS", 5)
    caches = PromptCaches(Clock())
    for number in range(40):
        caches.meter(prompt(number))
        caches.remember(f"r{number}", prompt(number))

    assert (caches.meter(prompt(39)).read, caches.meter(prompt(0)).read) == (2176, 0)
    assert [bool(caches.sent("me", f"r{number}")) for number in (0, 34, 35, 39)] == [False, False, True, True]
