"""The `logs` command, on the local gateway's file."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from logs import a_failed_log, a_log
from program import child, exit_code

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

SECRET = "sk-proj-" + "a1B2" * 12
PROGRAM = [sys.executable, "-m", "cf_aig_server", "logs", "--local"]

Run = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    async def run(*options: str, code: int = 0, said: str = "") -> list[str]:
        ended = await exit_code("logs", "--local", str(tmp_path / "gateway.db"), *options)
        printed = capsys.readouterr()
        assert (ended, said in printed.err, bool(printed.err)) == (code, True, bool(said)), printed
        return printed.out.splitlines()

    return run


async def test_the_newest_are_printed_one_a_line_the_newest_last(logs: Run, store: Store) -> None:
    ok, cached, failed = a_log(1), a_log(2, minutes=1, cached=True, cost=0), a_failed_log(3, minutes=2)
    for record in (ok, cached, failed):
        await store.add(record)

    assert await logs() == [
        f"2026-11-21 12:00:00  ok      200  openai/gpt-4o-mini             0.81 s        5 in 3 out    $0.0000026  {ok.id}",
        f"2026-11-21 12:01:00  cached  200  openai/gpt-4o-mini             0.81 s        5 in 3 out            $0  {cached.id}",
        f"2026-11-21 12:02:00  FAILED  503  openai/gpt-4o-mini             0.81 s        0 in 0 out            $0  {failed.id}"
        "  overloaded",
    ]
    assert [line.split()[-1] for line in await logs("--limit", "2", "--success", "true")] == [ok.id, cached.id]
    assert [line.split()[2] for line in await logs("--filter", "cost gt 0")] == ["ok"]
    assert await logs("--model", "none", said="No logs match in gateway default.") == []


async def test_a_line_is_one_line_masked_and_shows_hidden_characters(logs: Run, store: Store) -> None:
    await store.add(a_log(1, model=f"x\u202ey\n\x1b[31m{SECRET}"))

    (line,) = await logs()

    assert SECRET not in line and "\x1b" not in line and "\u202e" not in line
    assert "\\u{202e}" in line


@pytest.mark.parametrize(("no_color", "is_red"), [("", True), ("1", False)])
async def test_failed_calls_are_red_on_a_terminal_only(
    no_color: str, is_red: bool, tmp_path: Path, store: Store
) -> None:
    await store.add(a_log(1))
    await store.add(a_failed_log(2))
    terminal, other = os.openpty()

    command = [*PROGRAM, str(tmp_path / "gateway.db")]
    await anyio.run_process(command, stdout=other, env={**os.environ, "NO_COLOR": no_color})
    os.close(other)
    ok, failed = os.read(terminal, 10_000).decode().splitlines()
    os.close(terminal)

    assert failed.startswith("\x1b[31m2026") is is_red
    assert "\x1b" not in ok


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
async def test_new_calls_are_followed_until_ctrl_c(tmp_path: Path, store: Store) -> None:
    await store.add(a_log(1))
    async with child([*PROGRAM, str(tmp_path / "gateway.db"), "--follow"]) as process:
        assert process.stdout and process.stderr
        with anyio.fail_after(50):
            waits = await process.stderr.receive()
            await store.add(a_failed_log(2, minutes=1))
            shown = b""
            while shown.count(b"\n") < 2:
                shown += await process.stdout.receive()
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
        assert b"".join([part async for part in process.stderr]) == b""

    assert [line.split()[2] for line in shown.decode().splitlines()] == ["ok", "FAILED"]
    assert waits.decode() == "Waiting for calls through gateway default. Ctrl-C ends it.\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--follow", "--end", "1h"], "--follow continues with new calls: omit --end."),
        (["--filter", "nonsense"], "--filter 'nonsense' is not KEY OPERATOR VALUE"),
    ],
)
async def test_a_wrong_option_gets_a_one_line_error(options: list[str], said: str, logs: Run) -> None:
    assert await logs(*options, code=2, said=said) == []


async def test_the_operators_switches_apply(logs: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_GATEWAY_ALLOW", "main")
    await logs("--gateway", "other", code=2, said="other")
    monkeypatch.setenv("AI_GATEWAY_TOOLS", "list_gateways")
    await logs(code=2, said="AI_GATEWAY_TOOLS does not offer list_logs")
