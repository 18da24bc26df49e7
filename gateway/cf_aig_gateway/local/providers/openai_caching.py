"""What OpenAI caches of a prompt, and the reasons it gives for a miss.

developers.openai.com/api/docs/guides/prompt-caching and …/prompt-caching/diagnostics; types of openai 3.57.0. The
implicit breakpoint of GPT-5.6 and later is assumed to fall back in steps of 128 tokens, as the cache of earlier models
does. Any model returns diagnostics on request.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.prompt_caches import Block, Prompt, PromptCaches, Sent, divergence
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, text_of
from cf_aig_gateway.local.providers.wire import reply_id
from cf_aig_gateway.prompt_caching import LIVES, STEP, has_breakpoints, least_cached, openai_life
from cf_aig_gateway.shapes import as_list, as_object, as_text

MOST_MARKS = 4
MOST_LOOKED_AT = 10_000
PROVIDERS = {"openai", "azure-openai"}
PARTS = ("tools", "compaction", "input")
CAUSES = {
    "model": "model_changed",
    "prompt_cache_key": "prompt_cache_key_changed",
    "text_format": "text_format_changed",
    "reasoning_effort": "reasoning_effort_changed",
    "verbosity": "verbosity_changed",
    "service_tier": "service_tier_changed",
    "tools": "tools_changed",
    "compaction": "context_compacted",
    "input": "input_changed",
}


def tool_texts(content: Mapping[str, Any]) -> list[str]:
    """Return the text of each tool as it is counted."""
    return [write_json(tool).decode() for tool in as_list(content.get("tools"))]


def item_text(item: Mapping[str, Any]) -> str:
    """Return the text of an item in a response's input: a message, or a tool's output."""
    return text_of(item.get("content")) or text_of(item.get("output"))


def metered(caches: PromptCaches, owner: str, question: Question, reply: Reply) -> Reply:
    """Return a reply with the tokens its prompt read from and wrote to the cache and, if requested, why it missed."""
    if question.provider not in PROVIDERS:
        return reply
    content = question.content
    options = as_object(content.get("prompt_cache_options"))
    is_explicit = options.get("mode") == "explicit"
    life = openai_life(question.model, content)
    prompt = Prompt(
        owner=owner,
        settings=_settings(question),
        blocks=_latest_marks(list(_blocks(question, life)), MOST_MARKS if is_explicit else MOST_MARKS - 1),
        least=least_cached(question.model),
        step=0 if is_explicit else STEP,
        step_lives_s=life,
        looks_back=MOST_LOOKED_AT if is_explicit else 1,
    )
    cached = caches.meter(prompt).within(reply.tokens_in)
    if not has_breakpoints(question.model):
        cached = replace(cached, written={})
    if "input" not in content:
        return replace(reply, cached=cached)
    named = options.get("comparison_response_id")
    before = caches.sent(owner, as_text(named))
    now = caches.remember(reply_id("resp_", question), prompt)
    diagnosis = _diagnosis(before, now, cached.read) if named else None
    return replace(reply, cached=cached, diagnosis=diagnosis)


def usage_details(reply: Reply) -> dict[str, Any]:
    """Return the details of input tokens. Written tokens are included for models that charge for them."""
    written = reply.cached.written_tokens
    return {"cached_tokens": reply.cached.read, **({"cache_write_tokens": written} if written else {})}


def _diagnosis(before: Sent | None, now: Sent, read: int) -> Mapping[str, Any]:
    if before is None:
        return {"type": "comparison_response_not_found"}
    found = divergence(before, now, PARTS)
    if found is None:
        return {"type": "cache_hit" if read else "unavailable"}
    return {
        "type": "cache_miss",
        "reason": CAUSES[found.at],
        "cache_missed_tokens": found.missed(read),
        "comparison_reusable_tokens": found.reusable,
    }


def _settings(question: Question) -> dict[str, str]:
    """Return the settings that two requests must share, by names common to chat and responses."""
    content = question.content
    text = as_object(content.get("text"))
    effort = as_object(content.get("reasoning")).get("effort") or content.get("reasoning_effort")
    tier = as_text(content.get("service_tier"))
    return {
        "model": question.model,
        "prompt_cache_key": as_text(content.get("prompt_cache_key")),
        "text_format": write_json(text.get("format") or content.get("response_format")).decode(),
        "reasoning_effort": as_text(effort),
        "verbosity": as_text(text.get("verbosity") or content.get("verbosity")),
        "service_tier": "" if tier in {"auto", "default"} else tier,
    }


def _blocks(question: Question, life: int) -> Iterator[Block]:
    content = question.content
    for text in tool_texts(content):
        yield Block("tools", "tool", text)
    if instructions := as_text(content.get("instructions")):
        yield Block("input", "instructions", instructions)
    for message in question.messages:
        rest = {name: value for name, value in message.items() if name != "content"}
        kind = "compaction" if "compaction" in as_text(message.get("type")) else "input"
        yield from _parts(kind, write_json(rest).decode(), message, life)


def _parts(kind: str, head: str, message: Mapping[str, Any], life: int) -> Iterator[Block]:
    parts = [as_object(part) for part in as_list(message.get("content"))]
    if not parts:
        yield Block(kind, head, item_text(message))
    for part in parts:
        rest = {name: value for name, value in part.items() if name not in {"text", "prompt_cache_breakpoint"}}
        mark = part.get("prompt_cache_breakpoint")
        lives_s = LIVES.get(as_text(as_object(mark).get("ttl")), life) if mark else 0
        yield Block(kind, f"{head} {write_json(rest).decode()}", text_of([part]), lives_s)


def _latest_marks(blocks: list[Block], most: int) -> list[Block]:
    """Return the blocks with only the latest marks kept."""
    marked = [at for at, block in enumerate(blocks) if block.lives_s]
    for at in marked[:-most]:
        blocks[at] = replace(blocks[at], lives_s=0)
    return blocks
