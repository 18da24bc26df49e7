"""The two built files, from `ui/`: the page, and the thin host that shows it in a browser; and what each may do."""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent

_BEGINS = re.compile(r"<(script|style)\b[^>]*>")

NONE = "'none'"
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'"
DRAWN = "img-src data:; font-src data:"


@dataclass(frozen=True)
class Built:
    """A built file: its HTML, and the policy that a browser enforces on it."""

    text: str
    policy: str


@cache
def page() -> Built:
    """Return the page. It can't connect anywhere, and has no origin, so it can't reach the server."""
    text = _read("page.html")
    return Built(text, f"{NOTHING}; {_own(text)}; {DRAWN}; frame-ancestors 'self'; sandbox allow-scripts")


@cache
def host() -> Built:
    """Return the host. Only it talks to the server. It shows the page in a frame; no other page may frame the host."""
    text = _read("host.html")
    return Built(
        text, f"{NOTHING}; {_own(text)}; {DRAWN}; connect-src 'self'; frame-src 'self'; frame-ancestors 'none'"
    )


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _own(text: str) -> str:
    """Return the directives that allow the scripts and styles in a file, by their hashes, and no others."""
    found = {"script": list[str](), "style": list[str]()}
    end = 0
    while begins := _BEGINS.search(text, end):
        end = text.index(f"</{begins[1]}>", begins.end())
        digest = base64.b64encode(hashlib.sha256(text[begins.end() : end].encode()).digest()).decode()
        found[begins[1]].append(f"'sha256-{digest}'")
    return "; ".join(f"{kind}-src {' '.join(hashes or [NONE])}" for kind, hashes in found.items())
