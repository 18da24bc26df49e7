"""Quotes logged text: masked, with hidden characters visible, and shortened to its ends."""

import re
from collections import Counter
from typing import Any

from cf_aig_gateway.formats.content import NO_GAP
from cf_aig_gateway.one_line import named
from cf_aig_tools.reading.budget import tokens
from cf_aig_tools.reading.masking import Masker, marks, visible

MARGIN = 4096
"""Characters after a cut that are not shown, because a secret may have begun in the missing text."""


class Quoting:
    """Quotes the texts of one body; `gap` finds what was cut out of them during reading."""

    def __init__(self, masker: Masker, gap: re.Pattern[str] = NO_GAP) -> None:
        self._masker = masker
        self._marks: dict[str, Counter[str]] = {}
        self.gap = gap

    def length(self, text: str) -> int:
        """Return the length of a text in characters, including what was cut out of it."""
        if self.gap is NO_GAP:
            return len(text)
        return len(text) + sum(int(cut[1]) - len(cut[0]) for cut in self.gap.finditer(text))

    def whole(self, text: str) -> str:
        """Return a whole text, masked and visible."""
        return visible(self._mask(text))

    def _mask(self, text: str) -> str:
        said = self._masker.mask(text)
        if said != text:
            self._marks[text] = marks(said)
        return said

    @property
    def found(self) -> Counter[str]:
        """The secrets in every quoted text, by kind, whether or not they are shown."""
        return sum(self._marks.values(), Counter[str]())

    def masked(self, value: Any) -> Any:
        """Return a JSON value with its texts masked."""
        return self._masker.masked(value)

    def short(self, text: str, most: int) -> str:
        """Return a text in one line of about `most` characters."""
        said = self.gap.sub("…", self.whole(text[: 8 * most + MARGIN]) if most < len(text) else self.whole(text))
        line = " ".join(said.split())
        return line if len(line) <= most else line[:most] + "…"

    def name(self, text: str, most: int) -> str:
        """Return a name for use in a sentence: plain names unchanged, others quoted."""
        return named(self.short(text, most), most + 1)

    def place(self, pointer: str) -> str:
        """Return a pointer, or a masked form of it if its names contain a secret."""
        names = pointer.replace("~1", "/").replace("~0", "~")
        return self.short(pointer if self._masker.mask(names) == names else names, 200)

    def quote(self, text: str, room: int) -> str:
        """Return a text of about `room` tokens at most: whole, or its two ends and its length."""
        most = 5 * room
        head, tail = self._ends(text, most)
        length = self.length(text)
        while True:
            said = self._joined(head, tail, most, length)
            if most < 20 or (cost := tokens(said)) <= room:
                return said
            most = min(most, len(said)) * room * 9 // (cost * 10)

    def ends(self, text: str, most: int) -> tuple[str, int]:
        """Return a text of about `most` characters: whole, or its ends; and how many are left out between them."""
        head, tail = self._ends(text, most)
        if tail is None and len(head) <= most:
            return head, 0
        shown = _between(head, tail, most)
        return shown, max(1, self.length(text) - len(shown))

    def _ends(self, text: str, most: int) -> tuple[str, str | None]:
        """Return all of a text; or, where it is long or something was cut out of it, its ends, of `most` characters."""
        cuts = list(self.gap.finditer(text))
        if cuts:
            before = self._mask(text[: cuts[0].start()])
            after = self._mask(text[max(cuts[-1].end(), len(text) - 2 * most - MARGIN) :])[MARGIN:]
        else:
            before = after = self._mask(text)
            if len(before) <= 2 * most:
                return visible(before), None
        return visible(before[:most]), visible(after[-most:]) if most else ""

    def _joined(self, head: str, tail: str | None, most: int, length: int) -> str:
        if tail is None and len(head) <= most:
            return head
        return f"{_between(head, tail, most)} ({length:,} characters)" if most > 2 else f"({length:,} characters)"


def _between(head: str, tail: str | None, most: int) -> str:
    """Return the two ends of a text that is left out between them; the end is a third."""
    ending = max(0, most // 3, most - len(head))
    after = head[-ending:] if tail is None else tail[-ending:] if tail else ""
    return f"{head[: most - len(after)]} … {after}"
