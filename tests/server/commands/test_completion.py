"""What the shells get when somebody presses the Tab key. The tests for clients run the shells themselves."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from logs import a_failed_log, a_log

from cf_aig_gateway.local.store import Store
from cf_aig_server.__main__ import main
from cf_aig_server.commands.completion import SCRIPTS, candidates
from cf_aig_tools import TOOLS

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(capsys: pytest.CaptureFixture[str]) -> Complete:
    def words(*typed: str) -> list[str]:
        main(["complete", *typed])
        printed = capsys.readouterr()
        assert printed.err == ""
        return [line.partition("\t")[0] for line in printed.out.splitlines()]

    return words


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["re"], ["replay-set"]),
        (["--tr"], ["--transport"]),
        (["serve", "--transport", ""], ["stdio", "http", "sse"]),
        (["--tools", "list_"], ["list_gateways", "list_logs"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["export", "--su"], ["--success"]),
        (["export", "--success", ""], ["true", "false"]),
        (["gateway", "--logs", "o"], ["observability"]),
        (["gateway", "--provider", ""], []),
        (["export", "--out", ""], []),
        (["call", ""], list(TOOLS)),
        (["call", "list_"], ["list_gateways", "list_logs"]),
        (["call", "--local", "list_"], ["list_gateways", "list_logs"]),
        (["call", "--read-only", "compare_logs", ""], ["log_id=", "other_log_id=", "gateway_id=", "budget="]),
        (["call", "list_logs", "--j"], ["--json"]),
        (["call", "list_logs", "--gateway", "x", "su"], ["success="]),
        (["call", "list_logs", "success=true", "su"], []),
        (["call", "list_logs", "fields=id", "fi"], ["filters=", "fields="]),
        (["call", "list_logs", "success="], ["success=true", "success=false"]),
        (["call", "list_logs", "order_by_direction=a"], ["order_by_direction=asc"]),
        (["call", "list_logs", "nonsense="], []),
    ],
)
def test_words_are_completed_without_a_gateway(typed: list[str], offered: list[str], complete: Complete) -> None:
    assert complete(*typed) == offered


def test_words_come_with_their_meaning() -> None:
    assert dict(candidates(["call", ""]))["list_gateways"].startswith("The account's gateways")
    assert dict(candidates([""]))["demo"]


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "gateway.db"

    async def fill() -> None:
        async with Store(path) as store:
            await store.add(a_log(1))
            await store.add(a_failed_log(2, minutes=1, provider="workers-ai", model="@cf/meta/llama"))
            await store.add(a_log(3, minutes=2, model="openai/x;echo$(id)"))

    anyio.run(fill)
    return str(path)


def test_ids_and_models_come_from_the_gateway(database: str, complete: Complete) -> None:
    local = ["--local", database]
    assert complete("call", *local, "list_logs", "gateway_id=") == ["gateway_id=default"]
    assert [word[-1] for word in complete("call", *local, "get_log_details", "log_id=")] == ["3", "2", "1"]
    assert len(complete("call", f"--local={database}", "compare_logs", "other_log_id=01932a3f")) == 3
    assert complete("call", "list_logs", "gateway_id=default", *local, "model=@") == ["model=@cf/meta/llama"]
    assert complete("export", *local, "--model", "") == ["@cf/meta/llama", "openai/gpt-4o-mini"]
    assert complete("export", *local, "--gateway", "no-such", "--model", "") == []


def test_a_gateway_that_cannot_be_asked_offers_nothing(complete: Complete) -> None:
    assert complete("call", "get_log_details", "log_id=") == []


@pytest.mark.parametrize("shell", SCRIPTS)
def test_a_script_names_the_command_that_answers_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", shell])

    assert "cloudflare-ai-gateway-mcp" in (said := capsys.readouterr().out)
    assert " complete " in said
