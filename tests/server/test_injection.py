"""Nothing that strangers write in logs, gateways, errors and replies can pass for the server's own words."""

import json
from typing import Any

import pytest
from hostile_calls import CALLS, ROWS, WORLDS, WRITES, client_of
from injection import ATTEMPTS, HIDDEN, Hostile, texts_in, wrong_in
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextResourceContents

from cf_aig_gateway.analytics import RequestGroup
from cf_aig_gateway.answers import parsed
from cf_aig_gateway.models import BODIES, NAMES, Gateway, Log
from cf_aig_gateway.one_line import as_logged
from cf_aig_tools import TOOLS

pytestmark = pytest.mark.anyio


def _but_the_reply(held: dict[str, Any]) -> dict[str, Any]:
    """Return a result without a chat reply's text and calls. Programs take those as they are, quoted by JSON."""
    return {name: value for name, value in held.items() if name not in {"text", "reply", "tool_calls"}}


async def test_there_are_attempts_enough_and_calls_of_every_tool() -> None:
    assert len(set(ATTEMPTS)) >= 200
    assert {*CALLS} == {*TOOLS}


@pytest.mark.parametrize("name", WORLDS)
async def test_no_attempt_leaves_its_place_in_any_tool(name: str) -> None:
    world = Hostile(**WORLDS[name])
    found: list[str] = []
    async with client_of(world) as client:
        for tool, calls in CALLS.items():
            for arguments in calls:
                world.writes.clear()
                result = await client.call_tool(tool, arguments)
                text = "\n".join(part.text for part in result.content if part.type == "text")
                held = _but_the_reply(result.structured_content or {})
                wrong = list(wrong_in(text, in_cells=tool in ROWS))
                wrong += [each for said in texts_in(held) for each in wrong_in(f"value {said}", in_cells=True)]
                wrong += ["failed unexpectedly"] if "unexpectedly" in text else []
                wrong += [f"wrote {world.writes}"] if len(world.writes) > (tool in WRITES) else []
                found += [f"{tool} {arguments}: {each}" for each in wrong]

    assert found == []
    assert name == "errors" or len(world.planted) >= 200


async def test_no_attempt_leaves_its_place_in_resources_prompts_and_completions() -> None:
    world = Hostile()
    found: list[str] = []
    async with client_of(world) as client:
        templates = (await client.list_resource_templates()).resource_templates
        for template in templates:
            uri = template.uri_template.partition("{?")[0].format(gateway_id="main", log_id="failed")
            try:
                contents = (await client.read_resource(uri)).contents
            except MCPError as error:
                found += [f"{uri}: {each}" for each in wrong_in(str(error))]
                continue
            texts = [held.text for held in contents if isinstance(held, TextResourceContents)]
            if template.name == "cases":
                found += [f"{uri}: {line[:80]}" for text in texts for line in text.splitlines() if not json.loads(line)]
                found += [f"{uri}: hidden {each[0]!r}" for text in texts for each in HIDDEN.finditer(text)]
                continue
            found += [f"{uri}: {each}" for text in texts for each in wrong_in(text, in_cells=True)]
            for argument in ("gateway_id", "log_id"):
                reference = ResourceTemplateReference(uri=template.uri_template)
                completed = await client.complete(reference, {"name": argument, "value": ""})
                found += [
                    f"{argument}: {each}" for value in completed.completion.values for each in wrong_in(f"v {value}")
                ]
        for prompt in (await client.list_prompts()).prompts:
            for argument in prompt.arguments or []:
                completed = await client.complete(
                    PromptReference(name=prompt.name), {"name": argument.name, "value": ""}
                )
                found += [
                    f"{argument}: {each}" for value in completed.completion.values for each in wrong_in(f"v {value}")
                ]

    assert templates
    assert found == []
    assert world.writes == []


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_every_field_of_every_model_holds_one_line_that_leads_back(attempt: str) -> None:
    short = attempt[:200]
    texts = {name: short for name, field in Log.model_fields.items() if str(field.annotation).startswith("str")}
    log = parsed(Log, {**texts, "id": short, "metadata": {short: [short]}, "error": short})
    gateway = parsed(Gateway, {"id": short, "created_at": short, "dlp": {short: short}})
    sums = {f"{kind}Tokens{way}": 1 for kind in ("cached", "uncached") for way in ("In", "Out")}
    group = RequestGroup.model_validate(
        {
            "count": 1,
            "sum": sums | {"cachedRequests": 1, "erroredRequests": 1, "cost": 1},
            "dimensions": {"model": short, "userAgent": short},
        }
    )
    held = [log.model_dump(exclude={*BODIES}), gateway.model_dump(), group.dimensions]

    assert {*texts} >= NAMES - {"model_type", "request_content_type", "response_content_type"} - {"id"}
    assert [each for text in texts_in(held) for each in wrong_in(f"value {text}", in_cells=True)] == []
    assert [text for text in texts_in(held) if "\n" in text or "┌" in text or "└" in text] == []
    assert [name for name in ("provider", "model", "path", "event_id") if " " in getattr(log, name)] == []
    assert {as_logged(getattr(log, name)) for name in texts} == {short}
    assert as_logged(log.metadata) == {short: [short]}
