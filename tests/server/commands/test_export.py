"""The `export` command, on the local gateway's file."""

import json
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from logs import a_failed_log, a_log
from program import exit_code

from cf_aig_gateway.local.store import Store
from cf_aig_tools.cases.case import read_case

pytestmark = pytest.mark.anyio

SECRET = "sk-proj-" + "a1B2" * 12


@dataclass
class Done:
    """A command's exit code and output."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def exported(tmp_path: Path, store: Store, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command, in a thread, on the store's file."""

    async def run(*options: str) -> Done:
        code = await exit_code("export", "--local", str(tmp_path / "gateway.db"), *options)
        return Done(code, *capfd.readouterr())

    return run


def cases(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def ids(lines: Sequence[dict[str, Any]]) -> list[str]:
    return [line["metadata"]["log_id"] for line in lines]


async def test_a_log_is_a_line_with_its_messages_reply_and_facts(tmp_path: Path, store: Store, exported: Run) -> None:
    log = a_log(metadata={"userId": "u12"}, response=json.dumps({
        "choices": [{"message": {"role": "assistant", "content": "Scattering."}, "finish_reason": "stop"}],
    }).encode())  # fmt: skip
    await store.add(log)

    done = await exported("--out", "-")

    assert cases(done.stdout) == [{
        "input": [{"role": "user", "content": "Why is it blue?"}],
        "tools": [],
        "parameters": {},
        "output": {"role": "assistant", "content": "Scattering."},
        "metadata": {
            "log_id": log.id, "created_at": "2026-11-21T12:00:00.000Z", "provider": "openai",
            "model": "openai/gpt-4o-mini", "success": True, "status": 200, "finish": "stop", "cost": 2.6e-06,
            "duration": 812, "tokens_in": 5, "tokens_out": 3, "metadata": {"userId": "u12"}, "form": "OpenAI chat",
        },
    }]  # fmt: skip
    assert done.stderr == "1 case written. From gateway default.\n"
    assert done.returncode == 0


async def test_a_stream_and_another_format_are_assembled(tmp_path: Path, store: Store, exported: Run) -> None:
    events = [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "model": "claude"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Scat"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "tering."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]
    stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    request = {"model": "claude-sonnet-4-5", "max_tokens": 9, "system": "Brief.", "stream": True,
               "messages": [{"role": "user", "content": "Why?"}]}  # fmt: skip
    await store.add(
        a_log(
            model="anthropic/claude-sonnet-4-5",
            request=json.dumps(request).encode(),
            response=stream.encode(),
            response_content_type="text/event-stream",
        )
    )

    [line] = cases((await exported("--out", "-")).stdout)

    assert line["input"] == [{"role": "system", "content": "Brief."}, {"role": "user", "content": "Why?"}]
    assert line["parameters"] == {"max_tokens": 9}
    assert line["output"] == {"role": "assistant", "content": "Scattering."}
    assert (line["metadata"]["form"], line["metadata"]["finish"]) == ("Anthropic messages", "stop")


async def test_logs_that_cannot_be_cases_are_counted_with_the_reason(
    tmp_path: Path, store: Store, exported: Run
) -> None:
    await store.add(a_log(1))
    await store.add(a_log(2, request=None))
    await store.add(a_log(3, request=b'{"model":"text-embedding-3-small","input":"x"}'))
    await store.add(a_log(4, request=b"no JSON"))
    await store.add(a_log(5, response=None))
    await store.add(a_failed_log(6))

    done = await exported("--out", "-")

    found = {line["metadata"]["log_id"][-1]: line for line in cases(done.stdout)}
    assert sorted(found) == ["1", "5", "6"]
    assert found["5"]["metadata"]["broken"] == "the reply is not stored"
    assert found["6"]["output"] is None
    assert "overloaded" in found["6"]["metadata"]["error"]
    assert done.stderr.startswith("3 cases written; 3 logs skipped (")
    for reason in (
        "1: the request is not stored",
        "1: the request is not a chat",
        "1: the request is not a JSON object",
    ):
        assert reason in done.stderr


async def test_filters_choose_the_logs(tmp_path: Path, store: Store, exported: Run) -> None:
    await store.add(a_log(1, metadata={"userId": "u12"}, feedback=-1))
    await store.add(a_log(2, minutes=60, duration=9000))
    await store.add(a_failed_log(3, minutes=120, model="anthropic/claude-sonnet-4-5"))

    async def chosen(*options: str) -> list[str]:
        return [id_[-1] for id_ in ids(cases((await exported("--out", "-", *options)).stdout))]

    assert await chosen("--success", "false") == ["3"]
    assert await chosen("--feedback", "-1") == ["1"]
    assert await chosen("--metadata", "userId=u12") == ["1"]
    assert await chosen("--filter", "duration gt 5000") == ["2"]
    assert await chosen("--filter", "metadata.userId eq u12") == ["1"]
    assert await chosen("--provider", "Anthropic", "--model", "anthropic/claude-sonnet-4-5") == ["3"]
    assert await chosen("--start", "2026-11-21T12:30Z", "--end", "2026-11-21T13:30Z") == ["2"]


async def test_secrets_are_masked_and_the_file_is_its_owners(tmp_path: Path, store: Store, exported: Run) -> None:
    tool = {"type": "function", "function": {"name": "f", "description": SECRET, "parameters": {}}}
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"my key is {SECRET}"}], "tools": [tool]}
    reply = {"choices": [{"message": {"role": "assistant", "content": f"you said {SECRET}"}}]}
    await store.add(a_log(request=json.dumps(request).encode(), response=json.dumps(reply).encode()))
    out = tmp_path / "cases.jsonl"
    out.write_text("older")

    done = await exported("--out", str(out))

    text = out.read_text()
    assert "a1B2" not in text + done.stderr
    assert text.count("[openai_key]") == 3
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    case = read_case(text.encode(), "line 1")
    assert case.unfit == "masked: 2 openai_key"


async def test_logs_of_one_moment_are_each_written_once(tmp_path: Path, store: Store, exported: Run) -> None:
    for number in range(130):
        await store.add(a_log(number, minutes=0 if number < 120 else number))

    whole = cases((await exported("--out", "-")).stdout)
    some = await exported("--out", "-", "--limit", "57")

    assert len(whole) == len(set(ids(whole))) == 130
    assert ids(cases(some.stdout)) == ids(whole)[:57]
    assert "57 cases written; 73 older logs match but exceed the limit of 57." in some.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--out", "no/such/folder/cases.jsonl"), "no/such/folder/cases.jsonl cannot be written: No such file or directory"),
        (("--out", "."), ". is not a file that can be written"),
        (("--out", "-", "--gateway", "none"), "No gateway none"),
        (("--out", "-", "--start", "yesterday"), "'yesterday' is not a date"),
        (("--out", "-", "--metadata", "userId"), "is not KEY=VALUE"),
        (("--out", "-", "--filter", "duration > 5"), "is not KEY OPERATOR VALUE"),
        (("--out", "-", "--filter", "durtion gt 5"), "did you mean duration?"),
        (("--out", "-", "--filter", "duration gt long"), "duration must be compared with a number"),
        (("--out", "-", "--limit", "0"), "0 is not a number above 0"),
        ((), "--out"),
    ],
)  # fmt: skip
async def test_a_bad_option_gets_a_one_line_error(exported: Run, options: tuple[str, ...], said: str) -> None:
    done = await exported(*options)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


async def test_a_failed_export_keeps_the_existing_file(tmp_path: Path, store: Store, exported: Run) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "cases.jsonl").write_text("older")

    done = await exported("--out", str(folder / "cases.jsonl"), "--gateway", "none")

    assert done.returncode == 2
    assert [path.read_text() for path in folder.iterdir()] == ["older"]


async def test_a_gateway_that_is_not_allowed_is_refused(exported: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_GATEWAY_ALLOW", "main")

    done = await exported("--out", "-")

    assert (done.returncode, done.stdout) == (2, "")
    assert "Gateway default is not allowed. Allowed: main." in done.stderr


PEAK = """
import os, sys
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", "cf_aig_server", *sys.argv[1:]], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux alone")
async def test_memory_does_not_grow_with_the_export(tmp_path: Path, store: Store) -> None:
    text = "many words " * 20_000
    request = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}).encode()
    for number in range(100):
        await store.add(a_log(number, minutes=number, request=request))

    def peak(limit: int) -> int:
        out = tmp_path / "cases.jsonl"
        options = ["export", "--local", str(tmp_path / "gateway.db"), "--out", str(out), "--limit", str(limit)]
        done = subprocess.run([sys.executable, "-c", PEAK, *options], capture_output=True, text=True, check=True)
        kilobytes, code = map(int, done.stdout.split())
        assert code == 0
        assert out.stat().st_size > limit * len(request)
        return kilobytes

    assert peak(100) - peak(10) < 10_000  # of 22 MB
