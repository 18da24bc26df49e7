"""What a provider is asked: one call, read from any form of request that the data plane takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request

from cf_aig_gateway.local.faults import Fault, invalid_provider, invalid_request, no_answer
from cf_aig_gateway.local.json_text import read_json, write_json
from cf_aig_gateway.local.providers import directory
from cf_aig_gateway.shapes import as_list, as_object, as_text

MAX_BODY = 25 * 1024 * 1024
"""Bytes of a request; Cloudflare's bound for a cacheable one, taken here for all."""

PROVIDER = re.compile(r"[a-z0-9-]{1,64}")
MAX_STEPS = 50
CONFIG = {
    "requestTimeout": "cf-aig-request-timeout",
    "maxAttempts": "cf-aig-max-attempts",
    "retryDelay": "cf-aig-retry-delay",
    "backoff": "cf-aig-backoff",
}
"""What a universal step's `config` says, as headers."""

AUTHORS = {"google": "google-ai-studio", "xai": "grok"}
"""Authors in the REST API's model names whose provider is called otherwise."""


@dataclass(frozen=True)
class Call:
    """One request to a provider, `endpoint` below its base URL.

    `logged` is the body as the caller sent it; `headers` are meant for the provider, `asides` for the gateway. An
    `enveloped` call's reply is put into Cloudflare's v4 envelope.
    """

    provider: str
    endpoint: str
    body: bytes
    logged: bytes
    content: dict[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    asides: Mapping[str, str] = field(repr=False)
    request_type: str = "provider"
    compatible: bool = False
    method: str = "POST"
    query: str = ""
    account: str = ""
    enveloped: bool = False

    @property
    def model(self) -> str:
        """Return the model's name at its provider."""
        named = self.endpoint.removeprefix("run/")
        return named if named.startswith("@cf/") else as_text(self.content.get("model"))

    @property
    def logged_model(self) -> str:
        """Return the model as logs name it: provider/model, and Workers AI's own names as they are."""
        return self.model if self.model.startswith("@") or not self.model else f"{self.provider}/{self.model}"


def native_call(request: Request, body: bytes) -> list[Call]:
    """Read a call on a provider's own path."""
    provider = known_provider(request.path_params["provider"])
    endpoint = _endpoint(request.path_params["endpoint"])
    headers, asides = parted(request.headers)
    call = Call(provider, endpoint, body, body, content_of(body), headers, asides, account=_account(request))
    return [replace(call, method=request.method, query=request.url.query)]


def compat_call(request: Request, body: bytes) -> list[Call]:
    """Read a call in OpenAI's form whose model is provider/model.

    A bare Workers AI name is answered with 2005, as third parties saw Cloudflare do.
    """
    content = content_of(body)
    provider, _, model = as_text(content.get("model")).partition("/")
    if provider.startswith("@"):
        raise no_answer("the model's provider is missing")
    asked = content | {"model": model}
    headers, asides = parted(request.headers)
    provider = known_provider(provider)
    call = Call(provider, "chat/completions", write_json(asked), body, asked, headers, asides, "compat", True)
    return [_as_chat(call, _account(request))]


def rest_call(endpoint: str, request: Request, body: bytes) -> list[Call]:
    """Read a call to the management host, whose model is author/model or a Workers AI name.

    The caller's Authorization is Cloudflare's token, so it goes no further.
    """
    content = content_of(body)
    author, _, model = as_text(content.get("model")).partition("/")
    if author.startswith("@"):
        author, model = "workers-ai", f"{author}/{model}"
    provider = AUTHORS.get(author, author)
    if not model or not directory.knows(provider):
        raise Fault(7003, 404, "Model not found")
    headers, asides = parted(request.headers)
    headers.pop("authorization", None)
    asked = content | {"model": model}
    call = Call(provider, endpoint, write_json(asked), body, asked, headers, asides, "rest", True)
    return [_as_chat(call, _account(request))]


def run_call(request: Request, body: bytes) -> list[Call]:
    """Read a call to /ai/run, the twin of the Workers binding: a model, in the path or the body, and its input.

    Workers AI's models answer in the v4 envelope by themselves; others take a chat, and their reply is put into one.
    """
    content = content_of(body)
    model = request.path_params.get("model") or as_text(content.get("model"))
    asked = content if "model" in request.path_params else as_object(content.get("input"))
    headers, asides = parted(request.headers)
    headers.pop("authorization", None)
    if model.startswith("@"):
        endpoint = _endpoint(model)
        call = Call(directory.WORKERS_AI, endpoint, write_json(asked), body, asked, headers, asides, "run")
        return [replace(call, account=_account(request))]
    (call,) = rest_call("chat/completions", request, write_json({**asked, "model": model}))
    return [replace(call, logged=body, request_type="run", enveloped=True)]


def universal_calls(request: Request, body: bytes) -> list[Call]:
    """Read an array of steps, tried in order until one succeeds.

    A step's headers and `config` come before the request's own; a provider gets only the headers of its step.
    """
    steps = as_list(read_json(body))
    if not 1 <= len(steps) <= MAX_STEPS:
        raise invalid_request(f"A universal request is an array of 1 to {MAX_STEPS} steps")
    _, asides = parted(request.headers)
    return [replace(_step(step, asides), account=_account(request)) for step in steps]


def _step(step: Any, asides: Mapping[str, str]) -> Call:
    fields = as_object(step)
    provider, endpoint = as_text(fields.get("provider")), as_text(fields.get("endpoint"))
    if not provider or not endpoint:
        raise invalid_request("A step is an object with provider, endpoint, headers and query")
    config = as_object(fields.get("config"))
    configured = {header: str(config[name]) for name, header in CONFIG.items() if name in config}
    headers, own_asides = parted({name: str(value) for name, value in as_object(fields.get("headers")).items()})
    query = as_object(fields.get("query"))
    body = write_json(query)
    headers["content-type"] = "application/json"
    all_asides = {**asides, **configured, **own_asides}
    return Call(known_provider(provider), _endpoint(endpoint), body, body, query, headers, all_asides, "universal")


def _as_chat(call: Call, account: str) -> Call:
    """Name the account; the paths of Workers AI and Anthropic have a `v1`."""
    versioned = call.provider == directory.WORKERS_AI or call.endpoint == "messages"
    endpoint = f"v1/{call.endpoint}" if versioned else call.endpoint
    return replace(call, account=account, endpoint=endpoint)


def _account(request: Request) -> str:
    return request.path_params["account"]


def _endpoint(path: str) -> str:
    """Return a path below a provider; one that would leave it is refused."""
    if "\0" in path or not {".", ".."}.isdisjoint(path.replace("\\", "/").split("/")):
        raise invalid_request("Invalid path")
    return path.lstrip("/")


def known_provider(name: str) -> str:
    """Return a provider's slug.

    Raises:
        Fault: there is none of that name.

    """
    if not PROVIDER.fullmatch(name) or not directory.knows(name):
        raise invalid_provider()
    return name


def parted(given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Part headers into the provider's and the gateway's, without those of one connection."""
    lowered = {name.lower(): value for name, value in given.items()}
    asides = {name: value for name, value in lowered.items() if name.startswith("cf-")}
    headers = {name: value for name, value in lowered.items() if name not in asides and name not in CONNECTION}
    return headers, asides


CONNECTION = {
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "cookie",
    "origin",
    "referer",
}


def content_of(body: bytes) -> dict[str, Any]:
    """Return a JSON body; an empty object when it is none, which providers then refuse in their own words."""
    return as_object(read_json(body))
