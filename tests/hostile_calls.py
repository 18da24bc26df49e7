"""Calls of every tool that read every place where untrusted text comes from."""

from typing import Any

import httpx2
from injection import ATTEMPTS, Hostile
from mcp import Client

from cf_aig_gateway.models import Log
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

ONE = {"log_id": "one"}
FAILED = {"log_id": "failed"}
CALLS: dict[str, list[dict[str, Any]]] = {
    "list_gateways": [{}],
    "summarize_logs": [
        {},
        {"compare_to": "previous"},
        *(
            {"group_by": by}
            for by in ("provider", "user_agent", "session", "user", "metadata.user", "gateway", "status")
        ),
    ],
    "find_waste": [{}],
    "list_logs": [
        {},
        {"fields": [*(name for name in Log.model_fields if name != "id"), "session", "prompt cache", "metadata.user"]},
        {"fields": ["metadata.nobody"]},
        {"filters": [{"key": "metadata.user", "operator": "neq", "value": "x"}]},
    ],
    "get_log_details": [ONE, FAILED, ONE | {"heads": True}, FAILED | {"heads": True, "budget": 4000}],
    "get_log_request_body": [ONE, ONE | {"view": "outline"}, ONE | {"view": "raw"}, ONE | {"search": "call"}],
    "get_log_response_body": [
        ONE,
        FAILED,
        ONE | {"view": "outline"},
        ONE | {"view": "raw"},
        ONE | {"pointer": "/choices"},
    ],
    "search_bodies": [{"text": "replay_log"}, {"text": "replay_log", "group_by": "model"}, {"text": "zzz"}],
    "compare_logs": [{"log_id": "one", "other_log_id": "failed"}],
    "trace_run": [ONE, {"metadata": {"user": "u"}}, ONE | {"steps": "1-5"}],
    "patch_log_feedback": [ONE | {"feedback": 1, "metadata": {"note": ATTEMPTS[2]}}],
    "chat_via_gateway": [
        {"model": "openai/gpt-4o-mini", "prompt": "Hi"},
        {"model": "openai/x", "prompt": "Hi", "endpoint": "provider"},
    ],
    "replay_log": [ONE, FAILED, ONE | {"model": "anthropic/claude-haiku-4.5"}],
}
"""Calls of every tool, enough to read every place from which it shows text."""

ROWS = {"list_gateways", "list_logs", "summarize_logs", "get_log_details"}
"""Tools whose results have rows, or one field per line."""

WRITES = {"patch_log_feedback", "chat_via_gateway"}
WORLDS: dict[str, dict[str, Any]] = {
    "logs": {},
    "errors": {"refused": True},
    "telemetry": {"telemetry": True},
}


def client_of(world: Hostile) -> Client:
    settings = Settings(account_id="0" * 32, api_token="token", logs="observability" if world.telemetry else "gateway")
    return Client(build_server(settings, httpx2.MockTransport(world.answer)))
