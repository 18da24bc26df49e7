"""The forms of request that the data plane accepts. Each is read into calls to providers."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request

from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local import uploads
from cf_aig_gateway.local.calls import VERSION, Call
from cf_aig_gateway.local.faults import invalid_provider, invalid_request, model_not_found, no_answer
from cf_aig_gateway.providers import AUTHORS, CUSTOM, PROVIDERS, WORKERS_AI, is_provider
from cf_aig_gateway.shapes import as_list, as_object, as_text

PROVIDER = re.compile(r"[a-z0-9-]{1,64}")
PATHS = {"chat", "completions", "responses", "messages", "embeddings", "models", "images", "audio", "model", "files"}
"""First segments of providers' own paths. If one is in the provider's place, the provider is missing."""

EXAMPLES = (
    (r"v1beta\d*/|models/[^/]+:", "google-ai-studio"),
    (r"model/", "aws-bedrock/bedrock-runtime/us-east-1"),
    (r"(v1/)?messages", "anthropic"),
    (r"v2/chat", "cohere"),
    (r"", "openai"),
)
"""Providers whose paths begin with those."""

MAX_STEPS = 50
CONFIG = {
    "requestTimeout": "cf-aig-request-timeout",
    "maxAttempts": "cf-aig-max-attempts",
    "retryDelay": "cf-aig-retry-delay",
    "backoff": "cf-aig-backoff",
}
"""A universal step's `config` members, and their headers."""

CONNECTION = {
    "host", "connection", "content-length", "transfer-encoding", "accept-encoding", "cookie", "origin", "referer",
    "expect", "keep-alive", "te", "trailer", "upgrade", "proxy-authorization", "proxy-connection",
}  # fmt: skip
"""Headers that providers don't get. Those of a connection are from RFC 9110 (7.6.1, 10.1.1)."""

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[^\r\n\0]*")

CLOUDFLARES = {"authorization", "x-auth-email", "x-auth-key", "api-version"}
"""Headers of the management host: credentials for Cloudflare, not for a provider."""


def native(request: Request, body: bytes) -> list[Call]:
    """Read a call on a provider's own path. A body that isn't JSON is logged by kind and size."""
    endpoint = request.path_params["endpoint"]
    provider = _provider(request.path_params["provider"], endpoint)
    kind = request.headers.get("content-type", "")
    asked = as_object(read_json(body)) if not kind.startswith("multipart/") else {}
    logged = body
    if body and not asked and "json" not in kind:
        asked = uploads.note(kind, body)
        logged = write_json(asked)
    query = request.scope["query_string"].decode("latin-1")
    call = _call(request, logged, provider, endpoint, asked, sent=body)
    return [replace(call, method=request.method, query=query, sent=_sent(request))]


def _sent(request: Request) -> str:
    """Return the endpoint below the provider as sent: signatures cover its encoding.

    Empty if the path can't be split there, as with an encoded slash before the endpoint.
    """
    sent = request.scope["raw_path"].decode("latin-1").split("/", 5)[-1]
    return sent.lstrip("/").replace("#", "%23") if unquote(sent) == request.path_params["endpoint"] else ""


def compat(request: Request, body: bytes) -> list[Call]:
    """Read a chat in OpenAI's format whose model is provider/model.

    A bare Workers AI name is answered with 2005, as third parties saw Cloudflare do.
    """
    content = as_object(read_json(body))
    provider, _, model = as_text(content.get("model")).partition("/")
    if provider.startswith("@"):
        raise no_answer("the model's provider is missing")
    call = _call(request, body, _provider(provider), "chat/completions", content | {"model": model})
    return [replace(call, endpoint=_versioned(call), request_type="compat", compatible=True)]


def rest(endpoint: str, request: Request, body: bytes) -> list[Call]:
    """Read a call to the management host, whose model is author/model or a Workers AI name."""
    return [_rest(endpoint, request, body, as_object(read_json(body)))]


def run(request: Request, body: bytes) -> list[Call]:
    """Read a call to /ai/run, which mirrors the Workers binding: a model, in the path or the body, and its input.

    Workers AI's models answer in the v4 envelope themselves. Others take a chat, and their reply is put into one.
    """
    content = as_object(read_json(body))
    model = request.path_params.get("model") or as_text(content.get("model"))
    asked = content if "model" in request.path_params else as_object(content.get("input"))
    if model.startswith("@"):
        call = _call(request, body, WORKERS_AI, model, asked)
        return [replace(call, headers=_providers(call.headers), request_type="run")]
    call = _rest("chat/completions", request, body, {**asked, "model": model})
    return [replace(call, request_type="run", enveloped=True)]


def universal(request: Request, body: bytes) -> list[Call]:
    """Read an array of steps, which are tried in order until one succeeds.

    A step's headers and `config` come before the request's own; a provider gets only the headers of its step.
    """
    steps = as_list(read_json(body))
    if not 1 <= len(steps) <= MAX_STEPS:
        raise invalid_request(f"A universal request is an array of 1 to {MAX_STEPS} steps")
    return [_step(request, as_object(step)) for step in steps]


def _step(request: Request, step: dict[str, Any]) -> Call:
    provider, endpoint = as_text(step.get("provider")), as_text(step.get("endpoint"))
    if not provider or not endpoint:
        raise invalid_request("A step is an object with provider, endpoint, headers and query")
    query = as_object(step.get("query"))
    call = _call(request, write_json(query), _provider(provider), endpoint, query)
    config = as_object(step.get("config"))
    configured = {header: str(config[name]) for name, header in CONFIG.items() if name in config}
    given = {name: str(value) for name, value in as_object(step.get("headers")).items()}
    for name, value in given.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise invalid_request(f"A step's header {name[:80]!r} has an invalid name or value")
    headers, asides = parted(given)
    return replace(
        call,
        headers={**headers, "content-type": "application/json"},
        asides={**call.asides, **configured, **asides},
        request_type="universal",
    )


def _rest(endpoint: str, request: Request, body: bytes, content: dict[str, Any]) -> Call:
    author, _, model = as_text(content.get("model")).partition("/")
    if author.startswith("@"):
        author, model = WORKERS_AI, f"{author}/{model}"
    provider = AUTHORS.get(author, author)
    if not model or not is_provider(provider):
        raise model_not_found()
    call = _call(request, body, provider, endpoint, content | {"model": model})
    headers = _providers(call.headers)
    return replace(call, endpoint=_versioned(call), headers=headers, request_type="rest", compatible=True)


def _call(
    request: Request, body: bytes, provider: str, endpoint: str, asked: dict[str, Any], *, sent: bytes | None = None
) -> Call:
    headers, asides = parted(request.headers)
    return Call(
        provider=provider,
        endpoint=_endpoint(endpoint),
        body=write_json(asked) if sent is None else sent,
        logged=body,
        content=asked,
        headers=headers,
        asides=asides,
        account=request.path_params["account"],
    )


def providerless(request: Request, _: bytes) -> list[Call]:
    """Refuse a path that ends at the provider, or has no provider."""
    _provider(request.path_params["provider"], "")
    raise invalid_request("The path ends at the provider: the endpoint after it is missing")


def _provider(name: str, endpoint: str = "") -> str:
    if PROVIDER.fullmatch(name) and is_provider(name):
        return name
    path = "/".join(filter(None, [name, endpoint]))[:200]
    if name in PATHS or VERSION.fullmatch(f"{name}/"):
        example = next(slug for shape, slug in EXAMPLES if re.match(shape, path))
        raise invalid_provider(f"the path has no provider, as in …/{example}/{path}")
    if not name:
        raise invalid_provider("the model does not name one; write provider/model, such as openai/gpt-4o-mini")
    known = {slug: slug for slug in PROVIDERS} | {row.vendor: row.slug for row in PROVIDERS.values()} | AUTHORS
    near = [known[other] for other in difflib.get_close_matches(name, known, n=1)]
    hint = f"did you mean {near[0]}?" if near else f"your own would be called {CUSTOM}{name[:64]}"
    raise invalid_provider(f"there is no provider {name[:64]!r}; {hint}")


def _endpoint(path: str) -> str:
    """Return a path below a provider. A path that would leave it is refused."""
    if "\0" in path or not {".", ".."}.isdisjoint(path.replace("\\", "/").split("/")):
        raise invalid_request("Invalid path")
    return path.lstrip("/")


def _versioned(call: Call) -> str:
    """Return the endpoint of a call without one. The paths of Workers AI and Anthropic have a `v1`."""
    return f"v1/{call.path}" if call.provider == WORKERS_AI or call.path == "messages" else call.path


def parted(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Split headers into the provider's and the gateway's, without those of the connection."""
    lowered = {name.lower(): value for name, value in given.items()}
    asides = {name: value for name, value in lowered.items() if name.startswith("cf-")}
    headers = {name: value for name, value in lowered.items() if name not in asides and name not in CONNECTION}
    return headers, asides


def _providers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in CLOUDFLARES}
