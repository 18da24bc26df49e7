"""The `gateway` command as a child process, on a real port."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

CHAT = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}


@contextmanager
def gateway(*arguments: str) -> Generator[str]:
    """Start it on a free port, and yield the URL that it prints."""
    command = [sys.executable, "-m", "cf_aig_server", "gateway", "--port", "0", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process.stderr.readline().rpartition(" ")[2].strip()
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.anyio
async def test_the_command_says_where_it_is_and_answers_there(tmp_path: Path) -> None:
    with gateway("--db", str(tmp_path / "g.db"), "--token", "secret") as url:
        answer = httpx2.post(f"{url}/compat/chat/completions", json=CHAT)
        logs = f"{url.partition('/v1/')[0]}/client/v4/accounts/{'0' * 32}/ai-gateway/gateways/default/logs"
        refused = httpx2.get(logs, headers={"authorization": "Bearer wrong"})
        listed = httpx2.get(logs, headers={"authorization": "Bearer secret"})

    assert refused.status_code == 401
    assert [log["id"] for log in listed.json()["result"]] == [answer.headers["cf-aig-log-id"]]


@pytest.mark.parametrize("text", ["openai", "openai=ftp://x", "Open_AI=http://x", "=http://x"])
def test_a_provider_without_name_or_url_is_refused(tmp_path: Path, text: str) -> None:
    command = [sys.executable, "-m", "cf_aig_server", "gateway", "--db", str(tmp_path / "g.db"), "--provider", text]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "is not NAME=URL" in ended.stderr


@pytest.mark.anyio
async def test_an_account_of_the_other_log_system_with_an_alias(tmp_path: Path) -> None:
    aliases = ("--alias", "small=openai/gpt-9-retired,openai/gpt-4o-mini")
    with gateway("--db", str(tmp_path / "g.db"), "--logs", "observability", *aliases) as url:
        account = f"{url.partition('/v1/')[0]}/client/v4/accounts/{'0' * 32}"
        key = {"authorization": "Bearer t"}
        answer = httpx2.post(f"{account}/ai/v1/chat/completions", json=CHAT | {"model": "custom/small"}, headers=key)
        listed = httpx2.get(f"{account}/ai-gateway/gateways/default/logs", headers=key)
        keys = httpx2.post(f"{account}/workers/observability/telemetry/keys", json={}, headers=key)

    assert answer.headers["cf-aig-step"] == "1"
    assert listed.json()["result"] == []
    assert "gen_ai.request.model" in {found["key"] for found in keys.json()["result"]}


@pytest.mark.parametrize("text", ["small", "small=", "=openai/gpt-4o", "a b=openai/gpt-4o"])
def test_an_alias_without_name_or_models_is_refused(tmp_path: Path, text: str) -> None:
    command = [sys.executable, "-m", "cf_aig_server", "gateway", "--db", str(tmp_path / "g.db"), "--alias", text]

    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)

    assert done.returncode != 0
    assert "is not NAME=MODEL,MODEL" in done.stderr
