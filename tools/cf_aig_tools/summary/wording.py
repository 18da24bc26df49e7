"""Reduces a provider's words to their constant part: no ids, numbers, dates, names, quotes or addresses."""

import re
from collections.abc import Iterator, Sequence
from itertools import dropwhile, pairwise

SLOT = "#"
"""Stands for a variable part."""

MOST_WORDS = 16
ENOUGH_WORDS = 5
"""A wording is the first sentences that contain at least this many words."""

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_VARIABLE = re.compile(
    rf"""
      [a-z][a-z+.-]{{0,20}}://[^\s"'<>)]+
    | (?<![^\W_])(?P<quote>["'`])(?:(?!(?P=quote)).|(?P=quote)(?=[^\W_])){{0,400}}?(?P=quote)(?![^\W_])
    | “[^”]{{0,400}}” | «[^»]{{0,400}}» | ‘[^’]{{0,400}}’ | 「[^」]{{0,400}}」
    | \b{_MONTH}\s\d{{1,2}}(?:,?\s\d{{4}})?\b | \b\d{{1,2}}\s{_MONTH}(?:\s\d{{4}})?\b
    | \b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*(?=,\s)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_MARKUP = re.compile(r"<(style|script)\b(?:[^<]|<(?!\1\b))*?</\1>|<[^<>]*>", re.DOTALL | re.IGNORECASE)
_ASIDE = re.compile(r"[(\[][^()\[\]\d#]*+[\d#][^()\[\]]*+[)\]]")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+|(?<![^\S\n])[^\S\n]+[-–—]\s+")
_TOKEN = re.compile(r"[!-~]+|[^\W\d_]+")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[A-Z][a-z]*(?:'[a-z]+)?|[A-Z]+")
_EDGES = ".,:;!?()[]{}<>\"'`*|="
_UNIT = re.compile(
    r"ms|s|sec|second|m|min|minute|h|hr|hour|d|day|week|month|year|[kmg]?b|byte|utc|gmt|am|pm", re.IGNORECASE
)


def wording(words: str, names: Sequence[str] = ()) -> str:
    """Return the constant part of an error message; `names` vary, such as the model name."""
    text = _MARKUP.sub(" ", words)
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", SLOT, text, flags=re.IGNORECASE)
    text = _ASIDE.sub(" ", _VARIABLE.sub(f" {SLOT} ", text))
    kept: list[str] = []
    for sentence in _SENTENCE.split(text):
        kept += _folded(_tokens(sentence))
        if sum(token != SLOT for token in kept) >= ENOUGH_WORDS:
            break
    return " ".join(kept[:MOST_WORDS])


def _tokens(sentence: str) -> Iterator[str]:
    """Yield words in lower case, and a slot for everything else.

    Leading words with a colon are dropped, and a final one after a colon is variable.
    """
    found = list(dropwhile(lambda token: token.endswith(":"), _TOKEN.findall(sentence)))
    for before, token in pairwise(["", *found]):
        word = token.strip(_EDGES)
        if word:
            is_named = before.endswith(":") and token is found[-1]
            is_plain = _WORD.fullmatch(word) or not word.isascii()
            yield word.lower() if is_plain and not is_named else SLOT


def _folded(tokens: Iterator[str]) -> list[str]:
    """Return the tokens with lists of slots merged, units after slots dropped, and no slots at either end."""
    kept: list[str] = []
    for token in tokens:
        after_slot = kept[-1:] == [SLOT]
        if token == SLOT:
            if kept[-2:-1] == [SLOT] and kept[-1] in {"or", "and"}:
                kept.pop()
            elif not after_slot:
                kept.append(SLOT)
        elif not (after_slot and _UNIT.fullmatch(_singular(token))):
            kept.append(_singular(token) if after_slot else token)
    while kept and kept[-1] == SLOT:
        kept.pop()
    return kept[1:] if kept[:1] == [SLOT] else kept


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
