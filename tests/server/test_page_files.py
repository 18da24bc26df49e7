"""The built page: made from the current sources, and allowed only its own script and style."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from cf_aig_server.page.files import FOLDER, Built, host, page

ROOT = Path(__file__).parent.parent.parent
BESIDE = ("package.json", "tsconfig.json", "build.mjs")
"""What a build depends on besides `ui/src`."""


def sources() -> str:
    """Return the hash of the page's sources, as `ui/build.mjs` writes it."""
    ui = ROOT / "ui"
    paths = [path for path in (ui / "src").rglob("*") if path.is_file()] + [ui / name for name in BESIDE]
    names = sorted(path.relative_to(ROOT).as_posix().encode() for path in paths)
    digest = hashlib.sha256()
    for name in names:
        digest.update(name + b"\0" + (ROOT / name.decode()).read_bytes() + b"\0")
    return digest.hexdigest()


@pytest.mark.parametrize("name", ["page.html", "host.html"])
def test_the_built_files_match_the_sources(name: str) -> None:
    last = (FOLDER / name).read_text(encoding="utf-8").rstrip("\n").rpartition("\n")[2]

    assert last == f"<!-- sources: {sources()} -->", "run `make ui`, and commit what it builds"


@pytest.mark.parametrize("built", [page(), host()], ids=["page", "host"])
def test_the_policy_allows_only_a_files_own_scripts_and_styles(built: Built) -> None:
    directives = dict(each.partition(" ")[::2] for each in built.policy.split("; "))

    assert directives["default-src"] == "'none'"
    for kind in ("script", "style"):
        inside = re.findall(rf"<{kind}>(.*?)</{kind}>", built.text, re.DOTALL)
        hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inside]
        assert len(hashes) == built.text.count(f"<{kind}") == 1
        assert directives[f"{kind}-src"] == f"'sha256-{hashes[0]}'"


def test_only_the_host_may_connect_and_only_to_its_own_origin() -> None:
    assert "connect-src 'self'" in host().policy
    assert "frame-ancestors 'none'" in host().policy
    assert "connect-src" not in page().policy
    assert "frame-ancestors 'self'; sandbox allow-scripts" in page().policy
    assert "allow-same-origin" not in page().policy


@pytest.mark.parametrize("built", [page(), host()], ids=["page", "host"])
def test_a_built_file_refers_to_no_other_origin(built: Built) -> None:
    named = set(
        re.findall(
            r"""(?:src|href)=["']?([^"'\s>]+)""", re.sub(r"<(script|style)>.*?</\1>", "", built.text, flags=re.DOTALL)
        )
    )

    assert named == set()
    assert not re.search(r"""\son\w+=["']""", re.sub(r"<(script|style)>.*?</\1>", "", built.text, flags=re.DOTALL))
