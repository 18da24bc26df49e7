"""What secrets look like: a literal in each, the shape from there on, and what they go on with.

Shapes are bounded, so that a text in parts is read like a whole one; a secret goes on for as long as `rest` does.
They are matched against the text unveiled: without invisible characters, its escapes resolved.
"""

import re
from dataclasses import dataclass

REACH = 400
"""Characters after its literal that a shape may look at."""

AHEAD = 128
"""Characters that may stand between its literal and what is hidden."""

BEHIND = 8
"""Characters before its literal that a shape may look at."""

_FREE = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2}))"
_SCHEME = r"(?i:bearer|basic|token|digest|aws4-hmac-sha256)\s{1,4}"
_DIGIT_NEAR = r"(?=[A-Za-z0-9._~+/=%-]{0,64}[0-9])"


@dataclass(frozen=True)
class Secret:
    """One kind: its group in `shape` is what is hidden, with all of `rest` that follows."""

    kind: str
    literal: str
    shape: re.Pattern[str]
    rest: re.Pattern[str]


def _secret(kind: str, literal: str, shape: str, rest: str = r"[A-Za-z0-9_-]*") -> Secret:
    return Secret(kind, literal, re.compile(shape), re.compile(rest))


def _key(kind: str, literal: str, least: int = 10, shape: str = "") -> Secret:
    return _secret(kind, literal.lower(), f"{_FREE}({shape or re.escape(literal)}{_many('[A-Za-z0-9_-]', least)})")


def _many(letters: str, least: int) -> str:
    """Return the shape of so many letters, or of fewer where the text was cut off."""
    return rf"(?:{letters}{{{least}}}|{letters}{{8,}}\Z)"


def _header(kind: str, literal: str, name: str = "") -> list[Secret]:
    """Return how a header's value looks: listed, quoted, in a list of pairs, or on a line of its own."""
    name = f"(?i:{name or literal})"
    listed = r"[\"']?\s{0,4}:\s{0,4}\[\s{0,64}[\"']([^\"'\s]{8})"
    quoted = rf"[\"']?\s{{0,4}}[:=]\s{{0,4}}\[?\s{{0,4}}[\"']((?:{_SCHEME})?[^\"'\s\[$<{{][^\"'\s]{{7}})"
    paired = rf"[\"']\s{{0,4}},\s{{0,4}}(?:[\"']value[\"']\s{{0,4}}:\s{{0,4}})?[\"']{_DIGIT_NEAR}([^\"'\s]{{8}})"
    schemed = rf"\s{{0,4}}[:=]\s{{0,4}}({_SCHEME}[A-Za-z0-9])"
    bare = rf"\s{{0,4}}[:=]\s{{0,4}}{_DIGIT_NEAR}([A-Za-z0-9._~+/=%-]{{8}})"
    return [
        _secret(kind, literal, name + listed, r"(?:[^\"'\r\n]|[\"']\s{0,64},\s{0,64}[\"'])*"),
        _secret(kind, literal, f"{name}(?:{quoted}|{paired}|{schemed})", r"[^\"'\r\n]*"),
        _secret(kind, literal, name + bare, r"[^\s\"',;&]*"),
    ]


_SECRETS = [
    _secret("anthropic_key", "sk-", r"(sk-ant-[A-Za-z0-9_-]{8})"),
    _secret("openrouter_key", "sk-", r"(sk-or-[A-Za-z0-9_-]{8})"),
    _secret("openai_key", "sk-", r"(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{8})"),
    _secret(
        "openai_key",
        "sk-",
        rf"{_FREE}(sk-(?!ant-|or-|proj-)(?=[A-Za-z0-9_-]{{0,48}}[0-9]){_many('[A-Za-z0-9_-]', 16)})",
    ),
    _key("google_key", "AIza", 30),
    _key("google_token", "ya29.", 20),
    _key("groq_key", "gsk_", 16),
    _key("xai_key", "xai-", 16),
    _key("huggingface_token", "hf_", 16),
    _key("replicate_token", "r8_", 16),
    _key("perplexity_key", "pplx-", 16),
    _secret("github_token", "gh", rf"(gh[opsur]_{_many('[A-Za-z0-9_]', 16)})"),
    _secret("github_token", "github_pat_", rf"(github_pat_{_many('[A-Za-z0-9_]', 16)})"),
    _secret("gitlab_token", "glpat-", r"(glpat-[A-Za-z0-9_-]{8})"),
    _key("slack_token", "xox", 8, "xox[a-z]-"),
    _key("slack_token", "xapp-"),
    _key("stripe_key", "sk_live_", 8),
    _key("stripe_key", "rk_live_", 8),
    _key("cloudflare_token", "cf", 30, "cf(?:ut|at|k)_"),
    _secret("cloudflare_token", "v1.0-", rf"{_FREE}(v1\.0-{_many('[0-9a-f]', 20)})"),
    _secret("cloudflare_token", "token", rf"(?i:token)[\"']?[\s:=]{{1,4}}[\"']?({_many('[A-Za-z0-9_-]', 40)})"),
    _secret(
        "jwt",
        "eyj",
        rf"{_FREE}(eyJ[A-Za-z0-9_-]{{6,300}}+(?:\.[A-Za-z0-9_-]{{4}}|\.?[A-Za-z0-9_-]{{0,3}}\Z))",
        r"[A-Za-z0-9_.-]*",
    ),
    _secret("aws_key_id", "akia", rf"{_FREE}(AKIA{_many('[A-Z0-9]', 16)})"),
    _secret("aws_key_id", "asia", rf"{_FREE}(ASIA{_many('[A-Z0-9]', 16)})"),
    _secret(
        "aws_secret_key",
        "key",
        rf"(?<=access.)(?i:key)[\"']?[\s:=]{{1,8}}[\"']?({_many('[A-Za-z0-9/+=]', 30)})",
        r"[A-Za-z0-9/+=_-]*",
    ),
    _secret(
        "private_key",
        "-----begin ",
        r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s{0,8}"
        r"(?:[A-Za-z0-9+/]{8}|Proc-Type|Version|Comment))",
        r"(?:[^-\"'<>{}]|-(?!-))*(?:-----END [A-Z0-9 ]{0,40}-{0,5})?",
    ),
    _secret("database_password", "://", r"://[^\s:/@\"'<>]{0,64}:([^\s@/\"'<>]{1,200}+)@", ""),
    _secret(
        "bearer_token",
        "bearer",
        rf"(?i:bearer)(?:\s{{1,4}}|%20){_DIGIT_NEAR}([A-Za-z0-9._~+/=-]{{8}})",
        r"[A-Za-z0-9._~+/=-]*",
    ),
    _secret(
        "basic_credentials",
        "basic",
        r"(?i:basic)\s{1,4}(?=[A-Za-z0-9+/]{0,64}(?:[0-9=]|[a-z][A-Z]))([A-Za-z0-9+/]{8})",
        r"[A-Za-z0-9+/=_-]*",
    ),
    *_header("api_key", "key", r"(?:(?<=api.)|(?<=api)|(?<=auth-))key"),
    *_header("authorization", "authorization"),
    *_header("client_secret", "client-secret"),
    *_header("cookie", "cookie"),
    _secret("cookie", "cookie", r"(?i:cookie):\s{0,4}([\w!#$%&*+.^`|~-]{1,80}=[^\s\"';]{4})", r"[^\"'\r\n]*"),
]

KINDS = sorted({secret.kind for secret in _SECRETS})

Secrets = dict[str, list[Secret]]
"""Kinds by their literal, in lower case."""

SECRETS: Secrets = {
    literal: [secret for secret in _SECRETS if secret.literal == literal]
    for literal in dict.fromkeys(secret.literal for secret in _SECRETS)
}
"""Every kind that is masked; of several that fit, the one that begins first."""
