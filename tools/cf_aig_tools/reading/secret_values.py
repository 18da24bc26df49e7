"""How a value looks that may be a secret: drawn at random, or written by hand and no placeholder."""

import re

_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PARTS = re.compile(r"[A-Za-z0-9]{8,}")
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9]).*[!@#$%^&*~]")
_PLACEHOLDER = re.compile(
    r"""(?ix)
      [<\[{(…] | \$(?:\w+\$?\Z|[{(]) | %\w*%?\Z | %\( | \#\{ | \w+://
    | (?:your|my|the|some|insert|enter|replace|put|add|example|sample|dummy|fake|placeholder|redacted|masked|hidden|
        change|not|no|any|test|new|old|user|get|set)?
      [_-]?(?:str|string|text|char|bytes|none|null|nil|true|false|undefined|empty|unset|required|optional|here|me|it|
        pass(?:word|wd|phrase|code)?|pwd|secrets?|tokens?|keys?|api[_-]?keys?|credentials?|values?|auth|hidden|
        example|placeholder|redacted|masked|changeme|todo|tbd|any|object|number|boolean|env|input|prompt|type)
      (?:[_-]?(?:here|value|example|goes|field|input|hash|key|token))*[.,;:!?)]*\Z
    | (?:your|example|sample|dummy|placeholder|redacted|insert|replace|change)[_-]?[a-z_-]*\Z
    | [a-z_][\w-]*(?:(?:\.|::|->|\?\.)[a-z_]\w*)+[,;)]*\Z
    | \w+(?:\.\w+)*[(\[]
    """
)
"""What stands where a secret would: a gap to fill in, a variable, a call, a type."""

_WORDS = re.compile(r"[A-Z]?[a-z]*(?:[_.-][A-Za-z]+)*[.,;:!?)]*|[A-Z_]+")
_GAPS = ("xxxx", "XXXX", "***", "...", "…", "____", "{{", "${")


def is_varied(text: str) -> bool:
    """Whether a key is no `xxxxxxxx` or `AAAAAAAA`."""
    return len(set(text)) >= min(8, len(text) // 3 + 2)


def is_random(text: str) -> bool:
    """Whether letters and digits stand in no order: no words, versions or dates."""
    return is_varied(text) and any(map(_is_drawn, _PARTS.findall(text)))


def _is_drawn(part: str) -> bool:
    """Whether small letters, capitals and digits change places more often than in words, numbers and names of both."""
    runs = len(_RUNS.findall(part))
    return runs >= 4 and 2 * len(part) < 7 * runs


def is_literal(value: str) -> bool:
    """Whether a value is written out: no gap to fill in, and no name of what holds it."""
    return is_varied(value) and not _PLACEHOLDER.match(value) and not any(gap in value for gap in _GAPS)


def is_password(value: str) -> bool:
    """Whether what is set as a password is one, and neither a word of a text nor a name of a program."""
    return is_literal(value) and not _WORDS.fullmatch(value)


def is_long(value: str) -> bool:
    """Whether what is set as a key is one."""
    return len(value) >= 10 and is_literal(value) and (is_random(value) or bool(_MIXED.match(value)))


def is_quoted(value: str) -> bool:
    """Whether what is set as a key, in quotes, is one."""
    return len(value) >= 8 and is_literal(value) and (is_random(value) or not _WORDS.fullmatch(value))


def is_given(value: str) -> bool:
    """Whether what stands beside the name of a secret is one."""
    return len(value) >= 16 and is_long(value)


def is_login(value: str) -> bool:
    """Whether what follows a name and a colon is a password, and no figure."""
    return is_literal(value) and not value.isdigit()
