"""Which packages may import which, and what is loaded before the first request."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FLOORS = {"gateway": set[str](), "tools": {"cf_aig_gateway"}, "server": {"cf_aig_gateway", "cf_aig_tools"}}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_only_point_down_the_layers(floor: str) -> None:
    own = f"cf_aig_{floor}"
    for path in sources(floor):
        used = {name.split(".")[0] for name in imported(path) if name.startswith("cf_aig_")}
        assert used <= FLOORS[floor] | {own}, path


def test_client_and_local_gateway_do_not_import_each_other() -> None:
    for path in sources("gateway"):
        used = imported(path)
        if "local" in path.parts:
            assert not any(name.startswith(("cf_aig_gateway.client", "cf_aig_gateway.chat")) for name in used), path
        else:
            assert not any(name.startswith("cf_aig_gateway.local") for name in used), path


BEFORE_FIRST_REQUEST = """
import sys
from cf_aig_server.commands import serve
from cf_aig_server.app import build_server
from cf_aig_server.settings import Settings
build_server(Settings())
print("\\n".join(sorted(name for name in sys.modules if name.startswith("cf_aig_"))))
print("heavy:", *(name for name in ("genai_prices", "aiohttp", "cloudflare", "openai", "rich", "stamina") if name in sys.modules))
"""

LOADED = """\
cf_aig_gateway
cf_aig_gateway.errors
cf_aig_gateway.json_text
cf_aig_gateway.logs
cf_aig_gateway.shapes
cf_aig_server
cf_aig_server.app
cf_aig_server.characters
cf_aig_server.commands
cf_aig_server.commands.serve
cf_aig_server.completions
cf_aig_server.instructions
cf_aig_server.paths
cf_aig_server.prompts
cf_aig_server.registration
cf_aig_server.resources
cf_aig_server.settings
cf_aig_server.timings
cf_aig_server.transports
cf_aig_server.transports.calls
cf_aig_server.transports.signals
cf_aig_server.transports.stdio
cf_aig_server.wire
cf_aig_tools
cf_aig_tools.cases_link
heavy:"""


def test_serving_over_stdio_loads_only_what_the_first_request_needs() -> None:
    done = subprocess.run([sys.executable, "-c", BEFORE_FIRST_REQUEST], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == LOADED


OF_A_FORWARDED_CALL = """
import sys
from cf_aig_gateway import pricing
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.local.providers import forward
from cf_aig_server.commands import gateway
pricing.load_library()
print(pricing.cost("openai", "gpt-4o", Usage(1_000_000, 0)))
late = ("httpx2", "cf_aig_gateway.local.management_api", "cf_aig_gateway.local.providers.simulated")
print("loaded:", *(name for name in late if name in sys.modules))
import httpx2
print(httpx2.Client.__name__)
"""


def test_the_local_gateway_loads_only_what_a_forwarded_call_needs() -> None:
    done = subprocess.run([sys.executable, "-c", OF_A_FORWARDED_CALL], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["2.5", "loaded:", "Client"]
