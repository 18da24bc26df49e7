"""The answers in the README are the tools' real answers."""

import re
from pathlib import Path

import pytest
from answers import answers

README = Path(__file__).parent.parent / "README.md"
SHOWN = re.compile(r"^```text\n(.*?)^```", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"^\w+\(\{.*\}\)$", re.MULTILINE)


def told(text: str) -> str:
    """Return a text without what changes each time (ids, marks, times, figures), and with single spaces."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|…[0-9a-f]{4}\b", "#", text)
    text = re.sub(r"(logged text|└) [0-9a-f]{4}", r"\1 #", text)
    return re.sub(r"\s+", " ", re.sub(r"\d+(?:[.,:-]\d+)*", "#", text))


@pytest.mark.anyio
@pytest.mark.timeout(120)
async def test_the_readme_shows_real_answers(tmp_path: Path) -> None:
    """`python tests/answers.py` prints them.

    An answer may be shortened: lines may be missing, and … stands for part of one.
    """
    real = told(await answers(tmp_path))
    shown = [line for block in SHOWN.findall(README.read_text("utf-8")) for line in block.splitlines()]

    assert len(shown) > 20
    assert [part for line in shown for part in line.split(" … ") if told(part).strip(" …") not in real] == []
