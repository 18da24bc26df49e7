"""Planted traffic: an honest day, kinds of waste, and the cost of each by an independent sum."""

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from logs import a_failed_log, a_log

from cf_aig_gateway.local.record import Record

DAY = 24 * 60
"""Minutes. Traffic begins at noon on 2026-11-21."""

WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "hazel", "inlet", "jetty", "knoll", "larch")
USERS = [f"u-{number:03d}" for number in range(400)]
FEATURES = ("search", "summary", "support", "faq")

_numbers = itertools.count(1_000_000)


@dataclass
class Planted:
    """Calls, and the dollars wasted by kind."""

    records: list[Record] = field(default_factory=list[Record])
    dollars: dict[str, float] = field(default_factory=dict[str, float])
    calls: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, kind: str, record: Record, dollars: float | None = None) -> Record:
        """Add a call that is waste: all of its cost, or part of it."""
        self.dollars[kind] = self.dollars.get(kind, 0) + ((record.cost or 0) if dollars is None else dollars)
        self.calls[kind] = self.calls.get(kind, 0) + 1
        return self.keep(record)

    def keep(self, record: Record) -> Record:
        """Add a call that isn't waste."""
        self.records.append(record)
        return record


def said(chance: random.Random, words: int) -> str:
    """Return a unique text."""
    return " ".join(chance.choices(WORDS, k=words))


def session(chance: random.Random) -> str:
    """Return the id of a session."""
    return f"s-{chance.getrandbits(40):010x}"


def chat(*messages: tuple[str, str], **more: Any) -> bytes:
    """Return an OpenAI request."""
    told = [{"role": role, "content": content} for role, content in messages]
    return json.dumps({"model": "gpt-4o", "messages": told, **more}).encode()


def a_call(minutes: float, request: bytes, **changes: Any) -> Record:
    """Return an ordinary gpt-4o call: 600 tokens in, 80 out, at the list price."""
    values: dict[str, Any] = {"tokens_in": 600, "tokens_out": 80, "model": "openai/gpt-4o"} | changes
    price = (values["tokens_in"] * 2.5 + values["tokens_out"] * 10) / 1e6
    return a_log(next(_numbers), minutes=minutes, request=request, **{"cost": price} | values)


def a_turn(minutes: float, request: bytes, read: int, sent: int, **changes: Any) -> Record:
    """Return a call of claude-sonnet-4-5 that read this many tokens from the prompt cache, at the list price."""
    price = ((sent - read) * 3 + read * 0.3 + 200 * 15) / 1e6
    counted = {"input_cached_tokens": read, "input_tokens": sent, "output_tokens": 200}
    model = "anthropic/claude-sonnet-4-5"
    values = {"model": model, "tokens_in": sent, "tokens_out": 200, "usage_metadata": counted, "cost": price}
    return a_log(next(_numbers), minutes=minutes, request=request, **values | changes)


def honest(count: int, seed: int = 1) -> Iterator[Record]:
    """Yield a day of calls, each made once. Some are answered from the gateway's cache, some fail."""
    chance = random.Random(seed)
    rules = said(chance, 60)
    asked: list[bytes] = []
    for number in range(count):
        minutes = DAY * number / count
        metadata = {"user": chance.choice(USERS), "feature": chance.choice(FEATURES)}
        changes: dict[str, Any] = {
            "metadata": metadata,
            "tokens_in": chance.randrange(80, 900),
            "tokens_out": chance.randrange(20, 400),
            "duration": chance.randrange(300, 4000),
        }
        if asked and chance.random() < 0.08:
            yield a_call(minutes, chance.choice(asked), cached=True, **changes | {"cost": 0})
        elif chance.random() < 0.02:
            request = chat(("system", rules), ("user", said(chance, 30)), max_tokens=1000)
            failed = {"minutes": minutes, "request": request, "metadata": metadata, "duration": 200}
            yield a_failed_log(next(_numbers), model="openai/gpt-4o", **failed)
            if chance.random() < 0.3:
                yield a_call(minutes + 0.05, request, **changes)
        else:
            request = chat(("system", rules), ("user", said(chance, 30)), max_tokens=1000)
            asked = [*asked[-200:], request]
            yield a_call(minutes, request, **changes)


def repeated(planted: Planted, chance: random.Random, groups: int, times: int) -> None:
    """Plant questions that various callers ask again and again over the day."""
    for _ in range(groups):
        request, feature = chat(("user", said(chance, 40))), chance.choice(FEATURES[:2])
        for at, minutes in enumerate(sorted(chance.uniform(0, DAY) for _ in range(times))):
            call = a_call(minutes, request, metadata={"user": chance.choice(USERS), "feature": feature})
            planted.add("identical requests, not cached by the gateway", call) if at else planted.keep(call)


def nearly(planted: Planted, chance: random.Random, groups: int, times: int) -> None:
    """Plant the same, with the time in the system prompt or an id in the metadata."""
    for group in range(groups):
        question = said(chance, 40)
        for at, minutes in enumerate(sorted(chance.uniform(0, DAY) for _ in range(times))):
            clock = f"2026-11-21T{chance.randrange(24):02d}:{chance.randrange(60):02d}:{at % 60:02d}Z"
            if group % 2:
                request = chat(("system", f"It is {clock}. Be brief."), ("user", question))
            else:
                id_ = f"req_{chance.getrandbits(64):016x}a1"
                request = chat(("user", question), metadata={"request": id_})
            call = a_call(minutes, request)
            planted.add("requests that differ only in a time or id", call) if at else planted.keep(call)


def failed_again(planted: Planted, chance: random.Random, count: int) -> None:
    """Plant calls that broke off, were billed, and were immediately sent again."""
    for _ in range(count):
        minutes, request = chance.uniform(0, DAY), chat(("user", said(chance, 40)))
        metadata = {"user": chance.choice(USERS)}
        broken = {"success": False, "status_code": 504, "duration": 30_000, "metadata": metadata}
        planted.add("retries of failed calls", a_call(minutes, request, **broken))
        planted.keep(a_call(minutes + 0.6, request, metadata=metadata))


def answered_again(planted: Planted, chance: random.Random, count: int) -> None:
    """Plant calls whose client gave up and sent them again, though the answer came."""
    for _ in range(count):
        minutes, request = chance.uniform(0, DAY), chat(("user", said(chance, 40)))
        metadata = {"user": chance.choice(USERS)}
        planted.keep(a_call(minutes, request, duration=31_000, metadata=metadata))
        again = a_call(minutes + 0.5, request, metadata=metadata)
        planted.add("retries of successful calls", again)


def cut_off(planted: Planted, chance: random.Random, count: int) -> None:
    """Plant replies that were cut at 256 tokens, and requested again with room for 2,000."""
    for _ in range(count):
        minutes, question = chance.uniform(0, DAY), said(chance, 40)
        metadata = {"user": chance.choice(USERS)}
        cut = a_call(minutes, chat(("user", question), max_tokens=256), tokens_out=256, metadata=metadata)
        planted.add("truncated replies requested again", cut)
        more = chat(("user", question), max_tokens=2000)
        planted.keep(a_call(minutes + 1, more, tokens_out=700, metadata=metadata))


def thought_away(planted: Planted, chance: random.Random, count: int) -> None:
    """Plant replies that are nearly all reasoning. Half of them have no text left."""
    for number in range(count):
        out, thought = 4000, 4000 if number % 2 else 3800
        counted = {"output_reasoning_tokens": thought}
        call = a_call(chance.uniform(0, DAY), chat(("user", said(chance, 40))), tokens_out=out, usage_metadata=counted)
        planted.add("reasoning that crowds out the reply", call, None if thought == out else thought * 10 / 1e6)


def broken_caches(planted: Planted, chance: random.Random, sessions: int) -> None:
    """Plant sessions of six turns whose prompt cache hits until it breaks at the fourth, each for one cause."""
    tools = [{"name": name, "input_schema": {}} for name in ("read_file", "run_tests", "edit_file")]
    for number in range(sessions):
        rules, minutes, at = f"You are an agent. {said(chance, 300)}", chance.uniform(0, DAY), number % 3
        metadata = {"session": session(chance)}
        messages: list[dict[str, Any]] = []
        for turn in range(6):
            messages.append({"role": "user", "content": said(chance, 30)})
            is_broken = turn == 3
            body = {"model": "claude-sonnet-4-5", "max_tokens": 4000, "cache_control": {"type": "ephemeral"}}
            body |= {
                "system": f"It is 12:0{turn}:11. {rules}" if is_broken and at == 0 else rules,
                "tools": tools[::-1] if is_broken and at == 1 else tools,
                "messages": messages,
            }
            minutes += 9 if is_broken and at == 2 else 1
            sent, before = 10_000 + 500 * turn, 10_000 + 500 * (turn - 1)
            read = 0 if is_broken or turn == 0 else before
            call = a_turn(minutes, json.dumps(body).encode(), read, sent, metadata=metadata)
            if is_broken:
                planted.add("prompt cache misses", call, before * (3 - 0.3) / 1e6)
            else:
                planted.keep(call)
            messages.append({"role": "assistant", "content": said(chance, 20)})


def heavy(planted: Planted, chance: random.Random, count: int) -> None:
    """Plant short questions with long tool definitions, or after a long history."""
    described = [
        {"type": "function", "function": {"name": f"t{at}", "description": said(chance, 90)}} for at in range(40)
    ]
    long = json.dumps(described, separators=(",", ":"))
    for number in range(count):
        question = ("user", said(chance, 8))
        history = [(("user", "assistant")[at % 2], said(chance, 120)) for at in range(20)]
        request = chat(question, tools=described) if number % 2 else chat(*history, question)
        call = a_call(chance.uniform(0, DAY), request, tokens_in=8000, metadata={"user": chance.choice(USERS)})
        turns = [json.dumps(each, separators=(",", ":")) for each in json.loads(request)["messages"]]
        part = len(long) if number % 2 else sum(map(len, turns[:-1]))
        share = part / (part + len(turns[-1]))
        kind = "tool definitions" if number % 2 else "history"
        outweighs = "outweigh" if number % 2 else "outweighs"
        planted.add(f"{kind} that {outweighs} the question", call, 8000 * share * 2.5 / 1e6)


def too_good(planted: Planted, chance: random.Random, count: int) -> None:
    """Plant classifications by gpt-4o with the same share of positive feedback as those by gpt-4o-mini."""
    for number in range(2 * count):
        mini = number % 2
        changes = {
            "metadata": {"feature": "classify"},
            "feedback": (1 if number % 20 else -1) if number % 4 < 2 else None,
        }
        model, prices = ("openai/gpt-4o-mini", (0.15, 0.6)) if mini else ("openai/gpt-4o", (2.5, 10))
        price = (600 * prices[0] + 80 * prices[1]) / 1e6
        request = chat(("user", said(chance, 40)))
        call = a_call(chance.uniform(0, DAY), request, model=model, cost=price, **changes)
        if mini:
            planted.keep(call)
        else:
            planted.add("expensive models where a cheaper one did as well", call, price - (600 * 0.15 + 80 * 0.6) / 1e6)


def guarded(planted: Planted, chance: random.Random, count: int) -> None:
    """Plant guardrails' evaluations of calls."""
    for number in range(count):
        minutes, request = chance.uniform(0, DAY), chat(("user", said(chance, 40)))
        planted.keep(a_call(minutes, request, event_id=f"event-{number}"))
        evaluated = {"model": "@cf/meta/llama-guard-3-8b", "event_id": f"event-{number}", "cost": 0.0002}
        planted.add("guardrails evaluation calls", a_call(minutes, request, **evaluated))
