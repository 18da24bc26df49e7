"""The compared servers, and how each is installed and started."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HOME = ROOT / "build/peers"


@dataclass(frozen=True)
class Peer:
    """A server. If its command contains `{port}`, it serves HTTP there."""

    name: str
    command: list[str]
    base: str = "low-level SDK"
    """The peer whose figures are the unit for the multiples."""


def installed() -> tuple[list[Peer], list[str]]:
    """Install the other servers if needed; return the servers, and the script's command."""
    sdk = _environment("sdk", "-c", str(ROOT / "constraints.txt"))
    fastmcp = _environment("fastmcp")
    ours = [sys.executable, "-m", "cf_aig_server", "serve"]
    low_level = [sdk, str(HERE / "low_level.py")]
    over_http = "low-level SDK, HTTP"
    return [
        Peer("**this server**", ours),
        Peer("low-level SDK", low_level),
        Peer("usual SDK code", [sdk, str(HERE / "usual.py")]),
        Peer("FastMCP from OpenAPI", [fastmcp, str(HERE / "openapi.py")]),
        Peer("**this server, HTTP**", [*ours, "--transport", "http", "--port", "{port}"], over_http),
        Peer(over_http, [*low_level, "{port}"], over_http),
    ], [sdk, str(HERE / "script.py")]


def _environment(name: str, *options: str) -> str:
    """Return the Python of a virtual environment with `requirements-NAME.txt` installed."""
    wanted, home = HERE / f"requirements-{name}.txt", HOME / name
    python, installed_ = home / "bin/python", home / "requirements.txt"
    if not installed_.exists() or installed_.read_text() != wanted.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", wanted, *options], check=True)
        installed_.write_text(wanted.read_text())
    return str(python)
