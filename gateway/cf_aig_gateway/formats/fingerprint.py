"""What distinguishes requests, and what they consist of: a few digests and sizes, whatever the wire format."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from hashlib import sha256
from typing import Any, Self

from cf_aig_gateway.formats.conversation import INSTRUCTIONS
from cf_aig_gateway.formats.identity import identity
from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.prompt_caching import LIVES, SHORT
from cf_aig_gateway.shapes import as_list, as_object, as_text

MESSAGES = ("messages", "contents", "input", "chat_history")
SYSTEMS = ("system", "instructions", "systemInstruction", "system_instruction", "preamble")
TOOLS = ("tools", "functions", "toolConfig")
LIMITS = (
    "max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "max_gen_len",
    "maxTokenCount",
)  # fmt: skip
SETTINGS = ("generationConfig", "generation_config", "inferenceConfig", "textGenerationConfig")
"""Members that contain the limit if it isn't beside the messages."""

PARTS = frozenset({*MESSAGES, *SYSTEMS, *TOOLS, *LIMITS, "cache_control", "prompt", "message"})

KEYED = (
    "prompt_cache_key", "service_tier", "speed", "reasoning", "reasoning_effort", "output_config", "thinking",
    "response_format", "text", "tool_choice",
)  # fmt: skip
"""Members, besides the prompt itself, that distinguish cached prompts."""

ANSWERERS = {"assistant", "model", "chatbot"}
ANSWERS = {"function_call", "custom_tool_call", "reasoning", "output_text"}
"""Types of items in OpenAI's responses that a model wrote."""

_WITH_DIGIT = re.compile(r"[0-9][\w:.+-]*", re.ASCII)
_IN_WORD = re.compile(r"[\w:.+-]", re.ASCII)
_MARK = r'"(?:cache_control|cachePoint)":\{[^{}]*\}'
_MARKS = re.compile(f",{_MARK}|{_MARK},?")
_TTL = re.compile(r'"ttl":"(\w+)"')
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)|\d{1,2}:\d\d:\d\d(?:\.\d+)?Z?"
    r"|1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?"
)
"""A time, with seconds or a date: ISO 8601, a time of day, or Unix time (seconds, milliseconds)."""
_ID = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|(?:[A-Za-z]{1,12}[_-])?(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,}"
    r"|[A-Za-z]{1,12}_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,}|\d{1,2}:\d\d"
)
"""An id: a UUID, a long mix of letters and digits, or a short one after a prefix, as in `req_8f02a7c1`.

Or a short time.
"""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A request's digests (empty if it lacks that part) and sizes (characters).

    `whole`: the request as sent. `plain`: without times, ids, cache marks and the reply's limit. `said`: only its
    messages, likewise; `carries`: the messages before the last answer, which equal `said` of the request that it
    continues. `asked`: the messages after that answer, without times. `opening`: the first message. `rules`: the system
    prompt, and `toolset`: the tools, both exact except for cache marks. `settings`: what else distinguishes cached
    prompts. `limit`: the most tokens of the reply. `life`: how many seconds the prompt cache should keep it; 0 if it
    doesn't say.
    """

    whole: str
    plain: str = ""
    said: str = ""
    carries: str = ""
    asked: str = ""
    opening: str = ""
    rules: str = ""
    toolset: str = ""
    settings: str = ""
    session: str = ""
    limit: int = 0
    life: int = 0
    system: int = 0
    tools: int = 0
    history: int = 0
    question: int = 0

    def row(self) -> list[str | int]:
        """Return it as it is stored."""
        return list(astuple(self))

    @classmethod
    def of_row(cls, row: Any) -> Self | None:
        """Return the fingerprint that `row` wrote; None if the value is something else."""
        values = as_list(row)
        return cls(*values) if len(values) == PARTS_OF_A_ROW else None


PARTS_OF_A_ROW = len(fields(Fingerprint))


def fingerprint(request: bytes) -> Fingerprint:
    """Return the fingerprint of a stored request body."""
    value = read_json(request)
    first = as_object(next(iter(as_list(value)), None))
    body = as_object(first.get("query")) if "query" in first else as_object(value)
    whole = _digest([request.decode(errors="replace")])
    return _of_body(body, whole) if body else Fingerprint(whole, whole)


def _of_body(body: dict[str, Any], whole: str) -> Fingerprint:
    messages, instructions = _messages(body)
    system = [_written(part) for part in (*(body.get(name) for name in SYSTEMS), *instructions) if part]
    tools = [_written(body[name]) for name in TOOLS if body.get(name)]
    turns = list(map(_written, messages))
    rest = _written(_rest(body))
    plain = list(map(_without_noise, turns))
    new = _new(messages)
    last = next((at + 1 for at in range(new - 1, -1, -1) if not _is_answer(messages[at])), 0)
    keyed = [f"{name}={_written(body[name])}" for name in KEYED if name in body]
    return Fingerprint(
        whole,
        _digest([_without_noise(rest), *map(_without_noise, [*system, *tools]), *plain]),
        _digest(plain),
        _digest(plain[:last]),
        _digest(_without_noise(text, keep_ids=True) for text in turns[new:]),
        _digest(plain[:1]),
        _digest(system),
        _digest(tools),
        _digest(keyed),
        identity(body).session,
        _limit(body),
        _life(body),
        sum(map(len, system)),
        sum(map(len, tools)),
        sum(map(len, turns[:new])),
        sum(map(len, turns[new:])),
    )


def _written(part: Any) -> str:
    """Return a part of a request as JSON, without cache marks."""
    text = write_json(part).decode()
    return _MARKS.sub("", text) if "cache" in text else text


def _rest(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request without its parts, and without the limit of the reply."""
    rest = {name: held for name, held in body.items() if name not in PARTS}
    for name in SETTINGS:
        if name in rest:
            rest[name] = {key: held for key, held in as_object(rest[name]).items() if key not in LIMITS}
    return rest


def _life(body: dict[str, Any]) -> int:
    """Return how many seconds a request asks the prompt cache to keep it: the longest, if it asks for several."""
    text = write_json(body).decode()
    if "cache" not in text:
        return 0
    asked = [LIVES[ttl] for ttl in _TTL.findall(text) if ttl in LIVES]
    return max(asked, default=SHORT if "cache_control" in text or "cachePoint" in text else 0)


def _messages(body: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return a request's messages, and which of them are instructions."""
    held = next((body[name] for name in MESSAGES if body.get(name)), body.get("prompt"))
    every = as_list(held) if isinstance(held, list) else [held] if held else []
    if body.get("message"):  # Cohere's version 1 keeps the question apart from the history
        every = [*every, body["message"]]
    told = [message for message in every if as_text(as_object(message).get("role")) in INSTRUCTIONS]
    return [message for message in every if message not in told] if told else every, told


def _new(messages: Sequence[Any]) -> int:
    """Return the index of the first message after the last answer."""
    return next((at + 1 for at in range(len(messages) - 1, -1, -1) if _is_answer(messages[at])), 0)


def _is_answer(message: Any) -> bool:
    held = as_object(message)
    return as_text(held.get("role")).lower() in ANSWERERS or held.get("type") in ANSWERS


def _limit(body: dict[str, Any]) -> int:
    for held in (body, *(as_object(body.get(name)) for name in SETTINGS)):
        for name in LIMITS:
            if isinstance(limit := held.get(name), int) and limit > 0:
                return limit
    return 0


def _without_noise(text: str, *, keep_ids: bool = False) -> str:
    """Return JSON text with times replaced by 0, and ids too unless they are to be kept."""
    parts, done = list[str](), 0
    for found in _WITH_DIGIT.finditer(text):
        start, end = found.span()
        while start > done and _IN_WORD.match(text[start - 1]):
            start -= 1
        if start > done and text[start - 1] == "\\":
            start += 1  # the letter of an escape
        word = text[start:end].rstrip(".:+-")
        if _TIME.fullmatch(word) or (not keep_ids and _ID.fullmatch(word)):
            parts += [text[done:start], "0"]
            done = start + len(word)
    return "".join([*parts, text[done:]]) if parts else text


def _digest(parts: Iterable[str]) -> str:
    """Return a digest of texts in order; empty if there are none."""
    whole = "\0".join(parts)
    return sha256(whole.encode("utf-8", "replace")).hexdigest()[:16] if whole else ""
