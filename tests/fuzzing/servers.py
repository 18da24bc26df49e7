"""Servers under fuzzing: tools, JSON-RPC over stdio and HTTP, and the three interfaces of the local gateway."""

import json
import os
import select
import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fuzzing.readers import Target, bodies
from fuzzing.values import DEEP, anything, arguments, texts, written
from hypothesis import strategies as st
from logs import a_failed_log, a_log
from mcp import Client
from mcp.shared.exceptions import MCPError
from program import PROGRAM
from serving import serving

from cf_aig_gateway.json_text import whole as mended
from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
from cf_aig_server.transports.http import http_app
from cf_aig_tools import DEFINITIONS, TOOLS

MOST = 100_000
"""The most characters of any answer."""

ACCOUNT = "0" * 32
ANSWER_S = 20
UNFORESEEN = (
    "failed unexpectedly", "Traceback", "Internal Server Error", "Internal Error", "internal error",
    "gateway.db could not be",
)  # fmt: skip


def schema_of(tool: str) -> dict[str, Any]:
    return json.loads((DEFINITIONS / f"{tool}.json").read_bytes())["inputSchema"]


calls = st.one_of([st.tuples(st.just(tool), arguments(schema_of(tool))) for tool in TOOLS])


def call_tool(portal: BlockingPortal, client: Client, case: tuple[str, dict[str, Any]]) -> None:
    """A tool answers any arguments: with a result, or with an expected error."""
    tool, given = case
    try:
        result = portal.call(client.call_tool, mended(tool), mended(given))  # the client can't send half a character
    except MCPError as error:
        said = error.message
    else:
        said = result.model_dump_json()
    assert len(said) <= MOST
    assert not any(words in said for words in UNFORESEEN), (tool, given, said[:500])


ids = st.integers() | st.text(max_size=5) | anything
methods = (
    st.sampled_from(
        ["tools/call", "tools/list", "resources/read", "prompts/get", "completion/complete", "ping", "initialize", "x"]
    )
    | texts
)
params = (
    st.builds(lambda call: {"name": call[0], "arguments": call[1]}, calls)
    | st.builds(lambda name, held: {"name": name, "uri": name, "arguments": held, "ref": held}, texts, anything)
    | st.just({"name": "list_logs", "arguments": {"search": DEEP}})
    | anything
)
messages = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": ids, "method": methods}, optional={"params": params, "x": anything}
)
lines = (
    messages.map(written)
    | st.builds(lambda message, cut: written(message)[:-cut], messages, st.integers(1, 20))
    | st.lists(messages, max_size=2).map(written)
    | anything.map(written)
    | st.binary(max_size=60)
)


def owed(line: bytes) -> Any:
    """Return the id that the answer to a line must have; None if the line isn't a request."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return None
    asked = message.get("id")
    return asked if isinstance(asked, int | str) and not isinstance(asked, bool) and whole(asked) else None


def whole(asked: int | str) -> bool:
    """Whether an id can be returned unchanged: a 64-bit number, or a text without half characters."""
    if isinstance(asked, int):
        return abs(asked) < 2**63
    return not any("\ud800" <= letter <= "\udfff" for letter in asked)


class Stdio:
    """The program over pipes. Each line sent is followed by a ping."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._rest = b""
        self._pings = 0

    def check(self, line: bytes) -> None:
        """Each request gets its answer, the server keeps running, and no line is too long."""
        assert self._process.stdin
        self._pings += 1
        ping = f"ping-{self._pings}"
        wanted = {json.dumps(ping), *([json.dumps(owed(line))] * (owed(line) is not None))}
        sent = line.replace(b"\n", b" ").replace(b"\r", b" ")
        self._process.stdin.write(sent + b"\n" + written({"jsonrpc": "2.0", "id": ping, "method": "ping"}) + b"\n")
        self._process.stdin.flush()
        while wanted:
            answer = self._line()
            assert len(answer) <= MOST and not any(words.encode() in answer for words in UNFORESEEN), answer[:500]
            wanted.discard(json.dumps(json.loads(answer).get("id")))

    def _line(self) -> bytes:
        assert self._process.stdout
        while b"\n" not in self._rest:
            assert select.select([self._process.stdout], [], [], ANSWER_S)[0], "no answer came"
            more = os.read(self._process.stdout.fileno(), 1 << 16)
            assert more, "the server ended"
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return line


@contextmanager
def stdio(database: Path) -> Generator[Stdio]:
    """Yield the program. Its stderr must contain no traceback."""
    said = database.with_suffix(".stderr")
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [*PROGRAM, "serve", "--local", str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        with process:
            held = Stdio(process)
            held.check(
                written(
                    {
                        "jsonrpc": "2.0",
                        "id": "hello",
                        "method": "initialize",
                        "params": {
                            "protocolVersion": "2025-11-25",
                            "capabilities": {},
                            "clientInfo": {"name": "fuzz", "version": "0"},
                        },
                    }
                )
            )
            try:
                yield held
            finally:
                process.kill()
    assert b"Traceback" not in said.read_bytes(), said.read_text()[-3000:]


def post(portal: BlockingPortal, http: httpx2.AsyncClient, line: bytes) -> None:
    """A request over HTTP is answered, with its id, and nothing is a server fault."""
    answer = portal.call(partial(http.post, "/mcp", content=line))
    assert answer.status_code < 500 and len(answer.text) <= MOST, (line, answer.status_code, answer.text[:300])
    assert not any(words in answer.text for words in UNFORESEEN), (line, answer.text[:500])
    asked = owed(line)
    if asked is not None and answer.status_code == 200:
        assert json.dumps(asked) in {json.dumps(told.get("id")) for told in told_in(answer.text)}, (line, answer.text)


def told_in(text: str) -> list[Any]:
    """Return the messages in an answer: a JSON object, or events."""
    if text.startswith("{"):
        return [json.loads(text)]
    # Not splitlines: JSON may hold U+2028 and U+0085 as they are.
    return [json.loads(line[5:]) for line in text.split("\n") if line.startswith("data:") and line[5:].strip()]


AI = f"/client/v4/accounts/{ACCOUNT}/ai-gateway"
GATEWAY = f"{AI}/gateways/default"
LOG = f"{GATEWAY}/logs/01932a3f-0000-7000-8000-000000000000"
TELEMETRY = f"/client/v4/accounts/{ACCOUNT}/workers/observability/telemetry"
PLANE = f"/v1/{ACCOUNT}/default"
INTERFACES: dict[str, list[tuple[str, str]]] = {
    "management": [
        ("GET", f"{AI}/gateways"),
        ("POST", f"{AI}/gateways"),
        ("PUT", f"{AI}/gateways/other"),
        ("GET", f"{GATEWAY}/logs"),
        ("DELETE", f"{AI}/gateways/other/logs"),
        ("GET", f"{GATEWAY}/logs/search"),
        ("GET", f"{GATEWAY}/logs/fingerprints"),
        ("PATCH", LOG),
        ("GET", f"{LOG}/request"),
        ("POST", f"{AI}/gateways/other/policies"),
        ("POST", f"{AI}/gateways/other/policies/simulate"),
        ("POST", f"{AI}/gateways/other/routes"),
        ("POST", f"{AI}/custom-providers/costs"),
        ("POST", "/client/v4/graphql"),
    ],
    "telemetry": [("POST", f"{TELEMETRY}/{what}") for what in ("keys", "values", "query")],
    "data plane": [
        ("POST", f"{PLANE}/compat/chat/completions"),
        ("POST", PLANE),
        ("POST", f"{PLANE}/openai/chat/completions"),
        ("POST", f"{PLANE}/openai/responses"),
        ("POST", f"{PLANE}/anthropic/v1/messages"),
        ("POST", f"{PLANE}/google-ai-studio/v1beta/models/gemini-2.5-flash:generateContent"),
        ("POST", f"{PLANE}/workers-ai/@cf/meta/llama-3.1-8b-instruct"),
        ("POST", f"{PLANE}/cohere/v2/chat"),
        ("POST", f"{PLANE}/aws-bedrock/bedrock-runtime/us-east-1/model/amazon.nova-lite-v1:0/converse"),
        ("POST", f"/client/v4/accounts/{ACCOUNT}/ai/run/@cf/meta/llama-3.1-8b-instruct"),
        ("POST", f"/client/v4/accounts/{ACCOUNT}/ai/v1/chat/completions"),
    ],
}
FIELDS = (
    "id", "filters", "order_by", "page", "per_page", "search", "start_date", "end_date", "direction", "feedback", "score",
    "metadata", "query", "variables", "name", "limit", "timeframe", "from", "to", "parameters", "view", "key", "datasets",
    "collect_logs", "cache_ttl", "rate_limiting_limit", "keyFilter", "model", "messages", "stream", "input", "provider",
    "endpoint", "prompt", "max_tokens", "tools", "contents", "text", "elements", "conditions", "type", "headers", "value",
)  # fmt: skip
CONTROLS = (
    "cf-aig-metadata",
    "cf-aig-cache-ttl",
    "cf-aig-max-attempts",
    "cf-aig-custom-cost",
    "cf-aig-event-id",
    "range",
)
fields = st.dictionaries(st.sampled_from(FIELDS), anything | bodies, max_size=6)
sent = fields.map(written) | anything.map(written) | st.binary(max_size=40) | st.just(written({"filters": DEEP}))
headers = st.dictionaries(st.sampled_from(CONTROLS), anything.map(lambda value: json.dumps(value)[:2000]), max_size=2)
queries = st.dictionaries(
    st.sampled_from(FIELDS), texts | st.integers(-2, 60).map(str) | fields.map(json.dumps), max_size=3
)


def ask_gateway(portal: BlockingPortal, http: httpx2.AsyncClient, case: Any) -> None:
    """The gateway answers any request, and reports no fault of its own except a simulated provider's."""
    (method, path), body, more, query = case
    method, path = method if method in METHODS else "POST", quote(mended(path), safe="/:@")
    query = {name: value.encode("utf-8", "replace") for name, value in query.items()}
    asked = partial(
        http.request,
        method,
        path,
        content=body,
        params=query,
        headers=HEADERS | {name: value.encode() for name, value in more.items() if value.isprintable()},
    )
    answer = portal.call(asked)
    assert answer.status_code < 500 or answer.status_code in (501, 502, 503, 504), (case, answer.text[:500])
    assert len(answer.content) <= 10 * MOST and not any(words in answer.text for words in UNFORESEEN), case


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HEADERS: dict[str, Any] = {"authorization": "Bearer t", "content-type": "application/json"}


@contextmanager
def targets(folder: Path) -> Generator[list[Target]]:
    """Start every server, and yield the targets."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def opened(manager: Any) -> Any:
            return stack.enter_context(portal.wrap_async_context_manager(manager))

        store = opened(Store(folder / "gateway.db"))
        portal.call(store.add, a_log())
        portal.call(store.add, a_failed_log(1))
        settings = Settings(local=str(folder / "gateway.db"))
        client = opened(Client(build_server(settings)))
        url = opened(serving(http_app(build_server(settings), settings, "http", "127.0.0.1"), "on"))
        kinds = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        http = opened(httpx2.AsyncClient(base_url=url, headers=kinds, timeout=ANSWER_S))
        transport = httpx2.ASGITransport(app=build_app(store))
        gateway = opened(httpx2.AsyncClient(transport=transport, base_url="http://localhost", timeout=ANSWER_S))
        piped = stack.enter_context(stdio(folder / "gateway.db"))
        asks = partial(ask_gateway, portal, gateway)
        yield [
            Target("tools", calls, partial(call_tool, portal, client), 20),
            Target("stdio", lines, piped.check, 20),
            Target("http", lines, partial(post, portal, http), 10),
            *(
                Target(name, st.tuples(st.sampled_from(routes), sent, headers, queries), asks, 13)
                for name, routes in INTERFACES.items()
            ),
        ]
