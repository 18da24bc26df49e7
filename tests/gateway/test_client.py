"""The client's guarantees. `MockTransport` is used where the local gateway can't give the needed answer."""

import importlib
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stamina
from logs import a_log
from management import LOGS, management

from cf_aig_gateway.chat import Chat
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError, NotFound
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

ACCOUNT = "0" * 31 + "1"
API = "https://api.example.com/client/v4"
DATA = "https://data.example.com/v1"

Answer = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(autouse=True)
def quick_retries() -> Any:
    with stamina.set_testing(True, attempts=3):
        yield


def a_gateway(answer: Answer, account: str = ACCOUNT, token: str = "api-token") -> AIGateway:
    return AIGateway(
        httpx2.AsyncClient(transport=httpx2.MockTransport(answer)),
        api_url=API,
        data_url=DATA,
        account=account,
        token=lambda: token,
        gateway_token=lambda: "gateway-token",
        provider_keys={"openai": "openai-key", "anthropic": "anthropic-key"},
        logs="gateway",
    )


A_REPLY = {"choices": [{"message": {"role": "assistant", "content": "hi"}}]}


def recording(seen: list[httpx2.Request], **result: Any) -> Answer:
    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"success": True, "result": [], **result})

    return answer


def replying(status: int, **kwargs: Any) -> Answer:
    return lambda _: httpx2.Response(status, **kwargs)


async def test_filters_go_as_one_json_parameter() -> None:
    seen: list[httpx2.Request] = []

    await a_gateway(recording(seen)).logs("main", filters=[Filter(key="success", value=[False])], search="c-102")

    query = seen[0].url.params
    assert json.loads(query["filters"]) == [{"key": "success", "operator": "eq", "value": [False]}]
    assert query["search"] == "c-102"
    assert "start_date" not in query


@pytest.mark.parametrize("log_id", ["../../user", "a/b", "a b", "100%", "%2e%2e", "ü"])
async def test_an_id_stays_one_path_segment(log_id: str) -> None:
    seen: list[httpx2.Request] = []

    await a_gateway(recording(seen, result={"id": "x"})).log("main", log_id)

    segments = seen[0].url.raw_path.decode().split("/")
    assert segments[1:-1] == ["client", "v4", "accounts", ACCOUNT, "ai-gateway", "gateways", "main", "logs"]


@pytest.mark.parametrize("log_id", ["", ".", "..", "x" * 10_000])
async def test_an_invalid_id_is_refused_before_any_request(log_id: str) -> None:
    seen: list[httpx2.Request] = []

    with pytest.raises(GatewayError, match="is not an id") as refused:
        await a_gateway(recording(seen)).log("main", log_id)

    assert seen == []
    assert len(str(refused.value)) < 200


async def test_credentials_go_only_where_they_belong() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"success": True, "result": {"id": "x", **A_REPLY}})

    gateway = a_gateway(answer)
    await gateway.log("main", "x")
    await gateway.patch_log("main", "x", {"feedback": 1})
    async with gateway.request_body("main", "x"), gateway.response_body("main", "x"):
        pass
    for endpoint, model in (
        ("rest", "openai/gpt-4o"),
        ("compat", "anthropic/claude-sonnet-4-5"),
        ("provider", "anthropic/claude-sonnet-4-5"),
        ("provider", "openai/gpt-4o"),
        ("provider", "@cf/meta/llama-3.1-8b-instruct"),
    ):
        await gateway.chat("main", Chat(model, [{"role": "user", "content": "hi"}], endpoint=endpoint))  # pyright: ignore[reportArgumentType]

    secret_headers = [
        (
            request.url.host,
            request.method,
            {name: value for name, value in request.headers.items() if "-key" in value or "-token" in value},
        )
        for request in seen
    ]
    api = {"authorization": "Bearer api-token"}
    own = {"cf-aig-authorization": "Bearer gateway-token"}
    assert secret_headers == [
        ("api.example.com", "GET", api),
        ("api.example.com", "PATCH", api),
        ("api.example.com", "GET", api),
        ("api.example.com", "GET", api),
        ("api.example.com", "POST", api),
        ("data.example.com", "POST", own),
        ("data.example.com", "POST", own | {"x-api-key": "anthropic-key"}),
        ("data.example.com", "POST", own | {"authorization": "Bearer openai-key"}),
        ("data.example.com", "POST", own),
    ]


@pytest.mark.parametrize("metadata", [{"user": "u1"}, '{"user":"u1"}'])
async def test_metadata_is_read_as_an_object_or_as_json_text(metadata: Any) -> None:
    log = await a_gateway(recording([], result={"id": "x", "metadata": metadata})).log("main", "x")

    assert log.metadata == {"user": "u1"}


@pytest.mark.parametrize(("metadata", "held"), [(None, {}), ("", {}), ("plain", {"metadata": "plain"}), ([1], {})])
async def test_odd_metadata_is_tolerated(metadata: Any, held: dict[str, Any]) -> None:
    log = await a_gateway(recording([], result={"id": "x", "metadata": metadata})).log("main", "x")

    assert log.metadata == held


async def test_unknown_fields_and_missing_tokens_are_tolerated() -> None:
    row = {"id": "01JD0000000000000000000000", "tokens_in": None, "tokens_out": None, "wholesale": True}

    page = await a_gateway(recording([], result=[row], result_info={"total_count": 1})).logs("main")

    assert page.items[0].tokens_in is None
    assert page.items[0].model_extra == {"wholesale": True}
    assert page.info.total_count == 1


async def test_a_row_that_cannot_be_read_is_an_error_that_names_the_field() -> None:
    with pytest.raises(GatewayError, match=r"cannot be read \(duration\)"):
        await a_gateway(recording([], result={"id": "x", "duration": "soon"})).log("main", "x")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, {"success": False, "errors": [{"code": 7000, "message": "Internal Error"}]}, "HTTP 200, code 7000"),
        (400, {"success": False, "errors": [{"code": 7001, "message": "Too big", "path": ["query", "per_page"]}]}, "per_page: Too big"),
        (401, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, "AI Gateway Read"),
        (403, {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, "AI Gateway Read"),
        (404, {"success": False, "errors": [{"code": 7002, "message": "Not Found"}]}, "list_gateways"),
        (404, {"success": False, "errors": [{"code": 7003, "message": "Could not route"}]}, "CLOUDFLARE_ACCOUNT_ID"),
        (429, {"success": False, "errors": []}, "Try again in a minute"),
        (500, {"success": False, "errors": [{"code": 7000, "message": "Internal Error"}]}, "Try again in a moment"),
        (302, {}, "not followed"),
        (418, ["?"], "refused the request"),
    ],
)  # fmt: skip
async def test_a_refusal_says_what_failed_and_what_to_try(status: int, body: Any, said: str) -> None:
    with pytest.raises(GatewayError, match=said.replace("?", r"\?")) as refused:
        await a_gateway(replying(status, json=body)).logs("main")

    assert refused.value.status == status
    assert "api-token" not in str(refused.value)


async def test_html_instead_of_json_is_reported_as_such() -> None:
    with pytest.raises(GatewayError, match="text/html instead of JSON: <h1>Bad gateway</h1>"):
        await a_gateway(replying(502, html="<h1>Bad gateway</h1>")).logs("main")


async def test_an_unknown_log_is_not_found() -> None:
    missing = replying(404, json={"success": False, "errors": [{"code": 7002, "message": "Not Found"}]})

    with pytest.raises(NotFound, match="No log abc123 in gateway main"):
        await a_gateway(missing).log("main", "abc123")


async def test_the_error_for_a_missing_body_says_both_possible_reasons() -> None:
    missing = replying(404, json={"success": False, "errors": [{"code": 7002, "message": "Not Found"}]})

    with pytest.raises(NotFound, match=r"No log abc123 in gateway main, or its request body was not stored"):
        async with a_gateway(missing).request_body("main", "abc123"):
            pass


@pytest.mark.parametrize(
    ("failure", "said"),
    [(httpx2.ReadTimeout("x"), "timed out"), (httpx2.ConnectError("x"), "could not be reached")],
)
async def test_an_unreachable_gateway_is_named(failure: Exception, said: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise failure

    with pytest.raises(GatewayError, match=f"api.example.com {said}"):
        await a_gateway(answer).gateways()
    with pytest.raises(GatewayError, match=f"api.example.com {said}"):
        await a_gateway(answer).patch_log("main", "x", {"feedback": 1})


async def test_a_body_that_breaks_off_is_an_error() -> None:
    async def broken() -> Any:
        yield b'{"half'
        raise httpx2.ReadError("reset", request=httpx2.Request("GET", API))

    with pytest.raises(GatewayError, match=r"closed before the response was complete \(ReadError\)\. Try again\."):
        async with a_gateway(replying(200, content=broken())).response_body("main", "x") as body:
            _ = [chunk async for chunk in body.chunks]


async def test_reads_are_retried_after_transient_failures() -> None:
    answers = [httpx2.Response(503), httpx2.Response(429, headers={"retry-after": "0"})]

    def answer(request: httpx2.Request) -> httpx2.Response:
        return answers.pop(0) if answers else httpx2.Response(200, json={"success": True, "result": []})

    assert (await a_gateway(answer).logs("main")).items == []


async def test_a_retry_delay_longer_than_a_call_is_reported_instead_of_awaited() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(429, headers={"retry-after": "300"}, json={})

    with pytest.raises(GatewayError, match="Try again in 300 s"):
        await a_gateway(answer).logs("main")
    assert len(seen) == 1


async def test_a_write_is_never_retried() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(503, json={})

    with pytest.raises(GatewayError):
        await a_gateway(answer).patch_log("main", "x", {"feedback": 1})
    with pytest.raises(GatewayError):
        await a_gateway(answer).chat("main", Chat("openai/gpt-4o", [{"role": "user", "content": "hi"}]))
    assert len(seen) == 2


async def test_the_log_of_a_new_chat_is_awaited() -> None:
    answers = [
        httpx2.Response(200, json={"choices": []}, headers={"cf-aig-log-id": "new"}),
        httpx2.Response(404, json={"success": False, "errors": [{"code": 7002, "message": "Not Found"}]}),
        httpx2.Response(200, json={"success": True, "result": {"id": "new"}}),
    ]
    gateway = a_gateway(lambda _: answers.pop(0))
    await gateway.chat("main", Chat("openai/gpt-4o", [{"role": "user", "content": "hi"}]))

    assert (await gateway.log("main", "new")).id == "new"


@pytest.mark.parametrize(("account", "token"), [("", "t"), (ACCOUNT, "")])
async def test_without_credentials_every_call_says_what_to_set(account: str, token: str) -> None:
    seen: list[httpx2.Request] = []
    gateway = a_gateway(recording(seen), account, token)

    with pytest.raises(GatewayError, match=r"Set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN.*--local"):
        await gateway.gateways()
    with pytest.raises(GatewayError, match="--local"):
        await gateway.chat("main", Chat("openai/gpt-4o", [], endpoint="compat"))
    assert seen == []


@pytest.mark.parametrize(
    ("chat", "url", "body"),
    [
        (Chat("openai/gpt-4o", [], "rest"), f"{API}/accounts/{ACCOUNT}/ai/v1/chat/completions", {"model": "openai/gpt-4o"}),
        (Chat("workers-ai/@cf/a/b", [], "rest"), f"{API}/accounts/{ACCOUNT}/ai/v1/chat/completions", {"model": "@cf/a/b"}),
        (Chat("@cf/a/b", [], "compat"), f"{DATA}/{ACCOUNT}/main/compat/chat/completions", {"model": "workers-ai/@cf/a/b"}),
        (Chat("openai/gpt-4o", [], "provider"), f"{DATA}/{ACCOUNT}/main/openai/chat/completions", {"model": "gpt-4o"}),
        (Chat("@cf/a/b", [], "provider"), f"{DATA}/{ACCOUNT}/main/workers-ai/@cf/a/b", {}),
        (Chat("grok/grok-4", [], "provider"), f"{DATA}/{ACCOUNT}/main/grok/v1/chat/completions", {"model": "grok-4"}),
    ],
)  # fmt: skip
async def test_a_chat_takes_the_form_of_its_endpoint(chat: Chat, url: str, body: dict[str, Any]) -> None:
    seen: list[httpx2.Request] = []

    await a_gateway(recording(seen, choices=[])).chat("main", chat)

    assert str(seen[0].url) == url
    assert json.loads(seen[0].content) == {"messages": [], **body}


async def test_anthropic_gets_its_system_prompt_separately_and_a_token_limit() -> None:
    seen: list[httpx2.Request] = []
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]

    await a_gateway(recording(seen, result=A_REPLY)).chat("main", Chat("anthropic/claude-sonnet-4-5", said, "provider"))

    assert json.loads(seen[0].content) == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert seen[0].headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize(
    ("model", "said"),
    [("gpt-4o", "does not name its provider"), ("elevenlabs/x", "Chat paths are known for"), ("@cf/../x", "is not a provider's model or path")],
)  # fmt: skip
async def test_a_model_that_the_provider_endpoint_cannot_place_is_refused(model: str, said: str) -> None:
    with pytest.raises(GatewayError, match=said):
        await a_gateway(recording([])).chat("main", Chat(model, [], "provider"))


@pytest.mark.parametrize(
    ("body", "text", "tokens", "finish"),
    [
        ({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, "Hi", (1, 2), "stop"),
        ({"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}}, "Hi", (1, 2), "end_turn"),
        ({"result": {"response": "Hi", "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, "success": True}, "Hi", (1, 2), None),
        ({"choices": [{"message": {"refusal": "No"}}]}, "(refused) No", (None, None), None),
    ],
)  # fmt: skip
async def test_every_providers_reply_is_read(body: Any, text: str, tokens: tuple[Any, Any], finish: str | None) -> None:
    reply = await a_gateway(replying(200, json=body, headers={"cf-aig-step": "1"})).chat("main", Chat("openai/x", []))

    assert (reply.text, (reply.tokens_in, reply.tokens_out), reply.finish_reason, reply.step) == (
        text,
        tokens,
        finish,
        "1",
    )


async def test_anthropics_tool_uses_become_tool_calls() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "sky"}}

    reply = await a_gateway(replying(200, json={"content": [use]})).chat("main", Chat("anthropic/x", []))

    assert (reply.text, reply.tool_calls) == ("", [{"id": "t1", "name": "look", "arguments": '{"at":"sky"}'}])


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"error": {"message": "Incorrect API key"}}, "openai/x returned HTTP 401: \"Incorrect API key\""),
        (400, {"success": False, "error": [{"code": 2008, "message": "Invalid provider"}]}, "Write the model as provider/model"),
        (200, {"success": False, "error": [{"code": 2005, "message": "no answer"}]}, "no usable response"),
        (500, "broken", "openai/x returned HTTP 500: no reason given"),
    ],
)  # fmt: skip
async def test_a_refused_chat_names_its_log(status: int, body: Any, said: str) -> None:
    gateway = a_gateway(replying(status, json=body, headers={"cf-aig-log-id": "L1"}))

    with pytest.raises(GatewayError, match=said) as refused:
        await gateway.chat("main", Chat("openai/x", []))

    assert "get_log_details with log L1" in str(refused.value)


async def test_fallbacks_go_as_one_universal_request_with_each_key_in_its_own_step() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"choices": []}, headers={"cf-aig-step": "1"})

    chat = Chat(
        "anthropic/claude-sonnet-4-5", [], fallbacks=("openai/gpt-4o", "@cf/a/b"), controls={"cf-aig-event-id": "e"}
    )
    reply = await a_gateway(answer).chat("main", chat)

    assert str(seen[0].url) == f"{DATA}/{ACCOUNT}/main"
    assert seen[0].headers["cf-aig-event-id"] == "e"
    steps = json.loads(seen[0].content)
    assert [(step["provider"], step["endpoint"]) for step in steps] == [
        ("anthropic", "v1/messages"),
        ("openai", "chat/completions"),
        ("workers-ai", "@cf/a/b"),
    ]
    assert [{name: value for name, value in step["headers"].items() if "key" in value} for step in steps] == [
        {"x-api-key": "anthropic-key"},
        {"Authorization": "Bearer openai-key"},
        {},
    ]
    assert (reply.provider, reply.model, reply.step) == ("openai", "openai/gpt-4o", "1")


async def test_only_logs_of_the_gateway_that_was_used_are_awaited() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if request.method == "POST":
            return httpx2.Response(200, json={"choices": []}, headers={"cf-aig-log-id": "new"})
        return httpx2.Response(404, json={"success": False, "errors": [{"code": 7002, "message": "Not Found"}]})

    gateway = a_gateway(answer)
    await gateway.chat("main", Chat("openai/gpt-4o", []))
    with pytest.raises(NotFound):
        await gateway.log("other", "new")

    assert len(seen) == 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, {"errors": [{"code": 7003, "message": "Model not found"}]}, "No model openai/x: on endpoint=rest"),
        (401, {"errors": [{"code": 10000, "message": "Authentication error"}]}, "lacks the scope AI Gateway Run"),
        (
            429,
            {"errors": [{"code": 3040, "message": "Capacity exceeded"}]},
            'openai/x returned HTTP 429: "Capacity exceeded"',
        ),
        (429, {"error": [{"code": 2003, "message": "Rate limited"}]}, "The gateway's own rate limit was hit"),
    ],
)
async def test_the_gateways_own_errors_are_distinguished_from_the_providers(status: int, body: Any, said: str) -> None:
    with pytest.raises(GatewayError, match=said):
        await a_gateway(replying(status, json={"success": False, **body})).chat("main", Chat("openai/x", []))


NO_SUCH_LOG = {"success": False, "errors": [{"code": 7002, "message": "Not Found"}], "result": {}}


async def test_a_search_goes_as_one_request_and_returns_a_page() -> None:
    seen: list[httpx2.Request] = []
    answer = recording(seen, result=[{"id": "x", "session_id": "s1"}], result_info={"total_count": 7})

    page = await a_gateway(answer).search_logs(
        "main",
        text="a&b",
        session="s1",
        page=2,
        start_date="2026-11-01T00:00:00Z",
        filters=[Filter(key="success", value=[False])],
    )

    (request,) = seen
    assert page
    assert ([log.session_id for log in page.items], page.info.total_count) == (["s1"], 7)
    assert request.url.path == f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways/main/logs/search"
    assert dict(request.url.params) == {
        "text": "a&b",
        "session": "s1",
        "page": "2",
        "per_page": "50",
        "start_date": "2026-11-01T00:00:00Z",
        "filters": '[{"key":"success","operator":"eq","value":[false]}]',
    }


@pytest.mark.parametrize("status", [400, 404, 405, 501])
async def test_a_gateway_without_an_index_is_asked_once_for_each_kind_of_search(status: int) -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status, json=NO_SUCH_LOG)

    gateway = a_gateway(answer)
    searches = [{"text": "refund"}, {"text": "invoice"}, {"session": "s1"}, {"session": "s2"}]

    assert [await gateway.search_logs("main", **search) for search in searches] == [None] * 4  # pyright: ignore[reportArgumentType]
    assert [dict(request.url.params).keys() & {"text", "session"} for request in seen] == [{"text"}, {"session"}]


async def test_a_failed_search_is_reported_and_can_be_repeated() -> None:
    gateway = a_gateway(replying(403, json={"success": False, "errors": [{"code": 10000, "message": "No"}]}))

    for _ in range(2):
        with pytest.raises(GatewayError, match="AI Gateway Read"):
            await gateway.search_logs("main", text="refund")


async def test_logs_in_workers_observability_have_no_index() -> None:
    seen: list[httpx2.Request] = []
    gateway = a_gateway(recording(seen))
    gateway.log_system = "observability"

    assert await gateway.search_logs("main", text="refund") is None
    assert seen == []


async def test_the_local_gateway_is_searched(tmp_path: Path) -> None:
    async with Store(tmp_path / "gateway.db") as store, management(store) as http:
        await store.add(a_log(1, session="s1"))
        await store.add(a_log(2))
        gateway = AIGateway(
            http,
            api_url="http://127.0.0.1:8787/client/v4",
            data_url=DATA,
            account=ACCOUNT,
            token=lambda: "t",
            gateway_token=lambda: "",
            provider_keys={},
        )

        by_text = await gateway.search_logs("default", text="scattering")
        by_session = await gateway.search_logs("default", text="scattering", session="s1")
        nowhere = await gateway.search_logs("none", text="scattering")

    assert by_text
    assert by_session
    assert nowhere is None
    assert ([log.id for log in by_session.items], by_text.info.total_count) == ([a_log(1).id], 2)


HELLO = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("error", [httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ReadTimeout])
async def test_a_write_that_may_have_arrived_says_how_to_check(error: type[httpx2.TransportError]) -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        raise error("broken", request=request)

    gateway = a_gateway(answer)
    with pytest.raises(GatewayError) as chatted:
        await gateway.chat("main", Chat("openai/gpt-4o", HELLO))
    with pytest.raises(GatewayError, match="may have been recorded anyway: check with get_log_details"):
        await gateway.patch_log("main", "x", {"feedback": 1})

    event = seen[0].headers["cf-aig-event-id"]
    assert f'check with list_logs and filters=[{{"key": "event_id", "value": ["{event}"]}}]' in str(chatted.value)
    assert len(seen) == 2


async def test_a_write_that_cannot_have_arrived_raises_no_doubt() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    with pytest.raises(GatewayError, match=r"could not be reached \(ConnectError\)") as chatted:
        await a_gateway(answer).chat("main", Chat("openai/gpt-4o", HELLO))

    assert "carried out" not in str(chatted.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"null", "instead of JSON|no reason|HTTP 200"),
        (b"7", "HTTP 200"),
        (b'"hello"', "HTTP 200"),
        (b"[1, 2]", "HTTP 200"),
        (b'{"hello": "there"}', "returned HTTP 200 but no chat reply"),
        (b'{"error": {"message": "no such thing"}}', "but no chat reply: .*no such thing"),
    ],
)
async def test_a_success_without_a_reply_is_an_error(body: bytes, said: str) -> None:
    with pytest.raises(GatewayError, match=said):
        await a_gateway(replying(200, content=body)).chat("main", Chat("openai/gpt-4o", HELLO))


async def test_ordinary_rows_are_read_in_one_go(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row, a page costs three times as much."""
    for number in range(3):
        await store.add(a_log(number))

    def row_by_row(*_: object) -> None:
        raise AssertionError("a page of ordinary rows was read row by row")

    monkeypatch.setattr("cf_aig_gateway.answers.opened", row_by_row)
    async with management(store) as api:
        answer = (await api.get(LOGS)).json()
        told = [{**row, "usage_metadata": '{"input_cached_tokens": 1}', "metadata": None} for row in answer["result"]]
        for rows in (answer["result"], told):
            page = await a_gateway(replying(200, json={**answer, "result": rows})).logs("g")

            assert len(page.items) == 3
            assert page.items[0].timings == {}
        assert page.items[0].usage_metadata == {"input_cached_tokens": 1}
        assert page.items[0].metadata == {}


def test_only_the_import_of_aiohttp_goes_without_certificates() -> None:
    assert importlib.import_module("cf_aig_gateway.light_aiohttp").aiohttp

    assert "set_default_verify_paths" not in vars(ssl.SSLContext)
