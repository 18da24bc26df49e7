"""What Bedrock's Converse caches of a prompt: prefixes that end with a `cachePoint`, by the rules of Anthropic's
models.

docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html; types of boto3 1.44.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.prompt_caches import Block, Prompt, PromptCaches
from cf_aig_gateway.local.providers.anthropic_caching import LOOKS_BACK
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question, text_of
from cf_aig_gateway.prompt_caching import LIVES, SHORT, least_cached
from cf_aig_gateway.shapes import as_list, as_object, as_text


def tool_texts(content: Mapping[str, Any]) -> list[str]:
    """Return the text of each tool as it is counted."""
    return [write_json(tool).decode() for tool in _tools(content) if "cachePoint" not in as_object(tool)]


def metered(caches: PromptCaches, owner: str, question: Question, reply: Reply) -> Reply:
    """Return a reply with the tokens its prompt read from and wrote to the cache."""
    blocks = list(_marked(_blocks(question.content)))
    settings = {"model": question.model}
    prompt = Prompt(owner, settings, blocks, least_cached(question.model), looks_back=LOOKS_BACK)
    return replace(reply, cached=caches.meter(prompt).within(reply.tokens_in))


def usage(reply: Reply) -> dict[str, Any]:
    """Return a usage block, in which cached tokens are counted separately."""
    cached = reply.cached
    told: dict[str, Any] = {
        "inputTokens": reply.tokens_in - cached.read - cached.written_tokens,
        "outputTokens": reply.tokens_out,
        "totalTokens": reply.tokens_in + reply.tokens_out,
    }
    if not cached.read and not cached.written:
        return told
    names = {lives_s: name for name, lives_s in LIVES.items()}
    details = [{"inputTokens": count, "ttl": names[lives_s]} for lives_s, count in cached.written.items()]
    return {
        **told,
        "cacheReadInputTokens": cached.read,
        "cacheWriteInputTokens": cached.written_tokens,
        "cacheDetails": details,
    }


def _tools(content: Mapping[str, Any]) -> list[Any]:
    return as_list(as_object(content.get("toolConfig")).get("tools"))


def _blocks(content: Mapping[str, Any]) -> Iterator[Block]:
    """Yield a prompt's blocks; cache points are blocks with a lifetime."""
    for tool in map(as_object, _tools(content)):
        yield _point(tool) or Block("tools", "tool", write_json(tool).decode())
    for part in map(as_object, as_list(content.get("system"))):
        yield _point(part) or _block("system", "system", part)
    for message in map(as_object, as_list(content.get("messages"))):
        for part in map(as_object, as_list(message.get("content"))):
            yield _point(part) or _block("messages", as_text(message.get("role")), part)


def _point(part: Mapping[str, Any]) -> Block | None:
    ttl = as_text(as_object(part.get("cachePoint")).get("ttl"))
    return Block("", "", "", LIVES.get(ttl, SHORT)) if "cachePoint" in part else None


def _block(part: str, who: str, said: dict[str, Any]) -> Block:
    rest = {name: value for name, value in said.items() if name != "text"}
    return Block(part, f"{who} {write_json(rest).decode()}", text_of([said]))


def _marked(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield blocks; a block before a cache point gets its mark."""
    last: Block | None = None
    for block in blocks:
        if last and not block.part:
            last = replace(last, lives_s=block.lives_s)
            continue
        if last:
            yield last
        last = block if block.part else None
    if last:
        yield last
