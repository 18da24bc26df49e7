"""Fixtures: a client of the real server on the real local gateway, in memory, and the gateway's file to put logs into."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from mcp import Client

from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings


def pytest_xdist_auto_num_workers() -> int:
    """Return the workers of `-n auto`: more than there are cores, because a third of a run is waiting."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    async with Store(tmp_path / "gateway.db") as store:
        yield store


@pytest.fixture
async def client(tmp_path: Path, store: Store) -> AsyncGenerator[Client]:
    async with Client(build_server(Settings(local=str(tmp_path / "gateway.db")))) as client:
        yield client
