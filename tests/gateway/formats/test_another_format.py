"""A format that exists only here, added as one object: recognized, read, assembled, metered and priced."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import TextContent
from plane import ACCOUNT, Plane, plane
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from cf_aig_gateway import formats
from cf_aig_gateway.formats import Conversation, Format, Said, Turn
from cf_aig_gateway.formats.content import Gap
from cf_aig_gateway.formats.format import Assembly
from cf_aig_gateway.formats.growth import append
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.local.providers.live import Live
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

MODEL = "llama-3.3-70b-versatile"
"""A Groq model, for its price."""


class ToyAssembly(Assembly):
    def add(self, event: dict[str, Any]) -> None:
        append(self.held, "toySays", event.get("toyAdds"))
        self.held |= {name: event[name] for name in ("toyEnds", "toyCounts") if name in event}
        self.finished = "toyEnds" in event


def _asked(body: dict[str, Any], _: Gap) -> Conversation:
    return Conversation(
        "Toy", MODEL, {"warmth": str(body.get("warmth"))}, turns=(Turn("child", body["toyAsks"], "/toyAsks"),)
    )


def _said(body: dict[str, Any], _: Gap) -> Conversation:
    return Conversation("Toy", turns=(Turn("toy", body["toySays"], "/toySays"),), finish=body.get("toyEnds", ""))


TOY = Format(
    "Toy",
    is_request=lambda body: "toyAsks" in body,
    request=_asked,
    is_reply=lambda body: "toySays" in body,
    reply=_said,
    is_event=lambda event: bool({"toyAdds", "toyEnds"} & event.keys()),
    assembly=ToyAssembly,
    usage=lambda body: Usage(*body.get("toyCounts", (None, None))),
    said=lambda body: Said(body["toyFails"], ("toy_overloaded",)) if "toyFails" in body else None,
    members=("toyEnds", "toyCounts"),
)
WHOLE = {"toySays": "Squeak, squeak.", "toyEnds": "asleep", "toyCounts": [1000, 500]}
EVENTS = [{"toyAdds": "Squeak, "}, {"toyAdds": "squeak."}, {"toyEnds": "asleep", "toyCounts": [1000, 500]}]


async def _toy(request: Request) -> Response:
    asked = await request.json()
    if asked["toyAsks"] == "fail":
        return Response(json.dumps({"toyFails": "The toy is overloaded."}), 503)
    if asked.get("stream"):
        lines = (f"data: {json.dumps(event)}\n\n" for event in EVENTS)
        return StreamingResponse(iter(lines), media_type="text/event-stream")
    return Response(json.dumps(WHOLE), media_type="application/json")


@pytest.fixture
async def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Plane]:
    """Yield a local gateway whose Groq speaks the toy's format."""
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, TOY))
    app = Starlette(routes=[Route("/{path:path}", _toy, methods=["POST"])])
    async with serving(app) as url, Live({"groq": url}) as live, plane(tmp_path, upstream=live) as gateway:
        yield gateway


async def told(gateway: Plane, tool: str, log_id: str) -> str:
    settings = Settings(
        account_id=ACCOUNT, api_token="t", api_url=f"{gateway.url}/client/v4", data_url=f"{gateway.url}/v1"
    )
    async with Client(build_server(settings)) as client:
        result = await client.call_tool(tool, {"log_id": log_id})
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.anyio
@pytest.mark.parametrize("stream", [False, True])
async def test_its_traffic_is_read_metered_and_priced(gateway: Plane, stream: bool) -> None:
    await gateway.http.post("groq/toy", json={"toyAsks": "Squeak?", "warmth": 3, "model": MODEL, "stream": stream})
    (log,) = await gateway.logs()

    assert (log["model"], log["tokens_in"], log["tokens_out"]) == (f"groq/{MODEL}", 1000, 500)
    assert log["cost"] == pytest.approx(1000 * 0.59e-6 + 500 * 0.79e-6)
    asked = await told(gateway, "get_log_request_body", log["id"])
    said = await told(gateway, "get_log_response_body", log["id"])
    assert asked.startswith(f"Toy, model {MODEL}, warmth 3, also: stream.") and "/toyAsks child: Squeak?" in asked
    assert said.startswith("Toy, finish asleep, tokens 1,000 in, 500 out.") and "/toySays toy: Squeak, squeak." in said


@pytest.mark.anyio
async def test_its_errors_are_explained(gateway: Plane) -> None:
    await gateway.http.post("groq/toy", json={"toyAsks": "fail", "model": MODEL})
    (log,) = await gateway.logs()

    assert (await told(gateway, "get_log_details", log["id"])).startswith("Failed: overloaded.")


@pytest.mark.anyio
async def test_its_streams_that_break_off_say_so(gateway: Plane) -> None:
    stream = formats.stream()
    stream.add(b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in EVENTS[:2]))
    stream.end()

    assert stream.format is TOY
    assert stream.reply() == {"toySays": "Squeak, squeak."}
    assert stream.broken() == "Broke off: the stream ended after 2 events without its last event."
