"""New logs as they arrive, from either log system."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import httpx2
import pytest
from logs import a_failed_log, a_log
from plane import ACCOUNT

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.store import Store
from cf_aig_server.opening import open_gateway
from cf_aig_server.settings import Settings
from cf_aig_tools import following as following_module
from cf_aig_tools.asked import Asked
from cf_aig_tools.following import Following, follow, may_pass
from cf_aig_tools.parameters import wanted
from cf_aig_tools.reading.masking import Masker

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["gateway", "observability"])
async def gateway(store: Store, request: pytest.FixtureRequest) -> AsyncGenerator[AIGateway]:
    async with anyio.create_task_group() as tasks:
        way = ASGITransport(build_app(store, logs=request.param), tasks)
        root = "http://127.0.0.1"
        settings = Settings(
            account_id=ACCOUNT, api_token="t", api_url=f"{root}/client/v4", data_url=f"{root}/v1", log_days=3650
        )
        async with open_gateway(settings, way) as opened:
            yield opened
        tasks.cancel_scope.cancel()


def followed(gateway: AIGateway, **asked: object) -> Following:
    return Following(Asked(gateway, wanted([], {}, Masker(), **asked), None, None, "", Masker()), "default")


async def ids(following: Following) -> list[int]:
    return [int(log.id[-4:], 16) for log in (await following.news()).logs]


async def test_new_logs_are_reported_once_and_in_order(gateway: AIGateway, store: Store) -> None:
    await store.add(a_log(1))
    following = followed(gateway)
    before = await following.newest(20)

    await store.add(a_log(3, minutes=2))
    await store.add(a_log(2, minutes=1))

    assert [log.id[-1] for log in before] == ["1"]
    assert await ids(following) == [2, 3]
    assert await ids(following) == []


async def test_late_logs_are_neither_lost_nor_reported_twice(gateway: AIGateway, store: Store) -> None:
    await store.add(a_log(1))
    await store.add(a_log(9, minutes=9))
    following = followed(gateway)
    await following.newest(1)

    await store.add(a_log(2, minutes=8.9))
    assert await ids(following) == [2]
    await store.add(a_log(3, minutes=1))
    await store.add(a_log(4, minutes=9))
    assert await ids(following) == [3, 4]
    assert await ids(following) == []


async def test_a_burst_of_several_pages_is_read_whole(gateway: AIGateway, store: Store) -> None:
    for number in range(60):
        await store.add(a_log(number, minutes=number / 100))
    following = followed(gateway)
    assert len(await following.newest(5)) == 5

    for number in range(60, 190):
        await store.add(a_log(number, minutes=number / 100))
    await store.add(a_log(190, minutes=0.55))

    assert await ids(following) == [190, *range(60, 190)]
    assert await ids(following) == []


async def test_earlier_logs_are_not_new(gateway: AIGateway, store: Store) -> None:
    for number in range(120):
        await store.add(a_log(number, minutes=number / 1000))
    following = followed(gateway)
    await following.newest(1)

    assert await ids(following) == []


async def test_a_burst_larger_than_the_limit_is_reported(
    gateway: AIGateway, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "MOST_PAGES", 1)
    await store.add(a_log(999))
    following = followed(gateway)
    await following.newest(1)
    for number in range(60):
        await store.add(a_log(number, minutes=1 + number))

    news = await following.news()

    assert (len(news.logs), news.is_cut) == (50, True)


async def test_only_matching_logs_are_reported(gateway: AIGateway, store: Store) -> None:
    await store.add(a_log(0))
    following = followed(gateway, success=False)
    await following.newest(1)
    await store.add(a_log(1))
    await store.add(a_failed_log(2))

    assert await ids(following) == [2]


def scripted(*answers: httpx2.Response | Exception) -> tuple[httpx2.MockTransport, list[httpx2.Request]]:
    """Return a Cloudflare that gives these answers: the local gateway doesn't rate limit reads of its logs."""
    seen: list[httpx2.Request] = []
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, Exception):
            raise given
        return given

    return httpx2.MockTransport(answer), seen


def page(*ids: int) -> httpx2.Response:
    rows = [{"id": f"{each:04x}", "created_at": f"2026-11-21T12:00:{each:02}Z", "success": True} for each in ids]
    return httpx2.Response(
        200, text=json.dumps({"success": True, "result": rows, "result_info": {"total_count": len(rows)}})
    )


LIMITED = httpx2.Response(429, headers={"retry-after": "600"}, json={"success": False, "errors": [{"message": "slow"}]})
DENIED = httpx2.Response(403, json={"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]})


async def test_the_wait_after_a_rate_limit_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following_module, "FIRST_WAIT_S", 0.01)
    transport, _ = scripted(page(1), LIMITED, LIMITED, page(2, 1))
    waits: list[float] = []
    async with open_gateway(Settings(account_id=ACCOUNT, api_token="t", logs="gateway"), transport) as gateway:
        following = followed(gateway)
        await following.newest(1)
        async for news in follow(following, 0, lambda _, wait: waits.append(wait)):
            assert [log.id for log in news.logs] == ["0002"]
            break

    assert waits == [0.01, 0.02]


async def test_a_refusal_ends_it() -> None:
    transport, _ = scripted(page(1), DENIED)
    async with open_gateway(Settings(account_id=ACCOUNT, api_token="t", logs="gateway"), transport) as gateway:
        following = followed(gateway)
        await following.newest(1)
        with pytest.raises(GatewayError, match="10000"):
            async for _ in follow(following, 0, lambda *_: None):
                pass


@pytest.mark.parametrize(("status", "passes"), [(None, True), (429, True), (503, True), (401, False), (404, False)])
def test_transient_failures(status: int | None, passes: bool) -> None:
    assert may_pass(GatewayError("x", status=status)) is passes


async def test_a_quiet_gateway_costs_one_request_a_look(tmp_path: Path) -> None:
    transport, seen = scripted(page(1))
    async with open_gateway(Settings(account_id=ACCOUNT, api_token="t", logs="gateway"), transport) as gateway:
        following = followed(gateway)
        await following.newest(1)
        await following.news()
        await following.news()

    assert len(seen) == 3
