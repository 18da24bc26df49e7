"""A release is refused unless version, changelog, manifest, server.json and tag agree."""

import json
import re
import shutil
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
FILES = [".gitignore", "pyproject.toml", "manifest.json", "server.json", "CHANGELOG.md", "constraints.txt"]


@pytest.fixture
def release(tmp_path: Path) -> ModuleType:
    """The script, in a repository with only the files it reads, at version 1.2.3 and with its tag."""
    for name in FILES:
        text = (ROOT / name).read_text(encoding="utf-8")
        text = re.sub(r'("?version"?)(: | = )"[^"]+"', r'\1\2"1.2.3"', text)
        (tmp_path / name).write_text(re.sub(r"^## Unreleased$", "## 1.2.3 - 2026-12-01", text, flags=re.M), "utf-8")
    shutil.copy(ROOT / "release.py", tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "All")
    git(tmp_path, "tag", "v1.2.3")
    spec = spec_from_file_location("release", tmp_path / "release.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def edit(release: ModuleType, name: str, old: str, new: str) -> None:
    path = release.ROOT / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_release_that_agrees_has_nothing_to_fix(release: ModuleType) -> None:
    assert release.disagreements("1.2.3", "v1.2.3") == []


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("manifest.json", '"version": "1.2.3"', '"version": "1.2.2"', "manifest.json has version 1.2.2"),
        ("server.json", '"version": "1.2.3"', '"version": "1.2.2"', "server.json, packages has version 1.2.2"),
        ("CHANGELOG.md", "## 1.2.3 - 2026-12-01", "## Unreleased", "CHANGELOG.md must begin with “## 1.2.3 - "),
        ("constraints.txt", "pydantic", "Pydantic", "changes that are not committed"),
    ],
)
def test_disagreements_are_named(release: ModuleType, name: str, old: str, new: str, said: str) -> None:
    edit(release, name, old, new)

    assert said in "\n".join(release.disagreements("1.2.3", "v1.2.3"))


def test_the_tag_matches_the_version_and_is_on_the_commit(release: ModuleType) -> None:
    assert release.disagreements("1.2.3", "v1.2.4") == ["the tag must be v1.2.3, not v1.2.4"]

    git(release.ROOT, "tag", "-d", "v1.2.3")

    assert release.disagreements("1.2.3", "v1.2.3") == ["the commit has no tag v1.2.3: git tag -a v1.2.3"]


def test_a_dry_run_needs_neither_tag_nor_date(release: ModuleType) -> None:
    edit(release, "CHANGELOG.md", "## 1.2.3 - 2026-12-01", "## Unreleased")

    assert release.disagreements("1.2.3", "") == []


def test_the_provenance_names_each_file_the_commit_and_the_commands(release: ModuleType) -> None:
    (release.ROOT / "dist").mkdir()
    for path in release.released("1.2.3"):
        path.write_bytes(path.name.encode())

    statement = release.provenance("1.2.3", "v1.2.3", release.now(), ["make bundle"])

    build = statement["predicate"]["buildDefinition"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=release.ROOT, capture_output=True, text=True, check=True)
    assert build["resolvedDependencies"][0]["digest"] == {"gitCommit": head.stdout.strip()}
    assert build["internalParameters"]["commands"] == ["make bundle"]
    assert {each["name"]: each["digest"]["sha256"] for each in statement["subject"]} == {
        path.name: release.digest(path) for path in release.released("1.2.3")
    }
    assert json.loads(json.dumps(statement)) == statement
