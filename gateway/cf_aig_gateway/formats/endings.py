"""What is wrong with a reply, whatever its status: truncated, refused, filtered, or empty."""

import re

from cf_aig_gateway.formats.conversation import Conversation

CUT = "is truncated at the token limit"
FULL = "is truncated: the context window is full"
REFUSED = "was refused by the model"
FILTERED = "was filtered by the provider"
BAD_CALL = "has no valid tool call"
UNFINISHED = "did not finish"
EMPTY = "is empty"

_ENDINGS = {
    CUT: ("length", "max_tokens", "max_output_tokens", "max_completion_tokens", "ERROR_LIMIT"),
    FULL: ("model_length", "model_context_window_exceeded"),
    REFUSED: ("refusal", "refused"),
    FILTERED: (
        "content_filter", "content_filtered", "guardrail_intervened", "SAFETY", "RECITATION", "BLOCKLIST",
        "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "LANGUAGE", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION", "ERROR_TOXIC", "IMAGE_OTHER", "OTHER",
    ),
    BAD_CALL: (
        "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE", "malformed_tool_use", "malformed_model_output", "NO_IMAGE",
    ),
    UNFINISHED: (
        "failed", "cancelled", "canceled", "error", "incomplete", "queued", "in_progress", "timeout", "USER_CANCEL",
        "insufficient_system_resource", "network_error", "budget_exceeded",
    ),
}  # fmt: skip
"""The finish reasons that say so: those of OpenAI, Anthropic, Google, Amazon, Cohere, Mistral and DeepSeek."""

_MEANINGS = {word.casefold(): meaning for meaning, words in _ENDINGS.items() for word in words}
_WORD = re.compile(r"\w+")


def shortfall(reply: Conversation) -> str:
    """Return what is wrong with a reply, in words that follow "the reply"; empty if nothing is.

    Errors and streams that broke off are not covered here: they report themselves.
    """
    if not reply.is_reply or reply.error or reply.broken:
        return ""
    why = reply.why if _WORD.fullmatch(reply.why) else ""
    said = [word.casefold() for word in _WORD.findall(f"{reply.finish} {why}")]
    found = [meaning for meaning in _ENDINGS if meaning in map(_MEANINGS.get, said)]
    if any(turn.is_refusal for turn in reply.turns):
        found.append(REFUSED)
    is_empty = _is_empty(reply)
    if not found:
        return f"{EMPTY}{_all_reasoning(reply)}" if is_empty else ""
    is_cut = found[0] in {CUT, FULL, UNFINISHED}
    return f"{found[0]}{f' and {EMPTY}' if is_empty and is_cut else ''}{_all_reasoning(reply)}"


def _is_empty(reply: Conversation) -> bool:
    kept = (turn.text.strip() or turn.calls or turn.results or turn.media for turn in reply.turns)
    return not any(kept)


def _all_reasoning(reply: Conversation) -> str:
    tokens_out, reasoning = reply.usage.tokens_out, reply.usage.reasoning
    return f": all {tokens_out:,} tokens are reasoning" if reasoning and reasoning == tokens_out else ""
