"""Logs like those of applications, for tests to put into a store."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio

from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

OVERLOADED = {"error": {"message": "The server is overloaded", "type": "server_error", "code": None}}


def a_log(number: int = 0, *, minutes: float = 0, **changes: Any) -> Record:
    """Return a successful gpt-4o-mini call `minutes` after noon; `number` makes its id unique."""
    values: dict[str, Any] = {
        "id": f"01932a3f-0000-7000-8000-{number:012x}",
        "gateway": "default",
        "created_at": round((NOON + timedelta(minutes=minutes)).timestamp() * 1000),
        "provider": "openai",
        "model": "openai/gpt-4o-mini",
        "success": True,
        "status_code": 200,
        "duration": 812,
        "tokens_in": 5,
        "tokens_out": 3,
        "cost": 0.0000026,
        "request_content_type": "application/json",
        "response_content_type": "application/json",
        "request": json.dumps(
            {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Why is it blue?"}]}
        ).encode(),
        "response": json.dumps({"choices": [{"message": {"role": "assistant", "content": "Scattering."}}]}).encode(),
    }
    if "model" in changes and "provider" not in changes:
        changes["provider"] = _provider(changes["model"])
    return Record(**values | changes)


async def keep(store: Store, records: Iterable[Record]) -> None:
    """Add logs concurrently, in order: the store commits pending ones together."""
    async with anyio.create_task_group() as tasks:
        for record in records:
            tasks.start_soon(store.add, record)


def _provider(model: str) -> str:
    named = model.partition("/")[0] if "/" in model and not model.startswith("@") else ""
    return "workers-ai" if model.startswith("@") else named or "openai"


def a_failed_log(number: int = 0, **changes: Any) -> Record:
    """Return a call that the provider refused as overloaded."""
    failed: dict[str, Any] = {
        "success": False,
        "status_code": 503,
        "tokens_in": 0,
        "tokens_out": 0,
        "cost": 0,
        "response": json.dumps(OVERLOADED).encode(),
    }
    return a_log(number, **failed | changes)
