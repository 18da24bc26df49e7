"""The `replay-set` command, which sends cases through a local gateway on a real socket."""

import json
import os
import signal
import stat
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from logs import a_log
from plane import ACCOUNT, Plane, plane
from program import child, exit_code
from tokens import o200k

from cf_aig_tools.cases.journal import Journal

pytestmark = pytest.mark.anyio

MODEL = "openai/gpt-4o"


def case(number: int, text: str = "Why is it blue?", **more: Any) -> dict[str, Any]:
    """Return a case in export's form."""
    parameters = {"max_tokens": 50, **more.pop("parameters", {})}
    metadata = {
        "log_id": a_log(number).id,
        "finish": "stop",
        "cost": 2.6e-06,
        "duration": 812,
        **more.pop("metadata", {}),
    }
    output = {"role": "assistant", "content": "Scattering."}
    return {"input": [{"role": "user", "content": f"{number}: {text}"}], "tools": [], "parameters": parameters,
            "output": output, "metadata": metadata, **more}  # fmt: skip


def written(path: Path, cases: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in cases))
    return path


@dataclass
class Done:
    """The command's exit code and output."""

    returncode: int
    stdout: str
    stderr: str


@dataclass
class Bench:
    """A gateway, and the command pointed at it."""

    gateway: Plane
    folder: Path
    captured: pytest.CaptureFixture[str]

    @property
    def cases(self) -> Path:
        return self.folder / "cases.jsonl"

    @property
    def out(self) -> Path:
        return self.folder / "results.jsonl"

    def command(self, *options: str) -> list[str]:
        whole = ["replay-set", str(self.cases), "--model", MODEL, "--out", str(self.out), "--yes", *options]
        return [sys.executable, "-m", "cf_aig_server", *whole]

    @property
    def environment(self) -> dict[str, str]:
        url = self.gateway.url
        return os.environ | {
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT, "CLOUDFLARE_API_TOKEN": "t", "AI_GATEWAY_LOGS": "gateway",
            "CLOUDFLARE_BASE_URL": f"{url}/client/v4", "AI_GATEWAY_BASE_URL": f"{url}/v1",
        }  # fmt: skip

    async def run(self, *options: str, yes: bool = True, **environment: str) -> Done:
        arguments = [part for part in self.command(*options)[3:] if yes or part != "--yes"]
        return await self.main(*arguments, **environment)

    async def main(self, *arguments: str, **environment: str) -> Done:
        """Run the program in a thread of this process."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (self.environment | environment).items():
                patch.setenv(name, value)
            code = await exit_code(*arguments)
        return Done(code, *self.captured.readouterr())

    @asynccontextmanager
    async def running(self, *options: str, until: int) -> AsyncGenerator[Process]:
        """Yield the command as soon as there are this many results."""
        async with child(self.command(*options), env=self.environment, stdin=None) as process:
            with anyio.fail_after(60):
                while not self.out.exists() or self.out.read_bytes().count(b"\n") < until:
                    assert process.returncode is None
                    await anyio.sleep(0.02)
            yield process

    def results(self) -> list[dict[str, Any]]:
        text = self.out.read_text() if self.out.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    async def replays(self) -> list[dict[str, Any]]:
        """Return every log of a replay that the gateway has."""
        found: list[dict[str, Any]] = []
        for page in range(1, 100):
            response = await self.gateway.manage("GET", f"default/logs?per_page=50&page={page}")
            if not response.json()["result"]:
                break
            found += response.json()["result"]
        return [log for log in found if "replay_of" in (log["metadata"] or {})]


@pytest.fixture
async def bench(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> AsyncGenerator[Bench]:
    async with plane(tmp_path) as gateway:
        yield Bench(gateway, tmp_path, capfd)


@pytest.mark.timeout(180)
async def test_five_hundred_exported_cases_survive_a_kill(bench: Bench) -> None:
    for number in range(500):
        text = f"{number}: why? [simulate: delay=15]"
        request = {"model": "gpt-4o-mini", "max_tokens": 50, "messages": [{"role": "user", "content": text}]}
        await bench.gateway.store.add(a_log(number, minutes=number, request=json.dumps(request).encode()))
    await bench.main("export", "--out", str(bench.cases))
    options = "--concurrency", "8", "--budget", "1.50", "--timeout", "1"

    async with bench.running(*options, until=250) as process:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert 250 <= len(bench.results()) < 400
    done = await bench.run(*options)

    assert done.returncode == 0, done.stderr
    logs = await bench.replays()
    answered = Counter(log["metadata"]["replay_of"] for log in logs if log["status_code"] == 200)
    cut_off = [log for log in logs if log["status_code"] != 200]
    assert answered == Counter({a_log(number).id: 1 for number in range(500)})
    assert {log["status_code"] for log in cut_off} <= {499}
    assert len(cut_off) <= 8
    results = bench.results()
    assert {row["log_id"]: row["metadata"]["log_id"] for row in results} == {
        log["metadata"]["replay_of"]: log["id"] for log in logs if log["status_code"] == 200
    }
    assert len(results) == 500
    assert sum(log["cost"] or 0 for log in logs) <= 1.50
    assert "500 cases answered" in done.stdout


async def test_a_finished_run_sends_nothing_when_repeated(bench: Bench) -> None:
    written(bench.cases, [case(number) for number in range(5)])

    first = await bench.run()
    again = await bench.run()

    assert (first.returncode, again.returncode) == (0, 0)
    assert first.stdout == again.stdout
    assert len(await bench.replays()) == len(bench.results()) == 5


async def test_the_budget_covers_all_runs(bench: Bench) -> None:
    written(bench.cases, [case(number, parameters={"max_tokens": 1000}) for number in range(40)])

    first = await bench.run("--budget", "0.014")
    again = await bench.run("--budget", "0.014")

    assert first.returncode == 1
    assert "which exceeds the remaining budget" in first.stderr
    assert "Not sent: " in first.stderr
    logs = await bench.replays()
    assert 0 < len(logs) < 40
    assert sum(log["cost"] for log in logs) <= 0.014
    assert again.returncode == 1
    assert len(bench.results()) == len(logs)


async def test_the_price_is_shown_and_nothing_is_sent_without_confirmation(bench: Bench) -> None:
    written(bench.cases, [case(1, metadata={"tokens_in": 1000, "tokens_out": 10, "left_out": ["thinking"]})])

    done = await bench.run(yes=False)
    said = done.stderr

    assert done.returncode == 2
    assert "1 case of" in said
    assert "to openai/gpt-4o through default, about 1,000 tokens in and 10 out, about $0.0026." in said
    assert "Budget: $2." in said
    assert "Not included: thinking (1)." in said
    assert said.endswith("Nothing was sent: add --yes to send them.\n")
    assert await bench.replays() == []


async def test_the_table_compares_finish_tools_cost_latency_and_text(bench: Bench) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    same = case(1)
    same["output"]["content"] = "Simulated gpt-4o: 1: Why is it blue?"
    called = case(2, tools=[tool])
    called["output"] = {"role": "assistant", "content": None, "tool_calls": [call]}
    called["metadata"]["finish"] = "tool_calls"
    failed = case(3, "[simulate: overloaded]")
    short = case(4, parameters={"max_tokens": 1})
    written(bench.cases, [same, called, failed, short])

    done = await bench.run()
    as_json = json.loads((await bench.run("--json")).stdout)

    assert done.returncode == 1
    assert done.stdout.startswith("3 cases answered; failed: 1 × HTTP 503. Before → now:")
    assert "finish: same in 1 of 3" in done.stdout
    assert "tools called: same in 2 of 3" in done.stdout
    assert "text: same in 1" in done.stdout
    assert "cost: $0.0000078 → $" in done.stdout
    assert "latency, median: 0.81 s → " in done.stdout
    for change in ("tool_calls → stop", "look → none", "stop → length"):
        assert change in done.stdout
    assert as_json["totals"]["failed"] == {"HTTP 503": 1}
    assert [row["log_id"] for row in as_json["cases"]] == [a_log(number).id for number in (3, 2, 4)]


async def test_a_long_table_stays_within_the_budget_of_results(bench: Bench) -> None:
    written(bench.cases, [case(number) for number in range(60)])

    done = await bench.run(AI_GATEWAY_BUDGET="600")
    as_json = await bench.run("--json", AI_GATEWAY_BUDGET="600")

    assert o200k(done.stdout) <= 600
    assert o200k(as_json.stdout) <= 600
    assert "more cases differ: see the results file." in done.stdout
    assert json.loads(as_json.stdout)["left_out"] > 40


async def test_the_case_is_sent_with_the_requested_changes(bench: Bench) -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    written(bench.cases, [
        case(1, tools=[tool], parameters={"temperature": 0.5, "seed": 3, "tool_choice": "auto"}),
        case(2, parameters={"max_tokens": None, "tool_choice": "auto"}),
    ])  # fmt: skip

    await bench.run("--parameters", '{"temperature": 0, "seed": null}', "--concurrency", "1")

    logs = {log["metadata"]["replay_of"]: log for log in await bench.replays()}
    stored = [await bench.gateway.stored(logs[a_log(number).id]["id"], "request") for number in (1, 2)]
    first, second = map(json.loads, stored)
    assert first == {
        "model": MODEL, "messages": [{"role": "user", "content": "1: Why is it blue?"}], "tools": [tool],
        "tool_choice": "auto", "temperature": 0, "max_completion_tokens": 50,
    }  # fmt: skip
    assert second["max_completion_tokens"] == 4096
    assert "tool_choice" not in second


async def test_masked_and_incomplete_cases_are_not_sent(bench: Bench) -> None:
    picture = [{"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}]
    written(bench.cases, [
        case(1, metadata={"masked": "1 openai_key"}),
        case(2, metadata={"missing": ["[image/png 3 KB]"]}),
        case(3) | {"input": [{"role": "user", "content": picture}]},
    ])  # fmt: skip

    refused = await bench.run()
    sent = await bench.run("--masked")

    assert refused.returncode == 1
    assert "Not sent: 1 case, masked: 1 openai_key." in refused.stderr
    assert "Not sent: 1 case, not in the case: [image/png 3 KB]." in refused.stderr
    assert "Not sent: 1 case, it has images or files, so its maximum price is unknown." in refused.stderr
    assert sent.returncode == 1
    assert [log["metadata"]["replay_of"] for log in await bench.replays()] == [a_log(1).id]


async def test_results_are_masked_and_readable_only_by_their_owner(bench: Bench) -> None:
    secret = "sk-proj-" + "a1B2" * 12
    written(bench.cases, [case(1, f"say {secret}")])

    done = await bench.run()

    assert "a1B2" not in bench.out.read_text() + done.stdout + done.stderr
    assert "[openai_key]" in bench.out.read_text()
    for path in (bench.out, bench.out.with_name("results.jsonl.sent")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_an_answer_that_was_not_written_down_is_found_in_the_logs(bench: Bench) -> None:
    written(bench.cases, [case(number) for number in range(3)])
    await bench.run()
    lines = bench.out.read_bytes().splitlines(keepends=True)
    bench.out.write_bytes(lines[0] + lines[1][:40])  # the last write was cut off

    done = await bench.run()

    assert done.returncode == 0
    assert "2 answers from an earlier run found in the logs." in done.stderr
    assert len(await bench.replays()) == 3
    outputs = {row["log_id"]: row["output"] for row in bench.results()}
    assert outputs == {row["log_id"]: row["output"] for row in map(json.loads, lines)}


async def test_ctrl_c_waits_for_calls_in_progress_and_shows_the_table(bench: Bench) -> None:
    written(bench.cases, [case(number, "[simulate: delay=50]") for number in range(60)])

    async with bench.running(until=5) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout
        assert process.stderr
        table = b"".join([part async for part in process.stdout]).decode()
        said = b"".join([part async for part in process.stderr]).decode()
        code = await process.wait()

    assert code == 130
    assert "Sending no more." in said
    assert "Stopped: Stopped by Ctrl-C." in said
    logs = await bench.replays()
    assert {log["status_code"] for log in logs} == {200}
    assert len(logs) == len(bench.results()) < 60
    assert f"{len(logs)} cases answered" in table


async def test_a_second_ctrl_c_abandons_calls_in_progress_and_says_so(bench: Bench) -> None:
    written(bench.cases, [case(1), case(2, "[simulate: hang]")])

    async with bench.running(until=1) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr
        said = ""
        while "Sending no more." not in said:
            said += (await process.stderr.receive()).decode()
        process.send_signal(signal.SIGINT)
        said += b"".join([part async for part in process.stderr]).decode()
        code = await process.wait()

    assert code == 130
    assert "Waiting for 1 call in progress" in said
    assert "Uncertain: 1 case sent but not answered so far" in said


async def test_a_call_without_a_log_is_awaited_and_then_sent_again(bench: Bench) -> None:
    written(bench.cases, [case(1), case(2)])
    about = {"model": MODEL, "gateway_id": "default", "parameters": {}}
    with Journal(bench.out, about) as journal:  # as left by a run that was killed before its request had arrived
        event = journal.send(a_log(2).id, 0.01, time.time() + 1.5)

    done = await bench.run()

    assert done.returncode == 0
    assert "1 call from an earlier run left no response in the logs: sent again." in done.stderr
    logs = await bench.replays()
    assert [log["event_id"] for log in logs if log["metadata"]["replay_of"] == a_log(2).id] == [event]
    with Journal(bench.out, about) as journal:
        assert 0.01 < journal.charged < 0.02  # the budget counts what may have been paid for


async def test_failed_cases_are_resent_on_request(bench: Bench) -> None:
    written(bench.cases, [case(1), case(2, "[simulate: rate_limited]")])

    await bench.run()
    again = await bench.run("--retry-failed")

    tries = Counter(log["metadata"]["replay_of"] for log in await bench.replays())
    assert tries == {a_log(1).id: 1, a_log(2).id: 2}
    assert len({log["event_id"] for log in await bench.replays()}) == 3
    assert again.stdout.startswith("1 case answered; failed: 1 × HTTP 429.")


async def test_a_refusal_that_affects_every_case_ends_the_run(bench: Bench) -> None:
    written(bench.cases, [case(number, "[simulate: bad_key]") for number in range(40)])

    done = await bench.run("--concurrency", "2")

    assert done.returncode == 1
    assert "Stopped: " in done.stderr
    assert len(await bench.replays()) <= 4


async def test_one_run_at_a_time_writes_results(bench: Bench) -> None:
    written(bench.cases, [case(number, "[simulate: delay=60000]" if number else "") for number in range(9)])

    async with bench.running(until=1) as process:
        other = await bench.run()
        process.send_signal(signal.SIGKILL)

    assert other.returncode == 2
    assert "is in use by another replay-set" in other.stderr


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        ("{}\n", (), "line 1, has no messages"),
        (json.dumps(case(1)) + "\n" + json.dumps(case(2))[:50], (), "line 2, is not JSON. Was the file truncated?"),
        (json.dumps(case(1)) + "\n" + json.dumps(case(1)) + "\n", (), "line 2, is from the same log as line 1"),
        (json.dumps(case(1) | {"metadata": {}}), (), "line 1, has no metadata.log_id"),
        ("", (), "has no cases"),
        (None, (), "cases.jsonl: No such file or directory"),
        (json.dumps(case(1)), ("--model", "openai/gpt-nope"), "The price of openai/gpt-nope is unknown"),
        (json.dumps(case(1)), ("--model", "gpt-4o-of-mine"), "Write it as provider/model"),
        (json.dumps(case(1)), ("--gateway", "none"), "No gateway none"),
        (json.dumps(case(1)), ("--out", "no/such/results.jsonl"), "no/such/results.jsonl cannot be written"),
        (json.dumps(case(1)), ("--parameters", "[1]"), "is not a JSON object"),
        (json.dumps(case(1)), ("--budget", "none"), "is not an amount of US dollars"),
    ],
)  # fmt: skip
async def test_errors_are_reported_before_anything_is_sent(
    bench: Bench, lines: str | None, options: tuple[str, ...], said: str
) -> None:
    if lines is not None:
        bench.cases.write_text(lines)

    done = await bench.run(*options)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert await bench.replays() == []


@pytest.mark.parametrize(
    ("switch", "value", "said"),
    [
        ("AI_GATEWAY_READ_ONLY", "1", "AI_GATEWAY_READ_ONLY is set"),
        ("AI_GATEWAY_TOOLS", "list_logs", "AI_GATEWAY_TOOLS does not offer replay_log"),
        ("AI_GATEWAY_ALLOW", "main", "is not allowed. Allowed: main"),
    ],
)
async def test_the_operators_switches_apply(bench: Bench, switch: str, value: str, said: str) -> None:
    written(bench.cases, [case(1)])

    done = await bench.run(**{switch: value})

    assert done.returncode == 2
    assert said in done.stderr


async def test_results_of_another_model_are_not_added_to(bench: Bench) -> None:
    written(bench.cases, [case(1)])
    await bench.run()

    other = await bench.run("--model", "openai/gpt-4o-mini")
    bench.out.with_name("results.jsonl.sent").unlink()
    lost = await bench.run()

    assert other.returncode == lost.returncode == 2
    assert 'belongs to another run, with model "openai/gpt-4o"' in other.stderr
    assert "but results.jsonl.sent, which records what was sent, does not" in lost.stderr
    assert len(await bench.replays()) == 1


async def test_an_unreachable_gateway_ends_the_run(bench: Bench) -> None:
    written(bench.cases, [case(number) for number in range(30)])
    done = await bench.run("--concurrency", "2", AI_GATEWAY_BASE_URL="http://127.0.0.1:1/v1", CLOUDFLARE_BASE_URL="http://127.0.0.1:1/client/v4")  # fmt: skip

    assert done.returncode == 2
    assert "could not be reached" in done.stderr
