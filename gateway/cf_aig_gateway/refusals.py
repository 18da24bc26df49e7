"""Words the errors of failed requests: what failed, and what to try.

There are four error shapes: `errors` of the management API, `errors` of its front door, `errors` of GraphQL, and
`error` of the data plane. A provider's own error passes through the data plane unchanged.
"""

from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from cf_aig_gateway.errors import GatewayError, NotFound
from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.one_line import quoted, shortened
from cf_aig_gateway.shapes import as_list, as_object, as_text

MAX_WORDS = 500
"""The most characters of others' error text that a message repeats."""

GRAPHQL_STATUSES = (
    (403, ("not authorized", "unauthorized", "does not have access")),
    (429, ("budget depleted", "quota exceeded", "limit reached", "excessive resources")),
    (503, ("try again later", "internal server error")),
)
"""Phrases in GraphQL errors, by the status they mean. These errors may come under HTTP 200 and have no code.

Source: https://developers.cloudflare.com/analytics/graphql-api/errors, read 2026-11-23.
"""


@dataclass(frozen=True)
class Errand:
    """What a request is for, worded for its errors. `doubt` says how to check whether a write arrived."""

    missing: str
    scope: str = "AI Gateway Read"
    doubt: str = ""


under_way: ContextVar[str] = ContextVar("under way", default="")
"""The `doubt` of the last write that this call sent."""


def refusal(response: httpx2.Response, errand: Errand) -> GatewayError:
    """Return the error for an unsuccessful answer."""
    status = response.status_code
    code, words = reason(response)
    said = f"HTTP {status}" + (f", code {code}" if code else "") + (f": {quoted(words, MAX_WORDS)}" if words else "")
    kind = NotFound if status == 404 and code != 7003 else GatewayError
    doubt = f" {errand.doubt}" if errand.doubt and is_doubtful(status) else ""
    return kind(f"{_advice(response, status, code, errand)} ({said}){doubt}", status=status, code=code)


def is_doubtful(status: int) -> bool:
    """Whether a write with this answer may have been carried out: unless it is a clear no."""
    return status < 300 or status == 408 or status >= 500


def graphql_refusal(response: httpx2.Response, errand: Errand) -> GatewayError:
    """Return the error for a GraphQL answer with `errors`, by its words."""
    _, words = reason(response)
    said = words.lower()
    meant = (status for status, parts in GRAPHQL_STATUSES if any(part in said for part in parts))
    status = next(meant, 400)
    return GatewayError(f"{_advice(response, status, None, errand)} ({quoted(words, MAX_WORDS)})", status=status)


NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
"""Errors that mean the request can't have arrived."""


def unreachable(error: httpx2.TransportError, errand: Errand) -> GatewayError:
    """Return the error for a request that got no answer, or only part of one."""
    host = error.request.url.host
    if isinstance(error, NOT_SENT) and not isinstance(error, httpx2.TimeoutException):
        return GatewayError(
            f"{host} could not be reached ({type(error).__name__}). Check the network and the configured base URL."
        )
    doubt = "" if isinstance(error, NOT_SENT) else errand.doubt
    if isinstance(error, httpx2.TimeoutException):
        told, advice = f"{host} timed out.", "Try again; if it persists, check the provider's status."
    else:
        how = "closed before the response was complete"
        told, advice = f"The connection to {host} {how} ({type(error).__name__}).", "Try again."
    if isinstance(error.__cause__, httpx2.DecodingError):
        told, advice = f"{host} sent a response that cannot be decompressed.", "Try again, or check for a proxy."
    return GatewayError(f"{told} {doubt or advice}")


def reason(response: httpx2.Response) -> tuple[int | None, str]:
    """Return an error's code and words, whichever shape it has."""
    try:
        body = as_object(load_json(response.content))
    except ValueError:
        kind = response.headers.get("content-type", "text").partition(";")[0]
        return None, f"{kind} instead of JSON: {shortened(' '.join(response.text.split()), 200)}"
    entries = [as_object(entry) for entry in as_list(body.get("errors")) or as_list(body.get("error"))]
    if entries:
        return _code(entries[0]), "; ".join(_entry(entry) for entry in entries)[: MAX_WORDS + 1]
    error = body.get("error")
    words = as_text(error) or as_text(as_object(error).get("message")) or as_text(body.get("message"))
    return None, words[: MAX_WORDS + 1]


def _code(entry: dict[str, Any]) -> int | None:
    code = entry.get("code")
    return code if isinstance(code, int) else None


def _entry(entry: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in as_list(entry.get("path"))[1:])
    return (f"{where}: " if where else "") + as_text(entry.get("message"))


def _advice(response: httpx2.Response, status: int, code: int | None, errand: Errand) -> str:
    match status, code:
        case ((301 | 302 | 303 | 307 | 308), _):
            return "The gateway redirected the request, and redirects are not followed. Check the configured base URL."
        case _, 7003:
            return "The gateway has no such account or path. Check CLOUDFLARE_ACCOUNT_ID (32 hexadecimal characters)."
        case ((401 | 403), _) | (_, 10000):
            return f"No permission. The token is wrong or expired, or lacks the scope {errand.scope}."
        case 404, _:
            return errand.missing
        case 429, _:
            return f"Rate limited. Try again {_when(response)}."
        case _ if status >= 500:
            return "The gateway failed. Try again in a moment."
        case _ if status < 400 and code is None:
            return "The response is not from the API. Check the configured base URL, and whether a proxy intercepts it."
        case _:
            return "The gateway refused the request."


def _when(response: httpx2.Response) -> str:
    wait = response.headers.get("retry-after", "")
    if wait.isascii() and wait.isdecimal():
        return f"in {int(wait[:12]):,} s"
    with suppress(ValueError):
        return f"after {parsedate_to_datetime(wait):%Y-%m-%d %H:%M %Z}"
    return "in a minute; after 1,200 calls in 5 minutes the Cloudflare API blocks for 5 more"
