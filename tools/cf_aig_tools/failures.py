"""Classifies failed calls in the field's usual terms, from what the gateway and the provider reported."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cf_aig_gateway import formats
from cf_aig_gateway.formats import Said
from cf_aig_gateway.json_text import load_json, whole
from cf_aig_gateway.models import Log
from cf_aig_gateway.shapes import as_text
from cf_aig_tools.amounts import seconds

MAX_WORDS = 2000
"""Maximum characters of a provider's error that are read and quoted."""

MAX_LABELS = 20
"""Maximum labels of an error that are read."""

CALLER_LEFT = 499
BROKEN = "stream broken"

_BY_STATUS = {
    400: "bad request",
    401: "bad key",
    402: "out of credit",
    403: "forbidden",
    404: "not found",
    408: "timeout",
    413: "too large",
    422: "bad request",
    424: "blocked",
    429: "limit exceeded",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
_ENDED = {
    499: ("caller left", "The caller closed the connection{after}, before the reply was complete."),
    501: ("not supported", ""),
    520: ("provider failed", "The provider sent Cloudflare an empty or invalid response{after}."),
    521: ("provider down", "The provider refused Cloudflare's connection{after}."),
    522: ("timeout", "Cloudflare's connection to the provider timed out{after}."),
    523: ("provider down", "Cloudflare found no route to the provider{after}."),
    524: ("timeout", "The provider accepted the request but did not respond in time: Cloudflare gave up{after}."),
    525: ("TLS failed", "The TLS handshake between Cloudflare and the provider failed{after}."),
    526: ("TLS failed", "The provider's certificate is not valid."),
    527: ("provider failed", "Cloudflare's connection to the provider was interrupted{after}."),
    530: ("provider unreachable", "Cloudflare could not resolve or reach the provider's host{after}."),
}
"""Statuses that a gateway sets itself: the class, and who ended the call after how long.

499 is used by nginx and the local gateway; 520 to 530 are Cloudflare's:
developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors.
"""

_BROKE_OFF = "The provider's stream broke off{after}."

_BY_GATEWAY_CODE = {
    2001: "invalid request",
    2003: "rate limited by gateway",
    2005: "provider down",
    2008: "invalid request",
    2009: "bad key",
    2016: "blocked by guardrails",
    2017: "blocked by guardrails",
    2021: "out of credit",
    2029: "blocked by DLP",
    2030: "blocked by DLP",
    2040: "invalid request",
    2041: "spend limit",
    2045: "spend limit",
    7000: "gateway failed",
}
"""The gateway's own codes, from its documentation and from bodies captured by third parties in 2026."""

_BY_CLOUDFLARE_CODE = {7003: "unknown model", 7013: "blocked by guardrails", 10000: "bad key"}
"""Codes of Cloudflare's API front end, whatever service is behind it."""

_BY_WORDS = [
    (kind, re.compile(shape, re.IGNORECASE))
    for kind, shape in (
        ("refused by policy", r"access denied by policy"),
        ("spend limit", r"spend(ing)? limit exceeded|spend(ing)? limit reached"),
        ("provider key required", r"(provider|own|byok).{0,30}(key|credential)s?.{0,30}(required|missing|needed)"),
        ("provider key required", r"byok[ _]only|no[ -]wholesale"),
        ("content filtered", r"content_filter|content_policy|ResponsibleAIPolicy|content management policy"),
        ("content filtered", r"safety system|moderation_blocked|PROHIBITED_CONTENT|blockReason"),
        (
            "context too long",
            r"context[ _](length|window)|prompt is too long|input token count|too many (input )?tokens",
        ),
        ("context too long", r"reduce the length|too large for model with \d+ maximum context|string_above_max_length"),
        (
            "out of credit",
            r"insufficient[ _](quota|credit|balance|funds)|credit balance|billing_(hard_limit|not_active)",
        ),
        ("unknown model", r"model_not_found|invalid_model|no such model|(unknown|invalid) model|^model: \S+$"),
        (
            "unknown model",
            r"\bmodels?\b(?:[^.\n]|\.(?=\S)){0,80}"
            r"(does not exist|(?<!may )(not|isn't) (found|supported|exist)|decommissioned)",
        ),
        ("unknown model", r"\bmodel\b[^.\n]{0,80}has been (deprecated|retired|removed)"),
        (
            "bad key",
            r"(invalid|incorrect|expired|missing|wrong)[ _](x-)?api[ _-]?key|api[ _]key[ _](not valid|invalid|expired)",
        ),
        (
            "bad key",
            r"authentication[ _]error|UNAUTHENTICATED|invalid (bearer|authentication|credential|token)|unauthorized",
        ),
        ("no permission", r"permission[ _](error|denied)|not have (access|permission)|unsupported_country"),
        ("overloaded", r"overloaded|capacity (temporarily )?exceeded|(out of|over|at) capacity"),
        ("rate limited by provider", r"rate[ _-]?limit|too many requests|RESOURCE_EXHAUSTED|quota exceeded"),
        ("timeout", r"timed? ?out|timeout|DEADLINE_EXCEEDED"),
        ("stream broken", r"stream (ended|closed|interrupted)|connection (reset|closed|lost)|premature (close|end)"),
        ("provider down", r"\b(api|server)_error\b|internal server error|bad gateway|service unavailable"),
    )
]
_KINDS_OF_STATUS = {
    400: "invalid request",
    401: "bad key",
    402: "out of credit",
    403: "no permission",
    408: "timeout",
    413: "invalid request",
    422: "invalid request",
    429: "rate limited by provider",
    504: "timeout",
    529: "overloaded",
}
_CUT_WORDS = re.compile(r'"(?:message|detail|msg)"\s*:\s*"((?:[^"\\]|\\.)*)')
_CUT_LABELS = re.compile(r'"(?:type|code|status|reason)"\s*:\s*"(\w+)')
_CUT_CODE = re.compile(r'"code"\s*:\s*(\d{4,5})\b')


@dataclass(frozen=True)
class Failure:
    """Why a call failed: its class, the provider's own words, and what the gateway status means."""

    kind: str
    words: str
    meaning: str = ""


def from_status(status: int | None, code: int | None = None) -> str:
    """Return a short cause from the status and gateway code alone; empty if they say nothing."""
    if code in _BY_GATEWAY_CODE:
        return _BY_GATEWAY_CODE[code]
    if status is None:
        return ""
    ended, _ = _ENDED.get(status, ("", ""))
    return ended or _BY_STATUS.get(status) or ("provider failed" if 500 <= status < 600 else "")


def meaning(status: int | None, durations: Sequence[float | None], *, began: bool = False) -> str:
    """Return a sentence saying who ended calls, and after how long (milliseconds); empty if the status does not tell.

    `began`: the reply had started to stream.
    """
    ends = [f"{seconds(end(known)):g}" for end in (min, max) for known in [[*filter(None, durations)]] if known]
    after = f" after {' to '.join(dict.fromkeys(ends))} s" if ends else ""
    if began and status in {500, 502}:
        return _BROKE_OFF.format(after=after)
    _, sentence = _ENDED.get(status or 0, ("", ""))
    return sentence.format(after=after)


def explain(status: int | None, body: object, provider: str | None, duration: float | None = None) -> Failure | None:
    """Explain a call from its status and error body (JSON or text, possibly truncated); None if unrecognized."""
    said, began = _read(body), _is_stream(body)
    told = meaning(status, [duration], began=began)
    if status == CALLER_LEFT:
        return Failure(from_status(status), "", told)
    kind = _by_code(said, status, provider) or _by_words(said) or _by_stream(status, began=began) or _by_status(status)
    return Failure(kind, said.words[:MAX_WORDS], told) if kind else None


def of_log(log: Log) -> Failure | None:
    """Explain a call from its log, including the head of its body."""
    head = (log.model_extra or {}).get("response_head")
    return explain(log.status_code, head, log.provider, log.duration)


def words(body: object) -> str:
    """Return the message in an error body, recognized or not."""
    return _read(body).words[:MAX_WORDS]


def _by_code(said: Said, status: int | None, provider: str | None) -> str:
    if said.code == 2005 and said.by_gateway and status == 501:
        return from_status(status)
    if said.code == 2005 and said.by_gateway:
        return _by_words(said) or "provider down"
    if said.code == 7003 and status != 404:
        return "invalid request"
    codes = _BY_CLOUDFLARE_CODE
    if said.by_gateway:
        codes = codes | _BY_GATEWAY_CODE
    elif said.kind and provider in {"workers-ai", None, ""}:
        return said.kind
    return codes.get(said.code or 0, "")


def _by_words(said: Said) -> str:
    texts = [text[:MAX_WORDS] for text in (said.words, *said.labels[:MAX_LABELS])]
    return next((kind for kind, shape in _BY_WORDS if any(shape.search(text) for text in texts)), "")


def _by_stream(status: int | None, *, began: bool) -> str:
    """Recognize a stream that failed after its first events."""
    return BROKEN if began and status is not None and status >= 500 else ""


def _is_stream(body: object) -> bool:
    return isinstance(body, str) and body.startswith(("data:", "event:"))


def _by_status(status: int | None) -> str:
    if status is None:
        return ""
    ended, _ = _ENDED.get(status, ("", ""))
    return ended or _KINDS_OF_STATUS.get(status) or ("provider down" if 500 <= status < 600 else "")


def _read(body: object) -> Said:
    if isinstance(body, str) and _is_stream(body):
        stream = formats.stream()
        stream.add(body.encode(errors="replace"))
        stream.end()
        return stream.error or Said()
    if isinstance(body, str):
        try:
            body = load_json(body)
        except ValueError:
            return _read_cut(body)
    return formats.said(body)


def _read_cut(text: str) -> Said:
    words = _CUT_WORDS.search(text)
    code = _CUT_CODE.search(text)
    return Said(
        _unescaped(words[1]) if words else "",
        tuple(_CUT_LABELS.findall(text)),
        int(code[1]) if code else None,
        '"error":[' in text.replace(" ", ""),
    )


def _unescaped(text: str) -> str:
    try:
        return as_text(whole(json.loads(f'"{text}"', strict=False)))
    except ValueError:
        return text
