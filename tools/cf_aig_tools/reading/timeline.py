"""Shows a conversation for debugging: how it ended, its parameters, and its turns."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.formats.conversation import INSTRUCTIONS, Conversation, ToolCall, Turn
from cf_aig_gateway.formats.endings import shortfall
from cf_aig_gateway.one_line import quoted
from cf_aig_gateway.shapes import as_object
from cf_aig_tools.reading.budget import tokens
from cf_aig_tools.reading.delivery import delivered
from cf_aig_tools.reading.quoting import Quoting

SMALL = 40
"""Tokens for a turn far from the end."""
STANDING = 60
"""Tokens for a system prompt, which is the same in every call."""
LONG = 240
"""Tokens for a turn before the newest; a longer one is shortened to its ends."""
MOST_PARTS = 8
"""Calls and results of one turn that are shown within the default budget."""
ALL_MASKED = 30_000
"""Conversations up to this many characters have secrets counted in hidden turns too, which takes 2 ms."""
NOTE, KIND = 300, 600
"""Characters of a note and of a form: more than any, as a cut would open a quotation."""
MOST_OTHERS = 8
"""Fields that are not shown, only named."""
USUAL = 2000
"""The default budget; with a larger one, more of each turn is shown."""
LEAST = 60
"""Minimum tokens for the lines around the turns."""

REASONING = "(reasoning)"

Numbered = tuple[int, Turn]


class Timeline:
    """Formats one conversation within a token budget."""

    def __init__(self, held: Conversation, quoting: Quoting, budget: int) -> None:
        self._held = held
        self._quoting = quoting
        self._budget = budget
        self._larger = max(1, budget // USUAL)
        self._results = {
            result.id: (number, result.text) for number, turn in enumerate(held.turns) for result in turn.results
        }
        self._labels = labels(held.turns)
        self._called = {call.id for turn in held.turns for call in turn.calls}
        self._sizes = [self._size(turn) for turn in held.turns]
        self._times: dict[int, int] = {}

    def text(self) -> str:
        """Return the whole timeline if it fits, or else its last turns first."""
        turns = self._folded(self._own())
        if sum(self._sizes) < 8 * self._budget:
            lines = [self._line(number, turn, self._room(number, turn)) for number, turn in turns]
            lead = self.lead()
            if tokens("\n".join([lead, *lines])) + LEAST < self._budget:
                return self._delivered(lead, turns, lines)
        return self._newest_first(turns)

    def _room(self, number: int, turn: Turn) -> int:
        """Return the tokens allowed per turn when all turns fit; the newest is never shortened."""
        if number == len(self._held.turns) - 1:
            return self._budget * 2
        return (STANDING if turn.role in INSTRUCTIONS else LONG) * self._larger**2

    def _own(self) -> Iterator[Numbered]:
        """Yield the turns, except those that only contain results shown with their calls."""
        for number, turn in enumerate(self._held.turns):
            paired = turn.results and all(result.id in self._called for result in turn.results)
            if turn.text or turn.reasoning or turn.calls or turn.media or not paired:
                yield number, turn

    def _folded(self, turns: Iterable[Numbered]) -> list[Numbered]:
        """Keep the last of several identical turns in a row, with their count."""
        kept: list[Numbered] = []
        for number, turn in turns:
            if kept and self._said(kept[-1][1]) == self._said(turn):
                before, _ = kept.pop()
                self._times[number] = self._times.get(before, 1) + 1
            kept.append((number, turn))
        return kept

    def _said(self, turn: Turn) -> tuple[Any, ...]:
        """Return everything a turn says, ignoring the ids of its calls."""
        calls = [(call.name, call.arguments, self._results.get(call.id, (0, ""))[1]) for call in turn.calls]
        return turn.role, turn.text, turn.reasoning, turn.media, calls, [result.text for result in turn.results]

    def _newest_first(self, turns: list[Numbered]) -> str:
        order = _in_order_of_interest(turns)
        lines = list(self._filling(order))
        lead = self.lead(partial=True)
        return self._delivered(lead, order, lines)

    def _delivered(self, lead: str, turns: list[Numbered], lines: list[str]) -> str:
        if sum(self._sizes) <= ALL_MASKED:
            for text in (text for _, turn in turns[len(lines) :] for text in _texts(turn)):
                self._quoting.whole(text)
        missing = partial(self._left_out, turns, lines)
        return delivered(lead, lines, missing, self._budget, self._quoting.found)

    def _filling(self, order: list[Numbered]) -> Iterator[str]:
        """Yield lines until the budget is spent: half of it for the newest, less and less for older ones.

        What a turn does not use is left for the next.
        """
        room = self._budget - LEAST
        for place, (number, turn) in enumerate(order):
            most = max(self._budget // 2 ** (place + 1), 2 * room // (len(order) - place))
            share = self._budget // 8 if turn.role in INSTRUCTIONS else min(most, room // 2)
            line = self._line(number, turn, max(SMALL, share))
            room -= tokens(line)
            if room < 0 and place:
                return
            yield line

    def _line(self, number: int, turn: Turn, room: int) -> str:
        parts = list(self._parts(number, turn))
        most = MOST_PARTS * self._larger
        each = room // min(len(parts), most)
        brief = each // max(1, (4 if len(parts) > 1 else 2) // self._larger)
        said = [self._part(before, text, brief if before == REASONING else each) for before, text in parts[:most]]
        if len(parts) > most:
            said.append(f"… {len(parts) - most} more calls or results")
        times = f" ({self._times[number]} times in a row, last shown)" if number in self._times else ""
        who = f"{self._labels[number]} {self._quoting.short(turn.role, 20)}{times}: "
        return who + "\n".join(said).replace("\n", "\n  ")

    def _part(self, before: str, text: str, room: int) -> str:
        most = max(room, 8)
        quoted = self._quoting.quote(text, most)
        if before.startswith("called ") and (quoted.endswith(" characters)") or "\\n" in text):
            quoted = self._by_name(text, most) or quoted
        return f"{before} {quoted}".strip()

    def _by_name(self, text: str, room: int) -> str:
        """Return long or multi-line arguments one by one, each shortened to its ends."""
        try:
            held = as_object(json.loads(text))
        except (ValueError, RecursionError):
            return ""
        values = {name: f'"{value}"' if isinstance(value, str) else as_json(value) for name, value in held.items()}
        costs = {name: tokens(value) for name, value in values.items()}
        short = [cost for cost in costs.values() if cost * len(costs) <= room]
        each = (room - sum(short)) // max(1, len(costs) - len(short))
        told = (f'"{self._quoting.short(name, 40)}": {self._quoting.quote(values[name], each)}' for name in values)
        return f"{{{', '.join(told)}}}" if held else ""

    def _parts(self, number: int, turn: Turn) -> Iterator[tuple[str, str]]:
        """Yield the contents of a turn, each with the words before it."""
        if turn.reasoning:
            yield REASONING, turn.reasoning.strip()
        if turn.text or not (turn.calls or turn.results or turn.media or turn.reasoning or turn.citations):
            yield "", turn.text
        for medium in turn.media:
            yield "", f"[{medium}]"
        for call in turn.calls:
            yield f"called {self._quoting.short(call.name, 60)}{self._remark(call)}", call.arguments
            if call.id in self._results:
                place, text = self._results[call.id]
                yield f"→ {self._labels[place]} {self._held.turns[place].role[:20]}:" if place != number else "→", text
        for result in turn.results:
            if result.id not in self._called:
                yield f"result of {self._quoting.short(result.id, 40)}:", result.text
        if turn.citations:
            yield "cited:", "\n".join(citation.written() for citation in turn.citations)

    def _remark(self, call: ToolCall) -> str:
        return ", with invalid JSON arguments:" if are_invalid(call, self._quoting.gap) else ""

    def lead(self, *, partial: bool = False) -> str:
        """Return how the conversation ended and its model; if only a part is shown, also the size of the whole."""
        held, short, name = self._held, self._quoting.short, self._quoting.name
        facts = [f"model {name(held.model, 80)}" if held.model else ""]
        facts += [f"{name(key, 40)} {name(value, 60)}" for key, value in held.parameters.items()]
        facts += [f"tools: {_listed([name(tool, 40) for tool in held.tools])}" if held.tools else ""]
        ended = " ".join(name(each, 60) for each in (held.finish, held.why) if each)
        facts += [f"finish {ended}" if ended else ""]
        facts += [f"tokens {told}" if (told := held.usage.told()) else ""]
        stated = held.usage.stated_cost
        facts += [f"stated cost ${stated:g}" if stated is not None else ""]
        others = [name(other, 40) for other in held.others]
        facts += [f"also: {_listed(others, MOST_OTHERS)}" if others else ""]
        counted = f"; {len(held.turns):,} turns, {sum(self._sizes):,} characters, newest first" if partial else ""
        notes = "".join(f"; {short(note, NOTE)}" for note in held.notes[:MOST_PARTS])
        said = ", ".join(filter(None, [short(held.kind, KIND), *facts]))
        line = f"{said}{notes}{counted if held.turns else '; no turns'}."
        wrong = shortfall(held)
        first = [wrong and f"The reply {wrong}.", held.broken, self._error(), self._cache_miss()]
        return "\n".join(filter(None, [*first, line]))

    def _cache_miss(self) -> str:
        miss = self._held.cache_miss
        if miss is None:
            return ""
        tokens_ = "" if miss.tokens is None else f" {miss.tokens:,} input tokens"
        return f"The prompt cache missed{tokens_}: {self._quoting.name(miss.reason, 60)}."

    def _error(self) -> str:
        return f"Error: {quoted(self._quoting.short(self._held.error, 400), 401)}" if self._held.error else ""

    def _left_out(self, order: list[Numbered], lines: list[str], shown: int) -> str:
        """Say how much is missing, and with which arguments to see it."""
        missing, total = order[shown:], sum(self._sizes)
        cut = next(
            (turn for (_, turn), line in zip(order[:shown], lines, strict=False) if " characters)" in line), None
        )
        first = cut or (missing[0][1] if missing else None)
        if not first:
            return ""
        left = max(0, total - sum(len(line) for line in lines[:shown]))
        counted = [f"{len(missing):,} turns" if missing else "", f"about {left:,} characters" if left else ""]
        pointer = f'pointer="{self._quoting.short(first.pointer, 80)}"'
        what = ", ".join(filter(None, counted)) or "part of a turn"
        return f'Left out: {what}. {pointer}, search="…", or view="outline".'

    def _size(self, turn: Turn) -> int:
        return sum(map(self._quoting.length, _texts(turn)))


def _in_order_of_interest(turns: list[Numbered]) -> list[Numbered]:
    """Return the newest turn, the user's newest words, the system prompt, then all others, newest first."""
    newest = [each for each in reversed(turns) if each[1].role not in INSTRUCTIONS]
    standing = [each for each in turns if each[1].role in INSTRUCTIONS]
    asked = next((place for place, (_, turn) in enumerate(newest) if turn.role == "user" and turn.text), 0)
    first = [*newest[:1], *newest[max(asked, 1) : asked + 1]]
    return [*first, *standing, *(each for each in newest if each not in first)]


def _texts(turn: Turn) -> Iterable[str]:
    return [
        turn.text,
        turn.reasoning,
        *(call.arguments for call in turn.calls),
        *(result.text for result in turn.results),
    ]


def are_invalid(call: ToolCall, gap: re.Pattern[str]) -> bool:
    """Whether the arguments of a tool call should be JSON, are whole, and are not JSON."""
    if call.is_free or gap.search(call.arguments):
        return False
    try:
        json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        return True
    return False


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


_PLACE = re.compile(r"(?P<list>.*)/(?P<number>\d+)(?:/[a-z]+)?")


def labels(turns: Sequence[Turn]) -> list[str]:
    """Return a label for each turn: its index in the list that holds most turns, or else its pointer.

    So `5` is the turn at `/messages/5`.
    """
    places = [_PLACE.fullmatch(turn.pointer) for turn in turns]
    lists = Counter(place["list"] for place in places if place)
    main = max(lists, key=lists.__getitem__, default="")
    return [
        place["number"] if place and place["list"] == main else turn.pointer or str(number)
        for number, (turn, place) in enumerate(zip(turns, places, strict=True))
    ]
