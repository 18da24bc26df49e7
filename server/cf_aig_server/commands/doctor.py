"""Check a configuration, say what to fix, and print it as each client takes it."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx2
from mcp import Client

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.one_line import word
from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_server.app import build_server
from cf_aig_server.commands.client_files import client_findings, configurations, places
from cf_aig_server.commands.finding import Finding
from cf_aig_server.commands.gateway_checks import gateway_findings
from cf_aig_server.opening import open_gateway
from cf_aig_server.settings import Settings
from cf_aig_tools.desk import time_limit
from cf_aig_tools.reading.own_secrets import own_secrets
from cf_aig_tools.reading.secret_kinds import KINDS

SKEW_S = 60
"""How far this machine's clock may be from the API's; beyond it, spans of time select other logs."""

ACCOUNT = re.compile(r"[0-9a-fA-F]{32}")
TOKEN = re.compile(r"[\w.-]+", re.ASCII)


def run(settings: Settings) -> int:
    """Print what was found and a configuration for each client; return the exit code: 0 when nothing needs fixing."""
    findings = [*anyio.run(findings_of, settings), *client_findings(places())]
    for finding in findings:
        print(line(finding))
    print(f"\n{configurations(settings)}")
    return 1 if any(finding.mark == "fix" for finding in findings) else 0


def line(finding: Finding) -> str:
    """Return a finding as it is printed."""
    return f"{finding.mark:<5}{finding.subject:<12}{finding.said}"


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
            async for finding in gateway_findings(gateway, settings, is_active=True):
                yield finding
        return
    if not settings.token():
        yield Finding("fix", "token", f"{settings.missing()} The token needs AI Gateway Read.")
        return
    if not TOKEN.fullmatch(settings.token()):
        said = "CLOUDFLARE_API_TOKEN has a character that no token has: remove quotes, spaces, and the word Bearer"
        yield Finding("fix", "token", said)
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
        return Finding("note", "masking", "off (AI_GATEWAY_MASK): secrets in logs are shown")
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
        owned = answer
        if not answer.is_success and ACCOUNT.fullmatch(settings.account_id):
            owned = await http.get(f"{settings.api_url}/accounts/{settings.account_id}/tokens/verify", headers=headers)
        accounts = await http.get(f"{settings.api_url}/accounts", headers=headers)
    except httpx2.TransportError as error:
        host = error.request.url.host
        yield Finding("fix", "network", f"{host} cannot be reached ({type(error).__name__}): check network and proxy")
        return
    yield _clock(answer)
    token = _token(owned, answer.status_code)
    yield token
    account, finding = _account(
        settings, [word(as_text(as_object(each).get("id"))) for each in as_list(_result(accounts))]
    )
    yield finding
    if account:
        known = settings.model_copy(update={"account_id": account})
        async with open_gateway(known, transport) as gateway:
            async for found in gateway_findings(gateway, known, is_active=token.mark == "ok"):
                yield found


def _result(response: httpx2.Response) -> Any:
    try:
        return as_object(response.json()).get("result")
    except ValueError:
        return None


def _clock(response: httpx2.Response) -> Finding:
    try:
        there = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return Finding("note", "clock", "the API did not say its time")
    off = round((datetime.now(UTC) - there).total_seconds())
    if abs(off) > SKEW_S:
        return Finding("fix", "clock", f"{off} s off the API's: ranges such as 24h select wrong logs; set the clock")
    return Finding("ok", "clock", "agrees with the API's")


def _token(response: httpx2.Response, status: int) -> Finding:
    """Read GET /user/tokens/verify, or GET /accounts/{account}/tokens/verify for a token that an account owns.

    A refusal is only a note: a token owned by another account than the configured one is refused by both.
    """
    if not response.is_success:
        return Finding("note", "token", f"unknown (HTTP {status}): wrong, deleted, or of another account")
    held = as_object(_result(response))
    state, until = as_text(held.get("status")), as_text(held.get("expires_on"))[:10]
    if state in {"disabled", "expired"}:
        return Finding("fix", "token", f"{state}: create another")
    return Finding("ok", "token", f"active, until {word(until)}" if until else "active")


def _account(settings: Settings, seen: list[str]) -> tuple[str, Finding]:
    given, among = settings.account_id, f", one of {', '.join(seen)}" if seen else ""
    if given and not ACCOUNT.fullmatch(given):
        said = f"{word(given)} is not an account id: set CLOUDFLARE_ACCOUNT_ID (32 hexadecimal characters){among}"
        return "", Finding("fix", "account", said)
    if given and seen and given not in seen:
        return given, Finding(
            "note", "account", f"{given} is not among those that the token can see: {', '.join(seen)}"
        )
    if given:
        return given, Finding("ok", "account", given)
    if len(seen) == 1:
        return seen[0], Finding("fix", "account", f"set CLOUDFLARE_ACCOUNT_ID={seen[0]}: the one this token can see")
    return "", Finding("fix", "account", f"set CLOUDFLARE_ACCOUNT_ID (32 hexadecimal characters){among}")
