"""What a provider is asked: one call, read from any form of request that the data plane takes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from cf_aig_gateway.local.faults import Fault, invalid_provider, no_answer
from cf_aig_gateway.local.providers import directory
from cf_aig_gateway.shapes import as_object, as_text

MAX_BODY = 25 * 1024 * 1024
"""Bytes of a request; Cloudflare's bound for a cacheable one, taken here for all."""

PROVIDER = re.compile(r"[a-z0-9-]{1,64}")
AUTHORS = {"google": "google-ai-studio", "xai": "grok"}
"""Authors in the REST API's model names whose provider is called otherwise."""


@dataclass(frozen=True)
class Call:
    """One request to a provider, `endpoint` below its base URL. `logged` is the body as the caller sent it."""

    provider: str
    endpoint: str
    body: bytes
    logged: bytes
    content: dict[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    request_type: str = "provider"
    compatible: bool = False

    @property
    def model(self) -> str:
        """Return the model's name at its provider."""
        named = self.endpoint.removeprefix("run/")
        return named if named.startswith("@cf/") else as_text(self.content.get("model"))

    @property
    def logged_model(self) -> str:
        """Return the model as logs name it: provider/model, and Workers AI's own names as they are."""
        return self.model if self.model.startswith("@") or not self.model else f"{self.provider}/{self.model}"


def native_call(request: Request, body: bytes) -> Call:
    """Read a call on a provider's own path."""
    provider = known_provider(request.path_params["provider"])
    endpoint = request.path_params["endpoint"].lstrip("/")
    return Call(provider, endpoint, body, body, parsed(body), caller_headers(request))


def compat_call(request: Request, body: bytes) -> Call:
    """Read a call in OpenAI's form whose model is provider/model.

    A bare Workers AI name is answered with 2005, as third parties saw Cloudflare do.
    """
    content = parsed(body)
    provider, _, model = as_text(content.get("model")).partition("/")
    if provider.startswith("@"):
        raise no_answer("the model's provider is missing")
    asked = content | {"model": model}
    return Call(
        known_provider(provider),
        "chat/completions",
        encoded(asked),
        body,
        asked,
        caller_headers(request),
        "compat",
        True,
    )


def rest_call(endpoint: str, request: Request, body: bytes) -> Call:
    """Read a call to the management host, whose model is author/model or a Workers AI name.

    The caller's Authorization is Cloudflare's token, so it goes no further.
    """
    content = parsed(body)
    author, _, model = as_text(content.get("model")).partition("/")
    if author.startswith("@"):
        author, model = "workers-ai", f"{author}/{model}"
    provider = AUTHORS.get(author, author)
    if not model or not directory.knows(provider):
        raise Fault(7003, 404, "Model not found")
    headers = {name: value for name, value in caller_headers(request).items() if name != "authorization"}
    asked = content | {"model": model}
    return Call(provider, endpoint, encoded(asked), body, asked, headers, "rest", True)


def known_provider(name: str) -> str:
    """Return a provider's slug.

    Raises:
        Fault: there is none of that name.

    """
    if not PROVIDER.fullmatch(name) or not directory.knows(name):
        raise invalid_provider()
    return name


def caller_headers(request: Request) -> dict[str, str]:
    """Return the headers that are a provider's business: not the gateway's, nor the connection's."""
    return provider_headers(dict(request.headers))


def provider_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Leave out the headers of the gateway and of one connection."""
    lowered = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in lowered.items() if not name.startswith("cf-") and name not in _HOP}


_HOP = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "cookie", "origin", "referer"}


def parsed(body: bytes) -> dict[str, Any]:
    """Return a JSON body; an empty object when it is none, which providers then refuse in their own words."""
    try:
        return as_object(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def encoded(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
