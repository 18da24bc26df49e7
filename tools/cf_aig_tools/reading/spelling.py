"""How many tokens a word can be that the estimate does not know."""

from cf_aig_tools.reading.letters import SHORT

_LONG = 5
"""A token of five letters or more; which there are is not known."""


def most_tokens(word: str) -> int:
    """Return the most tokens that a word can be, a space before it counted as a letter.

    Of two neighbours that make a token together, o200k makes that token: so no two such stand side by side.
    """
    ends: list[dict[int, int]] = [{_LONG: 0}]
    farthest = -1
    for end in range(1, len(word) + 1):
        if end >= _LONG:
            farthest = max(farthest, *ends[end - _LONG].values())
        ends.append(_ways(word, end, ends) | ({_LONG: farthest + 1} if end >= _LONG else {}))
    return max(ends[-1].values())


def _ways(word: str, end: int, ends: list[dict[int, int]]) -> dict[int, int]:
    """Return the most tokens up to a letter, by the letters of the last of them."""
    ways: dict[int, int] = {}
    for size in range(1, min(end, _LONG - 1) + 1):
        start = end - size
        if word[start:end] in SHORT:
            before = [
                count
                for last, count in ends[start].items()
                if last + size >= _LONG or word[start - last : end] not in SHORT
            ]
            if before:
                ways[size] = max(before) + 1
    return ways
