"""An application's calls through a local gateway, and the answers that simulated providers can't give."""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx2

from cf_aig_gateway.local.faults import Fault
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.simulated import Simulated
from cf_aig_gateway.local.providers.wire import Call
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store

ROOT = f"http://127.0.0.1/v1/{'0' * 32}/default"
LOGS = f"http://127.0.0.1/client/v4/accounts/{'0' * 32}/ai-gateway/gateways/default"
TOOL_CALL = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "lookup_order", "arguments": '{"order": 3391, "with": '},
                    }
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 640, "completion_tokens": 12, "total_tokens": 652},
}


def _fault(code: int, status: int, message: str) -> Answer:
    return json_answer(status, json.loads(Fault(code, status, message).body()))


async def _page() -> AsyncGenerator[bytes]:
    yield b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body><hr>nginx</body>\n</html>\n"


def _thought() -> Answer:
    choice = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": ""}}
    details = {"reasoning_tokens": 400}
    usage = {"prompt_tokens": 640, "completion_tokens": 400, "completion_tokens_details": details}
    return json_answer(200, TOOL_CALL | {"choices": [choice], "usage": usage})


def _said(text: str) -> Answer:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, "refusal": None}}
    usage = {"prompt_tokens": 640, "completion_tokens": 9, "total_tokens": 649}
    return json_answer(200, TOOL_CALL | {"choices": [choice], "usage": usage})


SCRIPTED = {
    b"[scripted: page]": Answer(502, _page(), {"content-type": "text/html"}),
    b"[scripted: other schema]": _said('{"identifier": "3391"}'),
    b"[scripted: bad arguments]": json_answer(200, TOOL_CALL),
    b"[scripted: guardrail]": _fault(2016, 424, "Prompt blocked due to security configurations"),
    b"[scripted: thought]": _thought(),
    b"[scripted: no credit]": _fault(2021, 402, "Insufficient wholesale credits"),
}

SIMULATED = Simulated()


async def upstream(call: Call) -> Answer:
    """Answer by a script if the prompt names one, otherwise as the simulated providers do."""
    body = json.dumps(call.content).encode()
    return next((answer for name, answer in SCRIPTED.items() if name in body), None) or await SIMULATED(call)


class Traffic:
    """Sends an application's calls. `ids` has their logs by number, the last as `it`."""

    def __init__(self, http: httpx2.AsyncClient, store: Store) -> None:
        self.http = http
        self.store = store
        self.ids: dict[str, str] = {}
        self._sent = 0

    async def openai(self, body: Any, headers: dict[str, str] | None = None) -> None:
        """Call OpenAI's chat completions through the gateway."""
        await self._send(f"{ROOT}/openai/chat/completions", body, {"authorization": "Bearer sk-test"} | (headers or {}))

    async def anthropic(self, body: Any) -> None:
        """Call Anthropic's messages through the gateway."""
        await self._send(
            f"{ROOT}/anthropic/v1/messages", body, {"x-api-key": "sk-test", "anthropic-version": "2023-06-01"}
        )

    async def leave(self, body: Any) -> None:
        """Call OpenAI, and hang up after the first event of the stream."""
        headers = {"authorization": "Bearer sk-test"}
        async with self.http.stream("POST", f"{ROOT}/openai/chat/completions", json=body, headers=headers) as answer:
            log_id = answer.headers["cf-aig-log-id"]
            async for _ in answer.aiter_bytes():
                break
        self._note(log_id)

    async def past(self, minutes: float, **changes: Any) -> None:
        """Put a call from this many minutes ago into the gateway's file."""
        made = {
            "id": str(uuid4()), "gateway": "default", "provider": "openai", "model": "openai/gpt-4o", "success": True,
            "status_code": 200, "created_at": round((time.time() - 60 * minutes) * 1000), "cost": 0.001,
        }  # fmt: skip
        await self.store.add(Record(**made | changes))

    async def ordinary(self, calls: int) -> None:
        """Send successful calls before anything goes wrong. These logs have no number."""
        for number in range(calls):
            body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": f"Where is order {number}?"}]}
            await self.openai(body, {"cf-aig-metadata": json.dumps({"userId": f"u{number}"})})
        self.ids, self._sent = {}, 0

    async def universal(self, steps: Any) -> None:
        """Call the universal endpoint."""
        await self._send(ROOT, steps, {})

    async def configure(self, **settings: Any) -> None:
        """Change the gateway's settings."""
        now = (await self.http.get(LOGS, headers={"authorization": "Bearer t"})).json()["result"]
        answer = await self.http.put(LOGS, json=now | settings, headers={"authorization": "Bearer t"})
        answer.raise_for_status()

    async def _send(self, url: str, body: Any, headers: dict[str, str]) -> None:
        async with self.http.stream("POST", url, json=body, headers=headers) as answer:
            log_id = answer.headers.get("cf-aig-log-id", "")
            with suppress(httpx2.TransportError):
                await answer.aread()
        self._note(log_id)

    def _note(self, log_id: str) -> None:
        self.ids |= {str(self._sent): log_id, "it": log_id}
        self._sent += 1
