"""No result shows more than eight characters of a secret, wherever it is in a log and however it is read."""

import json
import random
import string
from collections.abc import Iterator
from typing import Any

import pytest
from logs import a_failed_log
from mcp import Client
from mcp.types import TextContent
from reading import shown

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

ALPHABET = string.ascii_letters + string.digits
SECRETS = {
    "openai": "sk-proj-{}",
    "anthropic": "sk-ant-api03-{}",
    "google": "AIzaSy{:.33}",
    "groq": "gsk_{}",
    "jwt": "eyJ{0}.eyJ{0}.{0}",
    "private key": "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
    "aws": "AKIA{:.16}",
    "github": "ghp_{:.36}",
    "github fine-grained": "github_pat_{}",
    "cloudflare": "cfut_{}",
    "bearer": "Authorization: Bearer {}",
    "api key": "x-api-key: {}",
    "cookie": "set-cookie: session={}; Path=/; HttpOnly",
    "database": "postgres://app:{}@db.example/main",
}


def letters(seed: int) -> str:
    """Return the secret part of a key: letters and digits that occur nowhere else."""
    drawn = "".join(random.Random(seed).choices(ALPHABET, k=44))
    return "".join(sign.upper() + str(place % 10) if place % 3 == 0 else sign for place, sign in enumerate(drawn))


def planted(name: str) -> tuple[str, str]:
    """Return a secret of that format in its context, and the part that must not be shown."""
    body = letters(len(name))
    return SECRETS[name].format(body.upper() if name == "aws" else body), body.upper() if name == "aws" else body


def shows(secret: str, text: str) -> str:
    """Return a part of nine characters of a secret that a text shows, if there is one."""
    return next((secret[at : at + 9] for at in range(len(secret) - 8) if secret[at : at + 9] in text), "")


def bodies(secret: str) -> Iterator[bytes]:
    """Yield bodies that hold a secret: as text, in JSON, in JSON in JSON, as a header, in a stream, in an error."""
    filler = "word " * 70
    said = f"{filler}{secret} {filler}"
    yield said.encode()
    yield json.dumps({"model": "m", "messages": [{"role": "user", "content": said}]}).encode()
    yield json.dumps({"model": "m", "messages": [{"role": "tool", "content": json.dumps({"said": [said]})}]}).encode()
    yield json.dumps([{"provider": "openai", "headers": headers(secret), "query": {"prompt": said}}]).encode()
    yield json.dumps({"error": {"message": f"Not accepted: {secret}", "type": "invalid_request_error"}}).encode()
    yield json.dumps({"unknown": {secret: [secret] * 3}}).encode()
    yield stream(said, 5)
    yield stream(said, 40)[:-20]


def headers(secret: str) -> dict[str, Any]:
    name, _, value = secret.partition(": ")
    return {name: value, "set-cookie": [value, value]} if value else {"x-key": secret}


def stream(text: str, size: int) -> bytes:
    deltas = [text[start : start + size] for start in range(0, len(text), size)]
    events = [{"choices": [{"index": 0, "delta": {"content": delta}}]} for delta in deltas]
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


async def told(client: Client, tool: str, **arguments: Any) -> str:
    """Return everything that a result says, in both channels; or an error."""
    result = await client.call_tool(tool, arguments)
    text = "".join(part.text for part in result.content if isinstance(part, TextContent))
    return text + json.dumps(result.structured_content, ensure_ascii=False)


def asked(secret: str) -> Iterator[dict[str, Any]]:
    """Yield ways to read a body."""
    yield {}
    yield {"view": "outline"}
    yield {"view": "raw", "budget": 10_000}
    yield {"view": "raw", "offset": -390}
    yield from ({"offset": offset, "limit": 200, "budget": 400} for offset in range(344, 420, 11))
    yield from ({"search": secret[at : at + 8], "budget": 400} for at in range(0, len(secret) - 8, 17))
    yield from ({"search": word, "budget": 4000} for word in ("content", '"'))
    for pointer in ("/messages/0", "/messages/0/content", "/choices/0/message/content", "/0/headers"):
        yield {"pointer": pointer, "offset": 352, "budget": 400}


@pytest.mark.parametrize("name", SECRETS)
async def test_no_read_of_a_body_shows_a_secret(client: Client, store: Store, name: str) -> None:
    text, secret = planted(name)
    for number, body in enumerate(bodies(text)):
        log = a_failed_log(number, request=body, response=body)
        await store.add(log)
        for arguments in asked(secret):
            seen = await told(client, "get_log_response_body", log_id=log.id, **arguments)
            assert not shows(secret, seen), (arguments, body, seen)


@pytest.mark.parametrize("name", SECRETS)
async def test_no_offset_shows_a_part_of_a_secret(name: str) -> None:
    text, secret = planted(name)
    body = json.dumps({"messages": [{"role": "user", "content": f"{'word ' * 9}{text} {'word ' * 9}"}]}).encode()
    for offset in range(40, 160):
        for asked in ({"view": "raw"}, {"pointer": "/messages/0/content"}):
            try:
                seen = await shown(body, offset=offset - 40 * ("pointer" in asked), limit=60, budget=200, **asked)
            except GatewayError as past_the_end:
                seen = str(past_the_end)
            assert not shows(secret, seen), (offset, asked, seen)


@pytest.mark.parametrize("name", SECRETS)
async def test_no_other_tool_shows_a_secret(client: Client, store: Store, name: str) -> None:
    text, secret = planted(name)
    for number, body in enumerate(bodies(text)):
        fields: dict[str, Any] = {"model": f"m {text}", "user_agent": text, "usage_metadata": headers(text)}
        metadata = {"note": f"{'x ' * (20 + 3 * number)}{text}", **headers(text)}
        log = a_failed_log(number, request=body, response=body, metadata=metadata, **fields)
        await store.add(log)
        for budget in (200, 400, 2000):
            seen = await told(client, "get_log_details", log_id=log.id, heads=True, budget=budget)
            assert not shows(secret, seen), (budget, body, seen)
    every = {"metadata": {"note": "x"}}
    calls = [
        ("list_logs", {}),
        ("list_logs", {"fields": ["metadata", "user_agent", "model", "usage_metadata"]}),
        ("list_logs", {"filters": [{"key": "metadata.key", "value": list(metadata)}]}),
        ("list_logs", every),
        ("compare_logs", {"log_id": a_failed_log(0).id, "other_log_id": a_failed_log(1).id}),
        ("replay_log", {"log_id": a_failed_log(1).id}),
        ("search_bodies", {"text": "word"}),
        ("search_bodies", {"regex": ".{8}"}),
        ("summarize_logs", {"start_date": "2026-11-21", "end_date": "2026-11-22"}),
    ]
    for tool, arguments in calls:
        seen = await told(client, tool, **arguments)
        assert not shows(secret, seen), (tool, arguments, seen)
    resource = await client.read_resource(f"ai-gateway://default/logs/{a_failed_log(1).id}/response")
    assert not shows(secret, str(resource))
