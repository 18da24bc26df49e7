"""Estimates how many tokens a text costs a model; the estimate is never below the o200k count."""

import re
from bisect import bisect_right
from collections import Counter
from functools import lru_cache

from cf_aig_tools.reading.letters import SINGLE, SPACED, TURNS, WORDS
from cf_aig_tools.reading.spelling import most_tokens

_PIECES = re.compile(
    r"""
      [ ]?[A-Z]{0,24}[a-z]{1,24} | [ ]?[A-Z]{1,24} | \\[nt][a-z]{1,24} | [0-9]{1,3} | [^\x00-\x7f]
    | (?<![!-/:-@\[-`{-~])\\"[:,]\\" | "[:,]" | ":\[ | ",[{\[] | "\}[,}]? | "[\]),:] | [{\[(]" | \},\{ | [}\])][,:;]
    | [.,:]" | :// | [-=!+]= | [-=]> | \\"
    | (?<![\x00-\x08\x0e-\x1f\x7f-\U0010ffff#&<~])(?<![ -/:-@\[-`{-~]{2})\\[nt]
    | [ ](?:\{"|\["|[!-/:-@\[-`{-~])
    | -{2,8} | ={2,8} | \*{2,8} | \#{2,4} | _{2,8} | \.{2,8} | /{2,4} | ~{2,4}
    | [ ]{2,64}[0-9]{1,3} | [ ]{1,64}(?![^\s!-~]) | \n{1,8} | \t{1,16} | (?:\r\n){1,4}
    | [\s\S]
    """,
    re.VERBOSE,
)
"""Patterns of one token each, except words, whitespace runs and non-ASCII characters.

The backslash of an escape joins punctuation before it, so such an escape costs two: it isn't a piece there.
"""

_ESCAPES = {r"\n", r"\t"}

_WORDS = re.compile(r" *[^ ]+| +")
"""A text in parts that no piece crosses: spaces only start a piece. Most parts are words, and words repeat."""

_LONGEST_WORD = 32


def tokens(text: str) -> int:
    """Return an estimate of a text's o200k tokens that is never too low."""
    if "  " in text:
        first, words = "", Counter(_WORDS.findall(text))
    else:  # splitting takes a quarter of the time
        first, *spaced = text.split(" ")
        words = {f" {word}": count for word, count in Counter(spaced).items()}
    return _sum(first) + sum(
        (_word_cost(word) if len(word) <= _LONGEST_WORD else _sum(word)) * count for word, count in words.items()
    )


def _sum(text: str) -> int:
    return sum(_cost(piece) * count for piece, count in Counter(_PIECES.findall(text)).items())


_word_cost = lru_cache(maxsize=8192)(_sum)


def cut(text: str, budget: int) -> str:
    """Return the longest prefix of at most *budget* tokens."""
    left = max(budget, 0)
    for piece in _PIECES.finditer(text):
        cost = _cost(piece[0])
        if cost > left:
            return text[: piece.start() + _fitting(piece[0], left)]
        left -= cost
    return text


def _fitting(piece: str, left: int) -> int:
    return next(end for end in range(len(piece) - 1, -1, -1) if sum(map(_cost, _PIECES.findall(piece[:end]))) <= left)


@lru_cache(maxsize=8192)
def _cost(piece: str) -> int:
    last = piece[-1]
    if not last.isascii():
        return _most(last)
    if last.isalpha() and piece not in _ESCAPES:
        return _word(piece)
    if last.isdigit() and piece[0] == " ":
        return 3
    return 2 if piece[:2] == "\t\t" else 1


def _most(character: str) -> int:
    if character in SINGLE:
        return 1
    return 4 if character > "\uffff" else 2 + bisect_right(TURNS, ord(character)) % 2


def _word(piece: str) -> int:
    word = piece.lstrip(" ")
    letters = word.lower()
    if word[1:].islower() or len(word) == 1:
        if letters in WORDS:
            return 1
        if letters in SPACED and word == letters and piece[0] == " ":
            return 1
    return most_tokens(piece)
