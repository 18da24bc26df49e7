"""FastMCP's server made from an OpenAPI description of the logs API. Serves stdio."""

import os
from typing import Any

import httpx2
from fastmcp import FastMCP

LOGS = f"/accounts/{os.environ['CLOUDFLARE_ACCOUNT_ID']}/ai-gateway/gateways/{os.environ['AI_GATEWAY_ID']}/logs"


def operation(name: str, summary: str, where: str, parameter: str, type_: str) -> dict[str, Any]:
    answer = {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}
    given = {"name": parameter, "in": where, "required": where == "path", "schema": {"type": type_}}
    return {"get": {"operationId": name, "summary": summary, "parameters": [given], "responses": {"200": answer}}}


SPEC = {
    "openapi": "3.1.0",
    "info": {"title": "AI Gateway logs", "version": "1"},
    "paths": {
        LOGS: operation("list_logs", "Logged requests, newest first", "query", "per_page", "integer"),
        LOGS + "/{log_id}/response": operation("get_log_response_body", "What came back", "path", "log_id", "string"),
    },
}
api = httpx2.AsyncClient(
    base_url=os.environ["CLOUDFLARE_BASE_URL"],
    headers={"authorization": f"Bearer {os.environ['CLOUDFLARE_API_TOKEN']}"},
    timeout=60,
)
FastMCP.from_openapi(SPEC, client=api, name="openapi").run(show_banner=False, log_level="WARNING")
