"""Two days of a gateway's logs, alike except for four incidents on the second day. The same in every run."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cf_aig_gateway.local.record import Record

START = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)

OVERLOADED = (503, '{"error": {"message": "The server is overloaded", "type": "server_error", "code": null}}')
LIMITED = (429, '{"error": {"message": "Rate limit reached for requests", "code": "rate_limit_exceeded"}}')
REQUEST = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * 40}]}).encode()
RESPONSE = json.dumps({"choices": [{"message": {"role": "assistant", "content": "word " * 30}}]}).encode()


@dataclass(frozen=True)
class Traffic:
    """One model's traffic: its share of all calls, price of 1,000 tokens (US dollars), usual duration (ms)."""

    provider: str
    weight: int
    price: float
    duration: int
    failing: float = 0.004
    cached: float = 0.0


@dataclass(frozen=True)
class Incident:
    """From `at` on, a model's traffic changes."""

    name: str
    model: str
    at: datetime
    traffic: Traffic


MODELS = {
    "openai/gpt-4o": Traffic("openai", 20, 0.006, 1400),
    "openai/gpt-4o-mini": Traffic("openai", 30, 0.0004, 600),
    "anthropic/claude-sonnet-4-5": Traffic("anthropic", 25, 0.009, 1900),
    "google-ai-studio/gemini-2.5-pro": Traffic("google-ai-studio", 10, 0.005, 2200),
    "@cf/meta/llama-3.1-8b-instruct": Traffic("workers-ai", 10, 0.0002, 450, cached=0.6),
    "grok/grok-4": Traffic("grok", 5, 0.008, 2500),
}


def _incident(name: str, model: str, hour: int, minute: int, **changes: float) -> Incident:
    at = START + DAY + timedelta(hours=hour, minutes=minute)
    return Incident(name, model, at, replace(MODELS[model], **changes))


INCIDENTS = (
    _incident("began to fail", "openai/gpt-4o", 1, 52, failing=0.3),
    _incident("price jump", "anthropic/claude-sonnet-4-5", 5, 17, price=0.018),
    _incident("slow provider", "google-ai-studio/gemini-2.5-pro", 9, 33, duration=9000),
    _incident("cache stopped hitting", "@cf/meta/llama-3.1-8b-instruct", 14, 8, cached=0.0),
)


def records(count: int) -> Iterator[Record]:
    """Yield the logs, oldest first, evenly over both days."""
    chance = random.Random(6)
    weights = [traffic.weight for traffic in MODELS.values()]
    for number in range(count):
        at = START + number * 2 * DAY / count
        model = chance.choices(list(MODELS), weights)[0]
        yield _record(chance, model, at)


def _record(chance: random.Random, model: str, at: datetime) -> Record:
    traffic = _traffic(model, at)
    failed = chance.random() < traffic.failing
    cached = not failed and chance.random() < traffic.cached
    tokens_in, tokens_out = (0, 0) if failed or cached else (chance.randrange(100, 3000), chance.randrange(20, 800))
    status, refused = chance.choices((OVERLOADED, LIMITED), (4, 1))[0]
    created_at = round(at.timestamp() * 1000)
    return Record(
        id=str(UUID(int=created_at << 80 | 7 << 76 | 2 << 62 | chance.getrandbits(62))),
        gateway="default",
        created_at=created_at,
        provider=traffic.provider,
        model=model,
        model_type="chat",
        success=not failed,
        status_code=status if failed else 200,
        cached=cached,
        duration=3 if cached else round(traffic.duration * chance.lognormvariate(0, 0.4)),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=round((tokens_in + tokens_out) * traffic.price / 1000, 9),
        path="chat/completions",
        metadata={"user": f"u-{chance.randrange(500)}"},
        request_content_type="application/json",
        response_content_type="application/json",
        request=REQUEST,
        response=refused.encode() if failed else RESPONSE,
    )


def _traffic(model: str, at: datetime) -> Traffic:
    began = (incident.traffic for incident in INCIDENTS if incident.model == model and at >= incident.at)
    return next(began, MODELS[model])
