"""Whether a value looks like a secret: random, or handwritten and not a placeholder."""

import re

_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PARTS = re.compile(r"[A-Za-z0-9]{8,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*[0-9]).*[!@#$%^&*~]")
_PLACEHOLDER = re.compile(
    r"""(?ix)
      [<\[{(…] | -{3} | \d{4}-\d\d-\d\d | (?:~|\.{1,2})?(?:/[\w.-]+){2,}\Z
    | \$(?:\w+\$?\Z|[{(]) | %\w*%?\Z | %\( | \#\{ | \w+://
    | (?:your|my|the|some|insert|enter|replace|put|add|example|sample|dummy|fake|placeholder|redacted|masked|hidden|
        change|not|no|any|test|new|old|user|get|set)?
      [_-]?(?:str|string|text|char|bytes|none|null|nil|true|false|undefined|empty|unset|required|optional|here|me|it|
        pass(?:word|wd|phrase|code)?|pwd|secrets?|tokens?|keys?|api[_-]?keys?|credentials?|values?|auth|hidden|
        example|placeholder|redacted|masked|changeme|todo|tbd|any|object|number|boolean|env|input|prompt|type)
      (?:[_-]?(?:here|value|example|goes|field|input|hash|key|token))*[.,;:!?)]*\Z
    | (?:your|example|sample|dummy|placeholder|redacted|insert|replace|change)[_-]?[a-z_-]*\Z
    | \w+(?:\.\w+)*[(\[]
    """
)
"""What stands in place of a secret: a blank to fill in, a variable, a call, a type."""

_DOTTED = re.compile(r"[A-Za-z_][\w-]*(?:(?:\.|::|->|\?\.)[A-Za-z_]\w*)+[,;)]*")
_WORDS = re.compile(r"[A-Za-z]*(?:[ _./-][A-Za-z]+)*[.,;:!?)]*")
_SCHEME = re.compile(r"(?i:bearer|basic|token|digest|aws4-hmac-sha256)\s+")
_GAPS = ("xxxx", "XXXX", "***", "...", "…", "____", "{{", "${")


def is_varied(text: str) -> bool:
    """Whether a key is not a filler such as `xxxxxxxx` or `AAAAAAAA`."""
    return len(set(text)) >= min(8, len(text) // 3 + 2)


def is_random(text: str) -> bool:
    """Whether letters and digits look random: not words, versions or dates."""
    return is_varied(text) and (any(map(_is_drawn, _PARTS.findall(text))) or bool(_UUID.search(text)))


def _is_drawn(part: str) -> bool:
    """Whether lower case, upper case and digits alternate more often than in words, numbers and identifiers."""
    runs = len(_RUNS.findall(part))
    return (runs >= 5 or (runs == 4 and len(part) >= 12)) and 2 * len(part) < (6 if part.isalpha() else 7) * runs


def is_literal(value: str) -> bool:
    """Whether a value, which may be cut, is literal: not a placeholder, and not a name of what holds it."""
    value = value.rstrip("…")
    if not is_varied(value) or _PLACEHOLDER.match(value) or any(gap in value for gap in _GAPS):
        return False
    return not _DOTTED.fullmatch(value) or is_random(value)


def _is_worded(value: str) -> bool:
    """Whether a value consists of words or names, such as `my-key` or `clientSecret`."""
    return bool(_WORDS.fullmatch(value)) and 2 * len(value) >= 5 * len(_RUNS.findall(value))


def is_password(value: str) -> bool:
    """Whether a value assigned to a password is one, and not ordinary text or an identifier."""
    return is_literal(value) and not _is_worded(value)


def is_key(value: str) -> bool:
    """Whether a quoted value assigned to a key is one."""
    return len(value) >= 8 and not value.isdigit() and is_password(value)


def is_sent(value: str) -> bool:
    """Whether a header value is a secret, ignoring its scheme."""
    return is_password(_SCHEME.sub("", value))


def is_long(value: str) -> bool:
    """Whether an unquoted value assigned to a key is one."""
    return len(value) >= 10 and is_literal(value) and (is_random(value) or bool(_MIXED.match(value)))


def is_given(value: str) -> bool:
    """Whether a value beside the name of a secret is one."""
    return len(value) >= 16 and is_long(value)


def is_login(value: str) -> bool:
    """Whether the text after a name and a colon is a password, and not a number or an address."""
    return is_literal(value) and not value.isdigit() and not value.startswith("//")
