"""`make check` fails for a known vulnerability, and says in one line if none could be looked up."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make_check(folder: Path, *, is_reachable: bool, is_vulnerable: bool) -> tuple[int, str]:
    """Run the project's `make check` with its tools replaced by stand-ins that answer this way."""
    shutil.copy(ROOT / "Makefile", folder)
    says = "echo found" if is_reachable and is_vulnerable else ":"
    answers = {f".venv/bin/{name}": "exit 0" for name in ("hadolint", "ruff", "pyright", "python")}
    answers["build/audit/bin/pip-audit"] = f"{says}; exit {int(is_vulnerable or not is_reachable)}"
    for name, does in answers.items():
        tool = folder / name
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(f"#!/bin/sh\n{does}\n")
        tool.chmod(0o700)
    for age, name in enumerate(("pyproject.toml", "constraints.txt", ".venv/installed", ".venv/ready")):
        (folder / name).touch()
        os.utime(folder / name, (age + 1, age + 1))
    (folder / "build/audit/ready").touch()
    done = subprocess.run(["make", "check"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("is_reachable", "is_vulnerable", "fails"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_known_vulnerability_fails_the_check(
    tmp_path: Path, *, is_reachable: bool, is_vulnerable: bool, fails: bool
) -> None:
    status, said = make_check(tmp_path, is_reachable=is_reachable, is_vulnerable=is_vulnerable)

    assert (status != 0) == fails, said
    assert ("found" in said) == fails
    assert said.count("Known vulnerabilities were not looked up") == 1 - is_reachable
