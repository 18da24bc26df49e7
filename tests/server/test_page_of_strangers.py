"""What strangers write reaches the page only as text: nothing hidden, no secret, nothing that passes for the server's
words.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from injection import HIDDEN, Hostile, texts_in, wrong_in
from logs import a_failed_log, a_log
from secrets_corpus import cases, shown
from showing import drawn, showing

from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

ONE, FAILED = {"log_id": "one"}, {"log_id": "failed"}
CALLS: dict[str, list[dict[str, Any]]] = {
    "page_overview": [{}, *({"group_by": by} for by in ("provider", "user_agent", "session", "user", "gateway"))],
    "page_logs": [{}, {"limit": 100}],
    "page_log": [ONE, FAILED],
    "page_body": [
        ONE,
        FAILED | {"part": "response"},
        ONE | {"view": "outline"},
        ONE | {"search": "call"},
        ONE | {"pointer": "/model"},
    ],
    "page_run": [ONE, {"metadata": {"user": "u"}}],
}
ALL = {"start_date": "2026-11-21", "end_date": "2027-03-01"}
OURS = {"summary", "basis", "text", "note", "looked", "lead", "changed"}
"""Members that contain the server's own sentences, outside of bodies."""


def ours(data: Any, name: str = "") -> Iterator[str]:
    """Yield the server's own sentences in the page's data."""
    if isinstance(data, dict):
        for key, held in data.items():
            if key not in {"turns", "steps"}:
                yield from ours(held, key)
    elif isinstance(data, list):
        for held in data:
            yield from ours(held, name)
    elif isinstance(data, str) and name in OURS:
        yield data


@pytest.mark.parametrize("world", [{}, {"refused": True}, {"telemetry": True}], ids=["logs", "errors", "telemetry"])
async def test_no_attempt_hides_or_speaks_for_the_server(world: dict[str, bool]) -> None:
    hostile = Hostile(**world)
    logs = "observability" if hostile.telemetry else "gateway"
    found: list[str] = []
    async with showing(
        httpx2.MockTransport(hostile.answer), account_id="0" * 32, api_token="token", logs=logs
    ) as client:
        for tool, calls in CALLS.items():
            for arguments in calls:
                result = await client.call_tool(tool, arguments)
                data = result.structured_content or {}
                said = [part.text for part in result.content if part.type == "text"]
                said += [] if tool == "page_body" else ours(data)
                wrong = [each for text in said for each in wrong_in(text, in_cells=True)]
                wrong += [f"hidden {each[0]!r}" for text in texts_in(data) for each in HIDDEN.finditer(text)]
                wrong += ["failed unexpectedly"] if "unexpectedly" in "".join(said) else []
                wrong += [f"wrote {hostile.writes}"] if hostile.writes else []
                found += [f"{tool} {arguments}: {each}" for each in wrong]

    assert found == []


async def test_no_secret_is_drawn_wherever_a_log_holds_it(store: Store, tmp_path: Path) -> None:
    held = [case for number, case in enumerate(cases(11)) if number % 11 == 0]
    for number, case in enumerate(held):
        call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"said": case.text})}}
        turns: list[dict[str, Any]] = [
            {"role": "user", "content": f"{'word ' * 300}{case.text}{' word' * 300}"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": case.text},
        ]
        request = json.dumps({"model": "gpt-4o", "messages": turns}).encode()
        error = json.dumps({"error": {"message": case.text, "type": "invalid_request_error"}}).encode()
        metadata = {"note": case.text[:500]}
        # 13 hours apart: page_run reads the bodies of all calls within 12.
        await store.add(a_failed_log(number, minutes=number * 780, request=request, response=error, metadata=metadata))
    found: list[str] = []
    async with showing(local=str(tmp_path / "gateway.db")) as client:
        whole = [await drawn(client, "page_overview", **ALL, group_by="metadata.note")]
        whole.append(await drawn(client, "page_logs", limit=500))
        for number, case in enumerate(held):
            one = {"log_id": a_log(number).id}
            data = [*whole, await drawn(client, "page_log", **one), await drawn(client, "page_run", **one)]
            data += [await drawn(client, "page_body", **one, part=part) for part in ("request", "response")]
            data.append(await drawn(client, "page_body", **one, pointer="/messages/0/content", offset=1400))
            said = json.dumps(data, ensure_ascii=False)
            found += [f"{case.kind}, {case.place}: {part}" for part in [shown(case.secret, said)] if part]

    assert len(held) > 60
    assert found == []
