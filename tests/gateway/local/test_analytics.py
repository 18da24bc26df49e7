"""The local gateway's GraphQL analytics, asked by our client; figures are compared with sums over the logs."""

import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from logs import NOON, a_log
from management import ACCOUNT, management

from cf_aig_gateway.analytics import Grouping, RequestGroup
from cf_aig_gateway.client import AIGateway
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


async def test_nothing_found_is_no_group_rather_than_a_group_of_none(store: Store, gateway: AIGateway) -> None:
    await fill(store, [a_log(1)])

    found = await gateway.request_groups("other", [Grouping(NOON - HOUR, NOON + HOUR)])

    assert found == [[]]
