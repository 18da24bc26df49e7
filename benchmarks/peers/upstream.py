"""The API behind every server: the project's local gateway, with generated logs."""

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store

LOGS = 200
ACCOUNT = "0" * 32
SIZES = {"200 KB": 200_000, "10 MB": 10_000_000}
"""Sizes of the replies of the two oldest logs, in bytes."""

MODELS = (
    ("openai", "openai/gpt-4o-mini"),
    ("anthropic", "anthropic/claude-sonnet-4-5"),
    ("workers-ai", "@cf/meta/llama-3.1-8b-instruct"),
)
WORDS = ("order", "parcel", "spade", "rake", "delivery", "address", "refund", "soil", "garden", "invoice")


def records() -> list[Record]:
    """Return logs of the last hours, oldest first: one in ten failed, metadata of two entries."""
    chance, now = random.Random(1), time.time_ns() // 1_000_000
    return [_record(chance, now, number) for number in range(LOGS)]


def _record(chance: random.Random, now: int, number: int) -> Record:
    at = now - (LOGS - number) * 60_000
    provider, model = chance.choice(MODELS)
    failed = number % 10 == 9
    size = list(SIZES.values())[number] if number < len(SIZES) else 900
    said = " ".join(chance.choices(WORDS, k=size // 7 + 1))
    said += "." * max(0, size - len(said))
    return Record(
        id=str(UUID(int=at << 80 | 7 << 76 | chance.getrandbits(76))),
        gateway="default",
        created_at=at,
        provider=provider,
        model=model,
        model_type="chat",
        success=not failed,
        status_code=429 if failed else 200,
        duration=chance.randrange(300, 9000),
        tokens_in=None if failed else chance.randrange(50, 4000),
        tokens_out=None if failed else chance.randrange(20, 900),
        cost=None if failed else chance.randrange(10, 40_000) / 1e6,
        path="chat/completions",
        metadata={"user": f"u-{chance.randrange(500)}", "env": chance.choice(("production", "staging"))},
        request_content_type="application/json",
        response_content_type="application/json",
        request=json.dumps({"model": model, "messages": [{"role": "user", "content": "Where is it?"}]}).encode(),
        response=json.dumps(
            {"choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]}
        ).encode(),
    )


async def seed(db: Path) -> dict[str, str]:
    """Write the logs into a new file; return the ids of the two with large replies, by size."""
    logs = records()
    async with Store(db) as store:
        for log in logs:
            await store.add(log)
    return {size: log.id for size, log in zip(SIZES, logs, strict=False)}


@contextmanager
def serving(db: Path) -> Generator[dict[str, str]]:
    """Run the local gateway; yield the environment variables that point a server to it."""
    command = [sys.executable, "-m", "cf_aig_server", "gateway", "--port", "0", "--db", str(db)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            line = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found is None:
                raise RuntimeError(f"The local gateway did not start: {line}{process.stderr.read()}")
            yield {
                "CLOUDFLARE_BASE_URL": f"{found[0]}/client/v4",
                "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
                "CLOUDFLARE_API_TOKEN": "local",
                "AI_GATEWAY_BASE_URL": f"{found[0]}/v1",
                "AI_GATEWAY_ID": "default",
            }
        finally:
            process.terminate()
