"""What is wrong with a reply, whatever its provider calls it; and which members of a body aren't read."""

from typing import Any

import pytest

from cf_aig_gateway import formats
from cf_aig_gateway.formats.endings import shortfall


def chat(finish: str, text: str = "", reasoning: int = 0, **message: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 9, "completion_tokens": 40, "completion_tokens_details": {"reasoning_tokens": reasoning}}
    said = {"role": "assistant", "content": text, **message}
    return {"choices": [{"message": said, "finish_reason": finish}], "usage": usage}


def messages(stop: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "stop_reason": stop, "content": list(content)}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (chat("stop", "Hello."), ""),
        (chat("tool_calls", tool_calls=[{"id": "c", "function": {"name": "f", "arguments": "{}"}}]), ""),
        (chat("stop"), "is empty"),
        (chat("length", "Hel"), "is truncated at the token limit"),
        (chat("length", reasoning=40), "is truncated at the token limit and is empty: all 40 tokens are reasoning"),
        (chat("content_filter"), "was filtered by the provider"),
        (chat("stop", refusal="No."), "was refused by the model"),
        (messages("end_turn", {"type": "text", "text": "Hello."}), ""),
        (messages("refusal"), "was refused by the model"),
        (messages("max_tokens", {"type": "text", "text": "Hel"}), "is truncated at the token limit"),
        (messages("model_context_window_exceeded", {"type": "text", "text": "H"}), "is truncated: the context window is full"),
        ({"candidates": [{"finishReason": "STOP", "finishMessage": "No safety error.", "content": {"parts": [{"text": "x"}]}}]}, ""),
        ({"candidates": [{"finishReason": "SAFETY"}]}, "was filtered by the provider"),
        ({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}, "has no valid tool call"),
        ({"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": "guardrail_intervened"}, "was filtered by the provider"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}, "is truncated at the token limit and is empty"),
        ({"status": "failed", "output": []}, "did not finish and is empty"),
        ({"response": ""}, "is empty"),
        ({"response": "Hello."}, ""),
        ({"data": [{"embedding": [0.5, 1]}]}, ""),
    ],
)  # fmt: skip
def test_problems_of_a_reply_are_reported(body: dict[str, Any], told: str) -> None:
    held = formats.read(body)

    assert held and shortfall(held) == told


@pytest.mark.parametrize(
    ("more", "why"), [({}, ""), ({"additionalModelResponseFields": {"stop_sequence": "END"}}, "stop_sequence END")]
)
def test_a_bedrock_reply_says_what_its_model_adds_to_the_stop_reason(more: dict[str, Any], why: str) -> None:
    held = formats.read({"output": {"message": {"content": [{"text": "x"}]}}, "stopReason": "stop_sequence", **more})

    assert held and held.finish == "stop_sequence" and held.why == why


def test_a_request_is_not_taken_for_a_reply() -> None:
    held = formats.read({"model": "m", "messages": [{"role": "user", "content": ""}]})

    assert held and shortfall(held) == ""


@pytest.mark.parametrize(
    ("body", "others"),
    [
        ({"model": "m", "messages": [], "user": "u", "store": False, "temperature": 1, "stop": None}, ("user", "store")),
        ({"model": "gpt", "input": "Q", "safety_identifier": "s", "text": {"format": {"type": "json_object"}, "odd": 1}}, ("safety_identifier", "odd")),
        ({"contents": [], "generationConfig": {"topK": 1, "logprobs": 5}, "tool_config": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}}, ("logprobs", "allowedFunctionNames")),
        ({"model": "claude-x", "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}], "messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}], "metadata": {"user_id": "u"}}, ("metadata", "2 cache marks")),
        ({"messages": [{"role": "user", "content": [{"text": "x"}, {"cachePoint": {"type": "default"}}]}], "guardrailConfig": {"guardrailIdentifier": "g"}}, ("guardrailConfig", "1 cache mark")),
        (chat("stop", "x") | {"system_fingerprint": "fp", "id": "chatcmpl-1", "created": 1}, ("system_fingerprint",)),
    ],
)  # fmt: skip
def test_members_that_are_not_read_are_named(body: dict[str, Any], others: tuple[str, ...]) -> None:
    held = formats.read(body)

    assert held and held.others == others
