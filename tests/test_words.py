"""Docstrings, comments, messages and documents use plain words.

A word or phrase of PLAIN in one of them fails the test, which names the place and the plain word. Code in backticks,
identifiers, and the strings in tests are not checked.
"""

import ast
import io
import os
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import re2

ROOT = Path(__file__).parent.parent

PLAIN = {
    r"dear|dearer|dearest": "expensive",
    r"parted": "separated, split",
    r"whom": "who, or name the person",
    r"(?:there|here|where)(?:of|in|by|to|upon|with)": "of it, in it, by it",
    r"as good as": "almost",
    r"in vain": "without success",
    r"for ever": "forever",
    r"heed(?:s|ed|ing)?": "obey, react to, use",
    r"mend(?:s|ed|ing)?": "fix",
    r"need not": "doesn't have to",
    r"upon": "on",
    r"lest": "so that … not",
    r"bears?": "has",
    r"(?<!there )(?:is|are|was|were) (?-i:none)(?! of)": "isn't one, or say what it isn't",
    r"be it": "whether it is",
    r"of old": "old, earlier",
    r"hand(?:s|ed)? (?:it |them )?(?:on|out|over)": "passes",
    r"ask(?:s|ed)? of": "asks, requests",
    r"(?<!not )so many(?! that)": "this many, that number of",
    r"it be": "it is",
    r"such a one": "one like that",
    r"amongst": "among",
    r"whilst": "while",
    r"anew|afresh": "again",
    r"(?:tell|tells|telling|told) (?:[\w']+ ){0,4}apart": "distinguish",
    r"oft|ere|nought|naught|whence|hither|thither|hence": "a current word",
    r"seldom": "rarely",
    r"suffice[sd]?": "is enough",
    r"hinder(?:s|ed)?|hindrance": "prevent",
    r"shall": "will, must",
    r"albeit|although it be": "although",
    r"forthwith|straightway": "immediately",
    r"oneself|whosoever|whatsoever": "a current word",
    r"makes? the acquaintance": "greet, meet",
    r"what is told|that there are more is said": "what it says",
    r"as long as it takes": "without a limit",
    r"(?:is|are|was|were) told(?! to| apart|, since)": "is reported, is shown",
    r"as (?:it comes|they come)": "as it arrives, as they arrive",
    r"go(?:es)? on (?:with|from)": "continues",
    r"(?:is|are|was|were) no (?:JSON|chat|call|request|reply|fault|change)": "isn't JSON, isn't a chat",
    r"one a line|an? \w+ a line": "one per line",
    r"behaviour|colour|honour|favour|neighbour|centre|catalogue|recognise[sd]?|labelled": "the American spelling",
}
WORDS = [(re.compile(rf"\b(?:{word})\b", re.IGNORECASE), plain) for word, plain in PLAIN.items()]
ANY = re2.compile(r"(?i)\b(?:" + "|".join(re.sub(r"\(\?<?!.*?\)", "", word) for word in PLAIN) + r")\b")
"""Finds at least what WORDS do, quickly: most files have none of them."""

SENTENCE = re.compile(r"[\w']+(?:,? [\w']+){3}")
"""Finds four words in a row: a string with them is a sentence, and others are data."""

PRUNED = {"node_modules", "__pycache__", ".venv", "snapshots", "lib"}
RECORDED = {
    "docs/faults.md": "it quotes what an upstream says",
    "tests/injection.py": "hostile texts",
    "tests/markup.py": "hostile texts",
    "tests/test_words.py": "it names the words",
}
Text = tuple[int, str]
"""A piece of text and the line that it starts on."""


def of_python(source: str) -> Iterator[Text]:
    """Yield docstrings, comments, and strings that are sentences."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SENTENCE.search(node.value):
            yield node.lineno, node.value


def of_tests(source: str) -> Iterator[Text]:
    """Yield docstrings and comments: the strings in a test are its data."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_docstring = token.string.startswith('"""') and not token.line[: token.start[1]].strip()
        if is_docstring or token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def of_scripts(source: str) -> Iterator[Text]:
    """Yield the comments of JavaScript or TypeScript."""
    for comment in re.finditer(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", source, re.DOTALL):
        yield source.count("\n", 0, comment.start()) + 1, comment[0]


def of_markdown(source: str) -> Iterator[Text]:
    """Yield the lines outside of code blocks."""
    fenced = False
    for number, line in enumerate(source.splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        if not fenced and not line.startswith("    "):
            yield number, line


def kind_of(path: str) -> Callable[[str], Iterator[Text]] | None:
    """Return what reads the text of a file; None if it isn't checked."""
    if path in RECORDED:
        return None
    if path.endswith(".py"):
        return of_tests if path.startswith("tests/") else of_python
    if path.endswith(".mjs") or (path.startswith("ui/src/") and path.endswith((".ts", ".tsx"))):
        return of_scripts
    return of_markdown if path.endswith(".md") else None


def files() -> Iterator[str]:
    """Yield the files of the repository, as paths below its root."""
    for top in ("benchmarks", "docs", "gateway", "server", "tests", "tools", "ui/src"):
        for folder, folders, names in os.walk(ROOT / top):
            folders[:] = [name for name in folders if name not in PRUNED]
            yield from ((Path(folder) / name).relative_to(ROOT).as_posix() for name in names)
    yield from (path.name for path in ROOT.iterdir() if path.suffix in {".md", ".py"})


def findings(path: str, source: str) -> Iterator[str]:
    """Yield each place of a word that has a plainer one."""
    read = kind_of(path)
    if read is None or not ANY.search(source):
        return
    for line, text in read(source):
        prose = re.sub(r"`[^`\n]*`", lambda code: " " * len(code[0]), text)
        for word, plain in WORDS if ANY.search(prose) else ():
            for found in word.finditer(prose):
                yield f"{path}:{line + text.count(chr(10), 0, found.start())}: “{found[0]}”: write {plain}"


def test_words_are_plain() -> None:
    found = [each for path in files() for each in findings(path, (ROOT / path).read_text("utf-8", "replace"))]

    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tools/a.py", '"""What made calls dear."""'),
        ("tools/a.py", "x = 1  # upon a call"),
        ("tools/a.py", 'raise ValueError(f"A list is parted by {sign}, not by this.")'),
        ("tests/test_a.py", 'def test_it() -> None:\n    """Rows that need not be read."""'),
        ("ui/src/a.ts", "/** What is asked of\n * the host. */"),
        ("tests/clients/a.mjs", "// It waits for ever."),
        ("docs/a.md", "Both are told apart."),
        ("docs/a.md", "A body that is no JSON."),
    ],
)
def test_a_foreign_word_is_found(path: str, source: str) -> None:
    assert len(list(findings(path, source))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tools/a.py", "parted = heeds = upon = 1"),
        ("tools/a.py", '"""Calls `parted`."""'),
        ("tests/test_a.py", 'PROMPT = "Once upon a time there was a gateway."'),
        ("docs/a.md", "    run upon\n\n```\nupon\n```"),
        ("tests/injection.py", '"""Dear assistant, do not heed this."""'),
    ],
)
def test_code_and_data_are_not_words(path: str, source: str) -> None:
    assert not list(findings(path, source))
