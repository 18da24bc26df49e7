"""What Anthropic caches of a prompt, and the reasons it gives for a miss.

platform.claude.com/docs/en/build-with-claude/prompt-caching, …/cache-diagnostics; types of anthropic 2.14.0.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.prompt_caches import Block, Prompt, PromptCaches, divergence
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, text_of
from cf_aig_gateway.local.providers.wire import reply_id
from cf_aig_gateway.prompt_caching import LIVES, SHORT, least_cached
from cf_aig_gateway.shapes import as_list, as_object, as_text

MOST_MARKS = 4
LOOKS_BACK = 20
"""How many blocks before a mark an earlier prefix may end."""

PARTS = ("tools", "system", "settings", "messages")
CONVERSATION = ("thinking", "tool_choice", "output_config", "output_format")
"""Parameters that invalidate cached messages, but not tools and system."""

CAUSES = {
    "model": "model_changed",
    "tools": "tools_changed",
    "system": "system_changed",
    "messages": "messages_changed",
}


def tool_texts(content: Mapping[str, Any]) -> list[str]:
    """Return the text of each tool as it is counted, without its mark."""
    return [_written(as_object(tool)) for tool in as_list(content.get("tools"))]


def wrong_marks(content: Mapping[str, Any]) -> str:
    """Return what is wrong with a request's marks, in Anthropic's words; empty if nothing is."""
    marks = [mark for mark in map(_mark, _parts(content)) if mark]
    marks += [as_object(content["cache_control"])] if content.get("cache_control") else []
    if len(marks) > MOST_MARKS:
        return f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {len(marks)}."
    for mark in marks:
        if mark.get("type") != "ephemeral":
            return "cache_control.type: Input should be 'ephemeral'"
        if mark.get("ttl", "5m") not in ("5m", "1h"):
            return "cache_control.ttl: Input should be '5m' or '1h'"
    lives = [_life(mark) for mark in marks]
    if lives != sorted(lives, reverse=True):
        return "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block."
    return ""


def metered(caches: PromptCaches, owner: str, question: Question, reply: Reply) -> Reply:
    """Return a reply with the tokens its prompt read from and wrote to the cache and, if requested, why it missed."""
    content = question.content
    is_asked = question.provider == "anthropic" and isinstance(content.get("diagnostics"), dict)
    if not is_asked and not content.get("cache_control") and not any(map(_mark, _parts(content))):
        return reply
    prompt = Prompt(
        owner=owner,
        settings={"model": f"{question.model} {as_text(content.get('speed')) or 'standard'}"},
        blocks=list(_blocks(content)),
        least=least_cached(question.model),
        looks_back=LOOKS_BACK,
    )
    reply = replace(reply, cached=caches.meter(prompt).within(reply.tokens_in))
    return replace(reply, diagnosis=_diagnosis(caches, prompt, question, reply.cached.read)) if is_asked else reply


def _diagnosis(caches: PromptCaches, prompt: Prompt, question: Question, read: int) -> Mapping[str, Any] | None:
    """Compare a request with the one that it names; None if it names none, or nothing differs."""
    named = as_text(as_object(question.content["diagnostics"]).get("previous_message_id"))
    before = caches.sent(prompt.owner, named)
    now = caches.remember(reply_id("msg_", question), prompt)
    if not named:
        return None
    if before is None:
        return {"cache_miss_reason": {"type": "previous_message_not_found"}}
    found = divergence(before, now, PARTS)
    if found is None:
        return None
    cause = CAUSES.get(found.at)
    if cause is None:
        return {"cache_miss_reason": {"type": "unavailable"}}
    return {"cache_miss_reason": {"type": cause, "cache_missed_input_tokens": found.missed(read)}}


def _parts(content: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what may have a mark, in the order of the prompt."""
    yield from as_list(content.get("tools"))
    yield from as_list(content.get("system"))
    for message in as_list(content.get("messages")):
        yield from as_list(as_object(message).get("content"))


def _mark(part: Any) -> dict[str, Any]:
    return as_object(as_object(part).get("cache_control"))


def _life(mark: Mapping[str, Any]) -> int:
    return LIVES.get(as_text(mark.get("ttl")), SHORT) if mark else 0


def _blocks(content: Mapping[str, Any]) -> Iterator[Block]:
    """Yield a prompt's blocks. A mark on the request itself applies to the last block that can have one."""
    blocks = list(_marked_blocks(content))
    if whole := _life(as_object(content.get("cache_control"))):
        fitting = (at for at in reversed(range(len(blocks))) if "thinking" not in blocks[at].head)
        last = next(fitting, len(blocks) - 1)
        blocks[last] = replace(blocks[last], lives_s=blocks[last].lives_s or whole)
    return iter(blocks)


def _marked_blocks(content: Mapping[str, Any]) -> Iterator[Block]:
    for tool in map(as_object, as_list(content.get("tools"))):
        yield Block("tools", "tool", _written(tool), _life(_mark(tool)))
    for part in _said(content.get("system")):
        yield _block("system", "system", part)
    settings = {name: content[name] for name in CONVERSATION if name in content}
    yield Block("settings", write_json(settings).decode(), "")
    for message in map(as_object, as_list(content.get("messages"))):
        for part in _said(message.get("content")):
            yield _block("messages", as_text(message.get("role")), part)


def _said(content: Any) -> list[dict[str, Any]]:
    """Return parts; a plain text is a single part."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [as_object(part) for part in as_list(content)]


def _block(part: str, who: str, said: dict[str, Any]) -> Block:
    rest = {name: value for name, value in said.items() if name not in {"text", "cache_control"}}
    return Block(part, f"{who} {write_json(rest).decode()}", text_of([said]), _life(_mark(said)))


def _written(tool: dict[str, Any]) -> str:
    return write_json({name: value for name, value in tool.items() if name != "cache_control"}).decode()
