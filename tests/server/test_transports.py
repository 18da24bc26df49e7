"""The program as clients start it: a child process, real pipes and sockets, both protocol eras."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from program import PROGRAM, served

from cf_aig_tools import TOOLS

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}},
}


@asynccontextmanager
async def connected(kind: str, database: Path, mode: Any) -> AsyncGenerator[Client]:
    if kind == "stdio":
        server = StdioServerParameters(command=sys.executable, args=[*PROGRAM[1:], "serve", "--local", str(database)])
        async with Client(stdio_client(server), mode=mode) as client:
            yield client
        return
    async with (
        served("--transport", kind, "--local", str(database)) as (_, url),
        Client(f"{url}/mcp" if kind == "http" else sse_client(f"{url}/sse"), mode=mode) as client,
    ):
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("kind", ["stdio", "http", "sse"])
async def test_the_debugging_workflow_over_every_transport_in_both_eras(kind: str, mode: str, tmp_path: Path) -> None:
    async with connected(kind, tmp_path / "g.db", mode) as client:

        async def call(tool: str, **arguments: Any) -> Any:
            result = await client.call_tool(tool, {"gateway_id": "default", **arguments})
            assert not result.is_error, result.content[0].text
            return result

        chat = await call("chat_via_gateway", model="openai/gpt-4o-mini", prompt="Why is the sky blue?")
        failed = await client.call_tool(
            "chat_via_gateway", {"model": "openai/gpt-4o", "prompt": "[simulate: overloaded]"}
        )
        assert failed.is_error
        errors = await call("list_logs", success=False, per_page=10)
        log_id = errors.structured_content["rows"][0][0]
        assert log_id in failed.content[0].text
        details = await call("get_log_details", log_id=log_id)
        assert "overloaded" in details.content[0].text
        request = await call("get_log_request_body", log_id=log_id)
        assert "[simulate: overloaded]" in request.content[0].text
        response = await call("get_log_response_body", log_id=log_id)
        assert "overloaded" in response.content[0].text
        await call(
            "patch_log_feedback", log_id=chat.structured_content["log_id"], feedback=1, metadata={"userId": "123"}
        )
        praised = await call("list_logs", feedback=1)
        assert praised.structured_content["rows"][0][0] == chat.structured_content["log_id"]
        shown = await call("replay_log", log_id=log_id, model="gpt-4o-mini")
        again = await client.call_tool(
            "replay_log", {"log_id": log_id, "model": "gpt-4o-mini", "code": shown.structured_content["code"]}
        )
        assert "overloaded" in again.content[0].text
        compared = await call("compare_logs", log_id=log_id, other_log_id=chat.structured_content["log_id"])
        assert "503 failed, overloaded → 200 succeeded" in compared.content[0].text
        assert len((await client.list_tools()).tools) == len(TOOLS)


@pytest.fixture
def child(tmp_path: Path) -> Generator[subprocess.Popen[bytes]]:
    arguments = [*PROGRAM, "serve", "--local", str(tmp_path / "g.db")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(arguments, **pipes) as process:  # pyright: ignore[reportCallIssue, reportArgumentType]
        try:
            yield process
        finally:
            process.kill()


def send(process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(message).encode() + b"\r\n")
    process.stdin.flush()


def greeted(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout
    send(process, HELLO)
    return json.loads(process.stdout.readline())


def call_that_hangs(number: int) -> dict[str, Any]:
    arguments = {"model": "openai/gpt-4o", "prompt": "[simulate: hang]"}
    return {
        "jsonrpc": "2.0",
        "id": number,
        "method": "tools/call",
        "params": {"name": "chat_via_gateway", "arguments": arguments},
    }


MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def met(process: subprocess.Popen[bytes], era: str) -> dict[str, Any]:
    """Greet the server as a client of that era does; return its answer."""
    if era == "2025-11-25":
        answer = greeted(process)
        send(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer
    assert process.stdout
    send(process, {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": MODERN}})
    return json.loads(process.stdout.readline())


def end(process: subprocess.Popen[bytes], how: str | signal.Signals) -> None:
    assert process.stdin
    assert process.stdout
    match how:
        case "input":
            process.stdin.close()
        case "client":
            process.stdin.close()
            process.stdout.close()
        case signal.Signals():
            process.send_signal(how)


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("how", ["input", "client", signal.SIGINT, signal.SIGTERM])
def test_it_exits_immediately_and_cleanly(
    child: subprocess.Popen[bytes], how: str | signal.Signals, busy: bool, era: str
) -> None:
    assert "result" in met(child, era)
    if busy:
        for number in range(10):
            call = call_that_hangs(number + 2)
            send(child, call if era == "2025-11-25" else call | {"params": call["params"] | {"_meta": MODERN}})

    end(child, how)

    assert child.wait(timeout=10) == 0
    assert child.stderr
    assert child.stderr.read() == b""


@pytest.mark.anyio
async def test_flags_before_and_after_serve_apply(tmp_path: Path) -> None:
    options = ["--read-only", "serve", "--gateway", "default", "--local", str(tmp_path / "g.db")]
    server = StdioServerParameters(command=sys.executable, args=[*PROGRAM[1:], *options])
    async with Client(stdio_client(server)) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        refused = await client.call_tool("list_logs", {"gateway_id": "other"})

    assert not tools & {"patch_log_feedback", "chat_via_gateway", "replay_log"}
    assert "is not allowed. Allowed: default" in str(refused.content)


def test_each_call_has_a_line_on_stderr_on_request(tmp_path: Path) -> None:
    arguments = [*PROGRAM, "serve", "--log-level", "info", "--local", str(tmp_path / "g.db")]
    calls = [("list_logs", {"search": "a secret question"}), ("list_logs", {"page": 0}), ("no such tool", {})]
    messages = [{"jsonrpc": "2.0", "method": "notifications/initialized"}] + [
        {"jsonrpc": "2.0", "id": 2 + at, "method": "tools/call", "params": {"name": name, "arguments": given}}
        for at, (name, given) in enumerate(calls)
    ]
    text = "".join(json.dumps(message) + "\n" for message in [HELLO, *messages])

    done = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=30, check=True)

    said = re.sub(r"\s+", " ", done.stderr)
    assert re.search(r"tools/call list_logs: ok, [\d.]+ ms", said)
    assert re.search(r"tools/call list_logs: an error, [\d.]+ ms", said)
    assert re.search(r"tools/call 'no such tool': refused \(-32602\), [\d.]+ ms", said)
    assert "secret" not in said
    assert len(done.stdout.splitlines()) == 4


def test_nothing_but_the_protocol_is_on_stdout(child: subprocess.Popen[bytes]) -> None:
    answer = greeted(child)

    assert answer["id"] == 1
    assert answer["result"]["serverInfo"]["version"]


def test_lines_that_are_not_messages_are_ignored(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin
    child.stdin.write(b"\xff\xfe nonsense\n{}\n")

    assert greeted(child)["id"] == 1


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("method", ["tools/call", "prompts/get", "resources/read", "tools/list", "completion/complete"])
def test_a_request_without_an_id_is_ignored(child: subprocess.Popen[bytes], method: str, era: str) -> None:
    met(child, era)
    for params in ({}, {"name": "no_such"}, {"_meta": MODERN}):
        send(child, {"jsonrpc": "2.0", "method": method, "params": params})

    assert child.stdin and child.stdout and child.stderr
    child.stdin.close()
    assert (child.wait(timeout=10), child.stdout.read(), child.stderr.read()) == (0, b"", b"")


@pytest.mark.parametrize("source", ["pipe", "file"])
def test_requests_before_the_end_of_the_input_are_answered(source: str, tmp_path: Path) -> None:
    began = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    call = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "list_gateways", "arguments": {}}}
    calls = [call | {"id": number} for number in range(2, 42)]
    asked = b"".join(json.dumps(message).encode() + b"\r\n" for message in (HELLO, began, *calls))
    (tmp_path / "in").write_bytes("\ufeff".encode() + asked)  # as a Windows shell writes it

    with (tmp_path / "in").open("rb") as file:
        given = {"input": file.read()} if source == "pipe" else {"stdin": file}
        done = subprocess.run(
            [*PROGRAM, "--local", str(tmp_path / "g.db")], capture_output=True, timeout=20, check=False, **given
        )

    assert (done.returncode, done.stderr) == (0, b"")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(answer["id"] for answer in answers if "result" in answer) == list(range(1, 42))


DEEP: Any = reduce(lambda inside, _: [inside], range(300), 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"params": [1]}, {"params": 4}, {"params": float("nan")}, {"params": [float("inf")]}, {"params": DEEP},
        {"jsonrpc": "1.0"}, {"method": 7},
    ],
)  # fmt: skip
def test_an_invalid_message_with_an_id_is_refused(child: subprocess.Popen[bytes], wrong: dict[str, Any]) -> None:
    assert child.stdout
    send(child, {"jsonrpc": "2.0", "id": "a", "method": "tools/list"} | wrong)
    refused = json.loads(child.stdout.readline())

    assert (refused["id"], refused["error"]["code"]) == ("a", -32600)
    assert greeted(child)["id"] == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["serve", "--host", "0.0.0.0", "--transport", "http"], {}, "--host 0.0.0.0"),
        (["--read-only", "serve", "--tools", "list_log"], {}, "there is no tool list_log. Tools: list_gateways"),
        (["--budget", "many"], {}, "budget"),
        (["--port", "99999"], {}, "99999 is not a port, 0 to 65535"),
        (["--transport", "carrier pigeon"], {}, "invalid choice: 'carrier pigeon'"),
        (["serf"], {}, "invalid choice: 'serf'"),
        ([], {"AI_GATEWAY_HTTP_TOKEN_FILE": "/no/such"}, "AI_GATEWAY_HTTP_TOKEN_FILE"),
        ([], {"CLOUDFLARE_BASE_URL": "http://example.com"}, "CLOUDFLARE_BASE_URL must begin with https://"),
        ([], {"AI_GATEWAY_BUDGET": "many"}, "AI_GATEWAY_BUDGET"),
        (["--local", "/dev/null/g.db"], {}, "/dev/null"),
    ],
)
def test_a_failed_start_says_why_in_one_line(arguments: list[str], environment: dict[str, str], said: str) -> None:
    done = subprocess.run(
        [*PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=20,
        check=False,
    )

    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = [*PROGRAM, "serve", "--transport", "http", "--port", port, "--local", str(tmp_path / "g.db")]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 2
    assert f"127.0.0.1 port {port} cannot be used (Address already in use): choose another port" in done.stderr
    assert done.stderr.count("\n") == 1
