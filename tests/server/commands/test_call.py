"""The `call` command, on the local gateway's file."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import TextContent

from cf_aig_server.__main__ import main
from cf_aig_server.app import build_server
from cf_aig_server.commands.call import arguments
from cf_aig_server.settings import Settings
from cf_aig_tools import TOOLS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["call", "--local", str(tmp_path / "gateway.db"), *words])
        return int(ended.value.code or 0), *capsys.readouterr()

    return run


def test_a_tool_is_called_and_its_text_printed(call: Run) -> None:
    assert call("chat_via_gateway", "model=openai/gpt-4o-mini", "prompt=Hi")[0] == 0

    code, said, complaint = call("list_logs", "success=true", "per_page=5", "fields=id", "fields=model")

    assert (code, complaint) == (0, "")
    assert said.startswith("1 of 1 log of gateway default, newest first")
    assert "gpt-4o-mini" in said and "status" not in said


def test_json_is_the_structured_channel_or_the_text_of_a_tool_without_one(call: Run) -> None:
    call("chat_via_gateway", "model=openai/gpt-4o-mini", "prompt=Hi")

    rows = json.loads(call("list_logs", "--json")[1])["rows"]
    body = json.loads(call("get_log_response_body", f"log_id={rows[0][0]}", "--json")[1])

    assert "Simulated" in body["text"]


@pytest.mark.anyio
async def test_bad_arguments_get_the_same_error_as_over_mcp_and_exit_code_1(tmp_path: Path) -> None:
    database = str(tmp_path / "gateway.db")
    async with Client(build_server(Settings(local=database))) as client:
        over_mcp = await client.call_tool("list_logs", {"per_page": 100})
    assert isinstance(over_mcp.content[0], TextContent)

    command = [sys.executable, "-m", "cf_aig_server", "call", "list_logs", "per_page=100", "--local", database]
    done = await anyio.run_process(command, check=False)

    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", f"{over_mcp.content[0].text}\n")


def test_the_operators_switches_apply(call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_GATEWAY_ALLOW", "main")

    assert call("list_logs", "gateway_id=other")[0] == 1
    assert "There is no tool replay_log" in call("--read-only", "replay_log", "log_id=x")[2]
    assert "list_logs" not in call("--tools", "list_gateways")[1]


def test_secrets_are_masked(call: Run) -> None:
    secret = "sk-proj-" + "a1B2" * 12

    said = call("chat_via_gateway", "model=openai/gpt-4o-mini", f"prompt={secret}")[1]

    assert "[openai_key]" in said and secret not in said


def test_a_code_from_one_call_is_valid_in_the_next(call: Run) -> None:
    call("chat_via_gateway", "model=openai/gpt-4o-mini", "prompt=Hi")
    log_id = json.loads(call("list_logs", "--json")[1])["rows"][0][0]
    code = json.loads(call("replay_log", f"log_id={log_id}", "--json")[1])["code"]

    assert call("replay_log", f"log_id={log_id}", f"code={code}")[0] == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["lst_logs"], "There is no tool lst_logs: did you mean list_logs?"),
        (["zz"], "There is no tool zz: there are list_gateways, "),
        (["list_logs", "success"], "'success' is not name=value, such as success=false."),
        (["list_logs", "success=true", "success=false"], "success is given twice."),
        (["list_logs", "search=@/no/such"], "/no/such: No such file or directory"),
        (["list_logs", "--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_a_wrong_command_ends_with_2(call: Run, words: Sequence[str], complaint: str) -> None:
    code, said, told = call(*words)

    assert (code, said) == (2, "")
    assert complaint in told


def test_without_a_tool_it_lists_them_one_a_line(call: Run) -> None:
    listed = call()[1].splitlines()

    assert [line.split()[0] for line in listed[-len(TOOLS) :]] == list(TOOLS)
    assert call("--help")[1].splitlines() == listed


def test_help_on_a_tool_lists_its_arguments(call: Run) -> None:
    said = call("list_logs", "--help")[1]

    assert "per_page            whole number 1 to 50 (20)" in said
    assert "order_by_direction  asc, desc (desc)" in said
    assert "log_id      text (required): From list_logs" in call("get_log_request_body", "--help")[1]


@pytest.mark.parametrize("words", [["--local", "list_logs"], ["list_logs", "--local", "success=false"]])
def test_a_bare_local_does_not_swallow_the_next_word(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        main(["call", *words])

    assert ended.value.code == 0
    assert "No logs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pairs", "given"),
    [
        (["a=1", "b=x=y", "c="], {"a": "1", "b": "x=y", "c": ""}),
        (["list=x", "list=y"], {"list": ["x", "y"]}),
        (['list=["x","y"]', "list=z"], {"list": ["x", "y", "z"]}),
        (["model=@cf/meta/llama"], {"model": "@cf/meta/llama"}),
        (["a=@{folder}/text"], {"a": "from\na file"}),
        (["a=-"], {"a": "{}"}),
        (["-", "b=1"], {"b": "1"}),
    ],
)
def test_values_are_text_files_or_stdin(
    pairs: Sequence[str], given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_text("from\na file\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("{}\n"))

    assert arguments([pair.format(folder=tmp_path) if "folder" in pair else pair for pair in pairs], KNOWN) == given


KNOWN = {"list": {"type": "array", "items": {"type": "string"}}}


def test_a_reader_that_disconnects_causes_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cf_aig_server", "call", "--local", str(tmp_path / "gateway.db"), "list_logs"]
    read, written = os.pipe()
    os.close(read)

    done = subprocess.run(command, check=False, stdout=written, stderr=subprocess.PIPE, text=True)
    os.close(written)

    assert (done.returncode, done.stderr) == (141, "")
