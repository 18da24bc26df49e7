"""How reasoning, searches, code, citations, pictures and long arguments are shown."""

import json
from typing import Any

import pytest
from reading import logged, shown

pytestmark = pytest.mark.anyio

LONG = "A thought that goes on. " * 400


async def test_reasoning_is_marked_and_shortened_before_the_answer_is() -> None:
    body = {
        "choices": [{"message": {"reasoning": LONG, "content": "The answer is 42. " * 60}, "finish_reason": "stop"}]
    }

    told = logged(await shown(body))

    assert told.startswith("0 assistant: (reasoning) A thought that goes on.")
    assert f"({len(LONG) - 1:,} characters)" in told
    assert told.endswith("The answer is 42. ") or told.endswith("The answer is 42.")
    assert told.count("The answer is 42.") == 60


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"choices": [{"message": {"content": "x", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}}]}, ["(reasoning) Hm."]),
        ({"choices": [{"message": {"content": "x", "annotations": [{"type": "url_citation", "url_citation": {"title": "T", "url": "https://a.test"}}]}}]}, ["cited: T <https://a.test>"]),
        ({"choices": [{"message": {"content": "x"}}], "citations": ["https://a.test"], "search_results": [{"title": "T", "url": "https://a.test"}]}, ["sources:", "cited: T <https://a.test>"]),
        ({"output": [{"type": "web_search_call", "action": {"type": "search", "query": "sky"}}]}, ['called web_search {"type":"search","query":"sky"}']),
        ({"output": [{"type": "code_interpreter_call", "id": "c", "code": "print(1)", "outputs": [{"type": "logs", "logs": "1"}]}]}, ["called code_interpreter print(1)", '→ {"logs":"1"}']),
        ({"output": [{"type": "mcp_call", "id": "m", "server_label": "dw", "name": "ask", "arguments": '{"q":1}', "output": "No."}]}, ['called dw.ask {"q":1}', "→ No."]),
        ({"output": [{"type": "function_call", "call_id": "f", "namespace": "mcp__x", "name": "look", "arguments": "{}"}]}, ["called mcp__x.look {}"]),
        ({"role": "assistant", "content": [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "sky"}}, {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result", "title": "T", "url": "https://a.test", "encrypted_content": "xyz"}]}, {"type": "text", "text": "Blue.", "citations": [{"type": "web_search_result_location", "url": "https://a.test", "title": "T", "cited_text": "q"}]}]}, ['0 assistant: called web_search {"query":"sky"}', "→ T <https://a.test>", "2 assistant: Blue.", "cited: T <https://a.test> “q”"]),
        ({"role": "assistant", "content": [{"type": "bash_code_execution_tool_result", "tool_use_id": "b", "content": {"type": "bash_code_execution_result", "stdout": "out", "stderr": "bad", "return_code": 1}}]}, ["result of b: out", "(stderr) bad", "(return_code) 1"]),
        ({"candidates": [{"content": {"parts": [{"executableCode": {"language": "PYTHON", "code": "print(1)"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}, {"text": "One."}, {"text": "Hm.", "thought": True}]}, "groundingMetadata": {"webSearchQueries": ["q"], "groundingChunks": [{"web": {"title": "T", "uri": "https://a.test"}}]}}]}, ["(reasoning) Hm.", "One.", "called code (python) print(1)", "→ 1", 'called web_search {"queries":["q"]}', "cited: T <https://a.test>"]),
        ({"output": {"message": {"content": [{"reasoningContent": {"reasoningText": {"text": "Hm."}}}, {"toolUse": {"toolUseId": "t", "name": "look", "input": {"a": 1}}}]}}, "stopReason": "tool_use"}, ["(reasoning) Hm.", 'called look {"a":1}']),
        ({"data": [{"b64_json": "A" * 4000, "revised_prompt": "A cat."}], "output_format": "png"}, ["A cat.", "[png 3 KB]"]),
        ({"model": "m", "messages": [{"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64," + "A" * 4000}}]}]}, ["[a.pdf application/pdf 3 KB]"]),
        ({"text": "Hello.", "language": "english", "duration": 3.5}, ["/text text: Hello."]),
        ({"content_type": "multipart/form-data", "bytes": 9000, "model": "w", "parts": [{"name": "file", "filename": "a.mp3", "content_type": "audio/mpeg", "bytes": 8000}]}, ["[file a.mp3 audio/mpeg 8 KB]"]),
    ],
)  # fmt: skip
async def test_the_parts_of_each_format_are_shown(body: Any, said: list[str]) -> None:
    told = logged(await shown(body))

    for words in said:
        assert words in told, told


@pytest.mark.parametrize(
    ("body", "lead"),
    [
        ({"model": "m", "messages": [], "reasoning": {"effort": "high"}, "response_format": {"type": "json_schema", "json_schema": {"name": "Trip", "schema": {}}}}, "OpenAI chat, model m, response_format \"json_schema Trip\", reasoning \"effort high\"; no turns."),
        ({"model": "claude-x", "messages": [], "max_tokens": 9, "thinking": {"type": "enabled", "budget_tokens": 2048}}, "Anthropic messages, model claude-x, max_tokens 9, thinking \"enabled budget_tokens 2048\"; no turns."),
        ({"contents": [], "generationConfig": {"thinkingConfig": {"thinkingBudget": 512}}}, "Gemini, thinkingBudget 512; no turns."),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}], "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "inferenceConfig": {"maxTokens": 5}}, "Bedrock Converse, maxTokens 5, thinking \"enabled budget_tokens 1024\"."),
        ({"model": "gpt-5", "input": "x", "tools": [{"type": "namespace", "name": "mcp__a", "tools": [{"name": "b"}, {"name": "c"}]}]}, "OpenAI responses, model gpt-5, tools: \"mcp__a (2 tools)\"."),
        ({"choices": [{"message": {"content": "x"}, "finish_reason": "stop", "native_finish_reason": "end_turn"}], "usage": {"prompt_tokens": 5, "completion_tokens": 9, "cost": 0.00217, "completion_tokens_details": {"reasoning_tokens": 9}}}, "OpenAI chat, finish stop \"native end_turn\", tokens 5 in, 9 out, all reasoning, stated cost $0.00217."),
        ({"candidates": [{"content": {"parts": []}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "Malformed call."}], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "cachedContentTokenCount": 4}}, "The reply has no valid tool call.\nGemini, finish MALFORMED_FUNCTION_CALL \"Malformed call.\", tokens 9 in (5 new, 4 cache read), 50 out (20 answer, 30 reasoning)."),
        ({"role": "assistant", "content": [{"type": "text", "text": "x"}], "usage": {"input_tokens": 2, "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 60, "output_tokens": 5}}, "Anthropic messages, tokens 2,062 in (2 new, 2,000 cache read, 60 cache write), 5 out."),
    ],
)  # fmt: skip
async def test_the_first_line_names_efforts_schemas_counts_and_costs(body: Any, lead: str) -> None:
    assert (await shown(body)).startswith(lead)


async def test_long_arguments_are_shortened_one_by_one_and_their_lines_shown() -> None:
    arguments = {"command": "str_replace", "path": "/a.css", "old_str": "a {\n" * 500, "new_str": "b {\n" * 500}
    call = {"id": "c", "function": {"name": "edit", "arguments": json.dumps(arguments)}}

    told = logged(await shown({"choices": [{"message": {"tool_calls": [call]}}]}, budget=600))

    assert 'called edit {"command": "str_replace", "path": "/a.css", "old_str": "a {\n' in told
    assert '"new_str": "b {\n' in told


@pytest.mark.parametrize("place", [0, 3, -1])
async def test_the_system_prompt_never_comes_before_the_users_newest_words_when_room_is_short(place: int) -> None:
    turns: list[dict[str, Any]] = [
        {"role": role, "content": f"{role} says " + "word " * 400} for role in ("user", "assistant") * 4
    ]
    turns.append({"role": "user", "content": "The newest question."})
    turns.insert(place if place >= 0 else len(turns), {"role": "system", "content": "Obey. " * 500})

    told = logged(await shown({"model": "m", "messages": turns}, budget=500))

    assert told.index("The newest question.") < told.index("Obey.")


async def test_a_reply_of_a_stream_that_is_one_array_and_was_cut_says_so() -> None:
    chunk = {"candidates": [{"content": {"parts": [{"text": "Blue"}], "role": "model"}, "index": 0}]}
    body = b"[" + json.dumps(chunk).encode() + b",\r\n" + json.dumps(chunk).encode()[:40]

    told = await shown(body)

    assert told.startswith("Broke off: the stream ended after 1 event, partway through another.\nGemini")
    assert logged(told) == "0 model: Blue"
