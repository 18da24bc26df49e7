from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest
from management import management

from cf_aig_gateway.local.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[Store]:
    async with Store(tmp_path / "gateway.sqlite3") as store:
        yield store


@pytest.fixture
async def api(store: Store) -> AsyncGenerator[httpx2.AsyncClient]:
    async with management(store) as http:
        yield http
