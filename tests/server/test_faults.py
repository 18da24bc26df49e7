"""Every tool on every fault of an upstream: what it says, when, and after how many requests, as docs/faults.md has it."""

import os
import re
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import stamina
from faulty_upstream import ADDRESSES, FAULTS, LATE, SLOW, Upstream, faulty_upstream, raw
from mcp import Client
from mcp.types import CallToolResult

from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_tools import TOOLS

pytestmark = pytest.mark.anyio

TABLE = Path(__file__).parents[2] / "docs" / "faults.md"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "list_gateways": {},
    "get_log_details": {"log_id": "one"},
    "get_log_request_body": {"log_id": "one"},
    "get_log_response_body": {"log_id": "one"},
    "search_bodies": {"text": "refund"},
    "compare_logs": {"log_id": "one", "other_log_id": "two"},
    "trace_run": {"log_id": "one"},
    "patch_log_feedback": {"log_id": "one", "feedback": 1},
    "chat_via_gateway": {"model": "openai/gpt-4o-mini", "prompt": "Hi"},
    "replay_log": {"log_id": "one"},
}
WRITES = ("patch_log_feedback", "chat_via_gateway", "replay_log")
"""Tools whose writes fail also where all that they read before is right: `write of …` in the table."""

EARLY = "early-"
"""How a gateway's name begins for which all fails."""

LIMIT_S = 1.0
"""Seconds for a call on a fault that lasts as long as the caller lets it."""

LONGEST = 4000
"""Maximum characters of a text."""

TRIES = 5
"""Requests of the same thing at most, twice as many where the connection is new."""

HEAD = f"""# What each tool does when its upstream fails

A test (tests/server/test_faults.py) makes this table and holds the code to it: {len(FAULTS) + len(ADDRESSES)} faults of
an upstream on a real socket, each met by all {len(TOOLS)} tools. `UPDATE_SNAPSHOTS=1` writes it anew.

*Write of* a tool: what it reads before its write is right, and the write alone meets the fault. *Time*: at once, or the
limit on a call (`timeout_s`, 50 s unless set otherwise). *Requests*: how often the same request was sent at most; a read
that failed for a passing reason is tried again up to {TRIES} times (twice each over a connection that broke before any
answer), a write never.
"""


@pytest.fixture(autouse=True)
def no_pauses() -> Generator[None]:
    """Try again at once."""
    with stamina.set_testing(True, attempts=TRIES, cap=True):
        yield


@dataclass(frozen=True)
class Outcome:
    """What came of a call: who made it, its result, how many seconds it took, and the requests it sent."""

    who: str
    result: CallToolResult
    took: float
    sent: list[tuple[str, str]]

    @property
    def text(self) -> str:
        return " ".join(getattr(part, "text", "") for part in self.result.content)

    @property
    def is_stopped(self) -> bool:
        return self.text.startswith("Stopped after")

    def row(self) -> tuple[str, str, str]:
        """Return the text, when it came, and after how many requests."""
        if not self.result.is_error:
            return "(answers)", "at once", "1"
        said = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "…", self.text)
        times = max(Counter(self.sent).values(), default=0)
        return _short(said), "the limit" if self.is_stopped else "at once", str(times)


def _short(said: str) -> str:
    said = " ".join(re.sub(f"({EARLY}|{LATE})[a-z_]+", "main", said).replace("|", "\\|").split())
    return said if len(said) <= 220 else f"{said[:219]}…"


async def met(fault: str) -> list[Outcome]:
    """Return what comes of a call of every tool, and of every write alone, on one fault."""
    async with faulty_upstream(FAULTS.get(fault, raw())) as upstream:
        url = ADDRESSES.get(fault, upstream.url).format(port=upstream.port, closed=1)
        settings = Settings(
            account_id="0" * 32,
            api_token="token",
            logs="gateway",
            api_url=f"{url}/client/v4",
            data_url=f"{url}/v1",
            timeout_s=LIMIT_S if fault in SLOW else 50,
        )
        async with Client(build_server(settings)) as client:
            return await _called(client, upstream, is_reachable=fault not in ADDRESSES)


async def _called(client: Client, upstream: Upstream, *, is_reachable: bool) -> list[Outcome]:
    calls = {
        tool: (tool, ARGUMENTS.get(tool, {}) | ({"gateway_id": f"{EARLY}{tool}"} if tool != TOOLS[0] else {}))
        for tool in TOOLS
    }
    if is_reachable:
        late = {f"write of {tool}": (tool, {**ARGUMENTS[tool], "gateway_id": f"{LATE}{tool}"}) for tool in WRITES}
        _, replay = late["write of replay_log"]
        shown = await client.call_tool("replay_log", replay)
        replay["code"] = (shown.structured_content or {})["code"]
        calls |= late
    upstream.requests = []
    upstream.fails = True
    outcomes: dict[str, Outcome] = {}

    async def call(who: str, tool: str, arguments: dict[str, Any]) -> None:
        started = time.monotonic()
        result = await client.call_tool(tool, arguments)
        sent = upstream.of(arguments.get("gateway_id", "/gateways?"))
        outcomes[who] = Outcome(who, result, time.monotonic() - started, sent)

    async with anyio.create_task_group() as tasks:
        for who, (tool, arguments) in calls.items():
            tasks.start_soon(call, who, tool, arguments)
    return [outcomes[who] for who in calls]


def table(fault: str, outcomes: list[Outcome]) -> str:
    """Return the section of one fault. Identical texts appear once."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for outcome in outcomes:
        rows.setdefault(outcome.row(), []).append(outcome.who)
    lines = [f"| {said} | {', '.join(who)} | {when} | {count} |" for (said, when, count), who in rows.items()]
    return "\n".join([f"## {fault}", "", "| Outcome | Tools | Time | Requests |", "|---|---|---|---|", *lines])


def sections() -> dict[str, str]:
    """Return the table's sections by their faults."""
    found = TABLE.read_text().split("\n## ")[1:] if TABLE.exists() else []
    return {section.partition("\n")[0]: f"## {section.strip()}" for section in found}


@pytest.mark.parametrize("fault", [*FAULTS, *ADDRESSES])
async def test_a_fault_is_told_in_bounds_and_no_write_is_sent_twice(fault: str) -> None:
    outcomes = await met(fault)

    for outcome in outcomes:
        told = f"{outcome.who}: {outcome.text[:500]}"
        assert outcome.text.strip(), told
        assert "unexpectedly" not in outcome.text, told
        assert "Traceback" not in outcome.text, told
        assert "()" not in outcome.text, told
        assert len(outcome.text) < (LONGEST if outcome.result.is_error else 20_000), told
        if fault in SLOW:
            assert outcome.is_stopped, told
            assert outcome.took < LIMIT_S + 10, told
        writes = [request for request in outcome.sent if request[0] == "PATCH" or "/chat" in request[1]]
        assert len(writes) <= 1, told
        assert max(Counter(outcome.sent).values(), default=0) <= 2 * TRIES, told
        if outcome.result.is_error and writes and _may_have_arrived(fault):
            assert "anyway: " in outcome.text, told
    found = table(fault, outcomes)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        held = sections() | {fault: found}
        TABLE.write_text(
            "\n\n".join([HEAD.strip(), *(held[each] for each in [*FAULTS, *ADDRESSES] if each in held)]) + "\n"
        )
    assert sections()[fault] == found


def _may_have_arrived(fault: str) -> bool:
    """Whether a write that meets a fault was answered otherwise than with a clear no."""
    return not re.match(r"4\d\d|a redirect|an error (of|with)|304|another protocol", fault) and fault not in ADDRESSES


def test_the_table_is_of_these_faults() -> None:
    assert list(sections()) == [*FAULTS, *ADDRESSES]
    assert TABLE.read_text().startswith(HEAD)
