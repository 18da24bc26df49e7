"""Dynamic routes: what a graph of elements leads to, and how the requested and the answering model are logged."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cloudflare import AsyncCloudflare
from plane import ACCOUNT, Plane, chat, plane

from cf_aig_gateway.local import conditions

pytestmark = pytest.mark.anyio

END = {"id": "end", "type": "end", "outputs": {}}


def start(next_: str) -> dict[str, Any]:
    return {"id": "start", "type": "start", "outputs": {"next": {"elementId": next_}}}


def model(id_: str, name: str, fallback: str = "end", **properties: Any) -> dict[str, Any]:
    provider, _, own = name.partition("/")
    held = {"provider": provider, "model": own, "retries": 0, "timeout": 5000, **properties}
    outputs = {"success": {"elementId": "end"}, "fallback": {"elementId": fallback}}
    return {"id": id_, "type": "model", "properties": held, "outputs": outputs}


SMALL, LARGE = model("small", "openai/gpt-4o-mini"), model("large", "openai/gpt-4o", "small")


async def routed(gateway: Plane, *elements: dict[str, Any]) -> None:
    made = await gateway.manage("POST", "default/routes", json={"name": "support", "elements": [*elements, END]})
    assert made.status_code == 200, made.text


async def asked(gateway: Plane, text: str = "Hi", **metadata: Any) -> httpx2.Response:
    body = chat(text, model="dynamic/support")
    return await gateway.http.post(
        "compat/chat/completions", json=body, headers={"cf-aig-metadata": json.dumps(metadata)}
    )


async def test_a_model_answers_and_the_log_keeps_the_requested_name(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await routed(gateway, start("large"), LARGE, SMALL)
        answer = await asked(gateway)
        (log,) = await gateway.logs()
        stored = json.loads(await gateway.stored(log["id"], "request"))

    assert answer.status_code == 200
    assert (answer.headers["cf-aig-provider"], answer.headers["cf-aig-model"]) == ("openai", "gpt-4o")
    assert (log["model"], stored["model"]) == ("openai/gpt-4o", "dynamic/support")


async def test_a_model_that_fails_is_followed_by_its_fallback(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await routed(gateway, start("large"), model("large", "openai/gpt-9-retired", "small"), SMALL)
        answer = await asked(gateway)
        logs = await gateway.logs()

    assert (answer.headers["cf-aig-step"], answer.headers["cf-aig-model"]) == ("1", "gpt-4o-mini")
    assert [(log["step"], log["status_code"]) for log in logs] == [(1, 200), (0, 404)]
    assert logs[0]["event_id"] == logs[1]["event_id"] != ""


@pytest.mark.parametrize("name", ["conditions", "condition"])
async def test_a_condition_on_metadata_chooses(tmp_path: Path, name: str) -> None:
    split = {
        "id": "if",
        "type": "conditional",
        "properties": {name: {"metadata.plan": {"$eq": "free"}}},
        "outputs": {"true": {"elementId": "small"}, "false": {"elementId": "large"}},
    }
    async with plane(tmp_path) as gateway:
        await routed(gateway, start("if"), split, LARGE, SMALL)
        found = [(await asked(gateway, plan=plan)).headers["cf-aig-model"] for plan in ("free", "paid")]

    assert found == ["gpt-4o-mini", "gpt-4o"]


@pytest.mark.parametrize(
    ("kind", "limit", "models"),
    [("count", 2, ["gpt-4o"] * 2 + ["gpt-4o-mini"]), ("cost", 1e-9, ["gpt-4o"] + ["gpt-4o-mini"] * 2)],
)
async def test_a_used_up_limit_leads_to_its_fallback(
    tmp_path: Path, kind: str, limit: float, models: list[str]
) -> None:
    bound = {
        "id": "rate",
        "type": "rate",
        "properties": {"key": "metadata.user", "limit": limit, "limitType": kind, "window": 86_400},
        "outputs": {"success": {"elementId": "large"}, "fallback": {"elementId": "small"}},
    }
    async with plane(tmp_path) as gateway:
        await routed(gateway, start("rate"), bound, LARGE, SMALL)
        found = [(await asked(gateway, user="u1")).headers["cf-aig-model"] for _ in range(3)]
        other = (await asked(gateway, user="u2")).headers["cf-aig-model"]

    assert found == models
    assert other == "gpt-4o"


async def test_a_share_of_the_calls_goes_each_way(tmp_path: Path) -> None:
    split = {
        "id": "split",
        "type": "percentage",
        "outputs": {"30%": {"elementId": "large"}, "else": {"elementId": "small"}},
    }
    async with plane(tmp_path) as gateway:
        await routed(gateway, start("split"), split, LARGE, SMALL)
        found = Counter([(await asked(gateway, f"{number}")).headers["cf-aig-model"] for number in range(120)])

    assert 15 <= found["gpt-4o"] <= 60


async def test_a_route_that_is_not_there_or_leads_nowhere_is_refused(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        missing = await asked(gateway)
        await routed(gateway, start("end"))
        nowhere = await asked(gateway)

    assert (missing.status_code, nowhere.status_code) == (400, 429)
    assert "There is no dynamic route support" in missing.text


async def test_a_cycle_of_elements_ends(tmp_path: Path) -> None:
    async with plane(tmp_path) as gateway:
        await routed(gateway, start("a"), {"id": "a", "type": "odd", "outputs": {"next": {"elementId": "start"}}})

        assert (await asked(gateway)).status_code == 429


async def test_the_sdk_makes_lists_reads_and_deletes_routes(tmp_path: Path) -> None:
    async with (
        plane(tmp_path) as gateway,
        AsyncCloudflare(api_token="t", base_url=f"{gateway.url}/client/v4") as sdk,
    ):
        here = {"account_id": ACCOUNT, "gateway_id": "default"}
        await routed(gateway, start("large"), LARGE, SMALL)
        (route,) = (await sdk.ai_gateway.dynamic_routing.list(**here)).data.routes
        read = await sdk.ai_gateway.dynamic_routing.get(route.id, **here)
        await sdk.ai_gateway.dynamic_routing.delete(route.id, **here)
        left = (await sdk.ai_gateway.dynamic_routing.list(**here)).data.routes

    assert (route.name, read.name, left) == ("support", "support", [])


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        ({}, True),
        ({"metadata.n": 5}, True),
        ({"metadata.n": {"$gt": 4, "$lte": 5}}, True),
        ({"metadata.n": {"$lt": 5}}, False),
        ({"metadata.n": {"$in": [1, 5]}, "metadata.plan": {"$nin": ["free"]}}, True),
        ({"$or": [{"metadata.n": 1}, {"metadata.plan": {"$ne": "free"}}]}, True),
        ({"$and": [{"metadata.n": 5}, {"$not": {"metadata.plan": "paid"}}]}, False),
        ({"metadata.gone": {"$exists": False}}, True),
        ({"metadata.n": {"$odd": 1}}, False),
        ({"metadata.plan": {"$gt": 1}}, False),
    ],
)
async def test_conditions_use_mongodbs_syntax(wanted: Any, met: bool) -> None:
    assert conditions.meets({"metadata": {"n": 5, "plan": "paid"}}, wanted) is met
