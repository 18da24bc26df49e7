"""What a stranger's text may not show: secrets are masked, and characters that hide or reorder are made visible."""

import re
from collections import Counter
from collections.abc import Callable

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]|\\\\u(?=\\{)"
)
_MARK = re.compile(r"\[([a-z]+(?:_[a-z]+)*_(?:key|token|secret|password|cookie|header)|jwt)\]")
_SECRETS = {
    "anthropic_key": r"sk-ant-[\w-]{16,}",
    "openrouter_key": r"sk-or-[\w-]{16,}",
    "openai_key": r"sk-(?:proj-|svcacct-|admin-)?[\w-]{20,}",
    "google_key": r"AIza[\w-]{30,}",
    "groq_key": r"gsk_\w{20,}",
    "xai_key": r"xai-\w{20,}",
    "huggingface_token": r"hf_[A-Za-z0-9]{20,}",
    "replicate_token": r"r8_[A-Za-z0-9]{20,}",
    "perplexity_key": r"pplx-[A-Za-z0-9]{20,}",
    "github_token": r"(?:gh[opsur]_|github_pat_)\w{20,}",
    "gitlab_token": r"glpat-[\w-]{16,}",
    "slack_token": r"xox[a-z]-[\w-]{10,}",
    "stripe_key": r"[sr]k_live_\w{10,}",
    "jwt": r"eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
    "aws_key": r"A(?:KI|SI)A[A-Z0-9]{16}",
    "private_key": r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\:,]*(?:-----END [A-Z ]{0,40}-----)?",
}
_SECRET = re.compile("(?<![A-Za-z0-9])(?:" + "|".join(f"(?P<{kind}>{shape})" for kind, shape in _SECRETS.items()) + ")")


def visible(text: str) -> str:
    r"""Write invisible, bidirectional and control characters as `\u{202e}`; newline and tab stay."""
    return _HIDDEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{{{ord(found[0][0]):x}}}" + found[0][1:]


def marks(text: str) -> Counter[str]:
    """Count, by kind, the secrets that a masked text no longer shows."""
    return Counter(_MARK.findall(text))


def note(text: str) -> str:
    """Say what was masked in a text, as `2 openai_key, 1 jwt`; empty when nothing was."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(marks(text).items()))


class Masker:
    """Takes secrets out of texts; without state, so one serves every call. An operator may switch it off."""

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled

    def mask(self, text: str) -> str:
        """Return the text with every secret replaced by its kind, as `[openai_key]`."""
        return _SECRET.sub(lambda found: f"[{found.lastgroup}]", text) if self.enabled else text

    def stream(self) -> "MaskStream":
        """Return a masker for a text that comes in parts."""
        return MaskStream(self.mask)


class MaskStream:
    """Masks a text that comes in parts: what comes out is, put together, the whole text masked."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._parts: list[str] = []

    def feed(self, text: str) -> str:
        """Take a part; return what is certain by now."""
        self._parts.append(text)
        return ""

    def end(self) -> str:
        """Return the rest."""
        return self._mask("".join(self._parts))
