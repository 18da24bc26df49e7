"""The local gateway's GraphQL analytics, queried by our client and compared with sums over the logs."""

import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from logs import NOON, a_failed_log, a_log
from management import ACCOUNT, management

from cf_aig_gateway.analytics import Grouping, RequestGroup
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
async def api(store: Store) -> AsyncGenerator[httpx2.AsyncClient]:
    async with management(store) as http:
        yield http


@pytest.fixture
def gateway(api: httpx2.AsyncClient) -> AIGateway:
    return AIGateway(
        api,
        api_url=f"{str(api.base_url).rstrip('/')}/client/v4",
        data_url="",
        account=ACCOUNT,
        token=lambda: "t",
        gateway_token=lambda: "t",
        provider_keys={},
    )


def varied_logs(count: int) -> list[Record]:
    """Return logs of three hours before and after noon, some without tokens or cost."""
    chance = random.Random(7)
    logs: list[Record] = []
    for number in range(count):
        failed = chance.random() < 0.2
        unpriced = chance.random() < 0.1
        logs.append(
            a_log(
                number,
                minutes=chance.uniform(-180, 180),
                model=chance.choice(("openai/gpt-4o", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5")),
                success=not failed,
                status_code=chance.choice((429, 500)) if failed else 200,
                cached=chance.random() < 0.3,
                tokens_in=None if unpriced else chance.randrange(5000),
                tokens_out=None if unpriced else chance.randrange(500),
                cost=None if unpriced else chance.randrange(1000) / 1024,
            )
        )
    return logs


async def fill(store: Store, logs: Iterable[Record]) -> None:
    for log in logs:
        await store.add(log)


def added_up(logs: Iterable[Record], key: Callable[[Record], dict[str, Any]]) -> list[RequestGroup]:
    """Return the groups of logs, without SQL."""
    held: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for log in logs:
        held[tuple(key(log).items())].append(log)
    return [
        RequestGroup.model_construct(
            count=len(group),
            cached_requests=sum(log.cached for log in group),
            errored_requests=sum(not log.success for log in group),
            cached_tokens_in=sum(log.tokens_in or 0 for log in group if log.cached),
            cached_tokens_out=sum(log.tokens_out or 0 for log in group if log.cached),
            uncached_tokens_in=sum(log.tokens_in or 0 for log in group if not log.cached),
            uncached_tokens_out=sum(log.tokens_out or 0 for log in group if not log.cached),
            cost=sum(log.cost or 0 for log in group),
            dimensions=dict(shared),
        )
        for shared, group in sorted(held.items(), key=lambda entry: str(entry[0]))
    ]


def by_name(groups: list[RequestGroup]) -> list[RequestGroup]:
    return sorted(groups, key=lambda group: str(tuple(group.dimensions.items())))


def at(log: Record) -> datetime:
    return datetime.fromtimestamp(log.created_at / 1000, UTC)


async def test_several_groupings_are_answered_at_once_and_exactly(store: Store, gateway: AIGateway) -> None:
    logs = varied_logs(300)
    await fill(store, logs)
    inside = [log for log in logs if NOON - HOUR <= at(log) < NOON + HOUR]

    span = (NOON - HOUR, NOON + HOUR)
    whole, models, hours, failures = await gateway.request_groups(
        "default",
        [
            Grouping(*span),
            Grouping(*span, by=("model",)),
            Grouping(*span, by=("model", "datetimeHour")),
            Grouping(*span, by=("statusCode", "rateLimited", "error"), filters={"error": 1}),
        ],
    )

    assert whole == added_up(inside, lambda _: {})
    assert by_name(models) == added_up(inside, lambda log: {"model": log.model})
    assert by_name(hours) == added_up(
        inside, lambda log: {"model": log.model, "datetimeHour": at(log).strftime("%Y-%m-%dT%H:00:00Z")}
    )
    assert by_name(failures) == added_up(
        (log for log in inside if not log.success),
        lambda log: {"statusCode": log.status_code, "rateLimited": int(log.status_code == 429), "error": 1},
    )


async def test_without_matches_there_is_no_group(store: Store, gateway: AIGateway) -> None:
    await fill(store, [a_log(1)])

    found = await gateway.request_groups("other", [Grouping(NOON - HOUR, NOON + HOUR)])

    assert found == [[]]


async def test_calls_are_grouped_by_dates_periods_and_agents(store: Store, gateway: AIGateway) -> None:
    await fill(store, [a_log(1, minutes=7.5, user_agent="node"), a_log(2, minutes=17)])
    times = ("date", "datetimeHour", "datetimeFiveMinutes", "datetimeMinute")

    (found,) = await gateway.request_groups(
        "default", [Grouping(NOON, NOON + HOUR, by=(*times, "userAgent"), order=("datetimeMinute_ASC",))]
    )

    shared = {"date": "2026-11-21", "datetimeHour": "2026-11-21T12:00:00Z"}
    assert [group.dimensions for group in found] == [
        shared
        | {"datetimeFiveMinutes": f"2026-11-21T{five}Z", "datetimeMinute": f"2026-11-21T{minute}Z", "userAgent": agent}
        for five, minute, agent in (("12:05:00", "12:07:00", "node"), ("12:15:00", "12:17:00", ""))
    ]


async def test_groups_come_in_the_requested_order_up_to_the_limit(store: Store, gateway: AIGateway) -> None:
    await fill(store, [a_log(number, model=f"m{number % 3}", cost=float(number)) for number in range(8)])

    found = await gateway.request_groups(
        "default",
        [
            Grouping(NOON, NOON + HOUR, by=("model",), order=order, limit=2)
            for order in (("count_DESC", "model_DESC"), ("sum_cost_DESC",), ("model_ASC",), ())
        ],
    )

    assert [[group.dimensions["model"] for group in groups] for groups in found[:3]] == [
        ["m1", "m0"],
        ["m1", "m0"],
        ["m0", "m1"],
    ]
    assert len(found[3]) == 2


SLOW = {"durationMs_gt": 1000}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {1, 2, 3}),
        (SLOW, {2, 3}),
        ({"model": "a/one"}, {1, 3}),
        ({"model_neq": "a/one"}, {2}),
        ({"model_in": ["a/one", "a/two"]}, {1, 2, 3}),
        ({"model_in": []}, set()),
        ({"model_notin": ["a/two"]}, {1, 3}),
        ({"statusCode_geq": 400, "statusCode_lt": 500}, {2}),
        ({"rateLimited": 1}, {2}),
        ({"rateLimited_lt": 1}, {1, 3}),
        ({"error_in": [0]}, {1, 3}),
        ({"cached": 1}, {3}),
        ({"tokensIn_leq": 0}, {3}),
        ({"OR": [{"cached": 1}, {"error": 1}]}, {2, 3}),
        ({"AND": [{"model": "a/one"}, SLOW]}, {3}),
        ({"AND": [], "OR": None, "model": None}, {1, 2, 3}),
    ],
    ids=str,
)
async def test_filters_have_cloudflares_names(
    store: Store, gateway: AIGateway, filters: dict[str, Any], expected: set[int]
) -> None:
    await fill(
        store,
        [
            a_log(1, model="a/one", duration=100, cost=1.0),
            a_failed_log(2, model="a/two", duration=2000, status_code=429, tokens_in=9, cost=2.0),
            a_log(3, model="a/one", duration=3000, cached=True, tokens_in=None, cost=4.0),
        ],
    )

    (found,) = await gateway.request_groups("default", [Grouping(NOON, NOON + HOUR, filters=filters)])

    assert sum(group.cost for group in found) == sum(2.0 ** (number - 1) for number in expected)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"datetimeHour_geq": "2026-11-21T12:00:00Z"}, {60, 90, 120}),
        ({"datetimeHour_geq": "2026-11-21T12:30:00Z"}, {120}),
        ({"datetimeHour_gt": "2026-11-21T12:00:00Z"}, {120}),
        ({"datetimeHour_leq": "2026-11-21T12:30:00Z"}, {30, 60, 90}),
        ({"datetimeHour_lt": "2026-11-21T12:00:00Z"}, {30}),
        ({"datetimeHour_lt": "2026-11-21T12:30:00Z"}, {30, 60, 90}),
        ({"datetimeHour": "2026-11-21T12:00:00Z"}, {60, 90}),
        ({"datetime_gt": "2026-11-21T12:00:00Z", "datetime_leq": "2026-11-21T13:00:00+00:00"}, {90, 120}),
        ({"date": "2026-11-21"}, {30, 60, 90, 120}),
        ({"date_gt": "2026-11-21"}, set()),
        ({"datetime_lt": "9999-12-31T23:59:59Z"}, {30, 60, 90, 120}),
    ],
    ids=str,
)
async def test_a_time_is_compared_with_the_start_of_its_period(
    store: Store, api: httpx2.AsyncClient, filters: dict[str, Any], expected: set[int]
) -> None:
    """Logs of 11:30, 12:00, 12:30 and 13:00. Their durations, in minutes since 11:00, identify them."""
    await fill(store, [a_log(minutes, minutes=minutes - 60, duration=minutes) for minutes in (30, 60, 90, 120)])

    answer = await ask(api, "durationMs", filters)

    rows = answer["data"]["viewer"]["accounts"][0]["aiGatewayRequestsAdaptiveGroups"]
    assert {row["dimensions"]["durationMs"] for row in rows} == expected


async def ask(api: httpx2.AsyncClient, dimensions: str, filters: dict[str, Any], limit: int = 100) -> dict[str, Any]:
    """Send a query in the form of other clients."""
    query = """
    query ($tag: String!, $filter: AccountAiGatewayRequestsAdaptiveGroupsFilter_InputObject, $limit: Int!) {
      viewer { accounts(filter: {accountTag: $tag}) { accountTag aiGatewayRequestsAdaptiveGroups(limit: $limit, filter: $filter) {
        ...figures
      } } }
    }
    fragment figures on AccountAiGatewayRequestsAdaptiveGroups { count ... { dimensions { __typename %s } } }
    """
    variables = {"tag": ACCOUNT, "filter": filters, "limit": limit}
    answer = await api.post("/client/v4/graphql", json={"query": query % dimensions, "variables": variables})
    assert answer.status_code == 200
    return answer.json()


async def test_aliases_and_fragments_are_understood(store: Store, api: httpx2.AsyncClient) -> None:
    await fill(store, [a_log(1), a_failed_log(2)])

    answer = await ask(api, "ts: datetimeMinute provider", {"gateway": "default"})

    shared = {
        "__typename": "AccountAiGatewayRequestsAdaptiveGroupsDimensions",
        "ts": "2026-11-21T12:00:00Z",
        "provider": "openai",
    }
    groups = [{"count": 2, "dimensions": shared}]
    account = {"accountTag": ACCOUNT, "aiGatewayRequestsAdaptiveGroups": groups}
    assert answer == {"data": {"viewer": {"accounts": [account]}}, "errors": None}


async def test_one_of_several_operations_is_chosen_by_its_name(api: httpx2.AsyncClient) -> None:
    query = 'query a { __typename } query b { viewer { accounts(filter: {accountTag: "t"}) { accountTag } } }'

    answer = await api.post("/client/v4/graphql", json={"query": query, "variables": None, "operationName": "b"})

    assert answer.json() == {"data": {"viewer": {"accounts": [{"accountTag": "t"}]}}, "errors": None}


@pytest.mark.parametrize(
    ("dimensions", "filters", "limit", "message"),
    [
        ("colo", {}, 1, "Cannot query field 'colo' on type 'AccountAiGatewayRequestsAdaptiveGroupsDimensions'."),
        ("model @include(if: true)", {}, 1, "Unknown directive '@include'."),
        ("model", {}, 0, "limit must be positive number and not greater than 10000"),
        ("model", {}, 10_001, "limit must be positive number and not greater than 10000"),
        ("model", {"datetime_geq": "2026-10-01T00:00:00Z", "datetimeHour_leq": "2026-11-03T00:00:00Z"}, 1, "query time range is too large. Time range can't be wider than 2764800s, but is 2851200s"),
        ("model", {"model": 3}, 1, "Variable '$filter' has invalid value at .model: expected a string, got 3"),
        ("model", {"statusCode": "500"}, 1, "Variable '$filter' has invalid value at .statusCode: expected a whole number, got '500'"),
        ("model", {"datetime_geq": "noon"}, 1, "Variable '$filter' has invalid value at .datetime_geq: expected a time as 2026-11-21T12:00:00Z, got 'noon'"),
        ("model " * 5000, {}, 1, "Syntax Error: Document contains more than 5000 tokens. Parsing aborted."),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
async def test_what_is_not_supported_is_refused_by_name(
    api: httpx2.AsyncClient, dimensions: str, filters: dict[str, Any], limit: int, message: str
) -> None:
    answer = await ask(api, dimensions, filters, limit)

    assert answer["data"] is None
    assert [error["message"] for error in answer["errors"]] == [message]
    assert set(answer["errors"][0]) == {"message", "path", "extensions"}


async def test_a_refusal_names_the_grouping(gateway: AIGateway) -> None:
    wrong = Grouping(NOON, NOON + HOUR, by=("model",), order=("provider_ASC",))

    with pytest.raises(GatewayError) as refused:
        await gateway.request_groups("default", [Grouping(NOON, NOON + HOUR), wrong])

    assert str(refused.value) == (
        "The gateway refused the request. "
        '("accounts.0.groups1: orderBy provider_ASC needs its dimension among the selected ones")'
    )


async def test_logs_that_are_not_visible_yet_are_not_counted(tmp_path: Path) -> None:
    async with Store(tmp_path / "g.db", log_lag_s=60) as store, management(store) as api:
        now = round(datetime.now(UTC).timestamp() * 1000)
        await fill(store, [a_log(1, created_at=now), a_log(2, created_at=now - 120_000, model="shown")])

        answer = await ask(api, "model", {})

    rows = answer["data"]["viewer"]["accounts"][0]["aiGatewayRequestsAdaptiveGroups"]
    assert [row["dimensions"]["model"] for row in rows] == ["shown"]


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"query": 3}', b'{"query": "", "variables": []}'])
async def test_a_body_that_is_not_a_query_is_refused(api: httpx2.AsyncClient, body: bytes) -> None:
    answer = await api.post("/client/v4/graphql", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["success"] is False
