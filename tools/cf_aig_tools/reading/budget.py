"""What a text costs a model, in tokens: an estimate that never counts fewer than o200k does."""

import re

_PIECES = re.compile(r"[^\W\d_]+|\d{1,3}|\s+|[^\w\s]+|_+")


def tokens(text: str) -> int:
    """Return at least the number of o200k tokens of a text."""
    return sum(_most(piece) for piece in _PIECES.findall(text))


def cut(text: str, budget: int) -> str:
    """Return the longest prefix that costs at most *budget* tokens."""
    spent = 0
    for piece in _PIECES.finditer(text):
        spent += _most(piece[0])
        if spent > budget:
            return text[: piece.start()]
    return text


def _most(piece: str) -> int:
    return (
        len(piece.encode("utf-8", "surrogatepass")) * 3 // 5 + 1
        if piece.isalpha()
        else len(piece.encode("utf-8", "surrogatepass"))
    )
