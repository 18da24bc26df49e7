import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cf_aig_server.__main__ import main
from cf_aig_server.commands.doctor import check, configurations
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

ACCOUNT = "a" * 32
DENIED = {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}


def cloudflare(
    *,
    verify: int = 200,
    accounts: int = 1,
    gateways: Any = ({"id": "default", "collect_logs": True},),
    logs: int = 7,
    telemetry: int = 0,
    patch: int = 404,
    analytics: int = 200,
    off_s: float = 0,
) -> Callable[[httpx2.Request], httpx2.Response]:
    """Return an account as the API shows it. A local gateway can have neither scopes nor another clock."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/client/v4")
        date = {"date": format_datetime(datetime.now(UTC) - timedelta(seconds=off_s), usegmt=True)}
        if path == "/user/tokens/verify":
            return httpx2.Response(verify, json={"success": verify == 200}, headers=date)
        if path == "/accounts":
            return httpx2.Response(200, json={"success": True, "result": [{"id": ACCOUNT}] * accounts})
        if request.method == "PATCH":
            body = DENIED if patch == 403 else {"success": False, "errors": [{"code": 7002, "message": "Not Found"}]}
            return httpx2.Response(patch, json=body)
        if path == "/graphql":
            groups = {"data": {"viewer": {"accounts": [{"groups0": []}]}}}
            return httpx2.Response(analytics, json=groups if analytics == 200 else DENIED)
        if "/observability/telemetry/" in path:
            return httpx2.Response(403, json=DENIED) if telemetry == 403 else _telemetry(path, telemetry)
        if path.endswith("/logs"):
            return httpx2.Response(200, json={"success": True, "result": [], "result_info": {"total_count": logs}})
        if gateways is None:
            return httpx2.Response(403, json=DENIED)
        return httpx2.Response(200, json={"success": True, "result": list(gateways)})

    return answer


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


@pytest.mark.parametrize(
    ("changes", "settings", "subject", "mark", "said"),
    [
        ({}, {"api_token": ""}, "token", "fix", "CLOUDFLARE_API_TOKEN must be set"),
        ({"verify": 401}, {}, "token", "note", "HTTP 401"),
        ({}, {"account_id": ""}, "account", "fix", f"set CLOUDFLARE_ACCOUNT_ID={ACCOUNT}"),
        ({"accounts": 0}, {"account_id": ""}, "account", "fix", "32 hexadecimal characters"),
        ({"accounts": 2}, {"account_id": ""}, "account", "fix", "one of aaaa"),
        ({"off_s": 600}, {}, "clock", "fix", "s off the API's"),
        ({"gateways": None}, {}, "read", "fix", "AI Gateway Read"),
        ({"gateways": ()}, {"gateway_id": "main"}, "gateway", "fix", "there is no main"),
        ({"gateways": ({"id": "default", "collect_logs": False},)}, {}, "gateway", "fix", "keeps no logs"),
        ({"gateways": ({"id": "default", "authentication": False},)}, {}, "gateway", "note", "is open"),
        ({"logs": 7}, {}, "logs", "ok", "7 can be read in AI Gateway's own log store."),
        ({"logs": 0}, {}, "logs", "note", "none: send a call"),
        ({"logs": 0, "telemetry": 1}, {}, "logs", "ok", "1 can be read in Workers Observability, where accounts"),
        ({"logs": 0, "telemetry": 403}, {}, "logs", "fix", "lacks the scope Workers Observability Read"),
        ({"analytics": 403}, {}, "analytics", "note", "Account Analytics Read"),
        ({"patch": 403}, {}, "write", "note", "AI Gateway Write"),
        ({}, {"tools": "no_such"}, "protocol", "fix", "there is no tool no_such"),
    ],
)
async def test_what_is_wrong_is_told_with_what_to_do(
    changes: dict[str, Any], settings: dict[str, Any], subject: str, mark: str, said: str
) -> None:
    found = await findings(cloudflare(**changes), **settings)

    assert found[subject][0] == mark
    assert said in found[subject][1]


async def test_an_api_that_cannot_be_reached_is_told() -> None:
    def refuse(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    found = await findings(refuse)

    assert found["network"] == ("fix", "api.cloudflare.com cannot be reached (ConnectError): check network and proxy")


async def test_an_api_that_answers_with_html_is_borne() -> None:
    found = await findings(lambda _: httpx2.Response(200, text="<html>"), account_id="")

    assert found["clock"][0] == "note"
    assert found["account"][0] == "fix"


async def test_a_read_only_server_is_not_tried_for_writing() -> None:
    assert "write" not in await findings(cloudflare(), read_only=True)


def test_it_ends_with_a_configuration_for_each_client(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--local", str(tmp_path / "g.db")])

    printed = capsys.readouterr().out
    assert ended.value.code == 0
    assert "ok   gateway     default, which keeps logs" in printed
    assert all(client in printed for client in ("Claude Code", "Claude Desktop", "Cursor", "VS Code", "mcp.json"))


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
