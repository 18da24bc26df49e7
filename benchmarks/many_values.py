"""How long a call on a large body takes, and how long it blocks all others: `python` with this file's path.

A 5 ms ticker runs beside each call; its longest pause is the wait. The bodies' shapes hold many values in few bytes.
"""

import argparse
import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from mcp import Client

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

LOG = {
    "id": "one",
    "created_at": "2026-11-28T12:00:00Z",
    "success": True,
    "status_code": 200,
    "duration": 5,
    "model": "gpt-4o",
    "provider": "openai",
    "path": "v1/chat/completions",
    "request_content_type": "application/json",
}
BODY = "get_log_response_body"
ASKED: list[tuple[str, dict[str, Any]]] = [
    *[(BODY, {"log_id": "one", **view}) for view in ({}, {"view": "outline"}, {"view": "raw"}, {"pointer": "/a"})],
    *[(BODY, {"log_id": "one", "search": words}) for words in ("refund", "a")],
    ("search_bodies", {"text": "refund"}),
    ("compare_logs", {"log_id": "one", "other_log_id": "two"}),
    ("trace_run", {"log_id": "one"}),
    ("get_log_details", {"log_id": "one"}),
    ("replay_log", {"log_id": "one"}),
]


def shapes(size: int) -> dict[str, str]:
    """Return bodies of about this many bytes."""
    vector = [round(0.5 - number / 3072, 7) for number in range(1536)]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(1 + size // 18_000)]
    message = {"role": "user", "content": "hi there"}
    return {
        "embeddings": json.dumps({"object": "list", "model": "text-embedding-3-small", "data": data}),
        "numbers": "[" + "1," * (size // 2) + "1]",
        "picture": '{"image":[' + "255," * (size // 4) + '1],"prompt":"a"}',
        "nulls": "[" + "null," * (size // 5) + "1]",
        "empty objects": "[" + "{}," * (size // 3) + "1]",
        "empty arrays": "[" + "[]," * (size // 3) + "1]",
        "short strings": "[" + '"abc",' * (size // 6) + "1]",
        "small objects": "[" + '{"a":1,"b":"x","c":[1,2]},' * (size // 27) + "1]",
        "many keys": "{" + ",".join(f'"k{number}":1' for number in range(size // 11)) + "}",
        "deep": "[" + ("[" * 90 + "]" * 90 + ",") * (size // 181) + "1]",
        "escapes": '{"a":"' + "\\n" * (size // 2) + '"}',
        "long string": '{"a":"' + "Ж" * (size // 2) + '"}',
        "hidden": '{"a":"' + "\u200b" * (size // 3) + '"}',
        "messages": json.dumps({"model": "gpt-4o", "messages": [message] * (size // 48)}),
        "small events": 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n' * (size // 49),
        "empty events": "data: {}\n\n" * (size // 10),
        "one event": 'data: {"choices":[{"delta":{"content":"' + "a b" * (size // 3) + '"}}]}\n\n',
        "text": "plain words. " * (size // 13),
    }


class Ticker:
    """Ticks every 5 ms, and records its longest pause."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def run(self) -> None:
        """Tick until cancelled."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last - 0.005), now


def gateway(body: bytes) -> httpx2.MockTransport:
    """Return a gateway of one log with this body."""

    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith(("/request", "/response")):
            return httpx2.Response(200, content=parts(), headers={"content-type": "application/json"})
        if request.url.path.endswith("/search"):
            return httpx2.Response(404, json={"success": False, "errors": [{"code": 7003, "message": "no route"}]})
        result: Any = LOG if "/logs/" in request.url.path else [LOG]
        return httpx2.Response(200, json={"success": True, "result": result, "result_info": {"total_count": 1}})

    return httpx2.MockTransport(answer)


async def measure(name: str, text: str) -> None:
    """For each call, print how long it took and how long others waited."""
    settings = Settings(account_id="0" * 32, api_token="token", logs="gateway", timeout_s=300)
    ticker = Ticker()
    async with Client(build_server(settings, gateway(text.encode()))) as client:
        ticking = asyncio.create_task(ticker.run())
        for tool, arguments in ASKED:
            gc.collect()
            await asyncio.sleep(0.02)
            ticker.longest, started = 0.0, time.perf_counter()
            result = await client.call_tool(tool, arguments)
            took = time.perf_counter() - started
            await asyncio.sleep(0.01)
            said = " ".join(getattr(result.content[0], "text", "").split())[:60]
            what = " ".join([tool, *(f"{key}={value}" for key, value in arguments.items() if key != "log_id")])
            print(
                f"{name:14} {what:40} {took:6.2f} s, others waited {ticker.longest * 1e3:4.0f} ms  {said}", flush=True
            )
        ticking.cancel()


def main() -> None:
    """Measure under the server's conditions: what was loaded at startup is exempt from garbage collection."""
    asked = argparse.ArgumentParser(description="How long calls on a large body take, and how long they block others.")
    asked.add_argument("megabytes", nargs="?", type=float, default=1)
    asked.add_argument("shapes", nargs="*", help="words in the names of shapes (default: all)")
    options = asked.parse_args()
    size = round(options.megabytes * 1e6)
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    asyncio.run(measure("first calls", "{}"))  # which load the code of each tool
    for name, text in shapes(size).items():
        if not options.shapes or any(word in name for word in options.shapes):
            asyncio.run(measure(name, text))


if __name__ == "__main__":
    main()
