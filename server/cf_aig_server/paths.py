"""Where the program keeps its files."""

import os
import sys
from pathlib import Path


def data_folder() -> Path:
    """Return the user's data folder for this program, by the rules of the operating system."""
    name = "cloudflare-ai-gateway-mcp"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / name
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / name
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / name
