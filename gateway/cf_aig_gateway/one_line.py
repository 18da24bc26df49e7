"""Makes text from strangers safe inside a line of ours: one word or one line, with nothing hidden, in quotes.

A caller or a provider can put anything into models, paths, user agents, metadata and error words. Names become one
word, and other values one line, as they enter, so code that shows them needs no care; `as_logged` reverses this.
"""

import json
import re
from typing import Any

from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.shapes import as_list, as_object

HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\U00013430-\U0001345f"
    "\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
"""Characters that are invisible, reorder text, control a terminal, or have no fixed look, for use in a regex class.

Newline and tab aren't included.
"""

_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc"
    "\u0ec8-\u0ecd\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u302a-\u302f\u3099\u309a\ufe20-\ufe2f"
)
"""Marks drawn above or below the letter before them. Five or more in a row reach into other lines."""

HIDING = f"[{HIDDEN}{_MARKS}](?:(?<=[{HIDDEN}])|(?<=[{_MARKS}]{{5}}))"
"""Matches a hidden character, and each mark of a flood."""

MOST = 2000
"""Characters of the longest value that is kept of a field, and of the longest error words."""

_NOT_IN_A_LINE = f"[\n\t\u2500-\u257f]|{HIDING}"  # compiled with the first text that isn't plain: it takes 4 ms
_NOT_IN_A_WORD = f'[\\s<>"`\u2500-\u257f]|{HIDING}'
_BREAKS = " \t\r\n?&,;\"'<>(){}[]|"
_LEAST = 8
_PLAIN_RUN = re.compile(r"[a-z/_.:@-]*(?=[\s?&,;\"'<>(){}\[\]|]|\Z)")
_SHOWN = re.compile(r"\\u\{([0-9a-f]{1,6})\}")
NAME = re.compile(r"[\w.@/:+*~=,%{}\\-]*", re.ASCII)
_STEP = 1 << 16
_PRINTABLE = bytes(range(0x20, 0x7F))
_PLAIN = _PRINTABLE + b"\n\t"


def hides(text: str) -> bool:
    """Whether a text holds a hidden character; what is printable ASCII is set aside first, in a tenth of the time."""
    rest = text.encode("utf-8", "surrogatepass").translate(None, _PLAIN)
    return _is_hidden_in(rest.decode("utf-8", "surrogatepass"))


def _is_hidden_in(text: str) -> bool:
    """Look in parts that take two milliseconds each, so that other threads can run in between."""
    hidden = re.compile(HIDING)
    return any(hidden.search(text, start, start + _STEP) for start in range(0, len(text), _STEP))


def unhidden(value: Any) -> Any:
    r"""Return a JSON value whose texts and names show hidden characters as `\u{202e}`; newline and tab stay.

    That there are none, as is usual, is found out at once.
    """
    return _unhidden(value) if _hides(value) else value


def unhidden_json(text: str) -> str:
    """Return JSON text that is the same value, with hidden characters as its own escapes."""
    return re.sub(HIDING, lambda found: json.dumps(found[0])[1:-1], text)


def _hides(value: Any) -> bool:
    try:
        written = write_json(value)
    except ValueError:
        return True
    rest = written.translate(None, _PRINTABLE)
    return b"\\u" in written or _is_hidden_in(rest.decode())


def _unhidden(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(HIDING, _escaped, value)
    if isinstance(value, list):
        return [_unhidden(item) for item in as_list(value)]
    if isinstance(value, dict):
        return {_unhidden(str(name)): _unhidden(held) for name, held in as_object(value).items()}
    return value


def one_line(text: str) -> str:
    r"""Return a text on one line: newlines, hidden characters and the lines that frames are drawn with as `\u{a}`."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_NOT_IN_A_LINE, _escaped, text)


def shortened(text: str, most: int) -> str:
    """Return at most `most` characters of a text, with … if it was cut.

    Masking wouldn't recognize half of a secret. So the last run is left out unless it consists of lowercase letters,
    but at least the first few characters stay.
    """
    if len(text) <= most:
        return text
    head = text[:most]
    last = max(head.rfind(each) + 1 for each in _BREAKS)
    return (head if _PLAIN_RUN.match(text, last) else head[: max(_LEAST, last)]).rstrip() + "…"


def word(text: str, most: int = 200) -> str:
    r"""Return a name as one word of `most` characters, so that it reads as no sentence or tag: a space is `\u{20}`."""
    if len(text) <= most and NAME.fullmatch(text):
        return text
    return re.sub(_NOT_IN_A_WORD, _escaped, shortened(text, most))


def lined(value: Any) -> Any:
    """Return a JSON value whose texts and names are each one line."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, list):
        return [lined(item) for item in as_list(value)]
    if isinstance(value, dict):
        return {one_line(str(name)): lined(held) for name, held in as_object(value).items()}
    return value


def as_logged(value: Any) -> Any:
    """Return a JSON value as it was before `word` and `one_line`: what a gateway is sent, which matches exactly."""
    if isinstance(value, str):
        return _SHOWN.sub(_meant, value) if "\\u{" in value else value
    if isinstance(value, list | tuple):
        return [as_logged(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {as_logged(name): as_logged(held) for name, held in as_object(value).items()}
    return value


def named(text: str, most: int = 80) -> str:
    """Return a name, such as a model's, for a sentence or a row: unchanged if it is plain, or quoted."""
    return text if len(text) <= most and NAME.fullmatch(text) else quoted(text, most)


def quoted(text: str, most: int = 200) -> str:
    """Return a stranger's words for a sentence: one line of about `most` characters, in quotes it cannot end."""
    line = " ".join(one_line(shortened(text, most)).split()).replace('"', "'")
    return f'"{shortened(line, most + 1)}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{{{ord(found[0]):x}}}"


def _meant(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else found[0]
