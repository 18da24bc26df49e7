"""What an agent sees of 26 incidents, and what that costs: `python benchmarks/incidents/run.py`.

An application's calls through a local gateway cause each, and a fixed sequence of MCP calls investigates it. Facts are
counted in each channel of the results; tokens (o200k) are those of all results of an incident together. Raw is the
API's own compact JSON for the same calls. For the last ten, the obvious reading is wrong.
"""

import asyncio
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
from bpe_openai import get_encoding
from incidents import INCIDENTS, MISLEADING, Incident
from mcp import Client
from mcp.types import CallToolResult, TextContent
from traffic import LOGS, Traffic, upstream

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

O200K = get_encoding("o200k_base")
ORDINARY = 8
"""Successful calls before each incident."""
LARGE = 5000
"""Tokens of raw JSON from which an incident may cost at most 30 %."""


@dataclass
class Seen:
    """The text of an incident's results in each channel, and the tokens of the largest result."""

    content: list[str] = field(default_factory=list[str])
    structured: list[str] = field(default_factory=list[str])
    raw: list[str] = field(default_factory=list[str])

    def add(self, result: CallToolResult, raw: str) -> None:
        """Add one result. If it has no structured content, its text counts."""
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        self.content.append(text)
        structure = result.structured_content
        self.structured.append(text if structure is None else compact(structure))
        self.raw.append(raw)


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def cost(texts: list[str]) -> int:
    return sum(len(O200K.encode(text)) for text in texts)


async def look(incident: Incident, folder: Path) -> Seen:
    """Cause the incident on its own gateway, and investigate it."""
    seen = Seen()
    path = folder / "gateway.db"
    async with Store(path) as store, anyio.create_task_group() as tasks:
        wire = ASGITransport(build_app(store, upstream=upstream), tasks)
        async with httpx2.AsyncClient(transport=wire, timeout=60) as http:
            traffic = Traffic(http, store)
            await traffic.ordinary(ORDINARY)
            await incident.happen(traffic)
            async with Client(build_server(Settings(local=str(path)))) as client:
                for tool, arguments in incident.calls:
                    given = {name: named(value, traffic.ids) for name, value in arguments.items()}
                    seen.add(await client.call_tool(tool, given), await raw(http, tool, given))
        tasks.cancel_scope.cancel()
    return seen


def named(value: Any, ids: dict[str, str]) -> Any:
    return ids[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value


async def raw(http: httpx2.AsyncClient, tool: str, given: dict[str, Any]) -> str:
    """Return the API's own answer to a tool's request."""
    if tool == "compare_logs":
        parts = [f"/logs/{log_id}{end}" for log_id in given.values() for end in ENDS.values()]
        return "".join([await got(http, part, {}) for part in parts])
    if tool in ENDS:
        return await got(http, f"/logs/{given['log_id']}{ENDS[tool]}", {})
    asked = {} if tool == "summarize_logs" else {name: json.dumps(value).strip('"') for name, value in given.items()}
    return await got(http, "/logs", {"per_page": "50" if tool == "summarize_logs" else "20"} | asked)


ENDS = {"get_log_details": "", "get_log_request_body": "/request", "get_log_response_body": "/response"}


async def got(http: httpx2.AsyncClient, path: str, params: dict[str, str]) -> str:
    answer = await http.get(LOGS + path, params=params, headers={"authorization": "Bearer t"})
    try:
        return compact(answer.json())
    except ValueError:
        return answer.text


def goal(raw_cost: int) -> int:
    """Return the tokens that an incident may cost, given those of its raw JSON."""
    if raw_cost > LARGE:
        return raw_cost * 30 // 100
    return raw_cost + 120 if raw_cost < 600 else raw_cost


def told(incident: Incident, seen: Seen, costs: list[int]) -> tuple[str, bool]:
    """Return an incident's line, then what it lacks; and whether it is complete."""
    lacks = [
        f"{channel} lacks {fact!r}"
        for channel in ("content", "structured")
        for fact in incident.facts
        if fact.lower() not in "\n".join(getattr(seen, channel)).replace(r"\\", "\\").lower()
    ]
    lacks += [
        f"shows {secret[:4]!r}…" for secret in incident.hidden if secret in "".join(seen.content + seen.structured)
    ]
    lacks += [f"says {words!r}" for words in incident.misleading if words in "\n".join(seen.content + seen.structured)]
    if max(costs[:2]) > goal(costs[2]):
        lacks.append(f"costs {max(costs[:2])}, may cost {goal(costs[2])}")
    share = f"{100 * max(costs[:2]) / costs[2]:.0f} %"
    line = f"{incident.name:32} {costs[0]:8} {costs[1]:10} {costs[2]:8} {share:>6}  {len(incident.facts)} facts"
    return "\n".join([line, *(f"    {lack}" for lack in lacks)]), not lacks


def together(costs: list[list[int]]) -> str:
    """Return the share of all incidents except the one with the largest raw JSON."""
    rest = sorted(costs, key=lambda each: each[2])[:-1]
    content, structured, raw_cost = (sum(column) for column in zip(*rest, strict=True))
    share = 100 * max(content, structured) / raw_cost
    return f"{'all but the largest':32} {content:8} {structured:10} {raw_cost:8} {share:4.0f} %  goal: 18 %"


async def main() -> int:
    print(f"{'incident':32} {'content':>8} {'structured':>10} {'raw':>8} {'share':>6}")
    met = [met for incidents in (INCIDENTS, MISLEADING) for met in await measured(incidents)]
    return 0 if all(met) else 1


async def measured(incidents: list[Incident]) -> list[bool]:
    """Print a line for each incident, and one for all; return which of them are complete."""
    met: list[bool] = []
    costs: list[list[int]] = []
    for incident in incidents:
        with tempfile.TemporaryDirectory() as folder:
            seen = await look(incident, Path(folder))
        costs.append([cost(seen.content), cost(seen.structured), cost(seen.raw)])
        line, is_met = told(incident, seen, costs[-1])
        print(line, flush=True)
        met.append(is_met)
    print(together(costs))
    return met


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
