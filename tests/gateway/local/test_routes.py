"""What the management API covers, and how its paths are read."""

from pathlib import Path

import httpx2
import pytest
from logs import a_log
from management import ACCOUNT, API, GATEWAYS, LOGS, NOT_FOUND

from cf_aig_gateway.local import data_plane, management_api
from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.emulated import table
from cf_aig_gateway.local.store import Store


@pytest.mark.anyio
@pytest.mark.parametrize("log_id", ["a/b", "../x", "a%2Fb", "50%", "ü z", "\x00", "a?b#c"])
async def test_an_id_is_one_segment_whatever_it_holds(api: httpx2.AsyncClient, store: Store, log_id: str) -> None:
    await store.add(a_log(id=log_id))
    quoted = "".join(f"%{byte:02X}" for byte in log_id.encode())

    found = await api.get(f"{LOGS}/{quoted}")

    assert found.json()["result"]["id"] == log_id


@pytest.mark.anyio
@pytest.mark.parametrize("gateway", ["%2e%2e", "default%2Flogs", "%00", "%FF", "x" * 10_000, "%"])
async def test_an_invalid_id_is_not_found(api: httpx2.AsyncClient, gateway: str) -> None:
    answer = await api.get(f"{GATEWAYS}/{gateway}/logs")

    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/client/v4/user",
        "/client/v4/accounts/short/ai-gateway/gateways",
        f"/client/v4/accounts/{'g' * 32}/ai-gateway/gateways",
        f"/client/v4/accounts/{ACCOUNT}/ai-gateway//gateways",
        f"{GATEWAYS}//logs",
        f"{GATEWAYS}/",
        f"{LOGS}/x/request/y",
        f"{API}/",
    ],
)
async def test_an_unknown_route_is_refused_as_the_front_door_does(api: httpx2.AsyncClient, path: str) -> None:
    answer = await api.get(path)

    message = f"Could not route to {path}, perhaps your object identifier is invalid?"
    errors = [{"code": 7003, "message": message}, {"code": 7000, "message": "No route for that URI"}]
    assert answer.status_code == 404
    assert answer.json() == {"success": False, "errors": errors, "messages": [], "result": None}


@pytest.mark.anyio
async def test_any_account_id_is_accepted(api: httpx2.AsyncClient) -> None:
    answer = await api.get(f"/client/v4/accounts/{'AbC1' * 8}/ai-gateway/gateways/default")

    assert answer.json()["result"]["id"] == "default"


@pytest.mark.anyio
async def test_a_wrong_method_is_refused(api: httpx2.AsyncClient) -> None:
    answer = await api.post(LOGS, json={})

    error = {"code": 7001, "message": "Method POST not available for that URI."}
    assert (answer.status_code, answer.json()["errors"]) == (405, [error])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        f"{GATEWAYS}/default/datasets",
        f"{GATEWAYS}/default/evaluations/1",
        f"{GATEWAYS}/default/routes/1/versions",
        f"{GATEWAYS}/default/provider_configs",
        f"{API}/evaluation-types",
        f"{API}/custom-providers/1",
        f"{API}/billing/topup/status",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_routes_that_are_not_emulated_say_so(api: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await api.request(method, path)

    assert answer.status_code == 501
    assert answer.json()["errors"] == [{"code": 7000, "message": f"The local gateway does not emulate {path}."}]


def test_the_documentation_lists_every_route() -> None:
    readme = Path(__file__).parents[3] / "gateway" / "README.md"

    emulated = table([*management_api.routes, *data_plane.routes])

    assert emulated in readme.read_text(), emulated


@pytest.mark.anyio
async def test_a_file_that_cannot_be_written_is_reported(api: httpx2.AsyncClient, store: Store) -> None:
    await store.write(lambda db: db.execute("DROP TABLE logs"))

    answer = await api.patch(f"{LOGS}/x", json={"feedback": 1})

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (500, 7000)
    assert error["message"].endswith("could not be written: no such table: logs.")


@pytest.mark.anyio
@pytest.mark.parametrize("broken", ["file", "program"])
async def test_a_file_that_cannot_be_read_is_named_and_other_failures_reveal_nothing(store: Store, broken: str) -> None:
    await store.write(lambda db: db.execute("DROP TABLE logs"))
    app = build_app(store)
    if broken == "program":
        app.state.store = None
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)

    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get(LOGS, headers={"authorization": "Bearer t"})

    (error,) = answer.json()["errors"]
    said = {"file": "could not be read: no such table: logs.", "program": "Internal Error"}
    assert (answer.status_code, error["code"]) == (500, 7000)
    assert error["message"].endswith(said[broken])
