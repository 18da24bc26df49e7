import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx2
import pytest

from cf_aig_gateway.analytics import SUMS
from cf_aig_server.__main__ import main
from cf_aig_server.commands.client_files import client_findings, configurations, places
from cf_aig_server.commands.doctor import check, line
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

ACCOUNT = "a" * 32
DENIED = {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}
UNROUTED = {"success": False, "errors": [{"code": 7003, "message": "Could not route to /accounts/x"}]}
ROOT = Path(__file__).parent.parent.parent


def cloudflare(
    *,
    verify: int = 200,
    owned: int = 401,
    state: str = "active",
    accounts: int = 1,
    gateways: Any = ({"id": "default", "collect_logs": True},),
    logs: int = 7,
    recent: int = 7,
    newest: Sequence[dict[str, Any]] = (),
    telemetry: int = 0,
    patch: int = 404,
    analytics: int = 200,
    traffic: Mapping[str, int] = MappingProxyType({}),
    off_s: float = 0,
    refused: Any = DENIED,
) -> Callable[[httpx2.Request], httpx2.Response]:
    """Return an account in the API's form. A local gateway can't have scopes or a wrong clock."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        path, asked = request.url.path.removeprefix("/client/v4"), request.url.params
        date = {"date": format_datetime(datetime.now(UTC) - timedelta(seconds=off_s), usegmt=True)}
        if path.endswith("/tokens/verify"):
            status = verify if path.startswith("/user") else owned
            held = {"success": status == 200, "result": {"status": state, "expires_on": "2027-01-01T00:00:00Z"}}
            return httpx2.Response(status, json=held, headers=date)
        if path == "/accounts":
            return httpx2.Response(200, json={"success": True, "result": [{"id": ACCOUNT}] * accounts})
        if request.method == "PATCH":
            body = DENIED if patch == 403 else {"success": False, "errors": [{"code": 7002, "message": "Not Found"}]}
            return httpx2.Response(patch, json=body)
        if path == "/graphql":
            groups = {"data": {"viewer": {"accounts": [{"groups0": [_group(*each) for each in traffic.items()]}]}}}
            return httpx2.Response(analytics, json=groups if analytics == 200 else DENIED)
        if "/observability/telemetry/" in path:
            return httpx2.Response(403, json=DENIED) if telemetry == 403 else _telemetry(path, telemetry)
        if path.endswith("/logs"):
            count = recent if "start_date" in asked else logs
            found = {"result": list(newest), "result_info": {"total_count": count}}
            return httpx2.Response(200, json={"success": True, **found})
        if gateways is None:
            return httpx2.Response(404 if refused is UNROUTED else 403, json=refused)
        found = [gateway for gateway in gateways if asked.get("search", "") in gateway["id"]]
        return httpx2.Response(200, json={"success": True, "result": found})

    return answer


def _group(gateway: str, count: int) -> dict[str, Any]:
    return {"count": count, "sum": dict.fromkeys(SUMS.split(), 0), "dimensions": {"gateway": gateway}}


def a_log(number: int, **changes: Any) -> dict[str, Any]:
    row = {"id": f"log-{number}", "created_at": "2026-11-29T07:10:00Z", "success": True, "cost": 0.1, "tokens_in": 5}
    return row | changes


def settled(**settings: Any) -> tuple[dict[str, Any], ...]:
    return ({"id": "default", "collect_logs": True, **settings},)


def _telemetry(path: str, count: int) -> httpx2.Response:
    source = {"gen_ai.request.model": "gpt-4o", "gen_ai.model.provider": "openai"}
    event = {"$metadata": {"id": "e1"}, "dataset": "d", "source": source, "timestamp": 1_795_000_000_000}
    found: Any = [{"key": key, "lastSeenAt": 1, "type": "string"} for key in source] if count else []
    if path.endswith("/query"):
        found = {"events": {"events": [event] * count, "count": count}, "statistics": {}}
    return httpx2.Response(200, json={"success": True, "result": found})


async def findings(answer: Callable[[httpx2.Request], httpx2.Response], **settings: Any) -> dict[str, tuple[str, str]]:
    configured = Settings(**{"account_id": ACCOUNT, "api_token": "secret-token", **settings})
    return {found.subject: found[::2] async for found in check(configured, httpx2.MockTransport(answer))}


async def test_a_good_configuration_needs_nothing() -> None:
    found = await findings(cloudflare())

    assert list(found) == [
        "protocol",
        "masking",
        "clock",
        "token",
        "account",
        "read",
        "gateway",
        "logs",
        "analytics",
        "write",
        "chat",
    ]
    assert {mark for name, (mark, _) in found.items() if name != "chat"} == {"ok"}
    assert "Workers AI Read" in found["chat"][1]
    assert "secret-token" not in str(found)


WRONG: list[tuple[dict[str, Any], dict[str, Any], str, str, str]] = [
    ({}, {"api_token": ""}, "token", "fix", "CLOUDFLARE_API_TOKEN must be set"),
    ({}, {"api_token": '"secret"'}, "token", "fix", "remove quotes, spaces, and the word Bearer"),
    ({"verify": 401}, {}, "token", "note", "HTTP 401"),
    ({"verify": 401, "owned": 200}, {}, "token", "ok", "active"),
    ({"state": "expired"}, {}, "token", "fix", "expired: create another"),
    ({}, {"account_id": ""}, "account", "fix", f"set CLOUDFLARE_ACCOUNT_ID={ACCOUNT}"),
    ({"accounts": 0}, {"account_id": ""}, "account", "fix", "32 hexadecimal characters"),
    ({"accounts": 2}, {"account_id": ""}, "account", "fix", "one of aaaa"),
    ({}, {"account_id": "my-account"}, "account", "fix", "my-account is not an account id"),
    ({}, {"account_id": "b" * 32}, "account", "note", f"not among those that the token can see: {ACCOUNT}"),
    ({"off_s": 600}, {}, "clock", "fix", "s off the API's"),
    ({"gateways": None}, {}, "read", "fix", "the token is active, but lacks AI Gateway Read for account aaaa"),
    ({"gateways": None, "verify": 401}, {}, "read", "fix", "(code 10000): the token is wrong or expired"),
    ({"gateways": None, "refused": UNROUTED}, {}, "read", "fix", "Check CLOUDFLARE_ACCOUNT_ID"),
    ({"gateways": ()}, {"gateway_id": "main"}, "gateway", "fix", "Cloudflare creates default on the first call"),
    ({}, {"gateway_id": "main"}, "gateway", "fix", "there is no main: set AI_GATEWAY_ID to one of default"),
    ({"gateways": settled(collect_logs=False)}, {}, "gateway", "fix", "keeps no logs"),
    ({"gateways": settled(authentication=False)}, {}, "gateway", "note", "is open"),
    ({"logs": 7}, {}, "logs", "ok", "7 can be read in AI Gateway's own log store."),
    ({"newest": (a_log(1),)}, {}, "logs", "ok", "the newest of 2026-11-29 07:10 UTC"),
    ({"gateways": settled(collect_logs=False), "logs": 0}, {}, "logs", "note", "none, as default keeps none"),
    ({"gateways": settled(log_management=7)}, {}, "logs", "fix", "7, the limit of default, which keeps no new ones"),
    (
        {"gateways": settled(log_management=7, log_management_strategy="DELETE_OLDEST")},
        {}, "logs", "note", "each new log deletes the oldest",
    ),
    ({"logs": 0}, {}, "logs", "note", "none: no call came in the last 24 h. Point your application's base URL at"),
    ({"logs": 0, "analytics": 403}, {}, "logs", "note", "none: send a call. Point your application's base URL at"),
    ({"logs": 0}, {"logs": "gateway"}, "logs", "note", "AI_GATEWAY_LOGS=gateway, so Workers Observability was not"),
    (
        {"logs": 0, "traffic": {"other": 3, "main": 40}},
        {}, "logs", "fix", "no call went through default in the last 24 h. main had 40: set AI_GATEWAY_ID=main",
    ),
    (
        {"logs": 0, "recent": 0, "traffic": {"default": 40}},
        {}, "logs", "fix", "0 in the last 24 h, but analytics count 40 calls. Likely: cf-aig-collect",
    ),
    ({"recent": 3, "traffic": {"default": 40}}, {}, "logs", "fix", "3 in the last 24 h, but analytics count 40"),
    ({"recent": 39, "traffic": {"default": 40}}, {}, "logs", "ok", "7 can be read"),
    ({"logs": 0, "telemetry": 1}, {}, "logs", "ok", "1 can be read in Workers Observability, where accounts"),
    ({"logs": 0, "telemetry": 1}, {}, "logs", "ok", "Missing in its events: status_code, duration"),
    ({"logs": 0, "telemetry": 403}, {}, "logs", "fix", "lacks the scope Workers Observability Read"),
    ({"telemetry": 403}, {"logs": "observability"}, "logs", "fix", "lacks the scope Workers Observability Read"),
    ({"newest": (a_log(1, status_code=401, success=False), a_log(2))}, {}, "keys", "note", "1 of the newest 2 calls"),
    ({"newest": (a_log(1, tokens_in=0, cost=0),)}, {}, "tokens", "note", "include_usage: true}. get_log_details"),
    ({"newest": (a_log(1, cost=0),)}, {}, "costs", "note", "no known price, or its custom provider has none"),
    (
        {"newest": (a_log(1, status_code=499, success=False), a_log(2, status_code=502, success=False, tokens_out=9))},
        {}, "streams", "note", "1 by the caller (499), 1 by the provider. get_log_details says more: log-1",
    ),
    ({"analytics": 403}, {}, "analytics", "note", "Account Analytics Read"),
    ({"patch": 403}, {}, "write", "note", "AI Gateway Write"),
    ({}, {"gateway_token": "x"}, "chat", "note", "CF_AIG_TOKEN needs AI Gateway Run (without it: 401, code 2009)"),
    ({}, {"tools": "no_such"}, "protocol", "fix", "there is no tool no_such"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "settings", "subject", "mark", "said"), WRONG)
async def test_what_is_wrong_is_told_with_what_to_do(
    changes: dict[str, Any], settings: dict[str, Any], subject: str, mark: str, said: str
) -> None:
    found = await findings(cloudflare(**changes), **settings)

    assert found[subject][0] == mark, found
    assert said in found[subject][1]


async def test_cached_and_failed_calls_need_neither_tokens_nor_costs() -> None:
    rows = (a_log(1, cached=True, cost=0, tokens_in=0), a_log(2, success=False, status_code=400, cost=0, tokens_in=0))

    assert not {"keys", "tokens", "costs", "streams"} & set(await findings(cloudflare(newest=rows)))


@pytest.mark.parametrize(
    ("name", "text", "mark", "said"),
    [
        ("mcp.json", '{{"mcpServers": {{"cloudflare-ai-gateway": {{"command": "{python}"}}}}}}', "ok", "starts"),
        ("c.toml", "[mcp_servers.cloudflare-ai-gateway]\ncommand = '{python}'\n", "ok", "starts"),
        ("o.json", '{{"mcp": {{"cloudflare-ai-gateway": {{"command": ["{python}", "serve"]}}}}}}', "ok", "starts"),
        (
            "mcp.json",
            '{{"mcpServers": {{"cloudflare-ai-gateway": {{"command": "C:\\Users\\me\\x.exe"}}}}}}',
            "fix",
            "(line 1): in paths, double each backslash or use /",
        ),
        (
            "c.toml",
            '[mcp_servers.cloudflare-ai-gateway]\ncommand = "C:\\me\\x.exe"\n',
            "fix",
            "double each backslash or use /",
        ),
        ("s.json", '{{"a": 1, // mine\n"cloudflare-ai-gateway": {{}}}}', "note", "it is not plain JSON (line 1)"),
        (
            "mcp.json",
            '{{"mcpServers": {{"cloudflare-ai-gateway": {{"command": ".venv/bin/x"}}}}}}',
            "fix",
            "starts .venv/bin/x, a relative path: write /",
        ),
        (
            "mcp.json",
            '{{"mcpServers": {{"cloudflare-ai-gateway": {{"command": "/no/such"}}}}}}',
            "fix",
            "starts /no/such, which does not exist: write /",
        ),
        (
            "mcp.json",
            '{{"mcpServers": {{"cloudflare-ai-gateway": {{"command": "{python}", "disabled": true}}}}}}',
            "fix",
            "has cloudflare-ai-gateway switched off",
        ),
    ],
)
def test_the_files_of_clients_are_checked(tmp_path: Path, name: str, text: str, mark: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text.format(python=sys.executable), encoding="utf-8")
    (tmp_path / "other.json").write_text("{", encoding="utf-8")

    (found,) = client_findings([tmp_path / "none.json", tmp_path / "other.json", path])

    assert (found.mark, found.subject) == (mark, "client")
    assert said in found.said


def test_each_client_that_keeps_a_file_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPDATA", "/appdata")
    names = {path.name for path in places()}

    assert {".claude.json", "config.toml", "mcp.json", ".mcp.json", "settings.json", "opencode.json"} <= names
    assert Path("/appdata/Claude/claude_desktop_config.json") in places()


QUOTED = re.compile(r"`((?:ok|note|fix) [^`]+)`")


def plain(text: str) -> str:
    return re.sub(r"\d[\d,]*", "#", re.sub(r"\s+", " ", text))


async def test_the_readme_quotes_what_doctor_prints(tmp_path: Path) -> None:
    """A quote may be shortened: … stands for an omitted part."""
    texts = (
        r'{"cloudflare-ai-gateway": {"command": "C:\Users"}}',
        '{"cloudflare-ai-gateway": {"command": "/no/such"}}',
    )
    files = [tmp_path / f"{number}.json" for number, _ in enumerate(texts)]
    for path, text in zip(files, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    printed = [plain(line(each)) for each in client_findings(files)]
    for changes, settings, *_ in WRONG:
        configured = Settings(**{"account_id": ACCOUNT, "api_token": "secret-token", **settings})
        async for each in check(configured, httpx2.MockTransport(cloudflare(**changes))):
            printed.append(plain(line(each)))  # noqa: PERF401 (no comprehension is asynchronous in a loop)
    quotes = QUOTED.findall((ROOT / "README.md").read_text(encoding="utf-8"))

    assert len(quotes) > 15
    assert [quote for quote in quotes if not any(is_of(plain(quote), each) for each in printed)] == []


def is_of(quote: str, printed: str) -> bool:
    """Whether a line contains a quote's parts, in order, the first at its start."""
    parts = [re.escape(part.strip()) for part in quote.split("…")]
    return re.match(".*".join(parts), printed) is not None


async def test_an_api_that_cannot_be_reached_is_told() -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    found = await findings(refuse)

    assert found["network"] == ("fix", "api.cloudflare.com cannot be reached (ConnectError): check network and proxy")


async def test_an_api_that_answers_with_html_is_tolerated() -> None:
    found = await findings(lambda _: httpx2.Response(200, text="<html>"), account_id="")

    assert found["clock"][0] == "note"
    assert found["account"][0] == "fix"


async def test_a_read_only_server_is_not_tried_for_writing() -> None:
    assert "write" not in await findings(cloudflare(), read_only=True)


@pytest.fixture
def no_clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide all clients' configurations."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("no_clients")
def test_it_ends_with_a_configuration_for_each_client(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--local", str(tmp_path / "g.db")])

    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert "ok   gateway     default, which keeps logs" in printed
    assert all(client in printed for client in ("Claude Desktop", "Cursor", "VS Code", "mcp.json"))
    assert all(f"\n{client} mcp add cloudflare-ai-gateway " in printed for client in ("codex", "copilot", "gemini"))
    assert f'"AI_GATEWAY_LOCAL": "{tmp_path / "g.db"}"' in printed


@pytest.mark.usefixtures("no_clients")
def test_it_fails_where_something_needs_fixing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])

    assert ended.value.code == 1
    assert "fix  token" in capsys.readouterr().out


def test_a_configuration_holds_no_token(tmp_path: Path) -> None:
    plain = configurations(Settings(account_id=ACCOUNT, api_token="secret-token"))
    filed = configurations(Settings(account_id=ACCOUNT, api_token_file=tmp_path / "token"))

    assert "secret-token" not in plain
    assert json.dumps({"CLOUDFLARE_API_TOKEN_FILE": str(tmp_path / "token")})[1:-1] in filed


async def test_what_is_masked_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mask.txt"
    path.write_text("# ours\nEMP-[0-9]{6}\nallow: hunter2\n")

    as_it_comes = (await findings(cloudflare()))["masking"]
    with_own = (await findings(cloudflare(), mask_also=path))["masking"]
    off = (await findings(cloudflare(), mask=False))["masking"]

    assert as_it_comes[0] == "ok" and as_it_comes[1].endswith(" kinds of secrets")
    assert with_own == ("ok", f"{as_it_comes[1]}, 1 of your own, and 1 that are shown, from {path}")
    assert off[0] == "note" and "AI_GATEWAY_MASK" in off[1]
