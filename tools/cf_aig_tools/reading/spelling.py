"""The maximum number of tokens in a word that the estimate does not know."""

from cf_aig_tools.reading.letters import SHORT

_LONG = 5
"""A token of five letters or more; which ones exist is not known."""


def most_tokens(word: str) -> int:
    """Return the maximum tokens of a word; a leading space counts as a letter.

    If two neighbors form a token together, o200k merges them, so no two such tokens are adjacent.
    """
    ends: list[dict[int, int]] = [{_LONG: 0}]
    farthest = -1
    for end in range(1, len(word) + 1):
        if end >= _LONG:
            farthest = max(farthest, *ends[end - _LONG].values())
        ends.append(_ways(word, end, ends) | ({_LONG: farthest + 1} if end >= _LONG else {}))
    return max(ends[-1].values())


def _ways(word: str, end: int, ends: list[dict[int, int]]) -> dict[int, int]:
    """Return the maximum tokens up to a letter, by the length of the last token."""
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
