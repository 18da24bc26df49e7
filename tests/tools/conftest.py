"""Runs the log tools on accounts of both log systems."""

from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import pytest
from mcp import Client
from plane import ACCOUNT

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.asgi import ASGITransport
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings

LOG_TOOLS = {
    "test_bodies",
    "test_compare_logs",
    "test_get_log_details",
    "test_list_logs",
    "test_replay_log",
    "test_search_bodies",
    "test_summarize_logs",
    "test_who_ended_it",
}

OF_THE_LOGS_API = {
    "test_logs_are_newest_first_with_the_columns_for_debugging": "the result says where it is from",
    "test_metadata_is_matched_as_pairs_and_dropped_rows_are_counted": "telemetry matches pairs",
    "test_a_provider_is_shown_where_the_model_does_not_name_it": "its models always name their provider",
    "test_a_success_says_so_with_its_figures": "its models always name their provider",
    "test_fifty_hostile_rows_stay_within_the_bound": "its logs are of the future",
    "test_a_search_that_finds_nothing_says_where_it_looked": "telemetry is searched whole",
    "test_a_head_is_shown_as_the_body_tools_show_it_and_says_where_it_goes_on": "an event has all of a body",
    "test_the_error_for_a_missing_body_says_both_possible_reasons": "telemetry knows which of the two it is",
    "test_requests_that_cannot_be_repeated_are_refused_with_a_reason": "telemetry knows which of the two it is",
}
"""Tests that apply only to the logs API, and why."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "client" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in LOG_TOOLS:
        both = metafunc.function.__name__ not in OF_THE_LOGS_API
        metafunc.parametrize("client", ["gateway", "observability"] if both else ["gateway"], indirect=True)


@pytest.fixture
async def client(tmp_path: Path, store: Store, request: pytest.FixtureRequest) -> AsyncGenerator[Client]:
    if getattr(request, "param", "gateway") == "gateway":
        async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
            yield client
        return
    async with anyio.create_task_group() as tasks:
        wire = ASGITransport(build_app(store, logs="observability"), tasks)
        root = "http://127.0.0.1"
        settings = Settings(
            account_id=ACCOUNT, api_token="t", api_url=f"{root}/client/v4", data_url=f"{root}/v1", log_days=3650
        )
        async with Client(build_server(settings, wire)) as client:
            yield client
        tasks.cancel_scope.cancel()
