"""The official `cloudflare` SDK, unmodified, on the local gateway over a real socket."""

import json
from collections.abc import AsyncGenerator

import cloudflare
import pytest
from cloudflare import AsyncCloudflare
from logs import NOON, a_failed_log, a_log
from management import ACCOUNT
from serving import serving

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.store import Store

SETTINGS = {
    "cache_invalidate_on_update": True,
    "cache_ttl": 60,
    "collect_logs": True,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
}
HERE = {"account_id": ACCOUNT, "gateway_id": "default"}


@pytest.fixture
async def sdk(store: Store) -> AsyncGenerator[AsyncCloudflare]:
    async with (
        serving(build_app(store, token="secret")) as url,
        AsyncCloudflare(api_token="secret", base_url=f"{url}/client/v4", max_retries=0) as sdk,
    ):
        yield sdk


@pytest.mark.anyio
async def test_the_sdk_lists_gateways_to_the_end(sdk: AsyncCloudflare) -> None:
    for name in ("a", "b", "c"):
        await sdk.ai_gateway.create(account_id=ACCOUNT, id=name, **SETTINGS)

    names = [gateway.id async for gateway in sdk.ai_gateway.list(account_id=ACCOUNT, per_page=2)]

    assert names == ["a", "b", "c", "default"]


@pytest.mark.anyio
async def test_the_sdk_replaces_reads_and_deletes_a_gateway(sdk: AsyncCloudflare) -> None:
    made = await sdk.ai_gateway.create(account_id=ACCOUNT, id="main", **SETTINGS)
    changed = await sdk.ai_gateway.update("main", account_id=ACCOUNT, **SETTINGS | {"cache_ttl": 90})
    read = await sdk.ai_gateway.get("main", account_id=ACCOUNT)
    url = await sdk.ai_gateway.urls.get("openai", account_id=ACCOUNT, gateway_id="main")
    await sdk.ai_gateway.delete("main", account_id=ACCOUNT)

    assert (made.cache_ttl, changed.cache_ttl, read.cache_ttl) == (60, 90, 90)
    assert made.created_at == read.created_at
    assert url.endswith(f"/v1/{ACCOUNT}/main/openai")
    with pytest.raises(cloudflare.NotFoundError):
        await sdk.ai_gateway.get("main", account_id=ACCOUNT)


@pytest.mark.anyio
async def test_the_sdk_lists_logs_to_the_end(sdk: AsyncCloudflare, store: Store) -> None:
    for number in range(7):
        await store.add(a_log(number, minutes=number))

    logs = [log async for log in sdk.ai_gateway.logs.list(**HERE, per_page=3)]

    assert [log.id for log in logs] == [a_log(number).id for number in reversed(range(7))]
    assert (logs[0].created_at.minute, logs[0].duration, logs[0].success) == (6, 812, True)


@pytest.mark.anyio
async def test_the_sdk_filters_with_json(sdk: AsyncCloudflare, store: Store) -> None:
    await store.add(a_log(1))
    await store.add(a_failed_log(2))
    failed = json.dumps([{"key": "success", "operator": "eq", "value": [False]}])

    page = await sdk.ai_gateway.logs.list(**HERE, filters=failed)

    assert [log.id for log in page.result] == [a_log(2).id]
    assert page.result_info.total_count == 1


@pytest.mark.anyio
async def test_the_sdk_reads_a_log_and_both_bodies(sdk: AsyncCloudflare, store: Store) -> None:
    await store.add(a_log(1, response=b"data: x\n\n", response_content_type="text/event-stream"))

    log = await sdk.ai_gateway.logs.get(a_log(1).id, **HERE)
    request = await sdk.ai_gateway.logs.request(a_log(1).id, **HERE)
    response = await sdk.ai_gateway.logs.response(a_log(1).id, **HERE)

    assert (log.model, log.request_size, log.request_head_complete) == (
        "openai/gpt-4o-mini",
        len(a_log().request),
        True,
    )
    assert request == json.loads(a_log().request)
    assert response == "data: x\n\n"


@pytest.mark.anyio
async def test_the_sdk_patches_and_deletes_logs(sdk: AsyncCloudflare, store: Store) -> None:
    await store.add(a_log(1))

    patched = await sdk.ai_gateway.logs.edit(a_log(1).id, **HERE, feedback=-1, score=10, metadata={"seen": True})
    log = await sdk.ai_gateway.logs.get(a_log(1).id, **HERE)
    cleared = await sdk.ai_gateway.logs.edit(a_log(1).id, **HERE, feedback=None)
    deleted = await sdk.ai_gateway.logs.delete(**HERE)

    assert (patched, cleared, deleted.success) == ({}, {}, True)
    assert (log.feedback, log.score, log.metadata) == (-1, 10, {"seen": True})
    assert (await sdk.ai_gateway.logs.list(**HERE)).result == []


@pytest.mark.anyio
async def test_the_sdk_raises_the_right_error(sdk: AsyncCloudflare, store: Store) -> None:
    stranger = sdk.with_options(api_token="wrong")

    with pytest.raises(cloudflare.BadRequestError) as bad:
        await sdk.ai_gateway.logs.list(**HERE, per_page=51)
    with pytest.raises(cloudflare.NotFoundError) as missing:
        await sdk.ai_gateway.logs.get("none", **HERE)
    with pytest.raises(cloudflare.AuthenticationError) as unknown:
        await stranger.ai_gateway.list(account_id=ACCOUNT)
    with pytest.raises(cloudflare.ConflictError):
        await sdk.ai_gateway.create(account_id=ACCOUNT, id="default", **SETTINGS)
    with pytest.raises(cloudflare.InternalServerError) as unemulated:
        await sdk.ai_gateway.datasets.list(**HERE)

    assert [(error.code, error.message) for error in bad.value.errors] == [
        (7001, "Number must be less than or equal to 50")
    ]
    assert [error.code for error in missing.value.errors] == [7002]
    assert [error.code for error in unknown.value.errors] == [10000]
    assert unemulated.value.status_code == 501


@pytest.mark.anyio
async def test_the_sdk_reads_keys_values_and_events_of_workers_observability(
    sdk: AsyncCloudflare, store: Store
) -> None:
    await store.add(a_log(1, metadata={"team": "red"}))
    await store.add(a_failed_log(2, minutes=1, model="openai/gpt-4o"))
    span = {"from": round(NOON.timestamp() * 1000), "to": round(NOON.timestamp() * 1000) + 600_000}
    failed = {"key": "status_code", "operation": "gte", "type": "number", "value": 400}
    telemetry = sdk.workers.observability.telemetry

    keys = {key.key: key.type async for key in await telemetry.keys(account_id=ACCOUNT)}
    values = [
        value.value
        async for value in await telemetry.values(
            account_id=ACCOUNT, key="gen_ai.request.model", type="string", timeframe=span, datasets=[]
        )
    ]
    found = await telemetry.query(
        account_id=ACCOUNT, query_id="q", timeframe=span, view="events", parameters={"filters": [failed]}
    )

    assert (keys["gen_ai.usage.cost"], keys["team"], keys["success"]) == ("number", "string", "boolean")
    assert values == ["gpt-4o", "gpt-4o-mini"]
    assert found.events and found.events.events and found.events.count == 1
    assert found.events.events[0].metadata.id == a_log(2).id
    assert found.events.events[0].metadata.status_code == 503


@pytest.mark.anyio
async def test_the_sdk_reads_calculations_by_group_and_over_time(sdk: AsyncCloudflare, store: Store) -> None:
    for number in range(6):
        await store.add(a_log(number, minutes=number, provider="openai" if number % 2 else "groq", cost=0.5))
    span = {"from": round(NOON.timestamp() * 1000), "to": round(NOON.timestamp() * 1000) + 360_000}
    group = {"type": "string", "value": "gen_ai.model.provider"}

    found = await sdk.workers.observability.telemetry.query(
        account_id=ACCOUNT,
        query_id="q",
        timeframe=span,
        view="calculations",
        granularity=6,
        parameters={
            "calculations": [
                {"operator": "count"},
                {"operator": "sum", "key": "gen_ai.usage.cost", "key_type": "number"},
            ],
            "group_bys": [group],
        },
    )

    count, cost = found.calculations or []
    assert {each.groups[0].value: each.value for each in cost.aggregates if each.groups} == {"openai": 1.5, "groq": 1.5}
    assert [point.data[0].value for point in count.series] == [1] * 6
