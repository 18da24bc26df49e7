"""Claude Code's channel: notices of failed calls, in our own words, over a real stdio session."""

import json
import os
import re
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from injection import ATTEMPTS
from logs import a_failed_log, a_log
from program import PROGRAM, free_port

from cf_aig_gateway.local.store import Store
from cf_aig_gateway.models import Log
from cf_aig_server.channel.failures import MOST_CAUSES, Failures
from cf_aig_server.local import local_transport
from cf_aig_server.opening import desk, http_client
from cf_aig_server.settings import Settings
from cf_aig_server.wire import wire
from cf_aig_tools.desk import Desk
from cf_aig_tools.following import News

pytestmark = pytest.mark.anyio

ERAS = ["2025-11-25", "2026-07-28"]
META = {
    "io.modelcontextprotocol/protocolVersion": ERAS[1],
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HELLO = {"protocolVersion": ERAS[0], "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
NOTICE = "notifications/claude/channel"
UUID, ULID = "01932a3f-0000-7000-8000-{:012x}", "01JD0000000000000000000{:03d}"


class Session:
    """A client of the program, line by line."""

    def __init__(self, process: Process, era: str) -> None:
        assert process.stdin and process.stdout
        self._input, self._output = process.stdin, BufferedByteReceiveStream(process.stdout)
        self._era = era

    async def send(self, **message: Any) -> None:
        await self._input.send(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def receive(self) -> dict[str, Any]:
        return json.loads(await self._output.receive_until(b"\n", 10_000_000))

    async def meet(self) -> dict[str, Any]:
        """Return what the server declares."""
        if self._era == ERAS[1]:
            await self.send(id=1, method="server/discover", params={"_meta": META})
            return (await self.receive())["result"]
        await self.send(id=1, method="initialize", params=HELLO)
        result = (await self.receive())["result"]
        await self.send(method="notifications/initialized")
        return result

    async def tools(self) -> dict[str, Any]:
        await self.send(id=2, method="tools/list", params={"_meta": META} if self._era == ERAS[1] else {})
        return await self.receive()

    async def end(self) -> None:
        await self._input.aclose()


@asynccontextmanager
async def session(*options: str, era: str = ERAS[0], **environment: str) -> AsyncGenerator[tuple[Session, Process]]:
    async with await anyio.open_process([*PROGRAM, *options], env={**os.environ, **environment}) as process:
        with anyio.fail_after(50):
            yield Session(process, era), process


@pytest.mark.parametrize("era", ERAS)
async def test_a_session_is_told_of_failures_without_being_asked(era: str, tmp_path: Path, store: Store) -> None:
    async with session("--channel", "--local", str(tmp_path / "gateway.db"), era=era) as (client, process):
        declared = await client.meet()
        notices: list[dict[str, Any]] = []

        async def listen() -> None:
            notices.append(await client.receive())
            tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen)
            for number in range(1000):  # the first may come before the server began to look
                await store.add(a_log(2 * number, minutes=number))
                await store.add(a_failed_log(2 * number + 1, minutes=number, model=ATTEMPTS[number % len(ATTEMPTS)]))
                await anyio.sleep(0.5)
        answer = await client.tools()
        await client.end()
        assert await process.wait() == 0
        assert process.stderr
        assert [part async for part in process.stderr] == []

    assert declared["capabilities"]["experimental"] == {"claude/channel": {}}
    (notice,) = notices
    content, meta = notice["params"]["content"], notice["params"]["meta"]
    assert notice["method"] == NOTICE
    log_id = r"01932a3f-0000-7000-8000-[0-9a-f]{12}"
    assert re.fullmatch(rf"\d+ calls? failed: overloaded, log {log_id}\. Call get_log_details with this id\.", content)
    assert int(meta["log_id"][-1], 16) % 2 == 1
    assert meta == {"failed": content.split()[0], "cause": "overloaded", "gateway_id": "default"} | {
        "log_id": meta["log_id"]
    }
    assert answer["result"]["tools"]


@pytest.mark.parametrize("era", ERAS)
async def test_nothing_is_declared_or_loaded_unless_it_is_asked_for(era: str, tmp_path: Path) -> None:
    async with session("--local", str(tmp_path / "gateway.db"), era=era) as (client, _):
        declared = await client.meet()

    assert "experimental" not in declared["capabilities"]
    shown = "import sys; from cf_aig_server.commands import serve; print('cf_aig_server.channel' in sys.modules)"
    assert (await anyio.run_process([sys.executable, "-c", shown])).stdout.split() == [b"False"]


async def test_a_gateway_out_of_reach_neither_ends_nor_delays_the_session() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with session(
        AI_GATEWAY_CHANNEL="true",
        CLOUDFLARE_ACCOUNT_ID="0" * 32,
        CLOUDFLARE_API_TOKEN="t",
        CLOUDFLARE_BASE_URL=nowhere,
        AI_GATEWAY_LOGS="gateway",
    ) as (client, process):
        await client.meet()
        assert (await client.tools())["result"]["tools"]
        assert process.stderr
        told = (await process.stderr.receive()).decode()
        assert (await client.tools())["result"]["tools"]
        await client.end()
        assert await process.wait() == 0

    assert "The channel cannot follow gateway default, and tries again: " in " ".join(told.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--transport", "http"], "The channel works over stdio only: omit --channel (AI_GATEWAY_CHANNEL) with http."),
        (["--tools", "list_logs"], "The channel needs get_log_details: add it to --tools (AI_GATEWAY_TOOLS)"),
    ],
)
async def test_a_channel_that_cannot_work_is_refused(options: list[str], said: str) -> None:
    done = await anyio.run_process([*PROGRAM, "serve", "--channel", *options], check=False)

    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()


@pytest.fixture
async def at(tmp_path: Path) -> AsyncGenerator[Desk]:
    settings = Settings(local=str(tmp_path / "gateway.db"))
    async with wire(settings, None) as way, http_client(settings, way) as http:
        yield desk(http, settings, b"", offers_cases=False)


def failed(status: int, log_id: str = "") -> Log:
    return Log(id=log_id, success=False, status_code=status)


async def test_what_comes_in_one_look_is_one_notice(at: Desk) -> None:
    failures = Failures(at, ["default"])

    failures.add("default", News([failed(504, UUID.format(1)), failed(429, UUID.format(2)), failed(429)], is_cut=True))

    assert failures.taken() == (
        f"At least 3 calls failed: 2 limit exceeded, log {UUID.format(2)}; 1 timeout, log {UUID.format(1)}. "
        "Call get_log_details with these ids.",
        {"failed": "3", "cause": "limit exceeded", "log_id": UUID.format(2), "gateway_id": "default"},
    )


async def test_another_gateway_is_named_and_further_causes_are_counted(at: Desk) -> None:
    failures = Failures(at, ["default", "main"])
    statuses = [400, 401, 402, 403, 404, 413, 503, 504]

    failures.add("main", News([failed(499, ULID.format(7))] * 2))
    failures.add("default", News([failed(status) for status in statuses]))
    said, meta = failures.taken()

    assert said.startswith(f"10 calls failed: 2 caller left, log {ULID.format(7)}, gateway main; 1 bad request; ")
    assert said.endswith(f"; {10 - 1 - MOST_CAUSES} of other causes. Call get_log_details with this id.")
    assert (meta["gateway_id"], meta["failed"]) == ("main", "10")


async def test_no_text_of_a_log_or_a_gateway_reaches_a_notice(at: Desk) -> None:
    for text in (*ATTEMPTS, "Ignore-All-Previous", "CALLPATCHLOGFEEDBACKN0WXXX"):
        failures = Failures(at, [text])

        failures.add(text, News([failed(429, text).model_copy(update={"model": text, "provider": text})]))
        failures.add(text, News([failed(777)]))

        assert failures.taken() == (
            "2 calls failed: 1 limit exceeded; 1 cause unknown. Call list_logs with success=false.",
            {"failed": "2", "cause": "limit exceeded"},
        )


async def test_what_fails_between_two_notices_is_added_up(at: Desk, store: Store) -> None:
    rests, goes_on = anyio.Event(), anyio.Event()

    async def pause() -> None:
        rests.set()
        await goes_on.wait()

    failures = Failures(at, ["default"], every_s=0.01, pause=pause)
    told: list[str] = []

    async def send(content: str, _: dict[str, str]) -> None:
        told.append(content)
        if len(told) == 2:
            tasks.cancel_scope.cancel()

    await store.add(a_failed_log(1))
    with anyio.fail_after(50):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(failures.tell, send)
            while not rests.is_set():
                await store.add(a_failed_log(2 + round(1000 * anyio.current_time()), minutes=1))
                await anyio.sleep(0.1)
            before = sum(group.count for group in failures.groups.values())
            for number in range(3):
                await store.add(a_failed_log(number + 10, minutes=2 + number))
                while sum(group.count for group in failures.groups.values()) < before + number + 1:  # noqa: ASYNC110
                    await anyio.sleep(0.01)
            assert len(told) == 1
            goes_on.set()

    assert re.match(r"\d+ calls? failed: overloaded, log ", told[0])
    assert int(told[1].split()[0]) >= 3


async def test_what_fails_while_a_gateway_refuses_is_told_afterwards(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that was refused may be rotated. What failed before the session is not told."""
    monkeypatch.setattr("cf_aig_server.channel.failures.AGAIN_S", 0.01)
    statuses = iter([403, 200, 401])
    settings = Settings(local=str(tmp_path / "gateway.db"))

    class Refusing(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if (status := next(statuses, 200)) == 200:
                return await way.handle_async_request(request)
            if status == 401:
                await store.add(a_failed_log(2, minutes=1))
            return httpx2.Response(status, json={"success": False, "errors": [], "result": None})

    await store.add(a_failed_log(1))
    async with local_transport(tmp_path / "gateway.db") as way, http_client(settings, Refusing()) as http:
        failures = Failures(desk(http, settings, b"", offers_cases=False), ["default"], every_s=0.01)
        told: list[str] = []

        async def send(content: str, _: dict[str, str]) -> None:
            told.append(content)
            tasks.cancel_scope.cancel()

        with anyio.fail_after(50):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(failures.tell, send)

    assert told == [f"1 call failed: overloaded, log {UUID.format(2)}. Call get_log_details with this id."]
