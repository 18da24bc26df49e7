"""Build all files of a release into `dist/`, check them, and record what was built from what.

Without a tag it is a dry run. Nothing is uploaded.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
NAME = "cloudflare-ai-gateway-mcp"
TOOLS = ROOT / "build/release/bin"
"""The environment that `make release` builds in: build, hatchling, cyclonedx-bom."""


def main(tag: str) -> None:
    """Check, build, try and record a release. If something is wrong, exit with what to fix."""
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    if wrong := disagreements(version, tag):
        sys.exit("\n".join(f"release: {line}" for line in wrong))
    began = now()
    commands = [*built(version), tried(version)]
    sums = "".join(f"{digest(path)}  {path.name}\n" for path in released(version))
    (DIST / "SHA256SUMS").write_text(sums, encoding="utf-8")
    statement = provenance(version, tag, began, commands)
    (DIST / "provenance.json").write_text(json.dumps(statement, indent=2) + "\n", encoding="utf-8")
    print(f"\n{sums}{NAME} {version}: {f'ready to upload as {tag}' if tag else 'dry run, nothing is tagged'}")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def disagreements(version: str, tag: str) -> list[str]:
    """Return what disagrees with pyproject.toml's version. A dry run may lack what comes with the tag."""
    server = json.loads(read("server.json"))
    told = {
        "manifest.json": json.loads(read("manifest.json"))["version"],
        "server.json": server["version"],
        "server.json, packages": server["packages"][0]["version"],
    }
    wrong = [
        f"{place} has version {other}, pyproject.toml {version}" for place, other in told.items() if other != version
    ]
    newest = re.search(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    dated = re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", newest[1] if newest else "")
    if not dated and (tag or not newest or newest[1] != "Unreleased"):
        wrong.append(f"CHANGELOG.md must begin with “## {version} - YYYY-MM-DD”")
    if not tag:
        return wrong
    if tag != f"v{version}":
        wrong.append(f"the tag must be v{version}, not {tag}")
    elif tag not in run("git", "tag", "--points-at", "HEAD").split():
        wrong.append(f"the commit has no tag {tag}: git tag -a {tag}")
    if run("git", "status", "--porcelain"):
        wrong.append("there are changes that are not committed")
    return wrong


def built(version: str) -> list[str]:
    """Build the wheel, the source archive and the bill of materials; return the commands.

    `make` has built the bundles.
    """
    for old in [*DIST.glob("*.whl"), *DIST.glob("*.tar.gz")]:
        old.unlink()
    commands = [
        [str(TOOLS / "python"), "-m", "build", "--no-isolation", "--outdir", "dist"],
        [
            str(TOOLS / "cyclonedx-py"), "requirements", "constraints.txt", "--pyproject", "pyproject.toml",
            "--output-reproducible", "--output-file", f"dist/{NAME}.cdx.json",
        ],
    ]  # fmt: skip
    epoch = {"SOURCE_DATE_EPOCH": run("git", "log", "-1", "--format=%ct")}
    for command in commands:
        run(*command, **epoch)
    if missing := [path.name for path in released(version) if not path.exists()]:
        sys.exit(f"release: not built: {', '.join(missing)}")
    if stray := [name for name in zipfile.ZipFile(DIST / f"{NAME}.mcpb").namelist() if "node_modules" in name]:
        sys.exit(f"release: {NAME}.mcpb holds {stray[0]}: .mcpbignore lacks its folder")
    return ["make bundle", *(" ".join(command).replace(f"{ROOT}/", "") for command in commands)]


def tried(version: str) -> str:
    """Install the wheel in an empty environment, and run the demo with it; return the command."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        run(sys.executable, "-m", "venv", folder)
        wheel = DIST / f"{NAME.replace('-', '_')}-{version}-py3-none-any.whl"
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(*pip, "--constraint", "constraints.txt", str(wheel))
        program = f"{folder}/bin/{NAME}"
        if (said := run(program, "--version", cwd=folder)) != version:
            sys.exit(f"release: the wheel says that it is {said}, not {version}")
        shown = run(program, "demo", cwd=folder)
        if "get_log_details(log_id=" not in shown:
            sys.exit(f"release: the wheel's demo does not end well:\n{shown}")
    return f"{NAME} demo"


def released(version: str) -> list[Path]:
    """Return the built files, after writing SHA256SUMS and provenance.json."""
    stem = f"{NAME.replace('-', '_')}-{version}"
    names = [
        f"{stem}-py3-none-any.whl",
        f"{stem}.tar.gz",
        *(f"{NAME}{end}" for end in (".mcpb", "-python.mcpb", ".cdx.json")),
    ]
    return [DIST / name for name in names]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(version: str, tag: str, began: str, commands: list[str]) -> dict[str, Any]:
    """Return what was built from what, as an in-toto statement with SLSA's provenance (slsa.dev/provenance/v1)."""
    commit = {"uri": "git+.", "digest": {"gitCommit": run("git", "rev-parse", "HEAD")}}
    lock = {"uri": "file:constraints.txt", "digest": {"sha256": digest(ROOT / "constraints.txt")}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path.name, "digest": {"sha256": digest(path)}} for path in released(version)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"urn:{NAME}:make-release",
                "externalParameters": {"version": version, "tag": tag},
                "internalParameters": {
                    "commands": commands,
                    "python": sys.version.split()[0],
                    "uncommitted": bool(run("git", "status", "--porcelain")),
                },
                "resolvedDependencies": [commit, lock],
            },
            "runDetails": {
                "builder": {"id": f"urn:{NAME}:make-release"},
                "metadata": {"startedOn": began, "finishedOn": now()},
            },
        },
    }


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def run(*command: str, cwd: str | Path = ROOT, **environment: str) -> str:
    """Return a command's output. If it fails, exit with its output."""
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"release: {shutil.which(command[0]) or command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "")
