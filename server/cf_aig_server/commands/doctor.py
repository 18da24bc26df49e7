"""Check a configuration, say what to fix, and print it as each client takes it."""

import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import anyio
import httpx2
from mcp import Client

from cf_aig_gateway.analytics import Grouping
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Gateway
from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_server.app import NAME, build_server
from cf_aig_server.opening import open_gateway
from cf_aig_server.settings import Settings
from cf_aig_tools.desk import time_limit
from cf_aig_tools.reading.own_secrets import own_secrets
from cf_aig_tools.reading.secret_kinds import KINDS

SKEW_S = 60
"""How far this machine's clock may be from the API's; beyond it, spans of time select other logs."""

PROBE = "00000000-0000-7000-8000-000000000000"
"""A log id that no log has: changing it asks for the permission to change, and changes nothing."""


class Finding(NamedTuple):
    """What one check found."""

    mark: Literal["ok", "note", "fix"]
    subject: str
    said: str


def run(settings: Settings) -> int:
    """Print what was found and a configuration for each client; return the exit code: 0 when nothing needs fixing."""
    findings = anyio.run(findings_of, settings)
    for finding in findings:
        print(f"{finding.mark:<5}{finding.subject:<12}{finding.said}")
    print(f"\n{configurations(settings)}")
    return 1 if any(finding.mark == "fix" for finding in findings) else 0


async def findings_of(settings: Settings) -> list[Finding]:
    """Return what the checks find within the time that a call may take."""
    findings: list[Finding] = []
    try:
        with time_limit(settings.timeout_s, lambda: "Check the network and the configured base URL."):
            async for finding in check(settings):
                findings.append(finding)  # noqa: PERF401 (what was found before the time is up is kept)
    except GatewayError as error:
        findings.append(Finding("fix", "time", str(error)))
    return findings


async def check(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncIterator[Finding]:
    """Yield what each check finds, from the nearest to the farthest. `transport` stands in for the network in tests."""
    yield await _protocol(settings)
    yield _masking(settings)
    if settings.local:
        async with open_gateway(settings) as gateway:
            async for finding in _gateway(gateway, settings):
                yield finding
        return
    if not settings.token():
        yield Finding("fix", "token", f"{settings.missing()} The token needs AI Gateway Read.")
        return
    async with httpx2.AsyncClient(transport=transport, timeout=10) as http:
        async for finding in _cloudflare(http, settings, transport):
            yield finding


async def _protocol(settings: Settings) -> Finding:
    try:
        async with Client(build_server(settings.model_copy(update={"local": ""}))) as client:
            tools = len((await client.list_tools()).tools)
            return Finding("ok", "protocol", f"{client.protocol_version}, {tools} tools")
    except GatewayError as error:
        return Finding("fix", "protocol", str(error))


def _masking(settings: Settings) -> Finding:
    if not settings.mask:
        return Finding("note", "masking", "off: secrets in logs are shown, as AI_GATEWAY_MASK says")
    if not settings.mask_also:
        return Finding("ok", "masking", f"{len(KINDS) - 1} kinds of secrets")
    own = own_secrets(settings.mask_also)
    told = f"{len(own.patterns)} of your own, and {len(own.allowed)} that are shown, from {settings.mask_also}"
    return Finding("ok", "masking", f"{len(KINDS) - 1} kinds of secrets, {told}")


async def _cloudflare(
    http: httpx2.AsyncClient, settings: Settings, transport: httpx2.AsyncBaseTransport | None
) -> AsyncIterator[Finding]:
    headers = {"Authorization": f"Bearer {settings.token()}"}
    try:
        answer = await http.get(f"{settings.api_url}/user/tokens/verify", headers=headers)
        accounts = await http.get(f"{settings.api_url}/accounts", headers=headers)
    except httpx2.TransportError as error:
        host = error.request.url.host
        yield Finding("fix", "network", f"{host} cannot be reached ({type(error).__name__}): check network and proxy")
        return
    yield _clock(answer)
    yield _token(answer)
    account, finding = _account(settings, [as_text(entry.get("id")) for entry in _result(accounts)])
    yield finding
    if account:
        known = settings.model_copy(update={"account_id": account})
        async with open_gateway(known, transport) as gateway:
            async for found in _gateway(gateway, known):
                yield found


def _result(response: httpx2.Response) -> list[dict[str, Any]]:
    try:
        return [as_object(entry) for entry in as_list(as_object(response.json()).get("result"))]
    except ValueError:
        return []


def _clock(response: httpx2.Response) -> Finding:
    try:
        there = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return Finding("note", "clock", "the API did not say its time")
    off = round((datetime.now(UTC) - there).total_seconds())
    if abs(off) > SKEW_S:
        return Finding("fix", "clock", f"{off} s off the API's: spans such as 24h select other logs; set the clock")
    return Finding("ok", "clock", "agrees with the API's")


def _token(response: httpx2.Response) -> Finding:
    """Read GET /user/tokens/verify. Tokens that an account owns are not known there, so a refusal is only a note."""
    if response.is_success:
        return Finding("ok", "token", "active")
    return Finding("note", "token", f"not a user's token, or wrong (HTTP {response.status_code}); what follows tells")


def _account(settings: Settings, seen: list[str]) -> tuple[str, Finding]:
    if settings.account_id:
        return settings.account_id, Finding("ok", "account", settings.account_id)
    if len(seen) == 1:
        return seen[0], Finding("fix", "account", f"set CLOUDFLARE_ACCOUNT_ID={seen[0]}: the one this token can see")
    among = f", one of {', '.join(seen)}" if seen else ""
    return "", Finding("fix", "account", f"set CLOUDFLARE_ACCOUNT_ID (32 hexadecimal characters){among}")


async def _gateway(gateway: AIGateway, settings: Settings) -> AsyncIterator[Finding]:
    name = settings.gateway_id
    try:
        found = await gateway.gateways(per_page=50, search=name)
        yield Finding("ok", "read", "gateways can be listed")
        yield _configured(name, found.items, local=bool(settings.local))
        yield await _logs(gateway, name)
        yield await _analytics(gateway, name)
    except GatewayError as error:
        yield Finding("fix", "read", str(error))
        return
    if not settings.read_only:
        yield await _write(gateway, name)
        yield Finding(
            "note", "chat", "not tried, as it may cost money: it needs AI Gateway Run, or Workers AI Read on REST"
        )


def _configured(name: str, found: list[Gateway], *, local: bool) -> Finding:
    match next((gateway for gateway in found if gateway.id == name), None):
        case None:
            return Finding("fix", "gateway", f"there is no {name}: set AI_GATEWAY_ID to one that list_gateways shows")
        case gateway if gateway.collect_logs is False:
            return Finding("fix", "gateway", f"{name} keeps no logs: switch logs on in its settings")
        case gateway if gateway.authentication is False and not local:
            return Finding(
                "note",
                "gateway",
                f"{name} keeps logs, and is open: whoever knows its address can call through it",
            )
        case _:
            return Finding("ok", "gateway", f"{name}, which keeps logs")


async def _logs(gateway: AIGateway, name: str) -> Finding:
    found = await gateway.logs(name, per_page=1)
    total, where = found.info.total_count, KEPT_IN.get(gateway.log_system, "")
    if total:
        lacking = "".join(f" {note}" for note in found.notes if note.startswith("Not found"))
        return Finding("ok", "logs", f"{total:,} can be read{where}.{lacking}")
    if found.notes and not where:
        return Finding("fix", "logs", found.notes[0])
    return Finding(
        "note", "logs", f"none{where}: send a call. Neither the logs API nor Workers Observability has a log of it yet"
    )


KEPT_IN = {
    "gateway": " in AI Gateway's own log store",
    "observability": " in Workers Observability, where accounts made since 2026-09-24 keep them",
}


async def _analytics(gateway: AIGateway, name: str) -> Finding:
    now = datetime.now(UTC)
    try:
        await gateway.request_groups(name, [Grouping(now - timedelta(hours=1), now)])
    except GatewayError as error:
        return Finding("note", "analytics", f"summaries rest on pages of logs alone: {error}")
    return Finding("ok", "analytics", "can be read")


async def _write(gateway: AIGateway, name: str) -> Finding:
    """Ask to change a log that does not exist: 404 says that it might."""
    try:
        await gateway.patch_log(name, PROBE, {"feedback": 1})
    except GatewayError as error:
        if error.status != 404:
            return Finding("note", "write", f"no feedback: {error}")
    return Finding("ok", "write", "feedback may be recorded")


def configurations(settings: Settings) -> str:
    """Return the configuration as each client takes it, without the token in it."""
    command = str(Path(sys.executable).with_name("cloudflare-ai-gateway-mcp"))
    arguments = ["serve", "--local"] if settings.local else []
    environment = {} if settings.local else _environment(settings)
    server: dict[str, Any] = {"command": command, "args": arguments, "env": environment}
    plain = json.dumps({"mcpServers": {NAME: server}}, indent=2)
    code = json.dumps({"servers": {NAME: {"type": "stdio", **server}}}, indent=2)
    flags = "".join(f" -e {key}={value}" for key, value in environment.items())
    return f"""\
Claude Code:
claude mcp add {NAME}{flags} -- {" ".join([command, *arguments])}

Claude Desktop (claude_desktop_config.json), Cursor (.cursor/mcp.json), and a plain mcp.json:
{plain}

VS Code (.vscode/mcp.json):
{code}"""


def _environment(settings: Settings) -> dict[str, str]:
    held = {"CLOUDFLARE_ACCOUNT_ID": settings.account_id or "…"}
    if settings.api_token_file:
        held["CLOUDFLARE_API_TOKEN_FILE"] = str(settings.api_token_file.absolute())
    else:
        held["CLOUDFLARE_API_TOKEN"] = "…"  # noqa: S105 (a gap to fill in)
    return held | {"AI_GATEWAY_ID": settings.gateway_id}
