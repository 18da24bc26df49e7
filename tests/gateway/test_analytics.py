"""How the client handles failing analytics. `MockTransport` is used because the local gateway's don't fail."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest

from cf_aig_gateway.analytics import Grouping
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError

pytestmark = pytest.mark.anyio

ACCOUNT = "0" * 31 + "1"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = Grouping(NOON, NOON + timedelta(hours=1))

Answer = Callable[[httpx2.Request], httpx2.Response]


async def groups(answer: Answer, *groupings: Grouping) -> Any:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
        gateway = AIGateway(
            http,
            api_url="https://api.example.com/client/v4",
            data_url="https://data.example.com/v1",
            account=ACCOUNT,
            token=lambda: "api-token",
            gateway_token=lambda: "gateway-token",
            provider_keys={"openai": "openai-key"},
        )
        return await gateway.request_groups("main", groupings or [HOUR])


def replying(status: int, **kwargs: Any) -> Answer:
    return lambda _: httpx2.Response(status, **kwargs)


def failing(message: str, status: int = 200, *path: str) -> Answer:
    error = {"message": message, "path": path or None, "extensions": {"timestamp": "2026-11-21T12:00:00Z"}}
    return replying(status, json={"data": None, "errors": [error]})


async def test_groupings_go_as_one_request_whose_values_are_variables() -> None:
    seen: list[httpx2.Request] = []
    zone = timezone(timedelta(hours=2))

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"data": {"viewer": {"accounts": [{"groups0": [], "groups1": []}]}}})

    failures = Grouping(
        NOON.astimezone(zone),
        NOON + timedelta(minutes=5),
        by=("model", "datetimeMinute"),
        filters={"error": 1, "gateway": "another"},
        order=("datetimeMinute_ASC",),
        limit=7,
    )
    found = await groups(answer, HOUR, failures)

    assert found == [[], []]
    assert [str(request.url) for request in seen] == ["https://api.example.com/client/v4/graphql"]
    assert seen[0].headers["authorization"] == "Bearer api-token"
    assert "cf-aig-authorization" not in seen[0].headers
    assert json_of(seen[0]) == {
        "query": "query ($account: string!, $filter0: AccountAiGatewayRequestsAdaptiveGroupsFilter_InputObject!, "
        "$filter1: AccountAiGatewayRequestsAdaptiveGroupsFilter_InputObject!) "
        "{ viewer { accounts(filter: {accountTag: $account}) { "
        "groups0: aiGatewayRequestsAdaptiveGroups(limit: 10000, filter: $filter0, orderBy: [count_DESC]) { count sum "
        "{ cachedRequests erroredRequests cachedTokensIn cachedTokensOut uncachedTokensIn uncachedTokensOut cost } } "
        "groups1: aiGatewayRequestsAdaptiveGroups(limit: 7, filter: $filter1, orderBy: [datetimeMinute_ASC]) { count sum "
        "{ cachedRequests erroredRequests cachedTokensIn cachedTokensOut uncachedTokensIn uncachedTokensOut cost } "
        "dimensions { model datetimeMinute } } } } }",
        "variables": {
            "account": ACCOUNT,
            "filter0": {
                "gateway": "main",
                "datetime_geq": "2026-11-21T12:00:00.000Z",
                "datetime_lt": "2026-11-21T13:00:00.000Z",
            },
            "filter1": {
                "error": 1,
                "gateway": "main",
                "datetime_geq": "2026-11-21T12:00:00.000Z",
                "datetime_lt": "2026-11-21T12:05:00.000Z",
            },
        },
    }


def json_of(request: httpx2.Request) -> Any:
    return httpx2.Response(200, content=request.content).json()


NO_PERMISSION = "No permission. The token is wrong or expired, or lacks the scope Account Analytics Read."
PATH = ("viewer", "accounts", "0", "groups0")


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (failing("not authorized for that account"), 403, NO_PERMISSION),
        (failing("not authorized for that account", 403), 403, NO_PERMISSION),
        (failing(f"account '{ACCOUNT}' does not have access to the path", 200, *PATH), 403, NO_PERMISSION),
        (failing("Unauthorized", 401), 401, NO_PERMISSION),
        (replying(401, json={"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}), 401, NO_PERMISSION),
        (failing("rate limiter budget depleted, try again after 5 minutes"), 429, "Rate limited. Try again in a minute"),
        (failing("rate limiter budget depleted, try again after 5 minutes", 429), 429, "Rate limited. Try again in a minute"),
        (failing("quota exceeded, please repeat your request in the next minute"), 429, "Rate limited. Try again in a minute"),
        (failing("too many queries in progress, please try again later"), 503, "The gateway failed. Try again in a moment."),
        (failing("query time range is too large", 200, *PATH), 400, "The gateway refused the request. (\"accounts.0.groups0: query time range is too large\")"),
        (failing("cannot request data older than 5356800s", 400, *PATH), 400, "accounts.0.groups0: cannot request data older than 5356800s"),
        (failing('unknown arg "datetimeDay_geq"'), 400, "The gateway refused the request. (\"unknown arg 'datetimeDay_geq'\")"),
        (replying(200, html="<h1>Sign in</h1>"), 200, "text/html instead of JSON: <h1>Sign in</h1>"),
        (replying(502, html="<h1>Bad gateway</h1>"), 502, "The gateway failed. Try again in a moment."),
        (replying(404, json={"success": False, "errors": [{"code": 7003, "message": "Could not route"}]}), 404, "The gateway has no such account or path."),
        (replying(404, text="nothing here"), 404, "This API has no analytics. Check CLOUDFLARE_BASE_URL."),
        (replying(302, headers={"location": "/login"}), 302, "The gateway redirected the request"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)  # fmt: skip
async def test_a_failure_is_reported_by_its_words_whatever_its_status(answer: Answer, status: int, words: str) -> None:
    with pytest.raises(GatewayError) as refused:
        await groups(answer)

    assert words in str(refused.value)
    assert refused.value.status == status


def answering(*groups: Any) -> Answer:
    return replying(200, json={"data": {"viewer": {"accounts": [{"groups0": groups}]}}, "errors": None})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (replying(200, json={"data": {"viewer": {"accounts": []}}}), "Analytics found no such account."),
        (replying(200, json={"data": None, "errors": None}), "Analytics found no such account."),
        (replying(200, json=[]), "Analytics found no such account."),
        (answering({"count": 1}), "Analytics returned groups that cannot be read."),
        (
            replying(200, json={"data": {"viewer": {"accounts": [{}]}}}),
            "Analytics returned groups that cannot be read.",
        ),
        (answering(None), "Analytics returned groups that cannot be read."),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
async def test_an_answer_without_groups_is_never_taken_for_zero(answer: Answer, words: str) -> None:
    with pytest.raises(GatewayError, match=words):
        await groups(answer)


async def test_analytics_that_do_not_answer_are_an_error() -> None:
    def slow(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("", request=request)

    with pytest.raises(GatewayError, match=r"^api\.example\.com timed out"):
        await groups(slow)
