"""Whose a call is: its session, its user and its client."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cf_aig_gateway.formats.identity import identity
from cf_aig_gateway.models import Log
from cf_aig_tools.bodies import Bodies, Stored, Wanted
from cf_aig_tools.progress import say

SESSION_WORDS = ("session", "conversation", "thread", "chat")
USER_WORDS = ("cf.user_id", "user", "customer", "account", "email")

PATIENCE_S = 15.0
"""How long request bodies are read."""

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
"""What user agents hold, in lower case, and whose they are; the first that fits."""


CLIENT_NAMES = frozenset(name for _, name in CLIENTS)

REMINDER, REMINDED = "<system-reminder>", "</system-reminder>"
"""Between what coding agents put their own words into a user's message."""

_CONTEXT = re.compile(r"\s*<([a-z][a-z_-]{2,40})>.*?</\1>", re.DOTALL)


@dataclass(frozen=True)
class Asker:
    """What a request body says of whose it is: session, user, and the user's last words."""

    session: str = ""
    user: str = ""
    words: str = ""


def session_of(log: Log) -> str:
    """Return the session that a log names by itself: as a field, or in metadata."""
    return log.session_id or _value(log, SESSION_WORDS)


def user_of(log: Log) -> str:
    """Return the user that a log's metadata name."""
    return _value(log, USER_WORDS)


def client_of(log: Log) -> str:
    """Return the program that sent a call."""
    return client_named(log.user_agent or "")


def client_named(agent: str) -> str:
    """Return the program that has a user agent; of an unknown one its first word."""
    lower = agent.lower()
    return next((name for part, name in CLIENTS if part in lower), agent.partition("/")[0].partition(" ")[0])


def _value(log: Log, words: Sequence[str]) -> str:
    """Return the value of the metadata key that holds the first of these words that any key does."""
    for word in words:
        for key, value in log.metadata.items():
            if word in key.lower() and isinstance(value, str | int) and not isinstance(value, bool):
                return str(value)
    return ""


def without_reminders(text: str) -> str:
    """Return a text without the reminders of coding agents, which come and go from request to request."""
    kept, at = list[str](), 0
    while (start := text.find(REMINDER, at)) >= 0 and (end := text.find(REMINDED, start)) >= 0:
        kept.append(text[at:start])
        at = end + len(REMINDED)
    return "".join([*kept, text[at:]])


def spoken(text: str) -> str:
    """Return what a user said, without what agents put before and into it: reminders and context in tags."""
    said = without_reminders(text)
    while found := _CONTEXT.match(said):
        said = said[found.end() :]
    return said.strip() or text


async def askers(bodies: Bodies, logs: Sequence[Log]) -> dict[str, Asker]:
    """Return, by log id, what request bodies say of whose they are; as many as PATIENCE_S allows."""
    found: dict[str, Asker] = {}

    def take(each: Wanted, stored: Stored | None) -> None:
        found[each[0]] = _asker(stored) if stored else Asker()
        say(f"read {len(found)} requests")

    await bodies.read_all([(log.id, "request") for log in logs], take, PATIENCE_S)
    return found


async def with_sessions(bodies: Bodies, logs: Sequence[Log]) -> list[Log]:
    """Return logs with what is known of their sessions and users; bodies are read of those that do not say it."""
    found = await askers(bodies, [log for log in logs if not session_of(log)])
    return [named(log, found.get(log.id, Asker())) for log in logs]


def named(log: Log, asker: Asker) -> Log:
    """Return a log with its session, and with its `user`."""
    return log.model_copy(update={"session_id": asker.session or log.session_id, "user": user_of(log) or asker.user})


def _asker(stored: Stored) -> Asker:
    ids = identity(stored.value)
    texts = (turn.text for turn in reversed(stored.held.turns) if turn.role == "user" and turn.text.strip())
    return Asker(ids.session, ids.user, spoken(next(texts, "")))
