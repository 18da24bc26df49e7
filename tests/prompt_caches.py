"""Sessions through the real local gateway whose prompt cache breaks for one cause each: the labeled set of misses."""

import copy
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from management import ACCOUNT, LOGS

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.prompt_caches import PromptCaches
from cf_aig_gateway.local.providers.simulated import Simulated
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store

Body = dict[str, Any]
EIGHT = datetime(2026, 11, 24, 8, tzinfo=UTC)
RULES = "You review code. Be careful with files and with tests. " * 200
"""2,750 tokens."""

NAMES = ("read_file", "run_tests", "edit_file", "find_text", "list_files", "move_file")
ASKED = "Here is a part of the log of the build, look for what went wrong in it. " * 60
"""1,080 tokens."""


class Clock:
    """The time of day, for gateway and providers. It stands still until it is set."""

    def __init__(self, start: datetime = EIGHT) -> None:
        self.now = start.timestamp()

    def __call__(self) -> float:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += minutes * 60


class Clocked(Store):
    """A store that dates its logs by a clock."""

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(path)
        self._clock = clock

    async def add(self, record: Record) -> None:
        record.created_at = round(self._clock() * 1000)
        await super().add(record)


@dataclass
class Lab:
    """A local gateway, in process, with a clock."""

    clock: Clock
    http: httpx2.AsyncClient

    async def send(self, form: str, body: Body, **headers: str) -> Body:
        """Send a request and return its log, with the provider's reply as `reply`."""
        headers = HEADERS[form] | headers
        answer = await self.http.post(f"/v1/{ACCOUNT}/default/{PATHS[form]}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        log = (await self.http.get(f"{LOGS}/{answer.headers['cf-aig-log-id']}", headers=TOKEN)).json()["result"]
        return log | {"reply": answer.json()}


@asynccontextmanager
async def lab(path: Path) -> AsyncGenerator[Lab]:
    """Serve a gateway whose file is at `path`."""
    clock = Clock()
    async with Clocked(path, clock) as store:
        app = build_app(store, upstream=Simulated(PromptCaches(clock)))
        transport = httpx2.ASGITransport(app=app)
        headers = {"user-agent": "reviewer/1.0"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
            yield Lab(clock, http)


PATHS = {
    "anthropic": "anthropic/v1/messages",
    "responses": "openai/v1/responses",
    "chat": "openai/v1/chat/completions",
}
TOKEN = {"authorization": "Bearer t"}
HEADERS = {
    "anthropic": {"anthropic-version": "2023-06-01", **TOKEN},
    "responses": TOKEN,
    "chat": TOKEN,
}


@dataclass
class Session:
    """A conversation in one wire format, `about` something. `ask_why` requests the provider's diagnostics."""

    form: str
    about: str = "my change"
    ask_why: bool = False
    named: str = ""
    body: Body = field(default_factory=dict[str, Any])
    last: str = ""

    def __post_init__(self) -> None:
        self.body = {**copy.deepcopy(BODIES[self.form]), **self.body}
        self._turns().append({"role": "user", "content": f"Review {self.about}. {ASKED}"})

    async def turn(self, lab: Lab, **headers: str) -> Body:
        """Send the conversation, add the reply, and add another message."""
        named = {"cf-aig-session-id": self.named} if self.named else {}
        log = await lab.send(self.form, self._sent(), **named, **headers)
        self.last = log["reply"]["id"]
        self._turns().append({"role": "assistant", "content": _said(log["reply"])})
        self._turns().append({"role": "user", "content": f"Go on with part {len(self._turns())}. {ASKED}"})
        return log

    def _turns(self) -> list[Body]:
        return self.body["input" if self.form == "responses" else "messages"]

    def _sent(self) -> Body:
        if not self.ask_why or self.form == "chat":
            return self.body
        if self.form == "anthropic":
            return self.body | {"diagnostics": {"previous_message_id": self.last or None}}
        options = {"comparison_response_id": self.last} if self.last else {"mode": "implicit"}
        return self.body | {"prompt_cache_options": options}


def _said(reply: Body) -> str:
    if "choices" in reply:
        return reply["choices"][0]["message"]["content"]
    part = reply["content"][0] if "content" in reply else reply["output"][0]["content"][0]
    return part["text"]


def _tool(form: str, name: str) -> Body:
    told = f"{name} in the repository of the change. " * 20
    match form:
        case "anthropic":
            return {"name": name, "description": told, "input_schema": {"type": "object"}}
        case "responses":
            return {"type": "function", "name": name, "description": told, "parameters": {"type": "object"}}
        case _:
            return {"type": "function", "function": {"name": name, "description": told}}


BODIES: dict[str, Body] = {
    "anthropic": {
        "model": "claude-sonnet-4-5",
        "max_tokens": 60,
        "system": [{"type": "text", "text": RULES, "cache_control": {"type": "ephemeral"}}],
        "messages": [],
        "cache_control": {"type": "ephemeral"},
    },
    "responses": {"model": "gpt-5.6-sol", "instructions": RULES, "input": []},
    "chat": {"model": "gpt-5", "messages": [{"role": "system", "content": RULES}]},
}
for _form, _body in BODIES.items():
    _body["tools"] = [_tool(_form, name) for name in NAMES]


def dated(session: Session, time: str = "08:02") -> None:
    """Write the time at the start of the system prompt."""
    text = f"It is 2026-11-24 {time}. {RULES}"
    match session.form:
        case "anthropic":
            session.body["system"][0]["text"] = text
        case "responses":
            session.body["instructions"] = text
        case _:
            session.body["messages"][0]["content"] = text


def reordered(session: Session) -> None:
    session.body["tools"] = [session.body["tools"][at] for at in (0, 2, 1, 3, 4, 5)]


def edited(session: Session) -> None:
    turns = session.body["input" if session.form == "responses" else "messages"]
    asked = [turn for turn in turns if turn["role"] == "user"]
    asked[1]["content"] = asked[1]["content"].replace("Go on", "Carry on")


def setting(**changes: Any) -> Callable[[Session], None]:
    """Return a function that changes members of the body."""

    def change(session: Session) -> None:
        session.body |= changes

    return change


def nothing(_: Session) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class Cause:
    """How a session's cache is broken: what is changed, and how long nothing is sent (minutes).

    `stated` is the provider's own reason; `told`, the beginning of ours. `always` is what a session without the break
    has from its start, so that both have the same price.
    """

    form: str
    breaks: Callable[[Session], None]
    told: str
    stated: str = ""
    pause: float = 1
    always: Callable[[Session], None] = nothing
    body: Body = field(default_factory=dict[str, Any])


def a_model(name: str) -> dict[str, Any]:
    return {"breaks": setting(model=name), "always": setting(model=name)}


HOUR = {"type": "ephemeral", "ttl": "1h"}
HOUR_LONG = {"cache_control": HOUR, "system": [{"type": "text", "text": RULES, "cache_control": HOUR}]}
REORDERED = "the tool order changed at tool 2, edit_file"
EXPIRED = "nothing differs: {} since the last call, cache lifetime {}"

CAUSES = {
    "anthropic model": Cause("anthropic", **a_model("claude-opus-4-1"), told="the model changed from claude-sonnet-4-5 to claude-opus-4-1", stated="Anthropic: model_changed"),
    "anthropic tools": Cause("anthropic", reordered, REORDERED, "Anthropic: tools_changed"),
    "anthropic time": Cause("anthropic", dated, "the system prompts differ at character 0: a time", "Anthropic: system_changed"),
    "anthropic message": Cause("anthropic", edited, "message 3 differs at character 6", "Anthropic: messages_changed"),
    "anthropic thinking": Cause("anthropic", setting(thinking={"type": "enabled", "budget_tokens": 1024}), "thinking changed"),
    "anthropic expiry": Cause("anthropic", nothing, EXPIRED.format("7 minutes", "5 minutes"), pause=7),
    "anthropic hour": Cause("anthropic", nothing, EXPIRED.format("65 minutes", "60 minutes"), pause=65, body=HOUR_LONG),
    "responses model": Cause("responses", **a_model("gpt-5.6-luna"), told="the model changed from gpt-5.6-sol to gpt-5.6-luna", stated="OpenAI: model_changed"),
    "responses tools": Cause("responses", reordered, REORDERED, "OpenAI: tools_changed"),
    "responses time": Cause("responses", dated, "the system prompts differ at character 0: a time", "OpenAI: input_changed"),
    "responses message": Cause("responses", edited, "message 3 differs at character 6", "OpenAI: input_changed"),
    "responses key": Cause("responses", setting(prompt_cache_key="other"), "prompt_cache_key changed", "OpenAI: prompt_cache_key_changed"),
    "responses effort": Cause("responses", setting(reasoning={"effort": "high"}), "reasoning changed", "OpenAI: reasoning_effort_changed"),
    "responses tier": Cause("responses", setting(service_tier="flex"), "service_tier changed", "OpenAI: service_tier_changed"),
    "responses verbosity": Cause("responses", setting(text={"verbosity": "low"}), "text changed", "OpenAI: verbosity_changed"),
    "responses expiry": Cause("responses", nothing, EXPIRED.format("35 minutes", "30 minutes"), pause=35),
    "chat tools": Cause("chat", reordered, REORDERED),
    "chat time": Cause("chat", dated, "the system prompts differ at character 0: a time"),
    "chat effort": Cause("chat", setting(reasoning_effort="high"), "reasoning_effort changed"),
    "chat key": Cause("chat", setting(prompt_cache_key="other"), "prompt_cache_key changed"),
    "chat expiry": Cause("chat", nothing, EXPIRED.format("7 minutes", "5 minutes"), pause=7),
}  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """The result of a broken session: the log of its miss, and what the miss cost compared with an unbroken session."""

    log: Body
    missed: int
    dollars: float


async def broken(lab: Lab, control: Lab, cause: Cause, *, ask_why: bool = False, named: str = "") -> Broken:
    """Run a session that breaks at its third call and, through another gateway, the same session without the break."""
    whole = Session(cause.form, body=copy.deepcopy(cause.body))
    cause.always(whole)
    session = Session(cause.form, ask_why=ask_why, named=named, body=copy.deepcopy(cause.body))
    for _ in range(2):
        await whole.turn(control)
        await session.turn(lab)
        lab.clock.pass_minutes(1)
    hit = await whole.turn(control)
    lab.clock.pass_minutes(cause.pause - 1)
    cause.breaks(session)
    log = await session.turn(lab)
    return Broken(log, _read(hit) - _read(log), log["cost"] - hit["cost"])


def _read(log: Body) -> int:
    return log["usage_metadata"]["input_cached_tokens"]
