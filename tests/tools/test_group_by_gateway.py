"""The totals of all gateways of an account, in one request."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from logs import a_failed_log, a_log
from management import ACCOUNT
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

pytestmark = pytest.mark.anyio

HOUR = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T13:00Z", "group_by": "gateway"}
GUARD = {"provider": "workers-ai", "model": "@cf/meta/llama-guard-3-8b", "event_id": "e1", "cost": 0.00025}


class Seen(httpx2.ASGITransport):
    """Keeps the paths of requests."""

    def __init__(self, store: Store) -> None:
        super().__init__(app=build_app(store))
        self.paths: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        return await super().handle_async_request(request)


async def filled(store: Store) -> dict[str, Decimal]:
    """Put calls into three gateways and return what each spent."""
    spent = {"default": Decimal(), "staging": Decimal(), "secret": Decimal()}
    for number, gateway in enumerate([*spent] * 20):
        if number in {1, 2}:
            await store.create_gateway(gateway, "{}")
        cost = Decimal(number + 1) / 4096
        spent[gateway] += cost
        await store.add(a_log(number, minutes=number / 2, gateway=gateway, cost=float(cost)))
    await store.add(a_failed_log(100, minutes=3, gateway="staging"))
    await store.add(a_log(101, minutes=4, gateway="staging", **GUARD))
    spent["staging"] += Decimal(str(GUARD["cost"]))
    return spent


async def asked(transport: httpx2.AsyncBaseTransport, more: dict[str, Any] | None = None, **settings: Any) -> Any:
    wire = Settings(account_id=ACCOUNT, api_token="t", api_url="http://127.0.0.1/client/v4", **settings)
    async with Client(build_server(wire, transport)) as client:
        return await client.call_tool("summarize_logs", HOUR | (more or {}))


async def test_every_gateway_is_summed_in_one_request_of_analytics(store: Store) -> None:
    spent, seen = await filled(store), Seen(store)

    result = await asked(seen)

    told = result.structured_content
    rows = {row[0]: dict(zip(told["columns"], row, strict=True)) for row in told["rows"]}
    assert {name: row["$"] for name, row in rows.items()} == {
        name: round(float(cost), 6) for name, cost in spent.items()
    }
    assert {name: row["calls"] for name, row in rows.items()} == {"default": 20, "staging": 22, "secret": 20}
    assert rows["staging"]["failed"] == 1
    assert "all gateways, 2026-11-21" in told["summary"]
    assert "Of these, 1 call is to the guardrails model, $0.00025." in told["summary"]
    assert told["next"] == "summarize_logs with the gateway_id of a row"
    assert seen.paths == ["/client/v4/graphql"]
    assert max(o200k(result.content[0].text), o200k(json.dumps(told))) < 600


async def test_gateways_are_compared_with_earlier_in_the_same_request(store: Store) -> None:
    await filled(store)
    await store.add(a_log(200, minutes=-10, cost=0.5))
    seen = Seen(store)

    told = (await asked(seen, {"compare_to": "previous"})).structured_content

    rows = {row[0]: dict(zip(told["columns"], row, strict=True)) for row in told["rows"]}
    assert (rows["default"]["calls was"], rows["default"]["$ was"]) == (1, 0.5)
    assert seen.paths == ["/client/v4/graphql"]


async def test_only_gateways_that_may_be_named_are_summed(store: Store) -> None:
    spent = await filled(store)

    told = (await asked(Seen(store), gateway_id="default", allow="default,staging")).structured_content

    assert {row[0] for row in told["rows"]} == {"default", "staging"}
    assert "secret" not in str(told)
    assert "Only the gateways allowed here: default, staging." in told["basis"]
    assert f"${float(spent['default'] + spent['staging']):.3g}," in told["summary"]


async def test_a_gateway_together_with_all_gateways_is_refused(store: Store) -> None:
    result = await asked(Seen(store), {"gateway_id": "default"})

    assert "group_by=gateway covers all gateways: omit gateway_id." in result.content[0].text


async def test_without_permission_for_analytics_it_says_what_to_do(store: Store) -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(403, json={"errors": [{"message": "not authorized for that account"}]})

    result = await asked(httpx2.MockTransport(refuse))

    assert result.is_error
    assert "group_by=gateway needs analytics, which failed" in result.content[0].text
    assert "Account Analytics Read" in result.content[0].text
    assert "summarize_logs with each gateway_id from list_gateways" in result.content[0].text


async def test_the_local_gateway_sums_its_gateways_too(tmp_path: Path, store: Store) -> None:
    await filled(store)
    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
        told = (await client.call_tool("summarize_logs", HOUR)).structured_content
        empty = (await client.call_tool("summarize_logs", HOUR | {"model": "openai/none"})).structured_content

    assert {row[0] for row in told["rows"]} == {"default", "staging", "secret"}
    assert "all gateways" in empty["summary"]
    assert "no calls" in empty["summary"]
