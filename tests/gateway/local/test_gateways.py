"""Gateways: create, read, replace, delete, list, and their URLs."""

from typing import Any

import httpx2
import pytest
from logs import a_log
from management import ACCOUNT, GATEWAYS, LOGS, NOT_FOUND, refused

from cf_aig_gateway.local.store import Store

REQUIRED = {
    "cache_invalidate_on_update": False,
    "cache_ttl": 300,
    "collect_logs": True,
    "rate_limiting_interval": 60,
    "rate_limiting_limit": 10,
}


@pytest.mark.anyio
async def test_the_default_gateway_is_there_without_authentication(api: httpx2.AsyncClient) -> None:
    gateway = (await api.get(f"{GATEWAYS}/default")).json()["result"]

    assert (gateway["id"], gateway["is_default"], gateway["authentication"]) == ("default", True, False)
    assert (gateway["collect_logs"], gateway["cache_ttl"], gateway["rate_limiting_limit"]) == (True, 0, 0)


@pytest.mark.anyio
async def test_a_gateway_is_created_with_what_was_given(api: httpx2.AsyncClient, store: Store) -> None:
    answer = await api.post(GATEWAYS, json=REQUIRED | {"id": "main", "zdr": True, "guardrails": {"prompt": {}}})

    made = answer.json()["result"]
    assert made == made | REQUIRED | {"id": "main", "zdr": True, "is_default": False, "guardrails": {"prompt": {}}}
    assert (await api.get(f"{GATEWAYS}/main")).json()["result"] == made
    assert await store.gateway("main") == made


@pytest.mark.anyio
async def test_an_update_keeps_omitted_settings(api: httpx2.AsyncClient) -> None:
    await api.post(GATEWAYS, json=REQUIRED | {"id": "main", "zdr": True})

    answer = await api.put(f"{GATEWAYS}/main", json=REQUIRED | {"cache_ttl": None, "id": "other"})

    replaced = answer.json()["result"]
    assert (replaced["id"], replaced["cache_ttl"], replaced["zdr"]) == ("main", 0, True)


@pytest.mark.anyio
async def test_a_gateway_that_is_created_asks_for_authentication_and_keeps_asking(api: httpx2.AsyncClient) -> None:
    made = (await api.post(GATEWAYS, json=REQUIRED | {"id": "main"})).json()["result"]
    opened = await api.post(GATEWAYS, json=REQUIRED | {"id": "open", "authentication": False})
    kept = (await api.put(f"{GATEWAYS}/main", json=REQUIRED)).json()["result"]
    turned_off = await api.put(f"{GATEWAYS}/main", json=REQUIRED | {"authentication": False})

    assert made["authentication"] is kept["authentication"] is True
    assert (opened.status_code, turned_off.status_code) == (400, 400)


@pytest.mark.anyio
async def test_deleting_a_gateway_deletes_its_logs(api: httpx2.AsyncClient, store: Store) -> None:
    await api.post(GATEWAYS, json=REQUIRED | {"id": "main"})
    await store.add(a_log(1, gateway="main"))

    gone = (await api.delete(f"{GATEWAYS}/main")).json()["result"]

    assert gone["id"] == "main"
    assert (await api.get(f"{GATEWAYS}/main")).status_code == 404
    await api.post(GATEWAYS, json=REQUIRED | {"id": "main"})
    assert (await api.get(f"{GATEWAYS}/main/logs")).json()["result"] == []


@pytest.mark.anyio
async def test_the_default_gateway_comes_back_as_new(api: httpx2.AsyncClient, store: Store) -> None:
    await api.put(f"{GATEWAYS}/default", json=REQUIRED)
    await store.add(a_log(1))

    await api.delete(f"{GATEWAYS}/default")

    assert (await api.get(f"{GATEWAYS}/default")).json()["result"]["cache_ttl"] == 0
    assert (await api.get(LOGS)).json()["result"] == []


@pytest.mark.anyio
async def test_gateways_are_listed_by_page_and_found_by_id(api: httpx2.AsyncClient) -> None:
    for name in ("prod-a", "prod-b"):
        await api.post(GATEWAYS, json=REQUIRED | {"id": name})

    answers = [(await api.get(GATEWAYS, params={"search": "prod", "per_page": 1, "page": n})).json() for n in (1, 2, 3)]

    assert [[gateway["id"] for gateway in answer["result"]] for answer in answers] == [["prod-a"], ["prod-b"], []]
    assert answers[0]["result_info"] == {"page": 1, "per_page": 1, "count": 1, "total_count": 2}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changes", "message", "path"),
    [
        ({"id": ""}, "String must contain at least 1 character(s)", "id"),
        ({"id": "x" * 65}, "String must contain at most 64 character(s)", "id"),
        ({"id": "a/b"}, "Invalid", "id"),
        ({"cache_ttl": -1}, "Number must be greater than or equal to 0", "cache_ttl"),
        ({"cache_ttl": "60"}, "Expected number, received string", "cache_ttl"),
        ({"collect_logs": "yes"}, "Expected boolean, received string", "collect_logs"),
        ({"log_management": 5}, "Number must be greater than or equal to 10000", "log_management"),
        ({"rate_limiting_technique": "x"}, "Invalid enum value. Expected 'fixed' | 'sliding', received 'x'", "rate_limiting_technique"),
    ],
)  # fmt: skip
async def test_a_bad_setting_gets_an_error_that_says_why(
    api: httpx2.AsyncClient, changes: dict[str, Any], message: str, path: str
) -> None:
    answer = await api.post(GATEWAYS, json=REQUIRED | {"id": "main"} | changes)

    assert (answer.status_code, answer.json()) == (400, refused(message, "body", path))


@pytest.mark.anyio
async def test_an_update_requires_the_required_settings(api: httpx2.AsyncClient) -> None:
    answer = await api.put(f"{GATEWAYS}/default", json={})

    assert [error["path"][1] for error in answer.json()["errors"]] == list(REQUIRED)
    assert {error["message"] for error in answer.json()["errors"]} == {"Required"}


@pytest.mark.anyio
async def test_a_gateway_id_is_unique(api: httpx2.AsyncClient) -> None:
    answer = await api.post(GATEWAYS, json=REQUIRED | {"id": "default"})

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, 7006)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_gateway_is_not_found(api: httpx2.AsyncClient, method: str) -> None:
    answer = await api.request(method, f"{GATEWAYS}/other", json=REQUIRED)

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.anyio
async def test_the_url_of_a_provider_is_text(api: httpx2.AsyncClient) -> None:
    root = f"http://127.0.0.1:8787/v1/{ACCOUNT}/default"

    for provider, url in (("openai", f"{root}/openai"), ("universal", root)):
        assert (await api.get(f"{GATEWAYS}/default/url/{provider}")).json() == {"result": url, "success": True}
