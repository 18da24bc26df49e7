"""Write the manifest of the bundle that carries its own packages, for hosts without the uv runtime."""

import json
import sys
from pathlib import Path

LIBRARY = "server/lib"


def main(folder: Path) -> None:
    """Write `manifest.json` into the folder whose `server/lib` holds the installed packages."""
    manifest = json.loads(Path("manifest.json").read_text(encoding="utf-8"))
    config = manifest["server"]["mcp_config"]
    manifest["server"] = {
        "type": "python",
        "entry_point": f"{LIBRARY}/cf_aig_server/__main__.py",
        "mcp_config": {
            "command": "python" if sys.platform == "win32" else "python3",
            "args": ["-m", "cf_aig_server"],
            "env": config["env"] | {"PYTHONPATH": f"${{__dirname}}/{LIBRARY}"},
        },
    }
    # its packages are compiled for one system and Python version
    major, minor = sys.version_info[:2]
    manifest["compatibility"] = {
        "platforms": [sys.platform],
        "runtimes": {"python": f">={major}.{minor},<{major}.{minor + 1}"},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
