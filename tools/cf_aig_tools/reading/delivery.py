"""Assembles a result within its budget: the server's words, the log's text, and what was left out."""

from collections import Counter
from collections.abc import Callable, Sequence

from cf_aig_tools.reading.budget import cut, tokens
from cf_aig_tools.reading.fence import fenced
from cf_aig_tools.reading.masking import counted, marks

NO_SECRETS: Counter[str] = Counter()


def delivered(
    lead: str, lines: Sequence[str], left_out: Callable[[int], str], budget: int, found: Counter[str] = NO_SECRETS
) -> str:
    """Return as many lines as fit, fenced; `left_out` says what is missing when that many are shown.

    `found` are the secrets in everything that is shown in part.
    """
    lead = cut(lead, budget // 2)
    room = budget - tokens(_told(lead, "", left_out(0), found))
    while True:
        shown = _fitting(lines, room)
        told = _told(lead, "\n".join(shown), left_out(len(shown)), found)
        if (over := tokens(told) - budget) <= 0:
            return told
        if room <= 0:
            return cut(told, budget)
        room = min(room, tokens("\n".join(shown))) - over


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    shown: list[str] = []
    for line in lines:
        room -= tokens(line) + 1
        if room < 0:
            return shown or [cut(line, room + tokens(line) + 1)]
        shown.append(line)
    return shown


def _told(lead: str, logged: str, left_out: str, found: Counter[str]) -> str:
    shown = marks(logged)
    beyond = counted(found - shown - marks(lead))
    masked = "; ".join(filter(None, [counted(shown), beyond and f"beyond what is shown: {beyond}"]))
    parts = [lead, fenced(logged) if logged else "", left_out, f"Masked: {masked}." if masked else ""]
    return "\n".join(filter(None, parts))
