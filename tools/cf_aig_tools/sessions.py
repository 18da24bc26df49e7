"""Identifies a call's session, user and client."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cf_aig_gateway.formats.identity import identity
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import MOST, one_line, shortened, word
from cf_aig_tools.bodies import Bodies, Stored, Wanted
from cf_aig_tools.progress import say

SESSION_WORDS = ("session", "conversation", "thread", "chat")
USER_WORDS = ("cf.user_id", "user", "customer", "account", "email")

PATIENCE_S = 15.0
"""Time limit for reading request bodies, in seconds."""

CLIENTS = (
    ("claude-cli", "Claude Code"),
    ("codex", "Codex"),
    ("geminicli", "Gemini CLI"),
    ("opencode", "OpenCode"),
    ("copilot", "Copilot"),
    ("cline", "Cline"),
    ("cursor", "Cursor"),
    ("litellm", "LiteLLM"),
    ("ai-sdk", "AI SDK"),
    ("langchain", "LangChain"),
    ("openai", "OpenAI SDK"),
    ("anthropic", "Anthropic SDK"),
    ("google-genai", "Google SDK"),
    ("curl", "curl"),
)
"""Lower-case fragments of user agents and the client they belong to; the first match counts."""


CLIENT_NAMES = frozenset(name for _, name in CLIENTS)

REMINDER, REMINDED = "<system-reminder>", "</system-reminder>"
"""Tags around text that coding agents add to a user's message."""

_CONTEXT = re.compile(r"\s*<([a-z][a-z_-]{2,40})>.*?</\1>", re.DOTALL)


@dataclass(frozen=True)
class Asker:
    """What a request body says about its origin: session (one word), user, and the user's last words (one line)."""

    session: str = ""
    user: str = ""
    words: str = ""


def session_of(log: Log) -> str:
    """Return the session stated in a log: in a field or in metadata."""
    return log.session_id or _value(log, SESSION_WORDS)


def user_of(log: Log) -> str:
    """Return the user named in a log's metadata."""
    return _value(log, USER_WORDS)


def client_of(log: Log) -> str:
    """Return the program that sent a call."""
    return client_named(log.user_agent or "")


def client_named(agent: str) -> str:
    """Return the program for a user agent; for an unknown one, its first word."""
    lower = agent.lower()
    return next((name for part, name in CLIENTS if part in lower), agent.partition("/")[0].partition(" ")[0])


def _value(log: Log, words: Sequence[str]) -> str:
    """Return the value of the metadata key that contains the earliest of these words."""
    for part in words:
        for key, value in log.metadata.items():
            if part in key.lower() and isinstance(value, str | int) and not isinstance(value, bool):
                return str(value)
    return ""


def without_reminders(text: str) -> str:
    """Return a text without the reminders that coding agents add and remove between requests."""
    kept, at = list[str](), 0
    while (start := text.find(REMINDER, at)) >= 0 and (end := text.find(REMINDED, start)) >= 0:
        kept.append(text[at:start])
        at = end + len(REMINDED)
    return "".join([*kept, text[at:]])


def spoken(text: str) -> str:
    """Return what a user said, without the reminders and context that agents add around it."""
    said = without_reminders(text)
    while found := _CONTEXT.match(said):
        said = said[found.end() :]
    return said.strip() or text


async def askers(bodies: Bodies, logs: Sequence[Log]) -> dict[str, Asker]:
    """Return, by log id, the origin stated in request bodies; as many as PATIENCE_S allows."""
    found: dict[str, Asker] = {}

    def take(each: Wanted, stored: Stored | None) -> None:
        found[each[0]] = _asker(stored) if stored else Asker()
        say(f"read {len(found)} requests")

    await bodies.read_all([(log.id, "request") for log in logs], take, PATIENCE_S)
    return found


async def with_sessions(bodies: Bodies, logs: Sequence[Log]) -> list[Log]:
    """Return logs with their sessions and users; bodies are read only for logs that do not state them."""
    found = await askers(bodies, [log for log in logs if not session_of(log)])
    return [named(log, found.get(log.id, Asker())) for log in logs]


def named(log: Log, asker: Asker) -> Log:
    """Return a log with its session and its `user`."""
    return log.model_copy(update={"session_id": asker.session or log.session_id, "user": user_of(log) or asker.user})


def _asker(stored: Stored) -> Asker:
    ids = identity(stored.value)
    texts = (turn.text for turn in reversed(stored.held.turns) if turn.role == "user" and turn.text.strip())
    words = " ".join(spoken(next(texts, "")).split())
    return Asker(word(ids.session), one_line(ids.user), one_line(shortened(words, MOST)))
