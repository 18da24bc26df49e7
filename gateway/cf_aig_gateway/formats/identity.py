"""Who sent a request and which conversation it continues: the ids that clients put into bodies, in any format.

Sources: Claude Code's `metadata.user_id` in both of its forms (docs.anthropic.com/en/api/messages, metadata); OpenAI's
`conversation`, `previous_response_id`, `prompt_cache_key`, `user` and `safety_identifier`
(platform.openai.com/docs/api-reference/responses/create); OpenRouter's `session_id`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.shapes import as_list, as_object, as_text

_CLAUDE_CODE = re.compile(r"_session_([0-9a-fA-F-]{36})$")
_ID = re.compile(r"(?=.*\d)(?:.*[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-|\S*[A-Za-z0-9]{16})")
"""What the id of one conversation looks like. A `prompt_cache_key` may also name a whole application."""

SESSION_NAMES = ("session_id", "sessionId", "conversation_id", "conversationId", "thread_id", "threadId")
_REPLY_ID = re.compile(r'"id"\s*:\s*"([^"]{1,200})"')


@dataclass(frozen=True)
class Identity:
    """The ids in a request: its session and where it was found, its user, and the reply that it continues."""

    session: str = ""
    place: str = ""
    user: str = ""
    follows: str = ""


def identity(body: Any) -> Identity:
    """Return the ids in a request body; empty strings for missing ones."""
    held = as_object(body)
    place, session = next(_sessions(held), ("", ""))
    claimed = as_object(held.get("metadata")).get("user_id")
    user = as_text(held.get("user")) or as_text(held.get("safety_identifier")) or _account(as_text(claimed))
    return Identity(session, place, user, as_text(held.get("previous_response_id")))


def _sessions(held: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the places of session ids and their values, the most reliable first."""
    conversation = held.get("conversation")
    if session := as_text(conversation) or as_text(as_object(conversation).get("id")):
        yield "conversation", session
    metadata = as_object(held.get("metadata"))
    if session := _claude_code(as_text(metadata.get("user_id"))):
        yield "metadata.user_id", session
    for prefix, holder in (("", held), ("metadata.", metadata)):
        for name in SESSION_NAMES:
            if session := as_text(holder.get(name)):
                yield prefix + name, session
    for name in ("prompt_cache_key", "user"):
        if _ID.match(key := as_text(held.get(name))) and (name != "user" or "session" in key):
            yield name, key


def _claude_code(user: str) -> str:
    """Return the session in Claude Code's `user_id`: a JSON text, or `user_…_account_…_session_…`."""
    if user.startswith("{"):
        return as_text(as_object(read_json(user)).get("session_id"))
    found = _CLAUDE_CODE.search(user)
    return found[1] if found else ""


def _account(user: str) -> str:
    """Return the user in Claude Code's `user_id`, without the session."""
    if user.startswith("{"):
        held = as_object(read_json(user))
        return as_text(held.get("account_uuid")) or as_text(held.get("device_id"))
    return user.partition("_session_")[0]


def may_be_chained(body: Any) -> bool:
    """Whether a later request can name this one's reply instead of including it, as in OpenAI's Responses API."""
    held = as_object(body)
    asked = (as_object(item) for item in as_list(held.get("input")))
    carries = any(item.get("role") == "assistant" or item.get("type") == "function_call" for item in asked)
    return "input" in held and held.get("store") is not False and not carries


def reply_id(opening: str) -> str:
    """Return a reply's id from the beginning of its body, whole or streamed; empty if there isn't one."""
    found = _REPLY_ID.search(opening)
    return found[1] if found else ""
